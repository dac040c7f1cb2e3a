//! What the wallet says of accounts: their terms, their money, their spent nonces. All of it are the
//! chain's own families; undoing a block restores their bytes.

use aep2_mandate::units::{AccountId, Nonce};
use alloy_primitives::{Address, U256};

use super::{facts::ChainFact, outcome::ChainError};
use crate::{
    accept::spent_slot,
    error::LedgerError,
    records::{
        AccountRecord, ChangeRecord, DirectAccountRecord, PendingWithdrawal, PurseRecord,
        SettledDebit,
    },
    schema::{self, Family},
    source::Source,
    tx::{Accounts, Tx},
    units::Balance,
};

/// Why a fact cannot be applied.
pub(super) enum FactError {
    Contradiction(&'static str),
    Ledger(LedgerError),
}

impl From<LedgerError> for FactError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl FactError {
    /// The error of this fact of this block.
    pub(super) fn at(self, block: u64, index: usize) -> ChainError {
        match self {
            Self::Contradiction(reason) => ChainError::Contradiction { block, index, reason },
            Self::Ledger(error) => error.into(),
        }
    }
}

/// Applies a fact of an account. Facts of settlement are none.
pub(super) fn apply(tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), FactError> {
    match fact {
        ChainFact::AccountOpened { account, owner, processor, verifier_set, key_hash } => {
            if account_record(tx, *account).is_ok() {
                return Err(FactError::Contradiction("the account was opened before"));
            }
            let record = AccountRecord {
                owner: *owner,
                processor: *processor,
                verifier_set: *verifier_set,
                key_hash: *key_hash,
                pending: None,
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
            let pending = Some(ChangeRecord {
                processor: *processor,
                verifier_set: *verifier_set,
                key_hash: *key_hash,
                in_force_from: *in_force_from,
            });
            let record = AccountRecord { pending, ..account_record(tx, *account)? };
            tx.set_account(*account, record);
        }
        ChainFact::ChangeCancelled { account } => {
            let record = AccountRecord { pending: None, ..account_record(tx, *account)? };
            tx.set_account(*account, record);
        }
        ChainFact::ChangeApplied { account, processor, verifier_set, key_hash } => {
            let record = AccountRecord {
                owner: account_record(tx, *account)?.owner,
                processor: *processor,
                verifier_set: *verifier_set,
                key_hash: *key_hash,
                pending: None,
            };
            tx.set_account(*account, record);
        }
        ChainFact::DirectAccountRequested { owner, account, in_force_from } => {
            let key = schema::owner(*owner);
            let direct: Option<DirectAccountRecord> = tx.record(Family::DirectAccounts, &key)?;
            let mut direct = direct.unwrap_or_default();
            direct.pending = Some((*account, *in_force_from));
            tx.put_record(Family::DirectAccounts, key, &direct);
        }
        ChainFact::DirectAccountSet { owner, account } => {
            let direct = DirectAccountRecord { account: *account, pending: None };
            tx.put_record(Family::DirectAccounts, schema::owner(*owner), &direct);
        }
        money => apply_money(tx, money)?,
    }
    Ok(())
}

fn apply_money(tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), FactError> {
    match fact {
        ChainFact::Deposited { account, token, amount } => {
            let mut purse = purse_record(tx, *account, *token)?;
            purse.balance = purse
                .balance
                .checked_add(*amount)
                .ok_or(FactError::Contradiction("a balance above 104 bits"))?;
            tx.set_purse(*account, *token, purse);
        }
        ChainFact::WithdrawalRequested { account, token, amount, executable_from } => {
            let pending_withdrawal = Some(PendingWithdrawal {
                amount: *amount,
                executable_from: *executable_from,
                requested_at: tx.counters().next_sequence,
            });
            let PurseRecord { balance, .. } = purse_record(tx, *account, *token)?;
            tx.set_purse(*account, *token, PurseRecord { balance, pending_withdrawal });
        }
        ChainFact::WithdrawalCancelled { account, token } => {
            let purse = purse_record(tx, *account, *token)?;
            tx.set_purse(*account, *token, PurseRecord { pending_withdrawal: None, ..purse });
        }
        ChainFact::WithdrawalExecuted { account, token, amount } => {
            take(tx, *account, *token, *amount)?;
            let purse = purse_record(tx, *account, *token)?;
            tx.set_purse(*account, *token, PurseRecord { pending_withdrawal: None, ..purse });
        }
        _ => {}
    }
    Ok(())
}

fn account_record(tx: &Tx<'_, '_>, account: AccountId) -> Result<AccountRecord, FactError> {
    let record = tx.account(account).and_then(|account| account.record.clone());
    record.ok_or(FactError::Contradiction("the account was never opened"))
}

fn purse_record(
    tx: &Tx<'_, '_>,
    account: AccountId,
    token: Address,
) -> Result<PurseRecord, FactError> {
    account_record(tx, account)?;
    Ok(tx.purse(account, token).record)
}

/// Takes money out of a purse.
pub(super) fn take(
    tx: &mut Tx<'_, '_>,
    account: AccountId,
    token: Address,
    amount: Balance,
) -> Result<(), FactError> {
    let mut purse = purse_record(tx, account, token)?;
    purse.balance = purse
        .balance
        .checked_sub(amount)
        .ok_or(FactError::Contradiction("more was taken than the balance"))?;
    tx.set_purse(account, token, purse);
    Ok(())
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
    let bits = spent_slot(tx, account, token, index)? | U256::ONE << (nonce.get() & 255);
    tx.put(
        Family::Spent,
        schema::spent_slot(account, token, index),
        bits.to_be_bytes::<32>().to_vec(),
    );
    Ok(())
}

/// Marks the nonces of a debit as spent.
pub(super) fn spend_word(
    tx: &mut Tx<'_, '_>,
    token: Address,
    debit: &SettledDebit,
) -> Result<(), FactError> {
    if debit.word >> 57 != 0 {
        return Err(FactError::Contradiction("a nonce word above 57 bits"));
    }
    let index = debit.word >> 1;
    let bits = U256::from(debit.mask) << ((debit.word & 1) << 7);
    let before = spent_slot(tx, debit.account, token, index)?;
    if before & bits != U256::ZERO {
        return Err(FactError::Contradiction("a nonce was spent twice"));
    }
    let key = schema::spent_slot(debit.account, token, index);
    tx.put(Family::Spent, key, (before | bits).to_be_bytes::<32>().to_vec());
    Ok(())
}

/// The nonces that a debit spends.
pub(super) fn nonces(debit: &SettledDebit) -> impl Iterator<Item = Nonce> {
    let (word, mask) = (debit.word, debit.mask);
    (0..128u64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| Nonce::new(word << 7 | bit))
}
