//! Whose direct mandates debit which account, and what is known of owners' nonces.
//!
//! The wallet's events name direct mandates, not their nonces, and the nonces are the owner's, whatever
//! account they debit. So what other processors spent does not show in the events of this one's
//! accounts. An owner is *whole* when no other processor can have spent any: the first account that
//! their mandates debited, and every later one, was this processor's. Of another owner each nonce is
//! read from the chain before a mandate with it is accepted.

use aep2_mandate::units::AccountId;
use alloy_primitives::Address;

use super::{facts::ChainFact, known};
use crate::{
    error::LedgerError,
    records::{DirectAccountRecord, Standing},
    schema::{self, Family},
    source::Source,
    tx::Tx,
};

/// Applies a fact of an owner's direct account. Owners are of no concern who never had one of this
/// processor's accounts there.
pub(super) fn apply(tx: &mut Tx<'_, '_>, fact: &ChainFact) -> Result<(), LedgerError> {
    match *fact {
        ChainFact::DirectAccountRequested { owner, account, in_force_from } => {
            let known = of(tx, owner)?;
            if known.is_none() && !account.is_some_and(|account| is_own(tx, account)) {
                return Ok(());
            }
            let pending = Some((account, in_force_from));
            let record = DirectAccountRecord { pending, ..known.unwrap_or_default() };
            tx.put_record(Family::DirectAccounts, schema::owner(owner), &record);
        }
        ChainFact::DirectAccountSet { owner, account, first } => {
            let known = of(tx, owner)?;
            let own = account.is_some_and(|account| is_own(tx, account));
            if known.is_none() && !own {
                return Ok(());
            }
            let was_whole = known.is_some_and(|known| known.whole);
            let debits_no_other = account.is_none() || own;
            let whole = own && first || was_whole && debits_no_other;
            if !debits_no_other {
                forget_nonces(tx, owner)?;
            }
            if let Some(account) = account.filter(|_| own) {
                known::learn_owner(tx, account, owner);
            }
            let record = DirectAccountRecord { account, pending: None, whole };
            tx.put_record(Family::DirectAccounts, schema::owner(owner), &record);
        }
        _ => {}
    }
    Ok(())
}

/// The owner's direct account, as far as it is known.
pub(super) fn of(
    tx: &Tx<'_, '_>,
    owner: Address,
) -> Result<Option<DirectAccountRecord>, LedgerError> {
    tx.record(Family::DirectAccounts, &schema::owner(owner))
}

/// An account went to another processor. If its owner's direct mandates debit it, that one can spend
/// their nonces from now on.
pub(super) fn account_left(
    tx: &mut Tx<'_, '_>,
    owner: Address,
    account: AccountId,
) -> Result<(), LedgerError> {
    match of(tx, owner)? {
        Some(record) if record.account == Some(account) => forget(tx, owner),
        _ => Ok(()),
    }
}

/// Nothing that is known of an owner's nonces counts any more.
pub(super) fn forget(tx: &mut Tx<'_, '_>, owner: Address) -> Result<(), LedgerError> {
    if let Some(record) = of(tx, owner)? {
        let record = DirectAccountRecord { whole: false, ..record };
        tx.put_record(Family::DirectAccounts, schema::owner(owner), &record);
    }
    forget_nonces(tx, owner)
}

fn forget_nonces(tx: &mut Tx<'_, '_>, owner: Address) -> Result<(), LedgerError> {
    let prefix = schema::owner(owner);
    let read = tx.scan(Family::DirectSpent, &prefix, schema::after(&prefix).as_deref())?;
    read.into_keys().for_each(|key| tx.delete(Family::DirectSpent, key));
    Ok(())
}

/// Whether an account names this processor.
fn is_own(tx: &Tx<'_, '_>, account: AccountId) -> bool {
    known::record(tx, account).is_some_and(|record| record.standing != Standing::Left)
}
