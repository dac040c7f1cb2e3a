//! Reading the vectors in `fixtures/vectors`.

use aep2_mandate::field::{self, Fr};
use serde::de::DeserializeOwned;

/// A file of vectors.
pub(crate) fn vectors<T: DeserializeOwned>(name: &str) -> T {
    let path = aep2_testkit::repository::file("fixtures/vectors").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `0x` and 64 digits as bytes.
pub(crate) fn bytes32(hex: &str) -> [u8; 32] {
    hex.parse::<alloy_primitives::B256>().expect("32 bytes of hex").0
}

/// A canonical field element.
pub(crate) fn element(hex: &str) -> Fr {
    field::from_be_bytes(&bytes32(hex)).expect("a canonical element")
}
