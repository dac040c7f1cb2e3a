//! What decisions rest on: officers' notes, what somebody presented. Sealed in the vault, since it is
//! personal; the log has a salted commitment to it, and the salt is in the sealed record.
//!
//! A record is destroyed by destroying its key, once it has been kept as long as it must be.

use aep2_audit_log::{Commitment, Salt};
use aep2_mandate::units::UnixTime;
use aep2_vault::{Context, RecordMeta, Sealed, Vault, WrappedKey};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    family::Family,
    rules::later,
    store::{self, Source, Tx},
    subject::Subject,
};

/// The most bytes of one record.
pub const EVIDENCE_BYTES_MAX: usize = 64 << 10;
/// What records are sealed as.
const KIND: &str = "aep2-compliance/evidence";

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// An officer wrote it.
    Note,
    /// A provider answered it.
    Answer,
    /// Somebody presented what an issuer attested.
    Attestation,
    /// A payer handed it in for the Travel Rule.
    TravelRule,
}

/// What is known of a record without opening it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceMeta {
    /// What it is.
    pub kind: EvidenceKind,
    /// Whom it is about, where it is about a subject.
    pub subject: Option<Subject>,
    /// The mandate that it is about, where it is about one.
    pub mandate: Option<B256>,
    /// When it came.
    pub at: UnixTime,
    /// How long it is kept.
    pub retention: RecordMeta,
    /// When its key was destroyed, if it was.
    pub destroyed_at: Option<UnixTime>,
}

/// What is to be kept.
pub(crate) struct NewEvidence<'a> {
    pub(crate) kind: EvidenceKind,
    pub(crate) subject: Option<Subject>,
    pub(crate) mandate: Option<B256>,
    pub(crate) content: &'a [u8],
}

/// A sealed record that is not stored yet.
pub(crate) struct SealedEvidence {
    pub(crate) commitment: B256,
    sealed: Sealed,
    meta: EvidenceMeta,
}

/// Seals a record. Not in the journal's writer: the vault's key may be a program's.
pub(crate) fn seal(
    vault: &Vault,
    new: NewEvidence<'_>,
    (now, kept_s_min): (UnixTime, u64),
) -> Result<SealedEvidence, ComplianceError> {
    let NewEvidence { kind, subject, mandate, content } = new;
    if content.len() > EVIDENCE_BYTES_MAX {
        return Err(ComplianceError::TooLong { what: "the text", most: EVIDENCE_BYTES_MAX });
    }
    let (commitment, salt) = Commitment::to(content);
    let commitment = commitment.hash();
    let record = [salt.as_bytes().as_slice(), content].concat();
    let sealed = vault.seal(Context { kind: KIND, id: commitment.as_slice() }, &record)?;
    let retention = RecordMeta { kept_until: later(now, kept_s_min), legal_hold: false };
    let meta = EvidenceMeta { kind, subject, mandate, at: now, retention, destroyed_at: None };
    Ok(SealedEvidence { commitment, sealed, meta })
}

/// Stores a sealed record.
pub(crate) fn put(tx: &mut Tx<'_>, evidence: &SealedEvidence) -> Result<(), ComplianceError> {
    let key = evidence.commitment.to_vec();
    tx.put(Family::Evidence, key.clone(), evidence.sealed.to_bytes());
    store::put(tx, Family::EvidenceMeta, key, &evidence.meta)
}

impl Compliance {
    /// A record, opened; and what is known of it.
    ///
    /// # Errors
    /// When there is none, it was destroyed, or it does not open.
    pub fn evidence(&self, hash: B256) -> Result<(EvidenceMeta, Vec<u8>), ComplianceError> {
        let view = self.view();
        let meta = meta(&view, hash)?;
        let bytes = view.value(Family::Evidence, hash.as_slice())?;
        let sealed = Sealed::from_bytes(&bytes.ok_or(ComplianceError::UnknownEvidence(hash))?)?;
        let context = Context { kind: KIND, id: hash.as_slice() };
        let opened = self.inner.vault.open(context, &sealed)?;
        let (salt, content) = opened
            .split_first_chunk::<32>()
            .ok_or_else(|| ComplianceError::Internal(format!("evidence {hash} is too short")))?;
        if !Commitment::from_hash(hash).is_to(&Salt::from_bytes(*salt), content) {
            return Err(ComplianceError::Internal(format!("evidence {hash} is another text")));
        }
        Ok((meta, content.to_vec()))
    }

    /// Has a record kept whatever its age, or no longer.
    ///
    /// # Errors
    /// When there is none.
    pub async fn set_legal_hold(
        &self,
        hash: B256,
        on: bool,
        officer: String,
    ) -> Result<EvidenceMeta, ComplianceError> {
        let now = self.now();
        self.write(move |tx| {
            let mut meta = meta(tx, hash)?;
            meta.retention.legal_hold = on;
            store::put(tx, Family::EvidenceMeta, hash.to_vec(), &meta)?;
            let about = (action::LEGAL_HOLD, About::Evidence(hash));
            audit::write(tx, now, &Actor::Officer(officer), about, json!({ "on": on }))?;
            Ok(meta)
        })
        .await
    }

    /// Destroys a record's key, and its content with it. The log goes on naming its commitment.
    ///
    /// # Errors
    /// When there is none, it has to be kept longer, or it is under a legal hold.
    pub async fn destroy_evidence(
        &self,
        hash: B256,
        officer: String,
    ) -> Result<EvidenceMeta, ComplianceError> {
        let now = self.now();
        self.write(move |tx| {
            let mut meta = meta(tx, hash)?;
            let allowed = meta.retention.may_destroy(now)?;
            let destroyed = Sealed { key: WrappedKey::destroyed(allowed), ciphertext: Vec::new() };
            tx.put(Family::Evidence, hash.to_vec(), destroyed.to_bytes());
            meta.destroyed_at = Some(now);
            store::put(tx, Family::EvidenceMeta, hash.to_vec(), &meta)?;
            let about = (action::DESTROYED, About::Evidence(hash));
            audit::write(tx, now, &Actor::Officer(officer), about, json!({ "kind": meta.kind }))?;
            Ok(meta)
        })
        .await
    }
}

fn meta(on: &impl Source, hash: B256) -> Result<EvidenceMeta, ComplianceError> {
    let found = on.record(Family::EvidenceMeta, hash.as_slice())?;
    found.ok_or(ComplianceError::UnknownEvidence(hash))
}
