//! What is made of all answers about a subject.

use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};

use crate::verdict::Reason;

/// What counts of a subject, the mildest first. Where several apply the strictest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It is served.
    Clear,
    /// It is not decided yet: somebody did not answer.
    Pending {
        /// Why.
        reason: Reason,
    },
    /// It is not decided yet: an officer has to.
    Review {
        /// Why.
        reason: Reason,
    },
    /// It is not served.
    Denied {
        /// Why.
        reason: Reason,
    },
}

impl Decision {
    /// The decision's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Pending { .. } => "pending",
            Self::Review { .. } => "review",
            Self::Denied { .. } => "denied",
        }
    }

    /// Why.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Clear => Reason::Compliant,
            Self::Pending { reason } | Self::Review { reason } | Self::Denied { reason } => reason,
        }
    }

    /// Whether it is decided that the subject is not served.
    pub const fn is_denied(self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

/// A decision, and until when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What counts.
    pub decision: Decision,
    /// From then on everybody is asked again.
    pub valid_until: UnixTime,
}

impl Decided {
    /// Of two, the stricter one. Both must go on to hold: what ends sooner is asked again sooner.
    pub(crate) fn and(self, other: Self) -> Self {
        let decision = self.decision.max(other.decision);
        let valid_until = match (self.decision == decision, other.decision == decision) {
            (true, false) => self.valid_until,
            (false, true) => other.valid_until,
            _ => self.valid_until.min(other.valid_until),
        };
        Self { decision, valid_until }
    }
}
