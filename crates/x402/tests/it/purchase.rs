//! What `ref` binds a mandate to.

use std::collections::BTreeSet;

use aep2_mandate::units::{AccountId, Ceiling, ChainId, Nonce};
use aep2_x402::{
    disputes::{Disputes, Reason},
    purchase::{PaymentContext, Purchase, Venue},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use serde::Deserialize;
use serde_json::Value;

fn account(number: u32) -> AccountId {
    AccountId::new(number).unwrap()
}

fn ceiling(units: u128) -> Ceiling {
    Ceiling::new(units).unwrap()
}

fn purchase() -> Purchase {
    Purchase {
        method: "GET".to_owned(),
        resource: "https://api.example.com/data?day=1".to_owned(),
        venue: Venue {
            chain: ChainId::new(8453),
            wallet: Address::repeat_byte(1),
            processor: Address::repeat_byte(2),
        },
        token: Address::repeat_byte(3),
        payee: Address::repeat_byte(4),
        amount: ceiling(1_000),
        disputes: None,
    }
}

fn disputes() -> Disputes {
    Disputes::new(Address::repeat_byte(5), 60, 120, vec![Reason::Other], false).unwrap()
}

/// The definition, written out: the hash of the type, then the fields, strings hashed.
#[test]
fn ref_is_the_struct_hash_that_the_documentation_states() {
    let common = "(string method,string resource,uint256 chainId,address wallet,address processor,\
                  address token,address payee,uint96 amount,";
    let Purchase { method, resource, venue, token, payee, amount, .. } = purchase();
    let fields = (
        keccak256(method),
        keccak256(resource),
        U256::from(venue.chain.get()),
        venue.wallet,
        venue.processor,
        token,
        payee,
        U256::from(amount.get()),
    );
    let order = B256::repeat_byte(9);
    let type_hash = keccak256(format!("Order{common}bytes32 order,bytes32 disputes)"));
    let expected =
        keccak256([(type_hash, fields).abi_encode(), order.to_vec(), vec![0; 32]].concat());
    assert_eq!(purchase().reference(PaymentContext::Order(order)), expected);

    let type_hash =
        keccak256(format!("Intent{common}uint32 account,uint64 nonce,bytes32 disputes)"));
    let payer = (U256::from(7), U256::from(300), B256::ZERO).abi_encode();
    let expected = keccak256([(type_hash, fields).abi_encode(), payer].concat());
    let context = PaymentContext::Intent { account: account(7), nonce: Nonce::new(300) };
    assert_eq!(purchase().reference(context), expected);
}

#[test]
fn every_field_changes_it() {
    let order = PaymentContext::Order(B256::repeat_byte(9));
    let changes: [fn(&mut Purchase); 9] = [
        |purchase| purchase.method = "POST".to_owned(),
        |purchase| purchase.resource.push('0'),
        |purchase| purchase.venue.chain = ChainId::new(1),
        |purchase| purchase.venue.wallet = Address::ZERO,
        |purchase| purchase.venue.processor = Address::ZERO,
        |purchase| purchase.token = Address::ZERO,
        |purchase| purchase.payee = Address::ZERO,
        |purchase| purchase.amount = ceiling(1_001),
        |purchase| purchase.disputes = Some(disputes()),
    ];
    let mut all = BTreeSet::from([purchase().reference(order)]);
    for change in changes {
        let mut changed = purchase();
        change(&mut changed);
        assert!(all.insert(changed.reference(order)));
    }
    assert!(all.insert(purchase().reference(PaymentContext::Order(B256::repeat_byte(8)))));
    for (payer, nonce) in [(1, 1), (1, 2), (2, 1)] {
        let context = PaymentContext::Intent { account: account(payer), nonce: Nonce::new(nonce) };
        assert!(all.insert(purchase().reference(context)));
    }
}

/// Where a method ends and a resource begins is part of what is hashed.
#[test]
fn strings_do_not_run_into_one_another() {
    let order = PaymentContext::Order(B256::ZERO);
    let mut moved = purchase();
    moved.method = format!("GET{}", &purchase().resource[..5]);
    moved.resource = purchase().resource[5..].to_owned();
    assert_ne!(moved.reference(order), purchase().reference(order));
}

// Against viem and ethers.

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    purchases: Vec<Vector>,
    malformed: Vec<Malformed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    method: String,
    resource: String,
    chain_id: u64,
    wallet: Address,
    processor: Address,
    token: Address,
    payee: Address,
    amount: Ceiling,
    order: Option<B256>,
    account: Option<AccountId>,
    nonce: Option<Nonce>,
    disputes: Option<Value>,
    disputes_hash: B256,
    #[serde(rename = "ref")]
    reference: B256,
}

#[derive(Deserialize)]
struct Malformed {
    reason: String,
    text: String,
}

fn vectors() -> Vectors {
    let path = aep2_testkit::repository::file("fixtures/vectors/purchases.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn refs_agree_with_viem_and_ethers() {
    let mut seen = [0; 4];
    for vector in vectors().purchases {
        let read: Option<Disputes> = vector.disputes.clone().map(|disputes| {
            let read = serde_json::from_value(disputes.clone()).unwrap();
            let written: Value = serde_json::to_value(&read).unwrap();
            let plain = |value: &Value| value.to_string().to_lowercase();
            assert_eq!(plain(&written), plain(&disputes), "it is written as it was read");
            read
        });
        let hash = read.as_ref().map_or(B256::ZERO, Disputes::struct_hash);
        assert_eq!(hash, vector.disputes_hash);
        let context = match (vector.order, vector.account, vector.nonce) {
            (Some(order), None, None) => PaymentContext::Order(order),
            (None, Some(account), Some(nonce)) => PaymentContext::Intent { account, nonce },
            other => panic!("neither an order nor an intent: {other:?}"),
        };
        let kind = usize::from(vector.order.is_some()) + 2 * usize::from(read.is_some());
        seen[kind] += 1;
        let purchase = Purchase {
            method: vector.method,
            resource: vector.resource,
            venue: Venue {
                chain: ChainId::new(vector.chain_id),
                wallet: vector.wallet,
                processor: vector.processor,
            },
            token: vector.token,
            payee: vector.payee,
            amount: vector.amount,
            disputes: read,
        };
        assert_eq!(purchase.reference(context), vector.reference);
    }
    assert!(seen.iter().all(|count| *count >= 10), "{seen:?}");
}

#[test]
fn malformed_agreements_on_disputes_are_not_read() {
    let malformed = vectors().malformed;
    assert!(malformed.len() >= 30);
    for Malformed { reason, text } in malformed {
        let read = serde_json::from_str::<Disputes>(&text);
        assert!(read.is_err(), "{reason}: {text}");
    }
}
