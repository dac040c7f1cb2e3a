//! What was read of accounts at a block, instead of being followed from their beginnings: of those that
//! come over from another processor, and of those that were contradicted.
//!
//! Of such an account the terms are read before anything is promised on it. Its purses and nonces are
//! without number, so each is read when it is first asked for; what was read once is followed from
//! there. A reading counts only when its block is the last one applied, so nothing happened in
//! between; and it is undone with that block.

use std::collections::BTreeSet;

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256, U256};

use super::{accounts, known, outcome::ChainError};
use crate::{
    error::LedgerError,
    memory::key_of,
    records::{
        AccountRecord, ChangeRecord, DirectAccountRecord, PendingWithdrawal, PurseRecord, Standing,
        UndoRecord,
    },
    schema::{self, Family},
    source::Source,
    tx::Tx,
    units::Balance,
};

/// What was read of the chain at one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReading {
    /// The block's number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Accounts that were to be read.
    pub accounts: Vec<AccountReading>,
    /// Purses of accounts that are not whole.
    pub purses: Vec<PurseReading>,
    /// Nonces of accounts that are not whole.
    pub slots: Vec<SlotReading>,
    /// Direct nonces of owners who are not whole: each with whether it is spent.
    pub direct_nonces: Vec<(Address, U256, bool)>,
}

/// An account as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountReading {
    /// Its number.
    pub account: AccountId,
    /// Whose it is.
    pub owner: Address,
    /// Who may debit it.
    pub processor: Address,
    /// By which verifiers.
    pub verifier_set: B256,
    /// With which key; 0 for none.
    pub key_hash: B256,
    /// What was asked for and is not in force.
    pub pending: Option<ChangeRecord>,
    /// The account that the owner's direct mandates debit.
    pub direct: Option<AccountId>,
    /// Another one that was asked for (or none), and from when it may be applied.
    pub direct_pending: Option<(Option<AccountId>, UnixTime)>,
}

/// What an account has of a token, as the chain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurseReading {
    /// The account.
    pub account: AccountId,
    /// The token.
    pub token: Address,
    /// All of it.
    pub balance: Balance,
    /// What is asked back, and from when it can leave.
    pub withdrawal: Option<(Balance, UnixTime)>,
}

/// Which of 256 nonces are spent, as the chain has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotReading {
    /// The account.
    pub account: AccountId,
    /// The token.
    pub token: Address,
    /// `nonce >> 8` of them.
    pub index: u64,
    /// The spent ones.
    pub spent: U256,
}

/// Notes what was read. See [`Ledger::note_reading`](crate::Ledger::note_reading).
pub(crate) fn note(tx: &mut Tx<'_, '_>, reading: ChainReading) -> Result<(), ChainError> {
    let ChainReading { number, hash, accounts, purses, slots, direct_nonces } = reading;
    let tip = tx.counters().tip;
    if tip.is_none_or(|tip| (tip.number, tip.hash) != (number, hash)) {
        return Err(ChainError::ReadElsewhere { number, hash, tip });
    }
    for account in accounts {
        note_account(tx, account)?;
    }
    for purse in purses {
        note_purse(tx, purse)?;
    }
    for SlotReading { account, token, index, spent } in slots {
        let key = schema::spent_slot(account, token, index);
        if is_missing(tx, account, Family::Spent, &key)? {
            accounts::put_slot(tx, account, token, index, spent);
        }
    }
    for (owner, nonce, spent) in direct_nonces {
        let key = schema::direct_nonce(owner, nonce);
        tx.put(Family::DirectSpent, key, vec![u8::from(spent)]);
    }
    undo_with(tx, number)
}

/// An account is followed from here on. All that was known of it before is forgotten.
fn note_account(tx: &mut Tx<'_, '_>, read: AccountReading) -> Result<(), LedgerError> {
    let AccountReading { account, owner, processor, verifier_set, key_hash, pending, .. } = read;
    let to_be_read = known::record(tx, account).filter(|known| known.standing.is_to_be_read());
    if to_be_read.is_none() {
        return Ok(());
    }
    let prefix = schema::account(account);
    let end = schema::after(&prefix);
    for key in tx.scan(Family::Purses, &prefix, end.as_deref())?.into_keys() {
        let (_, token): (AccountId, Address) = key_of(Family::Purses, &key)?;
        tx.purse_mut(account, token).record = PurseRecord::default();
        tx.delete(Family::Purses, key);
    }
    for key in tx.scan(Family::Spent, &prefix, end.as_deref())?.into_keys() {
        tx.delete(Family::Spent, key);
    }
    let ours = processor == tx.config.identity.processor;
    let standing = if ours { Standing::Followed } else { Standing::Left };
    let record =
        AccountRecord { owner, processor, verifier_set, key_hash, pending, standing, whole: false };
    tx.set_account(account, record);
    let key = schema::owner(owner);
    let known: Option<DirectAccountRecord> = tx.record(Family::DirectAccounts, &key)?;
    let known = known.unwrap_or_default();
    let whole = known.whole && known.account == read.direct;
    let (account, pending) = (read.direct, read.direct_pending);
    tx.put_record(Family::DirectAccounts, key, &DirectAccountRecord { account, pending, whole });
    Ok(())
}

fn note_purse(tx: &mut Tx<'_, '_>, read: PurseReading) -> Result<(), LedgerError> {
    let PurseReading { account, token, balance, withdrawal } = read;
    if is_missing(tx, account, Family::Purses, &schema::purse(account, token))? {
        let requested_at = tx.counters().next_sequence;
        let pending_withdrawal = withdrawal.map(|(amount, executable_from)| PendingWithdrawal {
            amount,
            executable_from,
            requested_at,
        });
        tx.set_purse(account, token, PurseRecord { balance, pending_withdrawal });
    }
    Ok(())
}

/// Whether something of a followed account is to be read and was not.
fn is_missing(
    tx: &Tx<'_, '_>,
    account: AccountId,
    family: Family,
    key: &[u8],
) -> Result<bool, LedgerError> {
    let to_be_read = known::followed(tx, account).is_some_and(|record| !record.whole);
    Ok(to_be_read && tx.get(family, key)?.is_none())
}

/// Has the block's undoing undo what was read at it.
fn undo_with(tx: &mut Tx<'_, '_>, block: u64) -> Result<(), ChainError> {
    let key = schema::block(block);
    // There is none where blocks are never undone.
    let Some(mut undo) = tx.record::<UndoRecord>(Family::Undo, &key)? else { return Ok(()) };
    let known: BTreeSet<(Family, Vec<u8>)> = undo.values.iter().map(|(at, _)| at.clone()).collect();
    let before = tx.before(&Family::CHAIN)?;
    undo.values.extend(before.into_iter().filter(|(at, _)| !known.contains(at)));
    tx.put_record(Family::Undo, key, &undo);
    Ok(())
}
