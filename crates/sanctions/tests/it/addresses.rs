//! Spellings of addresses: what counts, what is another chain's, and what only looks like one.

use aep2_sanctions::{Findings, Refusal};

use crate::support::{ADVANCED, LAZARUS, Listed, address, only};

/// What a list finds whose value of the Lazarus Group is this one, under this feature type.
fn of_value(value: &str, feature_type: &str) -> (bool, Findings) {
    let listed = ADVANCED
        .replace(&format!(">{LAZARUS}<"), &format!(">{value}<"))
        .replace(
            "FeatureTypeID=\"345\">\n          <FeatureVersion ID=\"47914\"",
            "FeatureTypeID=\"1\">\n          <FeatureVersion ID=\"47914\"",
        )
        .replace(
            "<FeatureType ID=\"8\"",
            &format!("<FeatureType ID=\"1\">{feature_type}</FeatureType>\n<FeatureType ID=\"8\""),
        );
    let set = only(&Listed::advanced(listed).open());
    (set.contains(&address(LAZARUS)), set.findings().clone())
}

const ETH: &str = "Digital Currency Address - ETH";

#[test]
fn an_address_counts_in_every_case() {
    let digits = &LAZARUS[2..];
    for value in [
        LAZARUS.into(),
        format!("0x{}", digits.to_lowercase()),
        format!("0x{}", digits.to_uppercase()),
        format!("0X{}", digits.to_uppercase()),
        digits.to_string(),
        format!("  \n{LAZARUS}\t"),
        LAZARUS.replace("0x0", "&#48;x0"),
        LAZARUS.replace("0x0", "<!-- hidden -->0x0"),
        format!("<![CDATA[{LAZARUS}]]>"),
    ] {
        let (found, findings) = of_value(&value, ETH);
        assert!(found, "{value}");
        assert_eq!((findings.unreadable, findings.checksum_wrong), (0, 0), "{value}");
    }
}

#[test]
fn a_wrong_checksum_lets_nobody_pay_and_is_reported() {
    let wrong = LAZARUS.replace("Aaf", "aAf");
    let (found, findings) = of_value(&wrong, ETH);
    assert!(found);
    assert_eq!(findings.checksum_wrong, 1);
    assert_eq!(findings.remarks, [format!("party 27307: \"{wrong}\" has a wrong checksum")]);

    let set = only(&Listed::plain(&wrong).open());
    assert!(set.contains(&address(LAZARUS)));
    assert_eq!(set.findings().checksum_wrong, 1);
    assert!(set.findings().remarks[0].starts_with("line 1: "));
}

#[test]
fn a_currency_that_is_new_hides_no_address() {
    for name in [
        "Digital Currency Address - SOMETHING NEW",
        "DIGITAL CURRENCY ADDRESS - eth",
        "Digital Currency Address ETH",
        "Digital Currency Address",
        // The whole kind of feature is renamed.
        "Digital Asset Wallet",
    ] {
        assert!(of_value(LAZARUS, name).0, "{name}");
    }
}

#[test]
fn a_feature_type_that_is_not_declared_hides_no_address() {
    let undeclared = ADVANCED.replace("FeatureTypeID=\"345\"", "FeatureTypeID=\"31337\"");
    assert!(only(&Listed::advanced(undeclared).open()).contains(&address(LAZARUS)));
}

#[test]
fn forty_digits_of_something_else_are_no_address() {
    // A fingerprint, say.
    assert!(!of_value(&LAZARUS[2..], "Digital Fingerprint").0);
}

#[test]
fn look_alikes_are_no_addresses_and_are_reported() {
    for value in [
        // Cyrillic х and а, full-width digits, a space of no width, one between.
        LAZARUS.replace('x', "х"),
        LAZARUS.replace('a', "а"),
        LAZARUS.replace('0', "０"),
        format!("\u{200b}{LAZARUS}"),
        LAZARUS.replace("Aaf", "Aaf "),
        // Too short, too long, twice, with a prefix twice.
        LAZARUS[..41].to_string(),
        format!("{LAZARUS}0"),
        format!("{LAZARUS},{LAZARUS}"),
        format!("0x{LAZARUS}"),
        LAZARUS.replace("0x", "x0"),
        // Another chain's under the currency of an EVM chain.
        "1ExampLeExampLeExampLeExampLe1".into(),
        String::new(),
    ] {
        let (found, findings) = of_value(&value, ETH);
        assert!(!found, "{value}");
        assert_eq!(findings.unreadable, 1, "{value}");
        assert!(findings.remarks[0].is_ascii(), "{value} would look like an address");

        if !value.is_empty() {
            let refusal = Listed::plain(&value).refused();
            assert!(matches!(refusal, Refusal::Line { line: 1, .. }), "{value}: {refusal}");
        }
    }
}

#[test]
fn addresses_of_other_chains_are_counted_by_currency() {
    for value in [
        "1ExampLeExampLeExampLeExampLe1".to_string(),
        "bitcoincash:qexample".into(),
        format!("0x{}", "ab".repeat(32)),
    ] {
        let (found, findings) = of_value(&value, "Digital Currency Address - SUI");
        assert!(!found);
        assert_eq!(findings.skipped["SUI"], 1, "{value}");
        assert_eq!(findings.unreadable, 0, "{value}");
    }
}
