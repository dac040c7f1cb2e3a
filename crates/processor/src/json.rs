//! How the ledger's numbers are written: ids as hexadecimal, counters as numbers, balances as decimal
//! strings, names in one word.

use aep2_ledger::{Balance, BatchNumber, HoldKind, MandateHash, SettlementPath};
use alloy::primitives::Address;
use serde::{Serialize, Serializer};

pub(crate) fn hash<S: Serializer>(hash: &MandateHash, serializer: S) -> Result<S::Ok, S::Error> {
    hash.bytes().serialize(serializer)
}

pub(crate) fn batch<S: Serializer>(batch: &BatchNumber, to: S) -> Result<S::Ok, S::Error> {
    batch.get().serialize(to)
}

pub(crate) fn batch_or_none<S: Serializer>(
    batch: &Option<BatchNumber>,
    to: S,
) -> Result<S::Ok, S::Error> {
    batch.map(|batch| batch.get()).serialize(to)
}

pub(crate) fn path<S: Serializer>(path: &SettlementPath, to: S) -> Result<S::Ok, S::Error> {
    let name = match path {
        SettlementPath::Proved => "proved",
        SettlementPath::Direct => "direct",
    };
    name.serialize(to)
}

pub(crate) fn hold<S: Serializer>(kind: &HoldKind, to: S) -> Result<S::Ok, S::Error> {
    kind.name().serialize(to)
}

/// With EIP-55's checksum, as everywhere on the wire.
pub(crate) fn address<S: Serializer>(address: &Address, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(address)
}

pub(crate) fn balance<S: Serializer>(balance: &Balance, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(balance)
}
