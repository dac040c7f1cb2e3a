//! `aep2 bench settle`: what it says must hang together.

use crate::WorkFolder;

#[test]
fn the_gas_of_a_batch_is_that_of_its_parts() {
    let work = WorkFolder(tempfile::tempdir().unwrap());
    let figures = work.json(&["bench", "settle", "--quick"]);
    let number = |path: &str| {
        let found = path.split('.').fold(&figures, |value, name| &value[name]).as_f64();
        found.filter(|number| *number > 0.0).unwrap_or_else(|| panic!("{path}: {figures}"))
    };
    assert_eq!((number("mandates"), number("accounts"), number("payees")), (16.0, 4.0, 4.0));
    assert_eq!((number("debits"), number("payouts")), (4.0, 4.0));
    assert_eq!(figures["shape"], "16x1");
    assert_eq!(figures["published_mvp"]["settle"], 82_431);
    assert_eq!(figures["published_mvp"]["settle_fresh_payee"], 99_521);

    // The parts, which were measured in other batches, come to the whole.
    let total = number("gas_total");
    let of_parts =
        number("gas_fixed") + 4.0 * number("gas_per_debit") + 4.0 * number("gas_per_payout");
    assert!((total - of_parts).abs() < 0.01 * total, "{total} against {of_parts}: {figures}");
    assert!((number("gas_per_mandate") * 16.0 - total).abs() < 1.0);

    // Fresh storage costs more: 17,100 gas from zero to not zero. A word that is left with holes is
    // written to a slot that is read besides.
    let fresh = |fresh: &str, used: &str| number(fresh) - number(used);
    let word = fresh("gas_per_debit_fresh_word", "gas_per_debit");
    assert!((23_000.0..26_500.0).contains(&word), "{word}: {figures}");
    let payee = fresh("gas_per_payout_fresh_payee", "gas_per_payout");
    assert!((16_000.0..18_500.0).contains(&payee), "{payee}: {figures}");
    let alone = number("one_at_a_time.gas_per_mandate");
    let alone_fresh = number("one_at_a_time.gas_per_mandate_fresh_payee") - alone;
    assert!((16_000.0..18_500.0).contains(&alone_fresh), "{alone_fresh}: {figures}");

    // Many in a transaction share what one alone pays for.
    let batched = number("one_at_a_time.batched.gas_per_mandate");
    assert!(batched < alone, "{figures}");
    let worst = number("worst_case.gas_per_mandate");
    assert!(worst > number("gas_per_debit") && worst * 16.0 > total, "{figures}");

    // What does not depend on the batch's size is held to here, too.
    for target in figures["targets"].as_array().unwrap() {
        assert_eq!(target["met"], true, "{target}");
        assert!(target["gas"].as_f64().unwrap() <= target["gas_max"].as_f64().unwrap(), "{target}");
    }
    let names: Vec<&str> = figures["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| target["what"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["gas_fixed", "gas_per_segment", "gas_per_debit", "gas_per_payout"]);
    let second = number("gas_second_segment") - number("gas_per_segment");
    assert!((10_000.0..15_000.0).contains(&second), "two multiplications: {figures}");
}

#[test]
fn a_batch_that_cannot_be_is_refused() {
    let work = WorkFolder(tempfile::tempdir().unwrap());
    let settle = |options: &[&str]| work.refused(2, &[&["bench", "settle"], options].concat());
    let said = settle(&["--mandates", "3", "--accounts", "4", "--payees", "1"]);
    assert!(said.contains("too few"), "{said}");
    let said = settle(&["--mandates", "0", "--accounts", "0", "--payees", "0"]);
    assert!(said.contains("too few"), "{said}");
    // A shape of which one segment does not hold it.
    let small = ["--mandates", "8", "--accounts", "4", "--payees", "4", "--shape", "1x4"];
    let said = settle(&small);
    assert!(said.contains("takes 4 segments of 1x4") && said.contains("--segments 4"), "{said}");
}
