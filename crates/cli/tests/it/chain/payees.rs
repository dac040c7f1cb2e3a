//! A payee's commands: one makes a processor keep its word, whatever happens to it meanwhile.

use aep2_mandate::typed_data::receipt::SignedReceipt;
use serde_json::{Value, json};

use super::{
    DELAY, RESPONSE, Town,
    guarantees::{PROMISE, receipt},
};
use crate::{pay::wait_for, running::Running};

impl Town {
    /// A folder with what a gateway kept of a processor's receipt; the next line was cut short.
    fn keep(&self, signed: &SignedReceipt) {
        let line = serde_json::to_string(signed).unwrap();
        std::fs::create_dir(self.work.path("receipts")).unwrap();
        let text = format!("{line}\n{}", &line[..200]);
        std::fs::write(self.work.path("receipts/receipts-1.jsonl"), text).unwrap();
        std::fs::write(self.work.path("receipt.json"), line).unwrap();
    }

    /// The command that a payee starts.
    fn watch<'a>(&'a self, processor: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let watch = ["payee", "watch", "--receipts", "receipts", "--processor", processor];
        let rest = [
            "--from-dev-account",
            "5",
            "--grace",
            "10s",
            "--every",
            "1s",
            "--tip",
            "0.000001",
            "--rpc",
        ];
        [&watch[..], more, &rest, &[self.chain.rpc()]].concat()
    }

    fn receipt(&self) -> Value {
        self.json(&["receipt", "show", "receipt.json"])[0].clone()
    }
}

#[test]
fn one_command_makes_a_payee_whole_though_the_processor_is_gone_and_the_command_is_killed() {
    let town = Town::new();
    let processor = town.chain.account(1, "address");
    town.open();
    town.own(&["bond", "add", "--amount", "4", "--mint"]);
    town.keep(&receipt(&town));
    let watch = town.watch(&processor, &[]);
    let watching = Running::start(&town.work, &watch);
    assert_eq!(watching.said("payee"), town.chain.account(5, "address"));
    town.chain.travel(PROMISE + 20);
    wait_for("the demand", || town.receipt()["demand"] != Value::Null);
    watching.kill();
    town.chain.travel(RESPONSE + 1);
    let watching = Running::start(&town.work, &watch);
    wait_for("the claim", || town.receipt()["claimed"] == "2500000");
    let payee = town.chain.account(5, "address");
    wait_for("the deposit", || {
        town.json(&["payee", "show", "--payee", &payee])["ether_wei"] == "0"
    });
    assert_eq!(watching.terminate(), Some(0));
    let sent = town.chain.ask("eth_getTransactionCount", json!([payee, "latest"]));
    assert_eq!(sent, "0x3", "a demand, a claim, and the deposit: each once");
    let output = town.work.run(&town.watch(&processor, &["--once", "--json"]));
    let said = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!((output.status.code(), &last["open"]), (Some(0), &json!(0)), "{said}");
}

#[test]
fn whoever_looks_now_and_then_is_told_by_the_exit_code() {
    let town = Town::new();
    let processor = town.chain.account(1, "address");
    town.open();
    town.keep(&receipt(&town));
    let check = ["receipt", "check", "receipt.json"];
    let said = town.work.refused(1, &town.with_rpc(&check));
    assert!(said.contains("PROBLEM") && said.contains("do not hold"), "no bond yet: {said}");
    town.own(&["bond", "add", "--amount", "4", "--mint"]);
    assert_eq!(town.json(&check)[0]["problems"], json!([]));
    let once = |more: &[&str]| {
        let output = town.work.run(&town.watch(&processor, &[&["--once"], more].concat()));
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = once(&[]);
    assert_eq!((code, said.contains("1 open receipt")), (Some(0), true), "{said}");

    town.chain.travel(PROMISE + 20);
    let (code, said) = once(&["--ether-max", "0"]);
    assert_eq!((code, said.contains("the limit on ether")), (Some(1), true), "{said}");
    let (code, said) = once(&["--ether-price", "1000000000", "--state", "other"]);
    assert_eq!((code, said.contains("gas costs")), (Some(1), true), "{said}");
    let (code, said) = once(&["--dry-run"]);
    assert_eq!((code, said.contains("would demand 1 receipt")), (Some(0), true), "{said}");
    assert_eq!(town.receipt()["demand"], Value::Null);
    let (code, said) = once(&[]);
    assert_eq!((code, said.contains("demand 1 receipt")), (Some(0), true), "{said}");
    assert_ne!(town.receipt()["demand"], Value::Null);
    // No node: it could not look.
    let gone = ["payee", "watch", "--receipts", "receipts", "--processor", &processor, "--once"];
    town.work.refused(
        2,
        &[&gone[..], &["--from-dev-account", "5", "--rpc", "http://127.0.0.1:9"]].concat(),
    );
}

#[test]
fn a_payee_sets_what_is_kept_for_it_and_has_it_sent() {
    let town = Town::new();
    let as_payee = |arguments: &[&str]| {
        let all = [arguments, &["--from-dev-account", "5"]].concat();
        town.json(&[&["payee"], &all[..]].concat())
    };
    let payee = town.chain.account(5, "address");
    let set = as_payee(&["threshold", "--amount", "2.5"]);
    assert_eq!((&set["threshold"], &set["applicable_from"]), (&json!("2500000"), &Value::Null));
    let shown = town.json(&["payee", "show", "--payee", &payee]);
    assert_eq!((&shown["wallet"], &shown["threshold"]), (&json!("0"), &json!("2500000")));
    let lower = as_payee(&["threshold", "--none"]);
    assert_ne!(lower["applicable_from"], Value::Null);
    let apply = ["payee", "threshold", "--apply", "--from-dev-account", "5"];
    let said = town.refused(&apply);
    assert!(said.contains("the delay has not passed"), "{said}");
    town.chain.travel(DELAY);
    assert_eq!(as_payee(&["threshold", "--apply"])["threshold"], "0");
    let said = town.refused(&["payee", "collect", "--from-dev-account", "5"]);
    assert!(said.contains("nothing is kept"), "{said}");
    // The name for it.
    town.own(&["bond", "add", "--amount", "4", "--mint"]);
    assert_eq!(
        town.own(&["bond", "remove", "--amount", "1"])["asked_back"]["base_units"],
        "1000000"
    );
}
