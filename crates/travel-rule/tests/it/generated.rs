//! Objects that the npm package `ivms101` generates, by all that they may contain: what it holds for
//! valid is valid here, but for what it does not look at.

use std::collections::BTreeMap;

use aep2_travel_rule::{Ivms101, Rule, Version};
use serde_json::Value;

use crate::support::NOW;

#[test]
fn what_another_library_generates_is_valid_but_for_what_it_does_not_check() {
    let generated: Value =
        serde_json::from_str(include_str!("../fixtures/generated.json")).expect("JSON");
    let mut broken = BTreeMap::<Rule, usize>::new();
    let mut valid = 0;
    for (year, version) in [("2020", Version::V2020), ("2023", Version::V2023)] {
        for object in generated[year].as_array().expect("objects") {
            match Ivms101::from_json(object.to_string().as_bytes(), NOW) {
                Ok(read) => {
                    assert_eq!(read.version, version);
                    valid += 1;
                }
                Err(invalid) => {
                    assert!(!invalid.violations().is_empty(), "{invalid}");
                    for violation in invalid.violations() {
                        *broken.entry(violation.rule).or_default() += 1;
                    }
                }
            }
        }
    }
    // Its LEIs have any check digits, its legal persons have FIIN against C7, its texts may be a space.
    let looser = [Rule::Lei, Rule::IdentifierOfLegal, Rule::Empty];
    assert!(broken.keys().all(|rule| looser.contains(rule)), "{broken:?}");
    assert!(valid >= 8, "{valid} valid, {broken:?}");
}
