//! An account, as it is shown. Never with a "last id": whoever chains to an id that a server names
//! signs what the server likes.

use aep2_ledger::{AccountView, Balance, records::Standing};
use aep2_mandate::{
    openapi,
    units::{AccountId, UnixTime},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use crate::json;

/// What is known of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub owner: Address,
    /// Who may debit it.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub processor: Address,
    /// By which verifiers.
    #[schema(value_type = openapi::Bytes32)]
    pub verifier_set: B256,
    /// The hash of its mandate key; 0 for none.
    #[schema(value_type = openapi::Bytes32)]
    pub key_hash: B256,
    /// Whether mandates of it are accepted here: the processor and the verifiers are this one's, there
    /// is a key, and it need not be read first.
    pub served: bool,
    /// Whether it came over from another processor, or was contradicted by the chain, and is to be read
    /// before anything is accepted. Until then its owner may be shown as 0, and no purses are.
    pub being_read: bool,
    /// From when other terms may be in force, as far as is known; nothing when none were asked for.
    pub changes_from: Option<UnixTime>,
    /// What was asked for, once its block is applied.
    pub pending_change: Option<PendingChange>,
    /// What it holds, by token, as far as this processor follows it: of an account that came over,
    /// those that were asked for; none of one that names another processor.
    pub purses: Vec<PurseStatus>,
}

/// Terms that were asked for and are not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// Who is to debit the account.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub processor: Address,
    /// By which verifiers.
    #[schema(value_type = openapi::Bytes32)]
    pub verifier_set: B256,
    /// With which key; 0 for none.
    #[schema(value_type = openapi::Bytes32)]
    pub key_hash: B256,
    /// From when it may be applied, by anyone.
    pub in_force_from: UnixTime,
}

/// What an account holds of a token, in base units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PurseStatus {
    /// The token.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub token: Address,
    /// All of it, the pending withdrawal included.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub balance: Balance,
    /// What is to be withdrawn, as far as is known.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub pending_withdrawal: Balance,
    /// From when that may be executed, once the request's block is applied.
    pub withdrawal_executable_from: Option<UnixTime>,
    /// What can be debited: the balance, less the pending withdrawal.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub debitable: Balance,
    /// What live mandates pay together.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub reserved: Balance,
    /// What is left for new mandates.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub free: Balance,
}

pub(crate) fn status(
    account: AccountId,
    view: AccountView,
    is_served: impl FnOnce(Address, B256) -> bool,
) -> AccountStatus {
    let AccountView { record, changes_from, purses } = view;
    let being_read = record.standing.is_to_be_read();
    let is_followed = record.standing == Standing::Followed;
    AccountStatus {
        account,
        owner: record.owner,
        processor: record.processor,
        verifier_set: record.verifier_set,
        key_hash: record.key_hash,
        served: is_followed
            && record.key_hash != B256::ZERO
            && is_served(record.processor, record.verifier_set),
        being_read,
        changes_from,
        pending_change: record.pending.map(|change| PendingChange {
            processor: change.processor,
            verifier_set: change.verifier_set,
            key_hash: change.key_hash,
            in_force_from: change.in_force_from,
        }),
        purses: purses
            .into_iter()
            .filter(|_| is_followed)
            .map(|(token, purse)| {
                let balance = purse.record.balance;
                let pending_withdrawal =
                    purse.record.withdrawing().max(purse.unconfirmed_withdrawal);
                PurseStatus {
                    token,
                    balance,
                    pending_withdrawal,
                    withdrawal_executable_from: purse
                        .record
                        .pending_withdrawal
                        .map(|withdrawal| withdrawal.executable_from),
                    debitable: balance.saturating_sub(pending_withdrawal),
                    reserved: purse.reserved,
                    free: purse.free,
                }
            })
            .collect(),
    }
}
