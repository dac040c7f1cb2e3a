//! The demo: its figures are of what happened, and it compares all of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::WorkFolder;

/// The values of a field.
fn each<'a>(items: &'a Value, field: &str) -> Vec<&'a Value> {
    items.as_array().expect("a list").iter().map(|item| &item[field]).collect()
}

fn sum(items: &Value, field: &str) -> u64 {
    each(items, field).into_iter().map(|value| value.as_u64().expect("a number")).sum()
}

#[test]
fn what_agents_paid_for_is_on_chain_and_cheats_are_not() {
    let work = WorkFolder(tempfile::tempdir().unwrap());
    // Relative to where it runs.
    let shown = work.json(&["demo", "--agents", "2", "--calls", "10", "--report", "report.html"]);

    let payments = &shown["payments"];
    assert_eq!(payments.as_array().unwrap().len(), 20);
    let modes: BTreeSet<&str> =
        each(payments, "mode").into_iter().filter_map(Value::as_str).collect();
    assert_eq!(modes, BTreeSet::from(["intent", "order"]));
    assert!(sum(payments, "captured") < sum(payments, "ceiling"), "metered calls cost less");

    assert_eq!(sum(&shown["batches"], "mandates"), 20, "each mandate is in one batch");
    for (code, expected) in
        each(&shown["refusals"], "code").into_iter().zip(each(&shown["refusals"], "expected"))
    {
        assert_eq!(code, expected);
    }
    // One for the payer, one for the payee; as was ruled.
    let disputes = &shown["disputes"];
    assert_eq!(each(disputes, "settled"), [0, 2_500]);
    assert_eq!(each(disputes, "ruled"), [0, 2_500]);
    let (paid, back) = (shown["refund"]["paid"].as_u64(), shown["refund"]["given_back"].as_u64());
    assert!(back > Some(0) && back == paid.map(|paid| paid / 2), "{}", shown["refund"]);
    // The bond pays what was promised when the processor vanished.
    let vanished = &shown["vanished"];
    assert_eq!((&vanished["promised"], &vanished["paid"]), (&20_000.into(), &20_000.into()));
    let comparisons = &shown["comparisons"];
    // Mandates, nonces, payouts, 5 payees, 2 accounts, the wallet, transactions, the audit.
    assert_eq!(comparisons.as_array().unwrap().len(), 13);
    assert!(each(comparisons, "held").into_iter().all(|held| held == true));
    let paid = sum(payments, "captured").to_string();
    let payouts = comparisons.as_array().unwrap().iter();
    let payouts = payouts.filter(|row| row["what"].as_str().unwrap().contains("all payouts"));
    assert_eq!(payouts.map(|row| &row["on_chain"]).collect::<Vec<_>>(), [&Value::from(paid)]);
    assert_eq!(shown["held"], true);

    let page = std::fs::read_to_string(work.path("report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 4);
    assert!(!page.contains("src=") && !page.contains("href="), "it needs nothing else");
}
