//! An object counts for its mandate, its payer and its payee, and for nothing else.

use aep2_travel_rule::{
    Binding, BindingError, JweError, ObjectError, ReceiveError, TravelRuleObject, caip10,
    wallet_account,
};
use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use crate::support::{NOW, at, expected, first, key, ring, text, vectors};

const FROM: &str = "/ivms101/originator/accountNumber";
const TO: &str = "/ivms101/beneficiary/accountNumber";

fn read(object: &Value) -> TravelRuleObject {
    TravelRuleObject::read(object.to_string().as_bytes(), NOW).expect("an object")
}

fn check(object: &Value) -> Result<(), BindingError> {
    let (binding, payee) = expected(Some(7));
    read(object).check(&binding, payee)
}

#[test]
fn the_vectors_are_received() {
    for vector in vectors()["tokens"].as_array().expect("tokens") {
        let account = vector["object"]["account"].as_u64().map(|number| number as u32);
        let (binding, payee) = expected(account);
        let token = text(&vector["token"]);
        let object = TravelRuleObject::receive(token, &ring(), (&binding, payee), NOW);
        assert_eq!(*object.expect("received").binding(), binding);
    }
}

#[test]
fn an_object_is_not_taken_for_another_mandate_wallet_owner_or_account() {
    let (binding, payee) = expected(Some(7));
    let (_, token) = first();
    let receive =
        |binding: &Binding| TravelRuleObject::receive(&token, &ring(), (binding, payee), NOW);
    assert!(receive(&binding).is_ok());
    let other = Address::repeat_byte(9);
    for (expected, error) in [
        (Binding { mandate_id: B256::repeat_byte(9), ..binding }, BindingError::Mandate),
        (Binding { chain_id: 1, ..binding }, BindingError::Wallet),
        (Binding { wallet: other, ..binding }, BindingError::Wallet),
        (Binding { owner: other, ..binding }, BindingError::Owner),
        (Binding { account: Some(8), ..binding }, BindingError::Account),
        (Binding { account: None, ..binding }, BindingError::Account),
    ] {
        assert_eq!(receive(&expected), Err(ReceiveError::Binding(error)));
    }
}

#[test]
fn nobody_changes_what_an_object_is_for() {
    // Whoever has the public key can seal another object; what it cannot do is reuse this one, and
    // what it made would be for the mandate that it says.
    let (object, token) = first();
    let mut parts: Vec<_> = token.split('.').collect();
    let mut other = object.clone();
    other["mandateId"] = json!(B256::repeat_byte(9).to_string());
    let other = read(&other).seal(key().public()).expect("sealed");
    let other: Vec<_> = other.split('.').collect();
    let (binding, payee) = expected(Some(7));
    for part in 0..5 {
        let kept = std::mem::replace(&mut parts[part], other[part]);
        if kept != other[part] {
            let mixed = parts.join(".");
            let error = TravelRuleObject::receive(&mixed, &ring(), (&binding, payee), NOW);
            assert_eq!(error, Err(ReceiveError::Jwe(JweError::Refused)), "part {part}");
        }
        parts[part] = kept;
    }
    let whole = other.join(".");
    let error = TravelRuleObject::receive(&whole, &ring(), (&binding, payee), NOW);
    assert_eq!(error, Err(ReceiveError::Binding(BindingError::Mandate)));
}

#[test]
fn the_originators_accounts_have_the_payers() {
    let (binding, _) = expected(Some(7));
    let Binding { chain_id, wallet, owner, .. } = binding;
    let hex = format!("{owner:#x}");
    let object = |accounts: Value| {
        let (mut object, _) = first();
        *at(&mut object, FROM) = accounts;
        check(&object)
    };
    for account in [
        owner.to_string(),
        hex.clone(),
        format!("0x{}", hex[2..].to_uppercase()),
        caip10(chain_id, owner),
        caip10(chain_id, owner).to_lowercase(),
        wallet_account(chain_id, wallet, 7),
    ] {
        assert_eq!(object(json!([account])), Ok(()), "{account}");
        assert_eq!(object(json!(["10023909", account])), Ok(()), "beside another");
    }
    let mut mistyped = owner.to_string();
    let flipped = mistyped.pop().expect("one").to_ascii_lowercase();
    mistyped.push(if flipped == '5' { '6' } else { '5' });
    for account in [
        "10023909".to_owned(),
        "7".to_owned(),
        mistyped,
        hex[2..].to_owned(),
        format!("{hex}0"),
        format!("0X{}", &hex[2..]),
        format!("eip155:{chain_id}:{hex} "),
        caip10(1, owner),
        format!("eip155:0{chain_id}:{owner}"),
        format!("eip155:+{chain_id}:{owner}"),
        format!("EIP155:{chain_id}:{owner}"),
        wallet_account(chain_id, wallet, 8),
        wallet_account(1, wallet, 7),
        wallet_account(chain_id, owner, 7),
        format!("{}/07", caip10(chain_id, wallet)),
        caip10(chain_id, wallet),
        wallet.to_string(),
    ] {
        assert_eq!(object(json!([account])), Err(BindingError::OriginatorAccount), "{account}");
    }
    assert_eq!(object(json!([])), Err(BindingError::OriginatorAccount));
}

#[test]
fn an_address_in_mixed_case_has_its_checksum() {
    let (binding, _) = expected(Some(7));
    let checksummed = binding.owner.to_string();
    // The case of one letter after the other is changed.
    let mut tried = 0;
    for (place, letter) in checksummed.char_indices().skip(2) {
        if !letter.is_ascii_alphabetic() {
            continue;
        }
        let mut other = checksummed.clone().into_bytes();
        other[place] ^= 0x20;
        let other = String::from_utf8(other).expect("ASCII");
        let (mut object, _) = first();
        *at(&mut object, FROM) = json!([other]);
        assert_eq!(check(&object), Err(BindingError::OriginatorAccount), "{other}");
        tried += 1;
    }
    assert!(tried > 10);
}

#[test]
fn the_beneficiarys_accounts_have_the_payees() {
    let (binding, payee) = expected(Some(7));
    let object = |account: String| {
        let (mut object, _) = first();
        *at(&mut object, TO) = json!(["x", account]);
        check(&object)
    };
    for account in [payee.to_string(), format!("{payee:#x}"), caip10(binding.chain_id, payee)] {
        assert_eq!(object(account), Ok(()));
    }
    for account in [
        binding.owner.to_string(),
        caip10(1, payee),
        wallet_account(binding.chain_id, binding.wallet, 7),
    ] {
        assert_eq!(object(account), Err(BindingError::BeneficiaryAccount));
    }
    // The same object, for a payment to somebody else.
    let (first, _) = first();
    let other = read(&first).check(&binding, Address::repeat_byte(9));
    assert_eq!(other, Err(BindingError::BeneficiaryAccount));
}

#[test]
fn what_says_for_which_mandate_it_is_has_one_form() {
    let (object, _) = first();
    let wrong = |name: &str, value: Value| {
        let mut object = object.clone();
        object[name] = value;
        TravelRuleObject::read(object.to_string().as_bytes(), NOW).expect_err("refused")
    };
    let id = text(&object["mandateId"]);
    for value in [
        json!(id[2..]),
        json!(format!("{id}00")),
        json!(&id[..64]),
        json!(7),
        json!("0x"),
        json!(null),
    ] {
        assert_eq!(wrong("mandateId", value), ObjectError::Member("mandateId"));
    }
    for value in [
        json!("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        json!("eip155:8453"),
        json!("eip155:08453:0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        json!("solana:8453:0x5FbDB2315678afecb367f032d93F642f64180aa3"),
        json!({}),
    ] {
        assert_eq!(wrong("wallet", value), ObjectError::Member("wallet"));
    }
    for value in
        [json!("alice"), json!(""), json!([]), json!("0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D0")]
    {
        assert_eq!(wrong("owner", value), ObjectError::Member("owner"));
    }
    for value in [
        json!(0),
        json!("7"),
        json!(-1),
        json!(7.0),
        json!(4_294_967_296_u64),
        json!(null),
        json!([7]),
    ] {
        assert_eq!(wrong("account", value), ObjectError::Member("account"));
    }
    assert_eq!(wrong("payee", json!("0x")), ObjectError::Form);
    for name in ["mandateId", "wallet", "owner", "ivms101"] {
        let mut object = object.clone();
        object.as_object_mut().expect("an object").remove(name);
        let read = TravelRuleObject::read(object.to_string().as_bytes(), NOW);
        assert_eq!(read, Err(ObjectError::Form), "{name}");
    }
    let twice = object.to_string().replacen('{', &format!("{{\"mandateId\":\"{id}\","), 1);
    assert_eq!(TravelRuleObject::read(twice.as_bytes(), NOW), Err(ObjectError::Form));
    let large = vec![b' '; (64 << 10) + 1];
    assert_eq!(TravelRuleObject::read(&large, NOW), Err(ObjectError::TooLarge));
    assert!(matches!(wrong("ivms101", json!({})), ObjectError::Invalid(_)));
}

#[test]
fn the_hash_is_of_what_is_said_and_not_of_how_it_is_written() {
    let (object, _) = first();
    let hash = read(&object).hash();
    let pretty = serde_json::to_string_pretty(&object).expect("JSON").replace('/', "\\/");
    let pretty = TravelRuleObject::read(pretty.as_bytes(), NOW).expect("an object");
    assert_eq!(pretty.hash(), hash);
    // What is kept is read again, to the same.
    let kept = TravelRuleObject::read(pretty.json().as_bytes(), NOW).expect("an object");
    assert!(kept == pretty);
    assert_eq!(kept.json(), pretty.json());
    // And a payer that makes it from its parts makes the same.
    let (binding, _) = expected(Some(7));
    let made = TravelRuleObject::new(binding, object["ivms101"].to_string().as_bytes(), NOW);
    assert_eq!(made.expect("valid").json(), pretty.json());
    let mut other = object.clone();
    *at(&mut other, TO) = json!(["0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "1"]);
    assert_ne!(read(&other).hash(), hash);
    other = object;
    other["account"] = json!(8);
    assert_ne!(read(&other).hash(), hash);
}
