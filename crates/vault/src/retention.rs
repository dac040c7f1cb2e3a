//! How long a record must be kept, and when it may be destroyed.
//!
//! To destroy a record, its wrapped key is overwritten
//! ([`WrappedKey::destroyed`](crate::WrappedKey::destroyed)); the ciphertext is noise then, wherever
//! copies of it are.

use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the law says of a record. Not secret; stored beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordMeta {
    /// It is not destroyed before.
    pub kept_until: UnixTime,
    /// It is not destroyed at all while this is set: a court, an auditor or an officer wants it kept.
    pub legal_hold: bool,
}

/// Why a record is not destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RetentionError {
    /// Somebody wants it kept, whatever its age.
    #[error("the record is under a legal hold")]
    Held,
    /// It is too young.
    #[error("the record is kept until {until}, in unix seconds")]
    Kept {
        /// When it may be destroyed.
        until: UnixTime,
    },
}

/// That a record may be destroyed. Only [`RecordMeta::may_destroy`] makes one.
#[derive(Debug)]
#[must_use = "the record is still there"]
pub struct MayDestroy(());

impl RecordMeta {
    /// Whether the record may be destroyed now. A hold is told before an age.
    ///
    /// # Errors
    /// When it may not.
    pub fn may_destroy(&self, now: UnixTime) -> Result<MayDestroy, RetentionError> {
        if self.legal_hold {
            Err(RetentionError::Held)
        } else if now < self.kept_until {
            Err(RetentionError::Kept { until: self.kept_until })
        } else {
            Ok(MayDestroy(()))
        }
    }

    /// The same, kept until this time at least. No rule shortens what another one demands.
    #[must_use]
    pub fn kept_until_at_least(self, time: UnixTime) -> Self {
        Self { kept_until: self.kept_until.max(time), ..self }
    }
}
