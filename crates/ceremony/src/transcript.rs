//! The record of a finished ceremony: the plan, the contributions with their attestations, and the
//! verifying key. BLAKE3 of its text is what the key's files name as their provenance.
//!
//! Nothing in it has to be believed: with the powers of τ, the beginning and the last state,
//! [`Transcript::check`] makes it again and compares.

use aep2_prover::key_file::verifying_key_hash;
use alloy_primitives::{B256, B512, Bytes};
use serde::{Deserialize, Serialize};

use crate::{
    attestation::{Attestation, AttestationError},
    contribution::Source,
    error::{BeaconError, CeremonyError},
    plan::Plan,
    verify::Verified,
};

/// A finished ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Transcript {
    /// What was announced.
    pub plan: Plan,
    /// Who contributed, in order; the beacon is the last.
    pub contributions: Vec<Entry>,
    /// The verifying key's hash, as its file has it.
    pub verifying_key: B256,
}

/// A contribution in the transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Entry {
    /// Its hash.
    pub hash: B512,
    /// The name in the file, which nobody vouches for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The beacon's value, if it is the beacon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<Bytes>,
    /// What its contributor says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Attestation>,
}

/// Why there is no transcript, or not this one.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The ceremony is not finished, or not as planned.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// An attestation is not accepted.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// The text is no transcript.
    #[error("this is no transcript: {0}")]
    Malformed(String),
    /// The transcript is of another ceremony, or was altered.
    #[error("the transcript is not that of this ceremony: {0} differs")]
    Differs(&'static str),
}

impl From<BeaconError> for TranscriptError {
    fn from(error: BeaconError) -> Self {
        Self::Ceremony(error.into())
    }
}

impl Transcript {
    /// The transcript of a ceremony that ended with `last`, as planned. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When nobody contributed, the last contribution is not the planned beacon's, or it was made before
    /// its time; or an attestation is wrong.
    pub fn new(
        plan: &Plan,
        last: &Verified,
        attestations: &[Attestation],
        now: u64,
    ) -> Result<Self, TranscriptError> {
        let zkey = last.zkey();
        let unfinished =
            |reason| CeremonyError::Unfinished { path: zkey.path().to_owned(), reason };
        if zkey.chain.circuit_hash != plan.circuit_hash.0 {
            return Err(CeremonyError::OtherCeremony { path: zkey.path().to_owned() }.into());
        }
        let mut contributions = Vec::new();
        for own in &zkey.chain.contributions {
            let beacon = match &own.source {
                Source::Person => None,
                Source::Beacon { value, exponent } => {
                    plan.check_beacon(*exponent, now)?;
                    Some(Bytes::copy_from_slice(value))
                }
            };
            let (hash, name) = (own.hash().into(), own.name.clone());
            contributions.push(Entry { hash, name, beacon, attestation: None });
        }
        // `Verified` has no contribution after a beacon's, so there is one beacon at most.
        match &contributions[..] {
            [] => return Err(unfinished("nobody contributed").into()),
            [.., last] if last.beacon.is_none() => {
                return Err(unfinished("the beacon is missing").into());
            }
            [_] => return Err(unfinished("nobody contributed but the beacon").into()),
            _ => {}
        }
        for attestation in attestations {
            attest(&mut contributions, attestation)?;
        }
        let verifying_key = verifying_key_hash(&zkey.verifying_key()?).into();
        Ok(Self { plan: plan.clone(), contributions, verifying_key })
    }

    /// The transcript as text, in its one form.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a transcript is plain data") + "\n"
    }

    /// BLAKE3 of [`Self::to_json`]: what keys name.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.to_json().as_bytes()).as_bytes()
    }

    /// Reads a transcript and checks that it is that of the ceremony that ended with `last`. Whether the
    /// plan in it is the one that was announced, its reader has to know; so compare
    /// [`plan`](Self::plan) with it.
    ///
    /// # Errors
    /// When it is not, or is not written in its one form.
    pub fn check(text: &str, last: &Verified, now: u64) -> Result<Self, TranscriptError> {
        let read: Self = serde_json::from_str(text)
            .map_err(|error| TranscriptError::Malformed(error.to_string()))?;
        let attestations: Vec<Attestation> =
            read.contributions.iter().filter_map(|entry| entry.attestation.clone()).collect();
        let own = Self::new(&read.plan, last, &attestations, now)?;
        if own.contributions != read.contributions {
            return Err(TranscriptError::Differs("a contribution"));
        }
        if own.verifying_key != read.verifying_key {
            return Err(TranscriptError::Differs("the verifying key"));
        }
        if own.to_json() != text {
            return Err(TranscriptError::Differs("the text's form"));
        }
        Ok(own)
    }
}

fn attest(contributions: &mut [Entry], attestation: &Attestation) -> Result<(), AttestationError> {
    attestation.check()?;
    let number = contributions
        .iter()
        .position(|entry| entry.hash == attestation.contribution)
        .ok_or_else(|| AttestationError::NoSuchContribution { name: attestation.name.clone() })?;
    let entry = &mut contributions[number];
    if entry.attestation.is_some() {
        return Err(AttestationError::Twice { number: number + 1 });
    }
    entry.attestation = Some(attestation.clone());
    Ok(())
}
