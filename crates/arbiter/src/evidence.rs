//! Evidence: fetched by its hash, sealed, opened for rules and judges, and destroyed with its case.

use aep2_mandate::typed_data::dispute::Evidence;
use aep2_vault::{Context, Sealed};
use alloy_primitives::B256;
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, Party, PieceRecord},
    cases,
    error::ArbiterError,
    family::Family,
    store::{Source, of_number},
};

/// What evidence is sealed as.
const KIND: &str = "aep2-arbiter/evidence";

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
        let (now, hash, size) = (self.now(), piece.hash, piece.size);
        let key = key(number, hash);
        let sealed = self.vault().seal(Context { kind: KIND, id: &key }, bytes)?.to_bytes();
        let (most, kept_until) =
            (self.config().evidence_bytes_max(), self.config().kept_until(now));
        let (kept, total) = self
            .write(move |tx| {
                let before = cases::find(tx, number)?;
                let mut case = before.clone();
                let total = cases::evidence_bytes(tx)?;
                let known = case.evidence.iter_mut().filter(|own| own.piece.hash == hash);
                let mut known = known.collect::<Vec<_>>();
                if known.iter().all(|own| own.is_kept) {
                    return Ok((Kept::Before, total));
                }
                if total.saturating_add(size) > most {
                    return Ok((Kept::NoRoom, total));
                }
                known.iter_mut().for_each(|own| own.is_kept = true);
                tx.put(Family::Evidence, key, sealed);
                cases::set_evidence_bytes(tx, total + size)?;
                cases::put(tx, Some(&before), &mut case, kept_until)?;
                let about = (action::EVIDENCE_KEPT, About::Case(number));
                let details = json!({ "hash": hash, "size": size });
                audit::write(tx, now, &Actor::Processor(case.processor), about, details)?;
                Ok((Kept::Now, total + size))
            })
            .await?;
        self.metrics().evidence(total);
        if kept == Kept::NoRoom {
            self.metrics().evidence_left();
            tracing::warn!(case = number, %hash, "evidence is not kept: `evidence_mib_max` is reached");
        }
        Ok(kept)
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
        let key = key(number, hash);
        let bytes = self.view().value(Family::Evidence, &key)?;
        let sealed = bytes.ok_or(ArbiterError::UnknownEvidence { number, hash })?;
        let sealed = Sealed::from_bytes(&sealed)?;
        let bytes = self.vault().open(Context { kind: KIND, id: &key }, &sealed)?.to_vec();
        if !record.piece.is(&bytes) {
            return Err(ArbiterError::Internal(format!("the evidence {hash} is other bytes")));
        }
        Ok(OpenedPiece { by: record.by, piece: record.piece.clone(), bytes })
    }

    /// Destroys what has been kept as long as the settings say.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, ArbiterError> {
        let now = self.now();
        let found = cases::to_be_destroyed(&self.snapshot(), now)?;
        let count = found.len();
        for one in found {
            let bytes = self.write(move |tx| cases::destroy(tx, one, now)).await?;
            self.metrics().evidence(bytes);
        }
        Ok(count)
    }
}

/// The key of a piece: under it, it is stored and sealed.
fn key(number: u64, hash: B256) -> Vec<u8> {
    [of_number(number), hash.to_vec()].concat()
}
