//! An account's life: opened, funded, changed, emptied.

use serde_json::json;

use super::{DELAY, Town};
use crate::read;

#[test]
fn money_goes_in_both_ways_and_comes_out_after_the_delay_only() {
    let town = Town::new();
    let opened = town.open();
    assert_eq!(opened["account"], 1);
    assert_eq!(opened["mandate_key"], "agent.json");
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(town.work.path("agent.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others can read the agent's key");
    }
    assert_eq!(town.show()["balance"], json!({ "base_units": "0", "amount": "0" }));

    let approved = town.own(&["deposit", "--account", "1", "--amount", "12.5", "--mint"]);
    let actions = |done: &serde_json::Value| -> Vec<String> {
        let sent = done["transactions"].as_array().unwrap().iter();
        sent.map(|sent| sent["action"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(actions(&approved), ["mint test tokens", "approve the tokens", "deposit"]);
    let permitted =
        town.own(&["deposit", "--account", "1", "--base-units", "500000", "--permit", "--mint"]);
    assert_eq!(actions(&permitted), ["mint test tokens", "deposit"]);
    assert_eq!(permitted["balance"], "13");
    let shown = town.show();
    assert_eq!(shown["balance"]["base_units"], "13000000");
    assert_eq!(shown["owner"], town.chain.account(1, "address").as_str());
    assert_eq!(shown["key_hash"], opened["key_hash"]);
    assert_eq!(shown["direct"], true);

    let asked = town.own(&["withdraw", "request", "--account", "1", "--amount", "5"]);
    assert_eq!(asked["base_units"], "5000000");
    let shown = town.show();
    assert_eq!(shown["withdrawal"]["executable_from"], asked["executable_from"]);
    assert_eq!(
        shown["balance"]["amount"], "13",
        "a pending withdrawal can be spent until it is executed"
    );
    assert_eq!(shown["staying"]["amount"], "8");

    let said = town.own_refused(&["withdraw", "execute", "--account", "1"]);
    assert!(said.contains("cannot execute the withdrawal: the delay has not passed"), "{said}");
    assert!(said.contains(&asked["executable_from"].to_string()), "{said}");
    assert!(said.contains("(in ") && said.contains("by the chain's clock"), "{said}");

    town.chain.travel(DELAY);
    let to = town.chain.account(5, "address");
    let done = town.own(&["withdraw", "execute", "--account", "1", "--to", &to]);
    assert_eq!((&done["base_units"], &done["to"]), (&json!("5000000"), &json!(to)));
    let shown = town.show();
    assert_eq!((&shown["balance"]["amount"], &shown["withdrawal"]), (&json!("8"), &json!(null)));

    let asked = town.own(&["withdraw", "request", "--account", "1", "--all"]);
    assert_eq!(asked["amount"], "8");
    town.own(&["withdraw", "cancel", "--account", "1"]);
    assert_eq!(town.show()["withdrawal"], json!(null));
    let said = town.own_refused(&["withdraw", "cancel", "--account", "1"]);
    assert!(said.contains("nothing was asked for"), "{said}");

    town.own(&["account", "open", "--direct-only"]);
    let said = town.own_refused(&["withdraw", "request", "--account", "2", "--all"]);
    assert!(said.contains("account 2 has no TUSD"), "{said}");
}

/// A wallet for a token that was there before it, USDC say. Here the first deployment's is that token.
#[test]
fn a_token_that_was_there_is_taken_where_none_is_named() {
    let town = Town::new();
    let first = read(&town.work.path("aep2-deployment.json"));
    let token = first["testToken"]["address"].as_str().unwrap();
    let owner = ["--key-file", "owner.key"];
    // So that the owner has some of it: nobody mints USDC.
    town.open();
    town.own(&["deposit", "--account", "1", "--amount", "5", "--mint"]);
    town.own(&["withdraw", "request", "--account", "1", "--all"]);
    town.chain.travel(DELAY);
    town.own(&["withdraw", "execute", "--account", "1"]);

    let deploy = ["deploy", "--from-dev-account", "0", "--token", token, "--out", "beside.json"];
    let deployed = town.json(&deploy);
    assert_eq!(deployed["token"], token);
    assert_eq!(deployed["testToken"], json!(null), "another token was made");
    assert_ne!(deployed["wallet"]["address"], first["wallet"]["address"]);

    let beside = |arguments: &[&str]| {
        town.json(&[arguments, &owner, &["--deployment", "beside.json"]].concat())
    };
    beside(&["account", "open", "--direct-only"]);
    let deposited = beside(&["deposit", "--account", "1", "--amount", "2"]);
    assert_eq!(
        (&deposited["token"]["address"], &deposited["balance"]),
        (&json!(token), &json!("2"))
    );
    let mint =
        ["deposit", "--account", "1", "--amount", "2", "--mint", "--deployment", "beside.json"];
    let said = town.own_refused(&mint);
    assert!(said.contains("--mint is for the deployment's test token"), "{said}");

    town.work.altered("beside.json", "nowhere.json", |deployment| {
        deployment["token"] = json!(town.chain.account(7, "address"));
    });
    let said = town.refused(&["account", "show", "1", "--deployment", "nowhere.json"]);
    assert!(said.contains("there is no token at"), "{said}");
}

#[test]
fn a_key_changes_in_two_steps_and_never_early() {
    let town = Town::new();
    let first = town.open()["key_hash"].clone();

    let asked = town.own(&["account", "rotate-key", "1", "--new-mandate-key", "agent-2.json"]);
    let second = asked["key_hash"].clone();
    assert_ne!(first, second);
    let shown = town.show();
    assert_eq!(shown["key_hash"], first, "the old key counts until the change is applied");
    assert_eq!(shown["pending_change"]["key_hash"], second);
    let said = town.own_refused(&["account", "apply-change", "1"]);
    assert!(said.contains("the delay has not passed"), "{said}");

    town.chain.travel(DELAY);
    assert_eq!(town.show()["key_hash"], first);
    // Anyone may, once it is due.
    let applied = town.json(&["account", "apply-change", "1", "--from-dev-account", "7"]);
    assert_eq!(applied["key_hash"], second);
    assert_eq!(town.show()["key_hash"], second);

    town.own(&["account", "revoke-key", "1"]);
    assert_eq!(town.show()["pending_change"]["key_hash"], json!(null));
    town.own(&["account", "cancel-change", "1"]);
    let shown = town.show();
    assert_eq!((&shown["pending_change"], &shown["key_hash"]), (&json!(null), &second));
    let said = town.own_refused(&["account", "cancel-change", "1"]);
    assert!(said.contains("nothing was asked for"), "{said}");
}

#[test]
fn an_agent_need_not_show_its_key_to_have_it_registered() {
    let town = Town::new();
    let first = town.open();
    let public = read(&town.work.path("agent.json"))["publicKey"].clone();
    std::fs::write(town.work.path("public.json"), public.to_string()).unwrap();
    let again = town.own(&["account", "open", "--mandate-key", "public.json"]);
    assert_eq!((&again["account"], &again["key_hash"]), (&json!(2), &first["key_hash"]));
    let text = again.to_string() + &first.to_string();
    let secret = read(&town.work.path("agent.json"))["privateKey"].clone();
    assert!(!text.contains(secret.as_str().unwrap()), "the key was printed: {text}");

    let none = town.own(&["account", "open", "--direct-only"]);
    assert_eq!((&none["key_hash"], &none["verifier_set"]), (&json!(null), &json!(null)));
}

#[test]
fn a_transaction_that_waits_for_its_block_is_waited_for() {
    let town = Town::on(super::work(), &["--block-time", "1"]);
    let opened = town.open();
    assert!(opened["transactions"][0]["block"].as_u64().unwrap() > 0);
    assert_eq!(town.show()["owner"], opened["owner"]);
}
