//! Why a payment is not accepted: what is told, and what is for the records.

use thiserror::Error;

use crate::{subject::Subject, verdict::Reason};

/// Why a payment is not accepted. Whoever reads it is told no more: not who was found, nor why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// Somebody in it is not served.
    #[error("this processor does not serve this payment")]
    Refused,
    /// Nothing is decided yet.
    #[error(
        "whether this payment is served is being looked at: send the same again in {retry_after_s} s"
    )]
    Pending {
        /// When it is worth another try, in seconds.
        retry_after_s: u64,
    },
    /// Something has to be handed in first.
    #[error("{0}")]
    Missing(String),
}

/// Why a payment is not accepted, with what is for the records alone.
pub(crate) enum TurnedDown {
    /// Somebody in it is denied.
    Denied {
        /// Who.
        subject: Subject,
        /// Why.
        reason: Reason,
    },
    /// Nothing is decided yet.
    Pending {
        /// When it is worth another try, in seconds.
        retry_after_s: u64,
    },
    /// Something has to be handed in first: what, and where.
    Missing(String),
}

impl From<TurnedDown> for NotAdmitted {
    fn from(turned_down: TurnedDown) -> Self {
        match turned_down {
            TurnedDown::Denied { .. } => Self::Refused,
            TurnedDown::Pending { retry_after_s } => Self::Pending { retry_after_s },
            TurnedDown::Missing(what) => Self::Missing(what),
        }
    }
}
