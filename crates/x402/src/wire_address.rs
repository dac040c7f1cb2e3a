//! Addresses in the objects of x402.

use std::fmt;

use aep2_mandate::wire::Strict;
use alloy_primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address as x402 writes it: read in any case, written with EIP-55's checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WireAddress(pub Address);

impl fmt::Display for WireAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WireAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Address> for WireAddress {
    fn from(address: Address) -> Self {
        Self(address)
    }
}

impl Serialize for WireAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict::<Address>::deserialize(deserializer).map(|Strict(address)| Self(address))
    }
}
