//! Every record, decoded. What cannot be decoded is a finding, and the rest is still looked at.

use std::collections::{BTreeMap, BTreeSet};

use aep2_journal::View;
use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256, U256};

use super::finding::Finding;
use crate::{
    codec::{Defect, Field, Record},
    error::LedgerError,
    records::{
        AccountRecord, BatchRecord, CaptureRecord, DirectAccountRecord, DirectSummary,
        DisputeRecord, GateReason, GateRecord, GateScope, Identity, IssuedReceipt, MandateRecord,
        MemberRecord, Movement, NonceKey, PurseRecord, QueueRecord, SettlementPath, StateRecord,
        UnconfirmedRequest, UndoRecord,
    },
    schema::{Family, read_key},
    summary,
    units::{BatchNumber, MandateHash, Sequence},
};

/// A slot of the wallet's bitmap: account, token, `nonce >> 8`.
pub(super) type Slot = ((AccountId, Address), u64);

#[derive(Default)]
pub(super) struct Raw {
    pub(super) identity: Option<Identity>,
    pub(super) accounts: BTreeMap<AccountId, AccountRecord>,
    pub(super) unread: BTreeSet<AccountId>,
    pub(super) purses: BTreeMap<(AccountId, Address), PurseRecord>,
    pub(super) spent: BTreeMap<Slot, U256>,
    pub(super) mandates: BTreeMap<MandateHash, MandateRecord>,
    pub(super) states: BTreeMap<MandateHash, StateRecord>,
    pub(super) receipts: BTreeMap<MandateHash, IssuedReceipt>,
    pub(super) captures: BTreeMap<MandateHash, CaptureRecord>,
    pub(super) disputes: BTreeMap<MandateHash, DisputeRecord>,
    pub(super) dispute_numbers: BTreeMap<u64, MandateHash>,
    pub(super) dispute_parties: BTreeMap<(B256, u64), MandateHash>,
    pub(super) nonces: BTreeMap<NonceKey, MandateHash>,
    pub(super) acceptances: BTreeMap<Sequence, MandateHash>,
    pub(super) queue: BTreeMap<((SettlementPath, Address), Sequence), QueueRecord>,
    pub(super) held: BTreeMap<(UnixTime, Sequence), MandateHash>,
    pub(super) quarantined: BTreeMap<Sequence, MandateHash>,
    pub(super) batches: BTreeMap<BatchNumber, BatchRecord>,
    pub(super) members: BTreeMap<BatchNumber, Vec<MemberRecord>>,
    pub(super) batch_ids: BTreeMap<B256, BatchNumber>,
    pub(super) proofs: BTreeSet<BatchNumber>,
    /// Batches of which proofs of single segments are kept.
    pub(super) segments: BTreeSet<BatchNumber>,
    pub(super) unfinished: BTreeSet<BatchNumber>,
    pub(super) movements: BTreeMap<BatchNumber, Movement>,
    pub(super) direct: DirectSummary,
}

/// How a value is decoded.
type Decode<V> = fn(&[u8]) -> Result<V, Defect>;

fn read<K: Field + Ord, V>(
    view: &View<'_>,
    findings: &mut Vec<Finding>,
    family: Family,
    decode: Decode<V>,
) -> Result<BTreeMap<K, V>, LedgerError> {
    let mut map = BTreeMap::new();
    for entry in view.entries(family, &[]) {
        let (key, value) = entry?;
        match read_key(&key).and_then(|decoded| Ok((decoded, decode(&value)?))) {
            Ok((decoded, value)) => drop(map.insert(decoded, value)),
            Err(defect) => {
                findings.push(Finding::Unreadable { family, key: key.into_vec(), defect });
            }
        }
    }
    Ok(map)
}

fn bitmap_slot(bytes: &[u8]) -> Result<U256, Defect> {
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| Defect::Short("256 bits"))?;
    Ok(U256::from_be_bytes(bytes))
}

/// Whose ledger it is.
fn identity(view: &View<'_>, findings: &mut Vec<Finding>) -> Result<Option<Identity>, LedgerError> {
    let Some(bytes) = view.identity()? else { return Ok(None) };
    match Identity::from_bytes(&bytes) {
        Ok(identity) => Ok(Some(identity)),
        Err(defect) => {
            findings.push(Finding::Identity { defect });
            Ok(None)
        }
    }
}

impl Raw {
    /// Reads everything.
    pub(super) fn read(view: &View<'_>, findings: &mut Vec<Finding>) -> Result<Self, LedgerError> {
        let nothing: Decode<()> = |bytes| match bytes {
            [] => Ok(()),
            bytes => Err(Defect::Trailing(bytes.len())),
        };
        let mut raw = Self {
            identity: identity(view, findings)?,
            accounts: read(view, findings, Family::Accounts, AccountRecord::from_bytes)?,
            unread: read(view, findings, Family::Unread, nothing)?.into_keys().collect(),
            purses: read(view, findings, Family::Purses, PurseRecord::from_bytes)?,
            spent: read(view, findings, Family::Spent, bitmap_slot)?,
            mandates: read(view, findings, Family::Mandates, MandateRecord::from_bytes)?,
            states: read(view, findings, Family::States, StateRecord::from_bytes)?,
            receipts: read(view, findings, Family::Receipts, IssuedReceipt::from_bytes)?,
            captures: read(view, findings, Family::Captures, CaptureRecord::from_bytes)?,
            disputes: read(view, findings, Family::Disputes, DisputeRecord::from_bytes)?,
            dispute_numbers: read(view, findings, Family::DisputeNumbers, read_key)?,
            dispute_parties: read(view, findings, Family::DisputeParties, read_key)?,
            nonces: read(view, findings, Family::Nonces, read_key)?,
            acceptances: read(view, findings, Family::Acceptances, read_key)?,
            queue: read(view, findings, Family::Queue, QueueRecord::from_bytes)?,
            held: read(view, findings, Family::Held, read_key)?,
            quarantined: read(view, findings, Family::Quarantined, read_key)?,
            batches: read(view, findings, Family::Batches, BatchRecord::from_bytes)?,
            batch_ids: read(view, findings, Family::BatchIds, read_key)?,
            proofs: read::<_, ()>(view, findings, Family::Proofs, |_| Ok(()))?
                .into_keys()
                .collect(),
            segments: read::<(BatchNumber, u32), ()>(view, findings, Family::Segments, |_| Ok(()))?
                .into_keys()
                .map(|(batch, _)| batch)
                .collect(),
            unfinished: read(view, findings, Family::Unfinished, nothing)?.into_keys().collect(),
            movements: read(view, findings, Family::Movements, Movement::from_bytes)?,
            direct: summary::read(view)?,
            ..Self::default()
        };
        let members: BTreeMap<(BatchNumber, u32), _> =
            read(view, findings, Family::Members, MemberRecord::from_bytes)?;
        for ((batch, _), member) in members {
            raw.members.entry(batch).or_default().push(member);
        }
        // Nothing is compared with these, but they must be readable.
        let _: BTreeMap<(GateScope, GateReason), _> =
            read(view, findings, Family::Gate, GateRecord::from_bytes)?;
        let _: BTreeMap<(Address, U256), _> =
            read(view, findings, Family::DirectSpent, read_key::<bool>)?;
        let _: BTreeMap<Address, _> =
            read(view, findings, Family::DirectAccounts, DirectAccountRecord::from_bytes)?;
        let _: BTreeMap<u32, _> =
            read(view, findings, Family::Unconfirmed, UnconfirmedRequest::from_bytes)?;
        let _: BTreeMap<u64, _> = read(view, findings, Family::Undo, UndoRecord::from_bytes)?;
        let _: BTreeMap<(Address, u64), ()> =
            read(view, findings, Family::Transactions, |_| Ok(()))?;
        Ok(raw)
    }
}
