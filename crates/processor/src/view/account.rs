//! An account, as it is shown. Never with a "last id": whoever chains to an id that a server names
//! signs what the server likes.

use aep2_ledger::{AccountView, Balance};
use aep2_mandate::units::{AccountId, UnixTime};
use alloy::primitives::{Address, B256};
use serde::Serialize;

use crate::json;

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    #[serde(serialize_with = "json::address")]
    pub owner: Address,
    /// Who may debit it.
    #[serde(serialize_with = "json::address")]
    pub processor: Address,
    /// By which verifiers.
    pub verifier_set: B256,
    /// The hash of its mandate key; 0 for none.
    pub key_hash: B256,
    /// Whether mandates of it are accepted here: the processor and the verifiers are this one's, and
    /// there is a key.
    pub served: bool,
    /// From when other terms may be in force, as far as is known; nothing when none were asked for.
    pub changes_from: Option<UnixTime>,
    /// What was asked for, once its block is applied.
    pub pending_change: Option<PendingChange>,
    /// What it holds, by token.
    pub purses: Vec<PurseStatus>,
}

/// Terms that were asked for and are not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// Who is to debit the account.
    #[serde(serialize_with = "json::address")]
    pub processor: Address,
    /// By which verifiers.
    pub verifier_set: B256,
    /// With which key; 0 for none.
    pub key_hash: B256,
    /// From when it may be applied, by anyone.
    pub in_force_from: UnixTime,
}

/// What an account holds of a token, in base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurseStatus {
    /// The token.
    #[serde(serialize_with = "json::address")]
    pub token: Address,
    /// All of it, the pending withdrawal included.
    #[serde(serialize_with = "json::balance")]
    pub balance: Balance,
    /// The pending withdrawal, as far as is known; 0 when there is none.
    #[serde(serialize_with = "json::balance")]
    pub pending_withdrawal: Balance,
    /// From when that may be withdrawn, once the request's block is applied.
    pub withdrawable_from: Option<UnixTime>,
    /// What can be debited: the balance, less the pending withdrawal.
    #[serde(serialize_with = "json::balance")]
    pub debitable: Balance,
    /// What live mandates pay together.
    #[serde(serialize_with = "json::balance")]
    pub reserved: Balance,
    /// What is left for new mandates.
    #[serde(serialize_with = "json::balance")]
    pub free: Balance,
}

pub(crate) fn status(
    account: AccountId,
    view: AccountView,
    is_served: impl FnOnce(Address, B256) -> bool,
) -> AccountStatus {
    let AccountView { record, changes_from, purses } = view;
    AccountStatus {
        account,
        owner: record.owner,
        processor: record.processor,
        verifier_set: record.verifier_set,
        key_hash: record.key_hash,
        served: record.key_hash != B256::ZERO && is_served(record.processor, record.verifier_set),
        changes_from,
        pending_change: record.pending.map(|change| PendingChange {
            processor: change.processor,
            verifier_set: change.verifier_set,
            key_hash: change.key_hash,
            in_force_from: change.in_force_from,
        }),
        purses: purses
            .into_iter()
            .map(|(token, purse)| {
                let balance = purse.record.balance;
                let pending_withdrawal = purse.record.leaving.max(purse.sighted_leaving);
                PurseStatus {
                    token,
                    balance,
                    pending_withdrawal,
                    withdrawable_from: purse.record.leaves_from,
                    debitable: balance.saturating_sub(pending_withdrawal),
                    reserved: purse.reserved,
                    free: purse.free,
                }
            })
            .collect(),
    }
}
