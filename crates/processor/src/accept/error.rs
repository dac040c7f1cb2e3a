//! Why a mandate is not accepted.

use aep2_ledger::{self as ledger, Balance, GateReason, GateScope, LedgerError, Refusal};
use aep2_mandate::{
    payee::LostPayee,
    units::{AccountId, Ceiling, UnixTime},
};
use alloy::primitives::{Address, B256, U256};
use thiserror::Error;

use crate::{
    capacity::OverCapacity,
    codes::{code_of, code_of_gate},
    intake::{TurnedAway, Unanswered},
    policy::{PolicyRefusal, RefusalKind},
};

/// Why a mandate is not accepted, in the order of the checks: where several apply, the first is the
/// answer. [`code`](Self::code) is stable.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The processor is shutting down.
    #[error("the processor is stopping: send the mandate again in a moment")]
    Stopping,
    /// More requests wait than may.
    #[error("{waiting_max} requests are being served already: try again in a moment")]
    Busy {
        /// The most that may wait.
        waiting_max: usize,
    },
    /// The operator does not take the token.
    #[error("the token {token} is not accepted here")]
    UnsupportedToken {
        /// The mandate's token.
        token: Address,
    },
    /// Nobody could take the money out.
    #[error(transparent)]
    LostPayee(#[from] LostPayee),
    /// What was said of what it pays for is not what its payer signed.
    #[error("the mandate's ref is not the hash of these terms")]
    OtherTerms,
    /// It could be disputed for longer than this processor holds mandates.
    #[error(
        "the terms give {asked_s} seconds to dispute and to decide, and this processor holds mandates for \
         {seconds_max} at most"
    )]
    DisputesTooLong {
        /// What the terms ask for, in seconds.
        asked_s: u64,
        /// The most, in seconds. 0: disputes are not served here.
        seconds_max: u64,
    },
    /// Settling it would cost more than it is worth.
    #[error("the amount {amount} is below the least that is accepted, {least}")]
    AmountTooSmall {
        /// The mandate's amount.
        amount: U256,
        /// The least for its token.
        least: Ceiling,
    },
    /// The deadline has passed.
    #[error("the mandate expired at {deadline}, and it is {now}")]
    Expired {
        /// The mandate's deadline.
        deadline: U256,
        /// The time now.
        now: UnixTime,
    },
    /// It may expire before it is settled.
    #[error(
        "the deadline {deadline} is too near: settling may take until {settle_by}; sign one that is \
         later"
    )]
    DeadlineTooNear {
        /// The mandate's deadline.
        deadline: U256,
        /// By when it could be settled.
        settle_by: UnixTime,
    },
    /// The chain was not seen for too long.
    #[error("the chain was not seen for too long to accept anything: try again later")]
    ViewTooOld,
    /// The chain's clock is not this machine's: a promise could be broken when it is given.
    #[error("the chain is {ahead_s} seconds ahead of the clock here: try again later")]
    ClocksDiffer {
        /// By how much.
        ahead_s: u64,
    },
    /// No account of this number names this processor or ever did, as far as is known.
    #[error(
        "account {account} is not known: it names another processor, or was opened so recently that it \
         waits for confirmations"
    )]
    UnknownAccount {
        /// The account.
        account: AccountId,
    },
    /// The owner marked no account for the direct path.
    #[error("{owner} has no account that direct mandates debit")]
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
    /// Nothing is accepted of this, for now or for good. Why in particular is not said.
    #[error("{}", told(*.scope, *.reason))]
    Closed {
        /// For what.
        scope: GateScope,
        /// Why.
        reason: GateReason,
    },
    /// It came over from another processor, or was contradicted, and the chain is being asked for what it
    /// has and which of its nonces are spent.
    #[error("account {account} is being read from the chain: send the mandate again in a moment")]
    BeingRead {
        /// The account.
        account: AccountId,
    },
    /// No batch of this processor's could debit the account.
    #[error(
        "account {account} trusts the verifiers {verifier_set}, by which this processor does not settle"
    )]
    OtherVerifiers {
        /// The account.
        account: AccountId,
        /// The name of the verifiers that it trusts.
        verifier_set: B256,
    },
    /// Another key than the one registered, or none is registered.
    #[error("the key is not the one that account {account} has registered")]
    OtherKey {
        /// The account.
        account: AccountId,
    },
    /// It cannot be settled any more.
    #[error("the nonce is spent on chain: sign with another")]
    NonceSpent,
    /// A nonce has one mandate. Which one is not said: the signature was not looked at.
    #[error("the nonce was used for another mandate: sign with another nonce")]
    NonceConflict,
    /// Another key or processor may be in force when it would be settled.
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
    #[error("{free} base units are free on the account, less than the amount: deposit, or wait")]
    InsufficientFunds {
        /// What is free.
        free: Balance,
    },
    /// More waits to be settled than could be settled in time with this.
    #[error("too much waits to be settled to promise more: try again in {retry_after_s} seconds")]
    OverCapacity {
        /// When it is worth another try, in seconds.
        retry_after_s: u64,
    },
    /// The signature does not hold.
    #[error("the signature does not hold: {reason}")]
    BadSignature {
        /// Why.
        reason: String,
    },
    /// A policy of the operator's refuses it.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// The ledger could not take it. No receipt exists.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A defect of this software or of its surroundings. No receipt exists.
    #[error("the mandate could not be accepted: {0}")]
    Internal(String),
}

impl AcceptError {
    /// When it is worth another try, in seconds, where that is known.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::OverCapacity { retry_after_s }
            | Self::Policy(PolicyRefusal {
                kind: RefusalKind::Pending { retry_after_s }, ..
            }) => Some(*retry_after_s),
            _ => None,
        }
    }

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopping | Self::ViewTooOld | Self::ClocksDiffer { .. } => "not_ready",
            Self::Busy { .. } => "too_many_requests",
            Self::UnsupportedToken { .. } => "unsupported_token",
            Self::LostPayee(_) => "lost_payee",
            Self::OtherTerms => "other_terms",
            Self::DisputesTooLong { .. } => "disputes_too_long",
            Self::AmountTooSmall { .. } => "amount_too_small",
            Self::Expired { .. } => "expired",
            Self::DeadlineTooNear { .. } => "deadline_too_near",
            Self::UnknownAccount { .. } | Self::NoDirectAccount { .. } => "unknown_account",
            Self::OtherProcessor { .. } => "other_processor",
            Self::Closed { reason, .. } => code_of_gate(*reason),
            Self::BeingRead { .. } => "account_being_read",
            Self::OtherVerifiers { .. } => "other_verifiers",
            Self::OtherKey { .. } => "unknown_key",
            Self::NonceSpent => "nonce_spent",
            Self::NonceConflict => "nonce_conflict",
            Self::ChangePending { .. } => "change_pending",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::OverCapacity { .. } => "over_capacity",
            Self::BadSignature { .. } => "bad_signature",
            Self::Policy(PolicyRefusal { kind, .. }) => match kind {
                RefusalKind::Limit => "limit_exceeded",
                RefusalKind::Refused => "policy_refused",
                RefusalKind::Pending { .. } => "compliance_pending",
                RefusalKind::Missing => "travel_rule_required",
            },
            Self::Ledger(error) => code_of(error),
            Self::Internal(_) => "internal",
        }
    }
}

/// What the one who is refused is told of a closed gate. Of whom compliance denied, not even that.
fn told(scope: GateScope, reason: GateReason) -> String {
    let why = match reason {
        GateReason::Paused => "it is paused, try again later",
        GateReason::Restored => "it was restored from a backup, try again later",
        GateReason::Frozen | GateReason::Unauthorized => "its owner froze it",
        GateReason::Denied => return "this processor does not serve this payment".to_owned(),
    };
    format!("nothing is accepted {scope}: {why}")
}

impl From<OverCapacity> for AcceptError {
    fn from(OverCapacity { retry_after_s }: OverCapacity) -> Self {
        Self::OverCapacity { retry_after_s }
    }
}

impl From<Refusal> for AcceptError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ViewTooOld { .. } => Self::ViewTooOld,
            Refusal::UnknownAccount { account } => Self::UnknownAccount { account },
            Refusal::NoDirectAccount { owner } => Self::NoDirectAccount { owner },
            Refusal::OtherProcessor { account, processor } => {
                Self::OtherProcessor { account, processor }
            }
            Refusal::BeingRead { account, .. } => Self::BeingRead { account },
            Refusal::OtherVerifiers { account, verifier_set } => {
                Self::OtherVerifiers { account, verifier_set }
            }
            Refusal::OtherKey { account } => Self::OtherKey { account },
            Refusal::NonceSpent => Self::NonceSpent,
            Refusal::NonceConflict { .. } => Self::NonceConflict,
            Refusal::Closed { scope, reason } => Self::Closed { scope, reason },
            // It was some time ahead a moment ago, and the time to dispute ends before it.
            Refusal::SettleByPassed { .. } | Refusal::NotBeforeTooLate { .. } => {
                Self::Internal(refusal.to_string())
            }
            Refusal::DeadlineTooNear { deadline, settle_by } => {
                Self::DeadlineTooNear { deadline: U256::from(deadline.get()), settle_by }
            }
            Refusal::ChangePending { in_force_from, settle_by } => {
                Self::ChangePending { in_force_from, settle_by }
            }
            Refusal::InsufficientFunds { free } => Self::InsufficientFunds { free },
        }
    }
}

impl From<ledger::AcceptError> for AcceptError {
    fn from(error: ledger::AcceptError) -> Self {
        match error {
            ledger::AcceptError::Refused(refusal) => refusal.into(),
            ledger::AcceptError::Ledger(error) => Self::Ledger(error),
        }
    }
}

impl From<LedgerError> for AcceptError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<TurnedAway> for AcceptError {
    fn from(away: TurnedAway) -> Self {
        match away {
            TurnedAway::Stopping => Self::Stopping,
            TurnedAway::Busy { waiting_max } => Self::Busy { waiting_max },
        }
    }
}

impl From<Unanswered> for AcceptError {
    fn from(_: Unanswered) -> Self {
        Self::Internal(Unanswered::MESSAGE.to_owned())
    }
}
