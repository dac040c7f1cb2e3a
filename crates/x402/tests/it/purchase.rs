//! What `ref` binds a mandate to.

use std::collections::BTreeSet;

use aep2_mandate::units::{AccountId, Ceiling, ChainId, Nonce};
use aep2_x402::purchase::{PaymentContext, Purchase, Venue};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;

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
    }
}

/// The definition, written out: the hash of the type, then the fields, strings hashed.
#[test]
fn ref_is_the_struct_hash_that_the_documentation_states() {
    let common = "(string method,string resource,uint256 chainId,address wallet,address processor,\
                  address token,address payee,uint96 amount,";
    let Purchase { method, resource, venue, token, payee, amount } = purchase();
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
    let type_hash = keccak256(format!("Order{common}bytes32 order)"));
    let expected = keccak256([(type_hash, fields).abi_encode(), order.to_vec()].concat());
    assert_eq!(purchase().reference(PaymentContext::Order(order)), expected);

    let type_hash = keccak256(format!("Intent{common}uint32 account,uint64 nonce)"));
    let payer = (U256::from(7), U256::from(300)).abi_encode();
    let expected = keccak256([(type_hash, fields).abi_encode(), payer].concat());
    let context = PaymentContext::Intent { account: account(7), nonce: Nonce::new(300) };
    assert_eq!(purchase().reference(context), expected);
}

#[test]
fn every_field_changes_it() {
    let order = PaymentContext::Order(B256::repeat_byte(9));
    let changes: [fn(&mut Purchase); 8] = [
        |purchase| purchase.method = "POST".to_owned(),
        |purchase| purchase.resource.push('0'),
        |purchase| purchase.venue.chain = ChainId::new(1),
        |purchase| purchase.venue.wallet = Address::ZERO,
        |purchase| purchase.venue.processor = Address::ZERO,
        |purchase| purchase.token = Address::ZERO,
        |purchase| purchase.payee = Address::ZERO,
        |purchase| purchase.amount = ceiling(1_001),
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
