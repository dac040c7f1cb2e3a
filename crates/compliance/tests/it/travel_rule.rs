//! Payments without, with another's, and with a right Travel Rule object; and payers who split.

use std::collections::BTreeMap;

use aep2_compliance::{
    ComplianceError, Payment, admission::NotAdmitted, travel_rule::TravelRuleParts,
};
use aep2_mandate::{
    units::{Amount, ChainId, UnixTime},
    wire::Strict,
};
use aep2_travel_rule::{Binding, KeyRing, ProcessorKey, TravelRuleObject};
use alloy_primitives::{Address, B256};
use serde_json::json;

use crate::support::{OWNER, PAYEE, TOKEN, World, accept};

const WALLET: Address = Address::repeat_byte(0x77);
const CHAIN: u64 = 31_337;

fn parts(key: &[u8]) -> TravelRuleParts {
    let threshold = |amount| Strict(Amount::new(amount).unwrap());
    TravelRuleParts {
        keys: KeyRing::new(ProcessorKey::from_jwk(key).unwrap()),
        thresholds: BTreeMap::from([(TOKEN, threshold(2_500))]),
        period_s: 30 * 86_400,
        chain_id: ChainId::new(CHAIN),
        wallet: WALLET,
    }
}

fn key() -> Vec<u8> {
    ProcessorKey::random().unwrap().to_jwk().unwrap().as_bytes().to_vec()
}

/// What a payer tells, sealed, for this mandate, naming this payee.
fn sealed(key: &[u8], payment: &Payment, payee: Address) -> String {
    let binding = Binding {
        mandate_id: payment.mandate,
        chain_id: CHAIN,
        wallet: WALLET,
        owner: OWNER,
        account: Some(payment.account.get()),
    };
    let ivms101 = json!({
        "originator": {
            "originatorPersons": [{ "naturalPerson": {
                "name": { "nameIdentifier": [{
                    "primaryIdentifier": "Smith", "secondaryIdentifier": "Alice",
                    "nameIdentifierType": "LEGL"
                }] },
                "customerIdentification": "1002390"
            } }],
            "accountNumber": [OWNER.to_string()]
        },
        "beneficiary": {
            "beneficiaryPersons": [{ "legalPerson": { "name": { "nameIdentifier": [{
                "legalPersonName": "ABC Limited", "legalPersonNameIdentifierType": "LEGL"
            }] } } }],
            "accountNumber": [payee.to_string()]
        }
    });
    let object = TravelRuleObject::new(binding, ivms101.to_string().as_bytes(), payment.at.get());
    let ring = KeyRing::new(ProcessorKey::from_jwk(key).unwrap());
    object.unwrap().seal(ring.newest()).unwrap()
}

/// The list clears everybody; 2,500 in 30 days are free.
fn world() -> (World, Vec<u8>) {
    (World::of_list(), key())
}

fn large(world: &World, number: u8) -> Payment {
    Payment { amount: Amount::new(5_000).unwrap(), ..world.payment(number) }
}

#[tokio::test]
async fn a_large_payment_without_an_object_is_refused_and_with_a_right_one_accepted() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    let payment = large(&world, 1);
    let missing = accept(&compliance, &payment);
    assert!(matches!(missing, Err(NotAdmitted::Missing(_))), "{missing:?}");

    for (what, object, other) in [
        ("another mandate's", sealed(&key, &large(&world, 2), PAYEE), payment),
        ("another payee's", sealed(&key, &payment, Address::repeat_byte(0x99)), payment),
        ("sealed to another key", sealed(&self::key(), &payment, PAYEE), payment),
        ("no object", "e30..a.b.c".to_owned(), payment),
        (
            "another owner's",
            sealed(&key, &payment, PAYEE),
            Payment { owner: Some(Address::repeat_byte(0x98)), ..payment },
        ),
    ] {
        let wrong = compliance.hand_in(&other, &object).await;
        assert!(matches!(wrong, Err(ComplianceError::Refused { .. })), "{what}: {wrong:?}");
        let message = wrong.unwrap_err().to_string();
        assert!(!message.contains("Smith"), "{what}: {message}");
        assert!(accept(&compliance, &payment).is_err(), "{what}");
    }
    let evidence = compliance.hand_in(&payment, &sealed(&key, &payment, PAYEE)).await.unwrap();
    let another = compliance.hand_in(&payment, &sealed(&key, &payment, PAYEE)).await;
    assert!(another.is_err(), "the first one stands");
    assert_eq!(accept(&compliance, &payment), Ok(()));
    let small = world.payment(9);
    let unasked = compliance.hand_in(&small, &sealed(&key, &small, PAYEE)).await;
    assert!(unasked.is_ok(), "with what was paid before it is too much");
    assert!(accept(&compliance, &large(&world, 3)).is_err(), "it counts for its mandate alone");

    let all = (UnixTime::MIN, UnixTime::MAX);
    let exported = compliance.travel_rule_export(all).unwrap();
    assert_eq!(exported.lines().count(), 2);
    assert!(exported.contains("Smith") && exported.contains(&payment.mandate.to_string()));
    assert!(
        !compliance.records(all, aep2_compliance::export::Format::Jsonl).unwrap().contains("Smith")
    );
    let (meta, _) = compliance.evidence(evidence).unwrap();
    assert_eq!(meta.mandate, Some(payment.mandate));
}

#[tokio::test]
async fn an_object_that_was_handed_in_is_there_after_a_restart_for_an_hour() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    let payment = large(&world, 1);
    compliance.hand_in(&payment, &sealed(&key, &payment, PAYEE)).await.unwrap();
    drop(compliance);
    let compliance = world.open_with(parts(&key));
    assert_eq!(compliance.check(&payment), Ok(()));
    drop(compliance);
    world.clock.advance(3_601);
    let compliance = world.open_with(parts(&key));
    assert!(compliance.check(&payment).is_err());
}

#[tokio::test]
async fn splitting_a_payment_among_accounts_mandates_and_restarts_saves_nothing() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    assert_eq!(accept(&compliance, &world.payment(1)), Ok(()));
    let other = Payment { account: "8".parse().unwrap(), ..world.payment(2) };
    assert_eq!(accept(&compliance, &other), Ok(()), "2,000 of 2,500");
    assert!(accept(&compliance, &world.payment(3)).is_err(), "another account of the same owner");
    // Another owner has a sum of its own.
    let stranger = Payment { owner: Some(Address::repeat_byte(0x97)), ..world.payment(4) };
    assert_eq!(accept(&compliance, &stranger), Ok(()));
    drop(compliance);

    // Killed before the sums were written: what lives is counted again.
    let compliance = world.open_with(parts(&key));
    compliance.restore(&world.payment(1));
    compliance.restore(&other);
    assert!(accept(&compliance, &world.payment(5)).is_err());
    drop(compliance);
}

#[tokio::test]
async fn sums_are_on_disk_within_seconds_and_are_forgotten_after_the_period() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    assert_eq!(accept(&compliance, &world.payment(1)), Ok(()));
    assert_eq!(accept(&compliance, &world.payment(2)), Ok(()));
    let enforcer = std::sync::Arc::clone(&world.notes);
    let task = tokio::spawn(compliance.clone().run(enforcer));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    task.abort();
    let _ = task.await;
    drop(compliance);

    // Nothing lives any more: all of it was settled.
    let compliance = world.open_with(parts(&key));
    assert!(accept(&compliance, &world.payment(3)).is_err());
    drop(compliance);
    world.clock.advance(31 * 86_400);
    let compliance = world.open_with(parts(&key));
    assert_eq!(accept(&compliance, &world.payment(4)), Ok(()));
}

#[tokio::test]
async fn two_payments_at_once_do_not_both_fit_where_one_does() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    // The subjects are known already.
    assert_eq!(compliance.check(&world.payment(0)), Ok(()));
    let accepted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..32_u8)
            .map(|number| {
                let payment = world.payment(number);
                let compliance = &compliance;
                scope.spawn(move || usize::from(accept(compliance, &payment).is_ok()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!((1..=2).contains(&accepted), "{accepted} of 1,000 each, and 2,500 are free");
}

#[tokio::test]
async fn a_payment_that_is_not_accepted_after_all_does_not_count() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    for number in 0..20 {
        let payment = world.payment(number);
        assert_eq!(compliance.admit(&payment), Ok(()), "{number}");
        compliance.release(&payment);
    }
}

#[tokio::test]
async fn objects_that_are_never_used_do_not_fill_the_store() {
    let (world, key) = world();
    let compliance = world.open_with(parts(&key));
    let mut refused = 0;
    for number in 0..70 {
        let payment = large(&world, number);
        let payment = Payment { mandate: B256::repeat_byte(number + 100), ..payment };
        let handed = compliance.hand_in(&payment, &sealed(&key, &payment, PAYEE)).await;
        refused += usize::from(handed.is_err());
    }
    assert_eq!(refused, 6, "64 of an owner wait");
}
