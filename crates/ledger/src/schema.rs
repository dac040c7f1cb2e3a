//! The column families, and how their keys are made. Values are the [records](crate::records).
//!
//! Keys are big-endian, so that RocksDB's order is the order of their numbers. `docs/ledger.md`
//! has the table of all keys and values.

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256, U256};

pub use crate::family::Family;
use crate::{
    codec::{Decoder, Defect, Field},
    records::{GateReason, GateScope, NonceKey, SettlementPath},
    units::{BatchNumber, MandateHash, Sequence},
};

/// The version of the whole layout: families, keys and records. There is none before it: what
/// unreleased versions wrote is not read.
pub const FORMAT: u32 = 5;

/// The keys of [`Family::Meta`].
pub mod meta {
    /// The last block applied.
    pub const TIP: &[u8] = b"tip";
    /// The follower's cursor, as it is.
    pub const CURSOR: &[u8] = b"cursor";
    /// The last block that cannot be undone any more, eight bytes.
    pub const HORIZON: &[u8] = b"horizon";
    /// The direct path at a glance.
    pub const DIRECT: &[u8] = b"direct";
    /// The least number of the next dispute, eight bytes; there where a backup was restored.
    pub const DISPUTE_FLOOR: &[u8] = b"dispute_floor";
}

/// A key of these fields.
fn key(fields: &[&dyn Put]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    fields.iter().for_each(|field| field.put_to(&mut bytes));
    bytes
}

/// [`Field`], as far as it makes an object.
trait Put {
    fn put_to(&self, to: &mut Vec<u8>);
}

impl<T: Field> Put for T {
    fn put_to(&self, to: &mut Vec<u8>) {
        self.put(to);
    }
}

/// A key read back.
///
/// # Errors
/// When the bytes are not exactly such a key.
pub fn read_key<T: Field>(bytes: &[u8]) -> Result<T, Defect> {
    let mut decoder = Decoder::new(bytes);
    let key = decoder.field()?;
    decoder.end()?;
    Ok(key)
}

/// Of [`Family::Accounts`] and [`Family::Unread`], and what an account's keys of [`Family::Purses`] and
/// [`Family::Spent`] begin with.
pub fn account(account: AccountId) -> Vec<u8> {
    key(&[&account])
}

/// Of [`Family::Purses`].
pub fn purse(account: AccountId, token: Address) -> Vec<u8> {
    key(&[&account, &token])
}

/// Of [`Family::Spent`]: a slot of the wallet's bitmap, nonces `256·index` to `256·index + 255`.
pub fn spent_slot(account: AccountId, token: Address, index: u64) -> Vec<u8> {
    key(&[&account, &token, &index])
}

/// Of [`Family::DirectSpent`]: one nonce of an owner's direct mandates.
pub fn direct_nonce(owner: Address, nonce: U256) -> Vec<u8> {
    key(&[&owner, &nonce])
}

/// Of [`Family::DirectAccounts`], and what an owner's keys of [`Family::DirectSpent`] begin with.
pub fn owner(owner: Address) -> Vec<u8> {
    key(&[&owner])
}

/// Of [`Family::Mandates`], [`Family::States`], [`Family::Receipts`], [`Family::Captures`] and
/// [`Family::Disputes`].
pub fn mandate(hash: MandateHash) -> Vec<u8> {
    key(&[&hash])
}

/// Of [`Family::Refunds`] and [`Family::RefundsPaid`]. All of a mandate begin with [`mandate`].
pub fn refund(mandate: MandateHash, refund: B256) -> Vec<u8> {
    key(&[&mandate, &refund])
}

/// Of [`Family::RefundNonces`]: the nonce of the deposit that pays a refund, in the token's terms. All that
/// a payee may pay into an account begin with [`refunds_into`].
pub fn refund_nonce(account: AccountId, token: Address, payee: Address, nonce: B256) -> Vec<u8> {
    key(&[&account, &token, &payee, &nonce])
}

/// What the keys of [`Family::RefundNonces`] of one account, token and payee begin with.
pub fn refunds_into(account: AccountId, token: Address, payee: Address) -> Vec<u8> {
    key(&[&account, &token, &payee])
}

/// Of [`Family::Nonces`].
pub fn nonce(nonce: &NonceKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    nonce.put(&mut bytes);
    bytes
}

/// Of [`Family::Acceptances`] and [`Family::Quarantined`].
pub fn sequence(sequence: Sequence) -> Vec<u8> {
    key(&[&sequence])
}

/// Of [`Family::DisputeNumbers`].
pub fn dispute(number: u64) -> Vec<u8> {
    key(&[&number])
}

/// Of [`Family::DisputeParties`]: a party's disputes are in the order of opening.
pub fn dispute_of(party: B256, number: u64) -> Vec<u8> {
    key(&[&party, &number])
}

/// Of [`Family::Queue`].
pub fn queue(path: SettlementPath, token: Address, sequence: Sequence) -> Vec<u8> {
    key(&[&path, &token, &sequence])
}

/// What the keys of one path's and token's queue begin with.
pub fn queue_of(path: SettlementPath, token: Address) -> Vec<u8> {
    key(&[&path, &token])
}

/// Of [`Family::Held`]: what is held is in the order in which its holds end.
pub fn held(until: UnixTime, sequence: Sequence) -> Vec<u8> {
    key(&[&until, &sequence])
}

/// Of [`Family::Gate`].
pub fn gate(scope: &GateScope, reason: GateReason) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(32);
    scope.put(&mut bytes);
    reason.put(&mut bytes);
    bytes
}

/// Of [`Family::Batches`], [`Family::Proofs`], [`Family::Unfinished`] and [`Family::Movements`],
/// and what a batch's keys of [`Family::Members`] and [`Family::Segments`] begin with.
pub fn batch(batch: BatchNumber) -> Vec<u8> {
    key(&[&batch])
}

/// Of [`Family::Members`].
pub fn member(batch: BatchNumber, index: u32) -> Vec<u8> {
    key(&[&batch, &index])
}

/// Of [`Family::Segments`], by the segment's place in its batch.
pub fn segment(batch: BatchNumber, segment: u32) -> Vec<u8> {
    key(&[&batch, &segment])
}

/// Of [`Family::BatchIds`].
pub fn batch_id(batch_id: B256) -> Vec<u8> {
    key(&[&batch_id])
}

/// Of [`Family::Unconfirmed`].
pub fn unconfirmed(index: u32) -> Vec<u8> {
    key(&[&index])
}

/// Of [`Family::Undo`].
pub fn block(number: u64) -> Vec<u8> {
    key(&[&number])
}

/// Of [`Family::Transactions`].
pub fn transaction(sender: Address, nonce: u64) -> Vec<u8> {
    key(&[&sender, &nonce])
}

/// The first key after all that begin with `prefix`, or nothing when there is none.
pub fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(after(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(after(&[1, 0xff, 0xff]), Some(vec![2]));
        assert_eq!(after(&[0xff]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn keys_are_in_the_order_of_their_numbers() {
        let keys: Vec<_> = [0, 1, 255, 256, 65_535, 1 << 40, u64::MAX]
            .map(|number| queue(SettlementPath::Proved, Address::ZERO, Sequence::new(number)))
            .into();
        assert!(keys.is_sorted());
        assert!(queue_of(SettlementPath::Proved, Address::ZERO) < keys[0]);
        assert!(
            after(&queue_of(SettlementPath::Proved, Address::ZERO))
                .is_some_and(|end| keys[6] < end)
        );
    }
}
