//! The vectors that other people's libraries made, and what the tests make of them.

use aep2_travel_rule::{Binding, KeyRing, ProcessorKey};
use alloy_primitives::{Address, B256};
use serde_json::Value;

/// 21 September 2026.
pub(crate) const NOW: u64 = 1_790_000_000;

/// `fixtures/vectors.json`, which `fixtures/make.mjs` writes.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).expect("JSON")
}

/// The key that the vectors are sealed to.
pub(crate) fn key() -> ProcessorKey {
    ProcessorKey::from_jwk(vectors()["key"].to_string().as_bytes()).expect("a key")
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::new(key())
}

/// For which mandate and payee the vectors are; `account` is none on the direct path.
pub(crate) fn expected(account: Option<u32>) -> (Binding, Address) {
    let expected = &vectors()["expected"];
    let (_, wallet) = text(&expected["wallet"]).rsplit_once(':').expect("CAIP-10");
    let binding = Binding {
        mandate_id: text(&expected["mandateId"]).parse::<B256>().expect("32 bytes"),
        chain_id: 8453,
        wallet: wallet.parse().expect("an address"),
        owner: text(&expected["owner"]).parse().expect("an address"),
        account,
    };
    (binding, text(&expected["payee"]).parse().expect("an address"))
}

/// The first whole object, and its token.
pub(crate) fn first() -> (Value, String) {
    let first = &vectors()["tokens"][0];
    (first["object"].clone(), text(&first["token"]).to_owned())
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The member at a pointer of RFC 6901.
pub(crate) fn at<'v>(value: &'v mut Value, pointer: &str) -> &'v mut Value {
    value.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}
