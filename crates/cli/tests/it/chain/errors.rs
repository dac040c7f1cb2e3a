//! Mistakes, and what is said about them: what is wrong, and what to do.

use super::{Chain, SHAPE, Town, secret_file, work};

#[test]
fn where_no_node_answers_one_is_told_how_to_start_one() {
    let work = work();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let rpc = format!("http://127.0.0.1:{port}/v3/SECRET");
    let said = work.refused(2, &["deploy", "--from-dev-account", "0", "--rpc", &rpc]);
    assert!(said.contains("start one with `aep2 chain`") && said.contains("--rpc"), "{said}");
    assert!(!said.contains("SECRET"), "the access key was repeated: {said}");
}

#[test]
fn what_is_missing_is_named_with_what_makes_it() {
    let work = crate::WorkFolder(tempfile::tempdir().unwrap());
    let chain = Chain::start(&work, &[]);
    let rpc = ["--rpc", chain.rpc()];
    let refused = |arguments: &[&str]| work.refused(2, &[arguments, &rpc].concat());

    let said = refused(&["deploy", "--from-dev-account", "0"]);
    assert!(said.contains("aep2 setup --shape"), "{said}");
    work.json(&["setup", "--shape", SHAPE, "--seed", "test"]);
    let said = refused(&["deploy", "--from-dev-account", "0", "--shape", "4x4"]);
    assert!(said.contains("aep2 setup --shape 4x4"), "{said}");
    let said = refused(&["deploy"]);
    assert!(said.contains("--key-file") && said.contains("AEP2_PRIVATE_KEY"), "{said}");
    let said = refused(&["account", "show", "1"]);
    assert!(said.contains("aep2 deploy") && said.contains("--deployment"), "{said}");
    let said = refused(&["deploy", "--from-dev-account", "0", "--out", "nowhere/deployment.json"]);
    assert!(said.contains("no folder to write"), "{said}");

    // Without a test token there is none to speak of.
    work.json(&[&["deploy", "--from-dev-account", "0"], &rpc[..]].concat());
    let said = refused(&["account", "show", "1"]);
    assert!(said.contains("--token"), "{said}");
    // What may hold money is not forgotten by accident.
    let said = refused(&["deploy", "--from-dev-account", "0"]);
    assert!(said.contains("--force"), "{said}");
}

#[test]
fn what_is_no_token_is_not_deployed_beside() {
    let work = work();
    let chain = Chain::start(&work, &[]);
    let nobody = chain.account(7, "address");
    let deploy = ["deploy", "--from-dev-account", "0", "--rpc", chain.rpc(), "--token", &nobody];
    let said = work.refused(2, &deploy);
    assert!(said.contains("there is no token at"), "{said}");
    assert_eq!(chain.ask("eth_blockNumber", serde_json::json!([])), "0x0", "something was sent");
    let said = work.refused(2, &[&deploy[..], &["--test-token"]].concat());
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_deployment_of_another_chain_is_refused() {
    let town = Town::new();
    let other = Chain::start(&town.work, &["--chain-id", "8453"]);
    let show = ["account", "show", "1", "--rpc", other.rpc()];
    let said = town.work.refused(2, &show);
    assert!(said.contains("is of chain 31337") && said.contains("of chain 8453"), "{said}");

    std::fs::write(town.work.path("other.json"), "{}").unwrap();
    let said = town.refused(&["account", "show", "1", "--deployment", "other.json"]);
    assert!(said.contains("other.json is not a deployment of this software"), "{said}");

    // A wallet that is none.
    town.work.altered("aep2-deployment.json", "moved.json", |deployment| {
        deployment["wallet"]["address"] = deployment["testToken"]["address"].clone();
    });
    let said = town.refused(&["account", "show", "1", "--deployment", "moved.json"]);
    assert!(said.contains("is not the DebitWallet of this software"), "{said}");
}

#[test]
fn a_development_key_is_refused_where_money_may_be_real() {
    let work = work();
    let chain = Chain::start(&work, &["--chain-id", "8453"]);
    secret_file(&work, "deployer.key", &chain.account(0, "private_key"));
    let deploy = ["deploy", "--key-file", "deployer.key", "--rpc", chain.rpc()];
    let forced = |shape| [&deploy[..], &["--development-keys-on-public-chain", shape]].concat();
    // A key whose seed is published forges everybody's proofs: nothing lets it in.
    for seeded in [work.refused(2, &deploy), work.refused(2, &forced(SHAPE))] {
        assert!(seeded.contains("is made from a seed") && seeded.contains("8453"), "{seeded}");
    }

    let random = crate::WorkFolder(tempfile::tempdir().unwrap());
    random.json(&["setup", "--shape", SHAPE]);
    secret_file(&random, "deployer.key", &chain.account(0, "private_key"));
    let said = random.refused(2, &deploy);
    assert!(said.contains("where money may be real") && said.contains("8453"), "{said}");
    assert!(said.contains("--development-keys-on-public-chain 1x2"), "{said}");
    assert_eq!(chain.ask("eth_blockNumber", serde_json::json!([])), "0x0", "something was sent");

    // Another shape's name does not open the door.
    let said = random.refused(2, &forced("16x16"));
    assert!(said.contains("--development-keys-on-public-chain 1x2"), "{said}");
    let done = random.json(&forced(SHAPE));
    assert_eq!(done["chainId"], 8453);

    // Nor is a key that everybody knows a key there.
    let show = ["account", "open", "--direct-only", "--from-dev-account", "0"];
    let said = random.refused(2, &[&show[..], &["--rpc", chain.rpc()]].concat());
    assert!(said.contains("is not a local one"), "{said}");
}

#[test]
fn what_belongs_to_others_is_not_touched() {
    let town = Town::new();
    town.open();
    town.own(&["deposit", "--account", "1", "--amount", "3", "--mint"]);
    let stranger = ["--from-dev-account", "4"];
    for command in [
        &["withdraw", "request", "--account", "1", "--all"][..],
        &["withdraw", "execute", "--account", "1"],
        &["account", "revoke-key", "1"],
    ] {
        let said = town.refused(&[command, &stranger].concat());
        assert!(said.contains("does not belong to"), "{command:?}: {said}");
    }
    let rotate = ["account", "rotate-key", "1", "--new-mandate-key", "theirs.json"];
    let said = town.refused(&[&rotate[..], &stranger].concat());
    assert!(said.contains("does not belong to"), "{said}");
    assert!(said.contains("--mandate-key theirs.json"), "what was made is named: {said}");
    let shown = town.show();
    assert_eq!(shown["pending_change"], serde_json::Value::Null);
    assert_eq!(shown["balance"]["amount"], "3");
}

#[test]
fn amounts_that_cannot_be_are_refused_before_anything_is_sent() {
    let town = Town::new();
    town.open();
    let before = town.chain.ask("eth_blockNumber", serde_json::json!([]));
    let deposit =
        |options: &[&str]| town.own_refused(&[&["deposit", "--account", "1"], options].concat());
    assert!(deposit(&["--amount", "0.0000001"]).contains("6 decimal places"));
    assert!(deposit(&["--amount", "0"]).contains("moves nothing"));
    assert!(deposit(&["--amount", "-1"]).contains("unexpected argument"));
    assert!(deposit(&["--amount", "1e6"]).contains("at most one point"));
    assert!(deposit(&["--base-units", "1.5"]).contains("base units"));
    assert!(deposit(&[]).contains("--amount"));
    assert!(deposit(&["--amount", "1", "--base-units", "1"]).contains("cannot be used with"));
    let said = deposit(&["--amount", "1"]);
    assert!(said.contains("has 0 TUSD, not 1 TUSD") && said.contains("--mint"), "{said}");
    let said = town.own_refused(&["deposit", "--account", "9", "--amount", "1", "--mint"]);
    assert!(said.contains("no account 9"), "{said}");
    assert_eq!(
        town.chain.ask("eth_blockNumber", serde_json::json!([])),
        before,
        "something was sent"
    );
}

#[test]
fn an_error_is_json_where_json_was_asked_for() {
    let town = Town::new();
    let output = town.work.run(&town.with_rpc(&["account", "show", "7", "--json"]));
    assert_eq!(output.status.code(), Some(2));
    let error: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"].as_str().unwrap().contains("no account 7"), "{error}");
}
