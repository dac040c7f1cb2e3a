//! What is known of an account.

use aep2_mandate::units::AccountId;
use alloy_primitives::Address;

use crate::{
    records::{AccountRecord, Standing},
    tx::{Accounts, Tx},
};

/// What is known of an account, if anything is.
pub(super) fn record(tx: &Tx<'_, '_>, account: AccountId) -> Option<AccountRecord> {
    tx.account(account).and_then(|account| account.record.clone())
}

/// What the chain has of an account, if it is followed.
pub(super) fn followed(tx: &Tx<'_, '_>, account: AccountId) -> Option<AccountRecord> {
    record(tx, account).filter(|record| record.standing == Standing::Followed)
}

/// Notes whose account it is, which only its owner can have shown.
pub(super) fn learn_owner(tx: &mut Tx<'_, '_>, account: AccountId, owner: Address) {
    if let Some(record) = record(tx, account).filter(|record| record.owner == Address::ZERO) {
        tx.set_account(account, AccountRecord { owner, ..record });
    }
}
