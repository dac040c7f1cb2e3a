//! What a rule is asked.

use aep2_mandate::units::{Amount, UnixTime};
use alloy_primitives::B256;
use serde::de::DeserializeOwned;

use crate::{
    case::{Case, Party, PieceRecord},
    case_file::CaseFile,
    error::ArbiterError,
    evidence::OpenedPiece,
};

/// The largest piece of evidence that rules read, in bytes: a mandate with its receipt takes about 1,500.
pub(crate) const READ_BYTES_MAX: u64 = 64 << 10;

/// What a rule is asked: a case with all that was signed in it.
pub(crate) struct Question<'a> {
    pub(crate) case: &'a Case,
    pub(crate) file: &'a CaseFile,
    pub(crate) evidence: &'a [OpenedPiece],
    /// Whether the payee had its say: see [`is_heard`].
    pub(crate) is_heard: bool,
    /// What this arbiter decided about another mandate, if it has a case about it.
    pub(crate) elsewhere: &'a dyn Fn(B256) -> Result<Option<Elsewhere>, ArbiterError>,
}

/// What this arbiter has about another mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// A case that is not decided.
    Open,
    /// A case that was decided: its payee gets so much.
    Decided(Amount),
}

/// Whether the payee had its say: it answered, and what its answer names is here, as far as rules read it; or its time
/// for both is over, and the processor has shown the case since, so that nothing is overlooked.
///
/// Evidence can be handed in only once it was named: an answer always comes before what it shows.
pub(crate) fn is_heard(case: &Case, now: UnixTime, is_fresh: bool) -> bool {
    let is_shown = || case.evidence.iter().filter(|own| is_payees_word(own)).all(|own| own.is_kept);
    (is_fresh && now >= case.answer_by) || (case.answer.is_some() && is_shown())
}

/// Whether a piece may say something for the payee that a rule reads.
pub(crate) fn is_payees_word(own: &PieceRecord) -> bool {
    own.by == Party::Payee && own.piece.size <= READ_BYTES_MAX
}

impl Question<'_> {
    /// Whether a rule may take money from the payee on the word of whoever opened the dispute.
    pub(crate) fn may_lower(&self) -> bool {
        self.case.payer.is_known()
    }

    /// The evidence of a party that is such an object.
    pub(crate) fn read<T: DeserializeOwned>(&self, by: Party) -> impl Iterator<Item = T> {
        let pieces = self.evidence.iter().filter(move |own| own.by == by);
        pieces.filter_map(|own| serde_json::from_slice(&own.bytes).ok())
    }
}
