//! What issuers attested about subjects, as they or anybody for them presented it. A token speaks of one
//! account or agent, and counts for nobody else: who hands it in does not matter.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use aep2_credentials::{Attestation, Attestations, Country, Kind, Status};
use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use async_trait::async_trait;
use serde_json::json;

use crate::{
    provider::{Finding, Provider, Unavailable},
    rules::later,
    subject::Subject,
    verdict::{Outcome, Reason},
};

/// The most attestations that are kept of a subject: of more, those that end last.
pub(crate) const PRESENTED_MAX: usize = 16;

/// What was presented, by subject. Shared by who takes it and who judges by it.
#[derive(Clone, Debug, Default)]
pub struct PresentedBook(Arc<RwLock<HashMap<Subject, Vec<Attestation>>>>);

impl PresentedBook {
    /// What was presented for a subject.
    pub fn of(&self, subject: &Subject) -> Vec<Attestation> {
        let book = self.0.read().unwrap_or_else(PoisonError::into_inner);
        book.get(subject).cloned().unwrap_or_default()
    }

    /// Whether one more would be kept: it is not there yet, and does not end before all that are.
    pub(crate) fn has_room(&self, subject: &Subject, attestation: &Attestation) -> bool {
        let own = self.of(subject);
        let is_there = own.iter().any(|one| one.evidence == attestation.evidence);
        let ends_last = own.iter().any(|one| one.expires_at_s < attestation.expires_at_s);
        !is_there && (own.len() < PRESENTED_MAX || ends_last)
    }

    /// Adds one. Gives those that are not kept any more.
    pub(crate) fn add(&self, subject: Subject, attestation: Attestation) -> Vec<Attestation> {
        let mut book = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let own = book.entry(subject).or_default();
        own.retain(|one| one.evidence != attestation.evidence);
        own.push(attestation);
        own.sort_by_key(|one| std::cmp::Reverse(one.expires_at_s));
        own.split_off(own.len().min(PRESENTED_MAX))
    }
}

/// Judges by what issuers attested.
#[derive(Clone, Debug)]
pub struct AttestedIdentity {
    /// The name by which rules know it.
    pub name: String,
    /// Who verifies.
    pub attestations: Attestations,
    /// What was presented.
    pub presented: PresentedBook,
    /// What is wanted: one of these.
    pub kinds: Vec<Kind>,
    /// By whom, if not by any issuer that is named.
    pub issuers: Option<BTreeSet<String>>,
    /// Countries that are not served.
    pub countries_refused: BTreeSet<String>,
    /// How often it is asked whether an attestation was revoked, in seconds.
    pub recheck_s: u64,
}

impl AttestedIdentity {
    fn is_wanted(&self, attestation: &Attestation) -> bool {
        self.kinds.contains(&attestation.kind)
            && self.issuers.as_ref().is_none_or(|own| own.contains(&attestation.issuer))
    }

    fn is_refused(&self, country: Country) -> bool {
        self.countries_refused.contains(&country.to_string())
    }
}

#[async_trait]
impl Provider for AttestedIdentity {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        let presented = self.presented.of(subject);
        let (mut best, mut unknown) = (None::<(Reason, Attestation)>, false);
        for attestation in presented.into_iter().filter(|one| self.is_wanted(one)) {
            let reason = if attestation.expires_at_s <= now.get() {
                Reason::KycExpired
            } else if attestation.countries().any(|country| self.is_refused(country)) {
                Reason::JurisdictionBlocked
            } else {
                match self.attestations.status(&attestation).await {
                    Ok(Status::Valid) => Reason::Compliant,
                    Ok(Status::Revoked | Status::Suspended) => Reason::AttestationRevoked,
                    Ok(Status::Unknown) => {
                        unknown = true;
                        continue;
                    }
                    // Its issuer is not in the settings any more, or its list has no such entry.
                    Err(_) => Reason::KycMissing,
                }
            };
            // A country that is not served counts whatever else was presented; then one that holds.
            let rank = |reason: Reason| match reason {
                Reason::JurisdictionBlocked => 0,
                Reason::Compliant => 1,
                Reason::AttestationRevoked => 2,
                Reason::KycExpired => 3,
                _ => 4,
            };
            if best.as_ref().is_none_or(|(other, _)| rank(reason) < rank(*other)) {
                best = Some((reason, attestation));
            }
        }
        let holds = matches!(best, Some((Reason::Compliant | Reason::JurisdictionBlocked, _)));
        if unknown && !holds {
            return Err(Unavailable("nobody can say whether it was revoked".to_owned()));
        }
        let (reason, attestation) = best.unzip();
        let reason = reason.unwrap_or(Reason::KycMissing);
        let again = later(now, self.recheck_s);
        let ends = attestation.as_ref().and_then(|one| UnixTime::new(one.expires_at_s).ok());
        let (outcome, valid_until) = match (reason, ends) {
            (Reason::Compliant, ends) => {
                (Outcome::Clear, ends.map_or(again, |ends| ends.min(again)))
            }
            _ => (Outcome::Denied, again),
        };
        let document = json!({ "subject": subject, "attestation": &attestation }).to_string();
        let document = document.into_bytes();
        let entry = attestation.map_or(B256::ZERO, |attestation| attestation.evidence);
        Ok(Finding { outcome, reason, entry, valid_until, document })
    }
}
