//! What a chain that is kept in a folder remembers, and how one ends.

use super::{Chain, Town, work};

#[test]
fn a_kept_chain_loses_nothing_when_it_is_killed_or_stopped() {
    let town = Town::on(work(), &["--data", "chain"]);
    town.open();
    town.own(&["deposit", "--account", "1", "--amount", "3", "--mint"]);
    let before = town.show();

    let Town { work, chain } = town;
    chain.0.kill();
    let chain = Chain::start(&work, &["--data", "chain"]);
    let town = Town { work, chain };
    let after = town.show();
    assert_eq!((&after["balance"], &after["key_hash"]), (&before["balance"], &before["key_hash"]));

    town.own(&["deposit", "--account", "1", "--amount", "4", "--mint"]);
    let Town { work, chain } = town;
    assert_eq!(chain.0.terminate(), Some(0));
    let chain = Chain::start(&work, &["--data", "chain"]);
    assert_eq!(Town { work, chain }.show()["balance"]["amount"], "7");
}

#[test]
fn a_kept_chain_does_not_go_on_under_another_id() {
    let work = work();
    let chain = Chain::start(&work, &["--data", "chain"]);
    assert_eq!(chain.0.terminate(), Some(0));
    let said = work
        .refused(2, &["chain", "--listen", "127.0.0.1:0", "--data", "chain", "--chain-id", "5"]);
    assert!(said.contains("31337") && said.contains('5'), "{said}");
}

#[test]
fn a_chain_in_memory_that_ended_is_not_taken_for_its_successor() {
    let Town { work, chain } = Town::new();
    chain.0.kill();
    let town = Town { chain: Chain::start(&work, &[]), work };
    let said = town.refused(&["account", "show", "1"]);
    assert!(said.contains("does not have what aep2-deployment.json says"), "{said}");
    assert!(said.contains("--data"), "{said}");
}

#[test]
fn the_chain_is_not_shown_to_other_machines_by_accident() {
    let work = work();
    let said = work.refused(2, &["chain", "--listen", "0.0.0.0:0"]);
    assert!(said.contains("--allow-remote"), "{said}");
    let chain = Chain::listening(&work, "0.0.0.0:0", &["--allow-remote"]);
    assert!(chain.rpc().starts_with("http://0.0.0.0:"), "{}", chain.rpc());
    assert_eq!(chain.ask("eth_chainId", serde_json::json!([])), "0x7a69");
}

#[test]
fn a_port_that_is_taken_is_said_so() {
    let work = work();
    let chain = Chain::start(&work, &[]);
    let taken = chain.rpc().trim_start_matches("http://");
    let said = work.refused(2, &["chain", "--listen", taken]);
    assert!(said.contains(&format!("cannot listen on {taken}")), "{said}");
}

#[test]
fn development_keys_are_named_as_what_they_are() {
    use std::{
        io::{BufRead, BufReader},
        process::Stdio,
    };

    let work = work();
    let arguments = ["chain", "--listen", "127.0.0.1:0", "--accounts", "2"];
    let mut process = work.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    // The heading, an empty line, the warning, two accounts.
    let lines: Vec<String> = lines.take(6).map(Result::unwrap).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(lines[0].starts_with("chain 31337 at http://127.0.0.1:"), "{lines:?}");
    assert!(lines[3].contains("EVERYBODY KNOWS"), "{lines:?}");
    assert!(lines[5].contains("0x59c6995e"), "{lines:?}");
}
