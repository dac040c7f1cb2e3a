//! Taking what somebody presents: an attestation, by whoever has it.

use aep2_credentials::{Attestation, Kind};
use alloy_primitives::B256;
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    evidence::{self, EvidenceKind, NewEvidence},
    family::Family,
    store::{self, Source, subject_key},
    subject::Subject,
};

/// What was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What was attested.
    pub attestation: Attestation,
    /// Whom it counts for.
    pub subjects: Vec<Subject>,
}

impl Taken {
    /// What was checked, by its name.
    pub const fn kind(&self) -> &'static str {
        match self.attestation.kind {
            Kind::Kyc => "kyc",
            Kind::Kyb => "kyb",
            Kind::Kya => "kya",
        }
    }
}

impl Compliance {
    /// Takes an attestation: it is verified, kept, and everybody is asked about its subject again.
    ///
    /// # Errors
    /// When no issuer is set, it does not hold, or speaks of nobody who could be served here.
    pub async fn present(&self, token: &str) -> Result<Taken, ComplianceError> {
        let none = || ComplianceError::Refused {
            code: "not_found",
            message: "this processor asks for no attestations".to_owned(),
        };
        let presenting = self.inner.presenting.as_ref().ok_or_else(none)?;
        let attestation = presenting.attestations.verify(token).await;
        let attestation = attestation.map_err(|error| ComplianceError::Refused {
            code: error.code(),
            message: error.to_string(),
        })?;
        let subjects = presenting.subjects(&attestation)?;
        // What would not be kept is not stored either: nobody fills the store with it.
        if !subjects.iter().any(|own| presenting.presented.has_room(own, &attestation)) {
            return Ok(Taken { attestation, subjects });
        }
        let (now, kept_s_min) = (self.now(), self.inner.config.kept_s_min);
        let first = subjects.first().copied();
        let new = NewEvidence {
            kind: EvidenceKind::Attestation,
            subject: first,
            mandate: None,
            content: token.as_bytes(),
        };
        let sealed = evidence::seal(&self.inner.vault, new, (now, kept_s_min))?;
        let taken = Taken { attestation: attestation.clone(), subjects: subjects.clone() };
        self.write(move |tx| {
            let key = |subject: &Subject, evidence: &B256| {
                [&subject_key(subject)[..], evidence.as_slice()].concat()
            };
            let mut is_new = false;
            for subject in &subjects {
                let key = key(subject, &attestation.evidence);
                if tx.value(Family::Presented, &key)?.is_none() {
                    is_new = true;
                    store::put(tx, Family::Presented, key, &(subject, &attestation))?;
                    let about = (action::PRESENTED, About::Subject(subject));
                    let details = json!({
                        "evidence": sealed.commitment,
                        "issuer": attestation.issuer,
                        "kind": attestation.kind,
                    });
                    audit::write(tx, now, &Actor::Anybody, about, details)?;
                }
            }
            if is_new {
                evidence::put(tx, &sealed)?;
            }
            Ok(())
        })
        .await?;
        for subject in &taken.subjects {
            let dropped = presenting.presented.add(*subject, taken.attestation.clone());
            self.forget_presented(*subject, dropped);
            // Whom no payment has named yet is asked about when one does.
            if self.inner.known.get(subject).is_some() {
                self.inner.queue.again(*subject);
            }
        }
        Ok(taken)
    }

    /// Reads back what was presented, at the start. What is over is dropped.
    pub(crate) fn load_presented(&self) -> Result<(), ComplianceError> {
        let Some(presenting) = &self.inner.presenting else { return Ok(()) };
        let all: Vec<(Subject, Attestation)> = store::all(&self.view(), Family::Presented, &[])?;
        let now = self.now();
        for (subject, attestation) in all {
            // Kept for a while after its end: then the reason is that it is over, not that none was there.
            let long_over = attestation.expires_at_s.saturating_add(LONG_OVER_S) < now.get();
            let dropped = match long_over {
                true => vec![attestation],
                false => presenting.presented.add(subject, attestation),
            };
            self.forget_presented(subject, dropped);
        }
        Ok(())
    }

    fn forget_presented(&self, subject: Subject, dropped: Vec<Attestation>) {
        for attestation in dropped {
            self.write_later(move |tx| {
                let key = [&subject_key(&subject)[..], attestation.evidence.as_slice()].concat();
                tx.delete(Family::Presented, key);
                Ok(())
            });
        }
    }
}

/// How long after its end an attestation is remembered, in seconds.
const LONG_OVER_S: u64 = 90 * 86_400;
