//! Why a mandate is not accepted.

use aep2_mandate::units::{AccountId, UnixTime};
use alloy_primitives::{Address, B256};
use thiserror::Error;

use crate::{
    chain::Unread,
    records::{GateReason, GateScope},
    units::{Balance, MandateHash},
};

/// Why a mandate is not accepted. In the order in which they are checked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Requests for money or changes may have come that are not known yet.
    #[error(
        "the view of the chain is too old: {}, and it is {now}",
        block_time.map_or("no block was applied".into(), |time| format!("its last block is of {time}"))
    )]
    ViewTooOld {
        /// The time of the last block applied, if any was.
        block_time: Option<UnixTime>,
        /// The time now.
        now: UnixTime,
    },
    /// The account was never opened.
    #[error("account {account} is not known")]
    UnknownAccount {
        /// The account.
        account: AccountId,
    },
    /// The owner marked no account for the direct path.
    #[error("{owner} has no account for direct mandates")]
    NoDirectAccount {
        /// The owner.
        owner: Address,
    },
    /// Only the processor that the account names can debit it.
    #[error("account {account} has chosen the processor {processor}")]
    OtherProcessor {
        /// The account.
        account: AccountId,
        /// Its processor.
        processor: Address,
    },
    /// The operator, the owner, compliance or the chain closed the gate.
    #[error("nothing is accepted {scope}: {}", reason.name())]
    Closed {
        /// For what it is closed.
        scope: GateScope,
        /// Why.
        reason: GateReason,
    },
    /// No batch of this processor's could debit it.
    #[error(
        "account {account} trusts the verifiers {verifier_set}, which this processor does not have"
    )]
    OtherVerifiers {
        /// The account.
        account: AccountId,
        /// The name of the verifiers that it trusts.
        verifier_set: B256,
    },
    /// It came over from another processor, or was contradicted, and what the chain has of it is not
    /// all read.
    #[error("account {account} is being read from the chain")]
    BeingRead {
        /// The account.
        account: AccountId,
        /// What is missing, unless that is the account itself.
        unread: Option<Unread>,
    },
    /// Another key than the one registered signed, or none is registered.
    #[error("the mandate's key is not that of account {account}")]
    OtherKey {
        /// The account.
        account: AccountId,
    },
    /// It cannot be settled any more.
    #[error("the nonce is spent on chain")]
    NonceSpent,
    /// A nonce has one mandate.
    #[error("the nonce was used for another mandate, {mandate}")]
    NonceConflict {
        /// The mandate accepted with it.
        mandate: MandateHash,
    },
    /// The promise would be broken at once.
    #[error("it was to be settled by {settle_by}, and it is {now}")]
    SettleByPassed {
        /// When it was to be settled.
        settle_by: UnixTime,
        /// The time now.
        now: UnixTime,
    },
    /// It may expire before it is settled.
    #[error("the deadline {deadline} lies before {settle_by}, by when it could be settled")]
    DeadlineTooNear {
        /// The mandate's deadline.
        deadline: UnixTime,
        /// By when it could be settled.
        settle_by: UnixTime,
    },
    /// It would be held so long that it could not be settled in time.
    #[error(
        "it is to settle after {not_before}, and must not be held after {latest} to be settled by {settle_by}"
    )]
    NotBeforeTooLate {
        /// When it may be sealed at the earliest.
        not_before: UnixTime,
        /// When a hold must have ended.
        latest: UnixTime,
        /// By when it would be settled.
        settle_by: UnixTime,
    },
    /// Another key or processor may be in force when it is settled.
    #[error(
        "a change of the account may be in force from {in_force_from}, too soon after {settle_by}"
    )]
    ChangePending {
        /// From when the change may be in force.
        in_force_from: UnixTime,
        /// By when the mandate would be settled.
        settle_by: UnixTime,
    },
    /// Balance, less the pending withdrawal, less what is reserved, is below the amount.
    #[error("{free} is free of what the mandate may capture")]
    InsufficientFunds {
        /// What is free, in base units.
        free: Balance,
    },
}
