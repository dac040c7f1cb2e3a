//! Disputes that a payee's terms agree to: `extra.disputes`.
//!
//! ```json
//! {
//!   "arbiter": "0x…", "windowSeconds": 86400, "rulingSeconds": 172800,
//!   "reasons": ["overcharge", "service_not_delivered"], "silenceRefunds": true
//! }
//! ```
//!
//! It is part of what a mandate's `ref` covers, as `hashStruct` of
//!
//! ```text
//! Disputes(address arbiter,uint40 windowSeconds,uint40 rulingSeconds,string[] reasons,bool silenceRefunds)
//! ```
//!
//! so payer and payee have both agreed to it, provably. Terms without it agree to no disputes.
//!
//! The processor is told by a [preimage](crate::preimage), and holds the mandate: settlement waits until
//! nobody can dispute it any more, or it is decided.

pub use aep2_mandate::typed_data::dispute::Reason;
use alloy_primitives::{Address, B256, aliases::U40};
use alloy_sol_types::SolStruct;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::wire_address::WireAddress;

mod eip712 {
    alloy_sol_types::sol! {
        struct Disputes {
            address arbiter;
            uint40 windowSeconds;
            uint40 rulingSeconds;
            string[] reasons;
            bool silenceRefunds;
        }
    }
}

/// The longest time that fits, in seconds: 40 bits.
const SECONDS_MAX: u64 = (1 << 40) - 1;

/// Who decides about a payment that its payer disputes, when, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Written")]
pub struct Disputes {
    arbiter: WireAddress,
    window_seconds: u64,
    ruling_seconds: u64,
    reasons: Vec<Reason>,
    silence_refunds: bool,
}

/// Why something is no agreement on disputes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DisputesError {
    /// Nobody would decide.
    #[error("disputes: the arbiter is the zero address")]
    NoArbiter,
    /// A time of 0, or one that 40 bits do not hold.
    #[error("disputes: {field} is {found}, not from 1 to {SECONDS_MAX}")]
    Seconds {
        /// Which.
        field: &'static str,
        /// What it is.
        found: u64,
    },
    /// Nothing could be disputed.
    #[error("disputes: there are no reasons")]
    NoReasons,
    /// The same list could be written in several ways.
    #[error("disputes: the reasons are not in ascending order, each once")]
    ReasonsUnordered,
}

impl Disputes {
    /// An agreement: `arbiter` decides about what is disputed for one of the `reasons` within
    /// `window_seconds` after acceptance, within `ruling_seconds` more. A payee that says nothing
    /// gives the money back if `silence_refunds`.
    ///
    /// # Errors
    /// When it has no spelling on the wire: the arbiter is zero, a time is 0 or has more than 40
    /// bits, or the reasons are not in ascending order of their names, each once, at least one.
    pub fn new(
        arbiter: Address,
        window_seconds: u64,
        ruling_seconds: u64,
        reasons: Vec<Reason>,
        silence_refunds: bool,
    ) -> Result<Self, DisputesError> {
        if arbiter.is_zero() {
            return Err(DisputesError::NoArbiter);
        }
        for (field, found) in [("windowSeconds", window_seconds), ("rulingSeconds", ruling_seconds)]
        {
            if !(1..=SECONDS_MAX).contains(&found) {
                return Err(DisputesError::Seconds { field, found });
            }
        }
        if reasons.is_empty() {
            return Err(DisputesError::NoReasons);
        }
        if !reasons.is_sorted_by(|one, next| one < next) {
            return Err(DisputesError::ReasonsUnordered);
        }
        let arbiter = arbiter.into();
        Ok(Self { arbiter, window_seconds, ruling_seconds, reasons, silence_refunds })
    }

    /// The dispute processor: the key whose rulings count.
    pub fn arbiter(&self) -> Address {
        self.arbiter.0
    }

    /// Within how many seconds after acceptance a dispute is opened.
    pub fn window_seconds(&self) -> u64 {
        self.window_seconds
    }

    /// How many seconds the arbiter has then.
    pub fn ruling_seconds(&self) -> u64 {
        self.ruling_seconds
    }

    /// What may be disputed, in ascending order of the names.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Whether a payee that does not answer a dispute gives the money back.
    pub fn silence_refunds(&self) -> bool {
        self.silence_refunds
    }

    /// How much longer a mandate takes to settle for it, in seconds: the time to dispute and to decide, and a
    /// third more. So much the ends of holds are spread, that thousands do not come due at once.
    pub fn longer_s(&self) -> u64 {
        // Both have 40 bits.
        ((self.window_seconds + self.ruling_seconds) * 4).div_ceil(3)
    }

    /// EIP-712's `hashStruct` of it.
    pub fn struct_hash(&self) -> B256 {
        let reasons = self.reasons.iter().map(|reason| reason.name().to_owned()).collect();
        eip712::Disputes {
            arbiter: self.arbiter.0,
            // They were checked to fit.
            windowSeconds: U40::from(self.window_seconds),
            rulingSeconds: U40::from(self.ruling_seconds),
            reasons,
            silenceRefunds: self.silence_refunds,
        }
        .eip712_hash_struct()
    }
}

/// What stands where an agreement belongs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    arbiter: WireAddress,
    window_seconds: u64,
    ruling_seconds: u64,
    reasons: Vec<Reason>,
    silence_refunds: bool,
}

impl TryFrom<Written> for Disputes {
    type Error = DisputesError;

    fn try_from(written: Written) -> Result<Self, DisputesError> {
        let Written { arbiter, window_seconds, ruling_seconds, reasons, silence_refunds } = written;
        Self::new(arbiter.0, window_seconds, ruling_seconds, reasons, silence_refunds)
    }
}

/// A field that is there: `null` is no agreement, and not the same as none.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Disputes>, D::Error> {
    Disputes::deserialize(deserializer).map(Some)
}
