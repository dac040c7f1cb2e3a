//! An owner: a person or a company whose agents pay.

use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Serialize};

use crate::{ids::OwnerId, period::Zone};

/// An owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnerRecord {
    /// Its id.
    pub id: OwnerId,
    /// What people call it.
    pub name: String,
    /// In which time zone its days begin. It stays: another one would let a day begin twice.
    pub zone: Zone,
    /// When it was made.
    pub created: UnixTime,
}
