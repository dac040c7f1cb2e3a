//! What a provider answers: an outcome, a reason, the hash of what it rests on, until when it holds.

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// What a provider thinks of a subject, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing against it.
    Clear,
    /// Somebody has to look at it.
    Review,
    /// It is not served.
    Denied,
}

/// Why. The names are those of ERC-8226, and two of our own: what other software knows of verdicts,
/// it knows by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing stands against it.
    Compliant,
    /// Its identity was checked, too long ago.
    KycExpired,
    /// Its identity was not checked.
    KycMissing,
    /// Something about how it pays.
    AmlFlag,
    /// It is on a list.
    Sanctioned,
    /// Its country is not served.
    JurisdictionBlocked,
    /// The provider knows nobody of this name.
    IdentityNotFound,
    /// What was attested was taken back.
    AttestationRevoked,
    /// What the Travel Rule asks for is not there.
    TravelRuleMissing,
    /// The provider did not answer, or nothing that can be used.
    ProviderUnavailable,
    /// Something else: the record says what.
    Other,
}

impl Reason {
    /// The reason's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::KycExpired => "kyc_expired",
            Self::KycMissing => "kyc_missing",
            Self::AmlFlag => "aml_flag",
            Self::Sanctioned => "sanctioned",
            Self::JurisdictionBlocked => "jurisdiction_blocked",
            Self::IdentityNotFound => "identity_not_found",
            Self::AttestationRevoked => "attestation_revoked",
            Self::TravelRuleMissing => "travel_rule_missing",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::Other => "other",
        }
    }

    /// Whether it stands whatever anybody else says. That an identity is not known to one provider is
    /// no word against one that knows it; that somebody is on a list is.
    pub const fn is_absolute(self) -> bool {
        matches!(
            self,
            Self::Sanctioned | Self::AmlFlag | Self::JurisdictionBlocked | Self::AttestationRevoked
        )
    }
}

/// A provider's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// What it thinks.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// What was found: of the same thing the same, of another one another; 0 where the provider has no
    /// names for what it finds. An officer's decision counts against what was known, by this.
    pub entry: B256,
    /// A commitment to what it rests on, by which the evidence is found; of an answer from memory, the
    /// SHA-256 of the data.
    pub evidence: B256,
    /// From then on it is to be asked again.
    pub valid_until: UnixTime,
}

impl Verdict {
    /// Nothing against the subject.
    pub const fn clear(evidence: B256, valid_until: UnixTime) -> Self {
        let (outcome, reason, entry) = (Outcome::Clear, Reason::Compliant, B256::ZERO);
        Self { outcome, reason, entry, evidence, valid_until }
    }

    /// The subject is not served, because of this entry.
    pub const fn denied(
        (reason, entry): (Reason, B256),
        evidence: B256,
        valid_until: UnixTime,
    ) -> Self {
        Self { outcome: Outcome::Denied, reason, entry, evidence, valid_until }
    }
}
