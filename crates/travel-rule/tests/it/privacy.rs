//! Nothing personal is in what is logged: neither in `Debug` nor in an error, whatever went wrong.

use std::fmt::Debug;

use aep2_travel_rule::{ExportLine, Ivms101, Payment, TravelRuleObject, ivms101::Person};
use alloy_primitives::Address;
use serde_json::{Value, json};

use crate::{
    support::{NOW, expected},
    valid::{full, leaves},
};

/// All texts of the full object that say something of somebody: not the standard's codes.
fn personal() -> Vec<String> {
    let mut texts = Vec::new();
    leaves(&full(), &mut texts);
    // What is left out are codes of the standard, which rules name, and countries: two letters are in
    // any message.
    let codes = "LEGL ALIA MISC GEOG BIZZ CCPT TXID SHRT TRAD cyrl kana 101";
    texts.retain(|text| text.len() > 2 && !codes.split(' ').any(|code| code == text));
    texts
}

#[track_caller]
fn tells_nothing(shown: &str) {
    for text in personal() {
        assert!(!shown.contains(&text), "{text:?} is in {shown}");
    }
}

fn debug(value: &dyn Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn object() -> TravelRuleObject {
    let (binding, _) = expected(Some(7));
    TravelRuleObject::new(binding, full().to_string().as_bytes(), NOW).expect("valid")
}

#[test]
fn debug_shows_what_things_are_and_not_what_they_say() {
    let object = object();
    assert!(personal().len() > 40, "there is something to be found");
    let ivms101 = object.ivms101();
    let mut shown = vec![debug(&object), debug(ivms101), debug(&ivms101.originator)];
    let payment =
        Payment { at: 1, token: Address::ZERO, amount: 1, payee: Address::ZERO, reason: None };
    shown.push(debug(&ExportLine { binding: *object.binding(), payment, object: object.json() }));
    for person in ivms101.originator.persons.iter().chain(&ivms101.beneficiary.persons) {
        shown.push(debug(person));
        match person {
            Person::Natural(person) => {
                shown.push(debug(person));
                shown.push(debug(&person.names));
                shown.push(debug(&person.addresses));
                shown.push(debug(&person.birth));
                shown.push(debug(&person.national));
                shown.push(debug(&person.names[0].primary));
            }
            Person::Legal(person) => {
                shown.push(debug(person));
                shown.push(debug(&person.names));
                shown.push(debug(&person.customer));
            }
        }
    }
    shown.push(debug(&ivms101.originator.accounts));
    for shown in shown {
        tells_nothing(&shown);
        assert!(shown.len() < 2000, "{shown}");
    }
}

#[test]
fn errors_name_places_and_rules_and_repeat_nothing() {
    let mut tried = 0;
    // Each value is replaced by one that is wrong, with personal texts in it.
    let wrong = personal().join(" ");
    let mut pointers = Vec::new();
    places(&full(), String::new(), &mut pointers);
    for pointer in pointers {
        for value in [json!(wrong), json!({ wrong.as_str(): wrong }), json!([wrong]), json!(7)] {
            let mut object = full();
            *object.pointer_mut(&pointer).expect("there") = value;
            if let Err(invalid) = Ivms101::from_json(object.to_string().as_bytes(), NOW) {
                tells_nothing(&format!("{invalid} {invalid:?} {invalid:#?}"));
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
    // What is not JSON.
    let text = full().to_string();
    for cut in [1, text.len() / 3, text.len() / 2, text.len() - 1] {
        let cut = text.char_indices().map(|(at, _)| at).find(|at| *at >= cut).expect("a place");
        let invalid = Ivms101::from_json(&text.as_bytes()[..cut], NOW).expect_err("refused");
        tells_nothing(&format!("{invalid} {invalid:?}"));
    }
    // What says for which mandate it is.
    let whole: Value = serde_json::from_str(object().json()).expect("JSON");
    for name in ["mandateId", "wallet", "owner", "account", "ivms101"] {
        let mut whole = whole.clone();
        whole[name] = json!(wrong);
        let error = TravelRuleObject::read(whole.to_string().as_bytes(), NOW).expect_err("refused");
        tells_nothing(&format!("{error} {error:?}"));
    }
    let (binding, payee) = expected(Some(7));
    let error = object().check(&binding, payee).expect_err("other accounts");
    tells_nothing(&format!("{error} {error:?}"));
}

/// The pointers of all places in a value.
fn places(value: &Value, at: String, to: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                places(item, format!("{at}/{number}"), to);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                places(member, format!("{at}/{name}"), to);
            }
        }
        _ => {}
    }
    to.push(at);
}
