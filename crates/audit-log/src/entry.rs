//! What is written into a log.

use aep2_mandate::units::UnixTime;

use crate::{
    details::Details,
    name::{Name, Reference},
};

/// When who did what to whom or to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, by the clock of whoever writes it. Entries are in the order of their numbers; a clock
    /// that is set back shows as times that are not.
    pub at: UnixTime,
    /// Who did it.
    pub actor: Reference,
    /// What was done: `card.created`.
    pub action: Name,
    /// To whom or to what.
    pub subject: Reference,
    /// What else there is to say: reasons, amounts, hashes of evidence, commitments.
    pub details: Details,
}
