//! What the wallet says of accounts: their terms, their money, their spent nonces. All of it are the
//! chain's own families; undoing a block restores their bytes.
//!
//! Only accounts that name this processor are followed. Of another account nothing is looked at but
//! whether it comes over; then it is unread, and what is said of it changes nothing until it is
//! [read](super::reading).

use aep2_mandate::units::{AccountId, Nonce};
use alloy_primitives::{Address, B256, U256};

use super::{
    direct,
    facts::ChainFact,
    known::{followed, record},
};
use crate::{
    accept::spent_slot,
    error::LedgerError,
    records::{
        AccountRecord, ChangeRecord, PendingWithdrawal, PurseRecord, SettledDebit, Standing,
    },
    schema::{self, Family},
    source::Source,
    tx::{Accounts, Tx},
    units::Balance,
};

/// Why a fact cannot be applied.
pub(super) enum FactError {
    /// It contradicts what is known of an account.
    Contradiction(AccountId, &'static str),
    Ledger(LedgerError),
}

impl From<LedgerError> for FactError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

/// Applies a fact of an account. Facts of settlement are none.
pub(super) fn apply(tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), FactError> {
    match fact {
        ChainFact::AccountOpened { account, owner, processor, verifier_set, key_hash } => {
            if *processor != tx.config.identity.processor {
                return Ok(());
            }
            if record(tx, *account).is_some() {
                let reason = "the account was opened before";
                return Err(FactError::Contradiction(*account, reason));
            }
            let record = AccountRecord {
                owner: *owner,
                processor: *processor,
                verifier_set: *verifier_set,
                key_hash: *key_hash,
                pending: None,
                standing: Standing::Followed,
                whole: true,
            };
            tx.set_account(*account, record);
        }
        ChainFact::ChangeRequested {
            account,
            processor,
            verifier_set,
            key_hash,
            in_force_from,
        } => {
            if let Some(record) = followed(tx, *account) {
                let pending = Some(ChangeRecord {
                    processor: *processor,
                    verifier_set: *verifier_set,
                    key_hash: *key_hash,
                    in_force_from: *in_force_from,
                });
                tx.set_account(*account, AccountRecord { pending, ..record });
            }
        }
        ChainFact::ChangeCancelled { account } => {
            if let Some(record) = followed(tx, *account) {
                tx.set_account(*account, AccountRecord { pending: None, ..record });
            }
        }
        ChainFact::ChangeApplied { account, processor, verifier_set, key_hash } => {
            let terms = (*processor, *verifier_set, *key_hash);
            change(tx, *account, terms)?;
        }
        ChainFact::DirectAccountRequested { .. } | ChainFact::DirectAccountSet { .. } => {
            direct::apply(tx, fact)?;
        }
        ChainFact::Nonsense { account, .. } if followed(tx, *account).is_some() => {
            return Err(FactError::Contradiction(*account, "an event that makes no sense"));
        }
        money => apply_money(tx, money)?,
    }
    Ok(())
}

/// Other terms are in force. Whoever comes over is unread, and who leaves is not followed any more.
fn change(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    (processor, verifier_set, key_hash): (Address, B256, B256),
) -> Result<(), LedgerError> {
    let stays = processor == tx.config.identity.processor;
    let before = record(tx, account);
    let (owner, standing, whole) = match before {
        None if !stays => return Ok(()),
        None => (Address::ZERO, Standing::Unread, false),
        Some(before) => match (before.standing, stays) {
            (Standing::Left, true) => (before.owner, Standing::Unread, false),
            (standing, true) => (before.owner, standing, before.whole),
            (_, false) => (before.owner, Standing::Left, false),
        },
    };
    if standing == Standing::Left {
        direct::account_left(tx, owner, account)?;
    }
    let record =
        AccountRecord { owner, processor, verifier_set, key_hash, pending: None, standing, whole };
    tx.set_account(account, record);
    Ok(())
}

fn apply_money(tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), FactError> {
    match fact {
        ChainFact::Deposited { account, token, amount } => {
            let Some(mut purse) = purse(tx, *account, *token)? else { return Ok(()) };
            let above = FactError::Contradiction(*account, "a balance above 104 bits");
            purse.balance = purse.balance.checked_add(*amount).ok_or(above)?;
            tx.set_purse(*account, *token, purse);
        }
        ChainFact::WithdrawalRequested { account, token, amount, executable_from } => {
            let Some(purse) = purse(tx, *account, *token)? else { return Ok(()) };
            let pending_withdrawal = Some(PendingWithdrawal {
                amount: *amount,
                executable_from: *executable_from,
                requested_at: tx.counters().next_sequence,
            });
            tx.set_purse(*account, *token, PurseRecord { pending_withdrawal, ..purse });
        }
        ChainFact::WithdrawalCancelled { account, token } => {
            let Some(purse) = purse(tx, *account, *token)? else { return Ok(()) };
            tx.set_purse(*account, *token, PurseRecord { pending_withdrawal: None, ..purse });
        }
        ChainFact::WithdrawalExecuted { account, token, amount } => {
            take(tx, *account, *token, *amount)?;
            let Some(purse) = purse(tx, *account, *token)? else { return Ok(()) };
            tx.set_purse(*account, *token, PurseRecord { pending_withdrawal: None, ..purse });
        }
        _ => {}
    }
    Ok(())
}

/// What the chain has of a purse, if its account is followed and it was read.
fn purse(
    tx: &Tx<'_, '_>,
    account: AccountId,
    token: Address,
) -> Result<Option<PurseRecord>, LedgerError> {
    let Some(record) = followed(tx, account) else { return Ok(None) };
    let known = record.whole || tx.get(Family::Purses, &schema::purse(account, token))?.is_some();
    Ok(known.then(|| tx.purse(account, token).record))
}

/// Takes money out of a purse.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    amount: Balance,
) -> Result<(), FactError> {
    let Some(mut purse) = purse(tx, account, token)? else { return Ok(()) };
    let more = FactError::Contradiction(account, "more was taken than the balance");
    purse.balance = purse.balance.checked_sub(amount).ok_or(more)?;
    tx.set_purse(account, token, purse);
    Ok(())
}

/// The 256 bits of the wallet's bitmap at `index`, if they are known.
fn slot(
    tx: &Tx<'_, '_>,
    account: AccountId,
    token: Address,
    index: u64,
) -> Result<Option<U256>, LedgerError> {
    let Some(record) = followed(tx, account) else { return Ok(None) };
    let key = schema::spent_slot(account, token, index);
    let known = record.whole || tx.get(Family::Spent, &key)?.is_some();
    if known { spent_slot(tx, account, token, index).map(Some) } else { Ok(None) }
}

/// Marks a nonce as spent that a claim burnt. It may be burnt already: whoever signs two receipts for
/// one nonce pays both.
pub(super) fn burn(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    nonce: Nonce,
) -> Result<(), LedgerError> {
    let index = nonce.get() >> 8;
    if let Some(bits) = slot(tx, account, token, index)? {
        put_slot(tx, account, token, index, bits | U256::ONE << (nonce.get() & 255));
    }
    Ok(())
}

/// Marks the nonces of a debit as spent.
pub(super) fn spend_word(
    tx: &mut Tx<'_, '_>,
    token: Address,
    debit: &SettledDebit,
) -> Result<(), FactError> {
    let contradiction = |reason| FactError::Contradiction(debit.account, reason);
    if debit.word >> 57 != 0 {
        return Err(contradiction("a nonce word above 57 bits"));
    }
    let index = debit.word >> 1;
    let bits = U256::from(debit.mask) << ((debit.word & 1) << 7);
    let Some(before) = slot(tx, debit.account, token, index)? else { return Ok(()) };
    if before & bits != U256::ZERO {
        return Err(contradiction("a nonce was spent twice"));
    }
    put_slot(tx, debit.account, token, index, before | bits);
    Ok(())
}

/// Sets 256 bits of the wallet's bitmap.
pub(super) fn put_slot(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    index: u64,
    bits: U256,
) {
    let key = schema::spent_slot(account, token, index);
    tx.put(Family::Spent, key, bits.to_be_bytes::<32>().to_vec());
}

/// The nonces that a debit spends.
pub(super) fn nonces(debit: &SettledDebit) -> impl Iterator<Item = Nonce> {
    let (word, mask) = (debit.word, debit.mask);
    (0..128u64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| Nonce::new(word << 7 | bit))
}
