//! Evidence: fetched by its hash, sealed, opened for rules and judges. It is destroyed with its case, or, once
//! the case has ended, when the room is needed for one that is open.

use aep2_mandate::typed_data::dispute::Evidence;
use alloy_primitives::B256;
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, Party, PieceRecord},
    cases,
    error::ArbiterError,
    giving_way, room,
    sealed::Opened,
};

/// A piece of evidence, opened.
#[derive(Clone, Debug)]
pub struct OpenedPiece {
    /// Whose.
    pub by: Party,
    /// What was signed for.
    pub piece: Evidence,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What became of bytes that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are kept.
    Now,
    /// They were before.
    Before,
    /// There is no room for them.
    NoRoom,
}

impl Arbiter {
    /// Keeps the bytes of a piece that a case names. Whoever looked before has to look again.
    pub(crate) async fn keep_evidence(
        &self,
        number: u64,
        piece: &Evidence,
        bytes: &[u8],
    ) -> Result<Kept, ArbiterError> {
        if !piece.is(bytes) {
            return Err(ArbiterError::Internal(format!(
                "{} is the hash of other bytes",
                piece.hash
            )));
        }
        let (processor, most) = (self.case(number)?.processor, self.config().evidence_bytes_max());
        let ended = giving_way::making_room(&self.snapshot(), processor, (piece.size, most))?;
        let Some(ended) = ended else {
            self.no_room(number, piece.hash);
            return Ok(Kept::NoRoom);
        };
        let (now, hash, size) = (self.now(), piece.hash, piece.size);
        let id = room::piece_id(number, hash);
        let sealed = room::place(&id).seal(self.vault(), bytes)?;
        let kept_until = self.config().kept_until(now);
        let (kept, used) = self
            .write(move |tx| {
                let before = cases::find(tx, number)?;
                let mut case = before.clone();
                let known = case.evidence.iter_mut();
                // Whoever named the same hash with another size named other bytes.
                let known = known.filter(|own| own.piece.hash == hash && own.piece.size == size);
                let mut known = known.collect::<Vec<_>>();
                if known.iter().all(|own| own.is_kept) {
                    return Ok((Kept::Before, room::used(tx, processor)?));
                }
                known.iter_mut().for_each(|own| own.is_kept = true);
                let has_room = giving_way::make_room(tx, processor, (size, most), (&ended, now))?;
                let used = room::used(tx, processor)?;
                if !has_room {
                    return Ok((Kept::NoRoom, used));
                }
                room::place(&id).put(tx, sealed);
                room::set_used(tx, processor, used + size)?;
                cases::put(tx, Some(&before), &mut case, kept_until)?;
                let about = (action::EVIDENCE_KEPT, About::Case(number));
                let details = json!({ "hash": hash, "size": size });
                audit::write(tx, now, &Actor::Processor(processor), about, details)?;
                Ok((Kept::Now, used + size))
            })
            .await?;
        self.metrics().evidence(processor, used);
        if kept == Kept::NoRoom {
            self.no_room(number, hash);
        }
        Ok(kept)
    }

    /// Whether there is room for a piece of a case, or can be made. Where there is not, that is told.
    pub(crate) fn has_room(&self, case: &Case, piece: &Evidence) -> Result<bool, ArbiterError> {
        let most = self.config().evidence_bytes_max();
        let made = giving_way::making_room(&self.snapshot(), case.processor, (piece.size, most))?;
        if made.is_none() {
            self.no_room(case.number, piece.hash);
        }
        Ok(made.is_some())
    }

    fn no_room(&self, number: u64, hash: B256) {
        self.metrics().evidence_left();
        tracing::warn!(case = number, %hash, "evidence is not kept: `evidence_mib_max` is reached");
    }

    /// A piece of evidence of a case, for a judge.
    ///
    /// # Errors
    /// When the case does not name it, its bytes are not here, or it does not open.
    pub fn evidence(&self, number: u64, hash: B256) -> Result<OpenedPiece, ArbiterError> {
        let case = self.case(number)?;
        let unknown = || ArbiterError::UnknownEvidence { number, hash };
        let named = case.evidence.iter().find(|own| own.piece.hash == hash && own.is_kept);
        self.open_piece(number, named.ok_or_else(unknown)?)
    }

    /// The same, and that a judge read it is in the log.
    ///
    /// # Errors
    /// As [`evidence`](Self::evidence), and when the log cannot be written.
    pub async fn read_evidence(
        &self,
        number: u64,
        hash: B256,
        judge: String,
    ) -> Result<OpenedPiece, ArbiterError> {
        let (piece, now) = (self.evidence(number, hash)?, self.now());
        self.write(move |tx| {
            let about = (action::EVIDENCE_READ, About::Case(number));
            audit::write(tx, now, &Actor::Judge(judge), about, json!({ "hash": hash }))
        })
        .await?;
        Ok(piece)
    }

    /// All evidence of a case that is here and no larger than so many bytes.
    pub(crate) fn opened(
        &self,
        case: &Case,
        bytes_max: u64,
    ) -> Result<Vec<OpenedPiece>, ArbiterError> {
        let small = case.evidence.iter().filter(|own| own.is_kept && own.piece.size <= bytes_max);
        small.map(|own| self.open_piece(case.number, own)).collect()
    }

    fn open_piece(&self, number: u64, record: &PieceRecord) -> Result<OpenedPiece, ArbiterError> {
        let hash = record.piece.hash;
        let id = room::piece_id(number, hash);
        let Opened::Content(bytes) = room::place(&id).open(self.vault(), &self.view())? else {
            return Err(ArbiterError::UnknownEvidence { number, hash });
        };
        if !record.piece.is(&bytes) {
            return Err(ArbiterError::Internal(format!("the evidence {hash} is other bytes")));
        }
        Ok(OpenedPiece { by: record.by, piece: record.piece.clone(), bytes })
    }
}
