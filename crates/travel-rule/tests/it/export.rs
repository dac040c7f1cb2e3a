//! Exports: every line of the period, and what it was collected from can be checked.

use std::io;

use aep2_travel_rule::{ExportError, ExportLine, Payment, Reason, TravelRuleObject, export};
use alloy_primitives::{Address, hex};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{NOW, expected, first, text};

fn object() -> TravelRuleObject {
    TravelRuleObject::read(first().0.to_string().as_bytes(), NOW).expect("an object")
}

fn line(object: &TravelRuleObject, at: u64) -> ExportLine<'_> {
    let (_, payee) = expected(Some(7));
    let payment = Payment {
        at,
        token: Address::repeat_byte(3),
        amount: u128::MAX,
        payee,
        reason: Some(Reason::Summed),
    };
    ExportLine { binding: *object.binding(), payment, object: object.json() }
}

#[test]
fn a_line_has_the_payment_and_what_was_told_and_its_hash_can_be_checked() {
    let object = object();
    let json = line(&object, 7).to_json().expect("a line");
    assert_eq!(json.iter().position(|byte| *byte == b'\n'), Some(json.len() - 1), "one line");
    assert!(json.len() <= object.json().len() * 2 + 1024, "no copy was left behind");
    let line: Value = serde_json::from_slice(&json).expect("JSON");
    let (binding, payee) = expected(Some(7));
    assert_eq!(line["at"], 7);
    assert_eq!(text(&line["mandateId"]), binding.mandate_id.to_string());
    assert_eq!(text(&line["wallet"]), format!("eip155:8453:{}", binding.wallet));
    assert_eq!(text(&line["owner"]).parse(), Ok(binding.owner));
    assert_eq!(line["account"], 7);
    assert_eq!(text(&line["payee"]).parse(), Ok(payee));
    assert_eq!(text(&line["amount"]), u128::MAX.to_string());
    assert_eq!(line["reason"], "summed");
    let told = text(&line["object"]);
    assert_eq!(serde_json::from_str::<Value>(told).expect("JSON"), first().0);
    let hash = format!("0x{}", hex::encode(Sha256::digest(told)));
    assert_eq!(text(&line["objectHash"]), hash);
}

#[test]
fn what_was_kept_is_exported_though_todays_rules_would_refuse_it() {
    let object = object();
    let kept = r#"{"ivms101":"of other times\n"}"#;
    let line = ExportLine { object: kept, ..line(&object, 7) };
    let line: Value = serde_json::from_slice(&line.to_json().expect("a line")).expect("JSON");
    assert_eq!(line["object"], kept);
}

#[test]
fn an_export_has_the_periods_lines_and_no_others() {
    let object = object();
    let lines = || [9, 10, 11, 19, 20].map(|at| line(&object, at));
    let mut written = Vec::new();
    assert_eq!(export(lines(), (10, 20), &mut written).expect("written"), 3);
    let text = String::from_utf8(written).expect("UTF-8");
    assert!(text.ends_with('\n'));
    let times = text.lines().map(|line| {
        serde_json::from_str::<Value>(line).expect("JSON")["at"].as_u64().expect("a number")
    });
    assert_eq!(times.collect::<Vec<_>>(), [10, 11, 19]);
    assert_eq!(export(lines(), (20, 10), &mut Vec::new()).expect("written"), 0);
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let object = object();
    let error = export([line(&object, 1)], (0, 2), &mut Full).expect_err("refused");
    assert!(matches!(error, ExportError::Write(_)));
}
