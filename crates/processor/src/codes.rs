//! The ledger's errors and reasons, as others see them: codes and messages.

use aep2_ledger::{FailureReason, GateReason, JournalError, LedgerError};

/// The code of what is wrong with the ledger itself.
pub(crate) fn code_of(error: &LedgerError) -> &'static str {
    match error {
        LedgerError::Journal(JournalError::Busy { .. }) => "too_many_requests",
        // The ledger takes nothing more until it is opened again.
        LedgerError::Journal(JournalError::Failed { .. } | JournalError::Closed) => "not_ready",
        _ => "internal",
    }
}

/// The code of what is not accepted because the gate is closed.
pub(crate) fn code_of_gate(reason: GateReason) -> &'static str {
    match reason {
        GateReason::Paused | GateReason::Restored => "paused",
        GateReason::Frozen | GateReason::Unauthorized => "frozen",
        GateReason::Denied => "policy_refused",
    }
}

/// Why a mandate failed, for people.
pub(crate) fn message_of(reason: &FailureReason) -> String {
    match reason {
        FailureReason::Expired => "it was not settled before its deadline".to_owned(),
        FailureReason::GuaranteeClaimed { block } => {
            format!("its payee was paid from the bond in block {block}")
        }
        FailureReason::SpentElsewhere { block } => {
            format!("its nonce was spent by something else in block {block}")
        }
        FailureReason::GivenUp { reason } => format!("the processor gave it up: {reason}"),
    }
}
