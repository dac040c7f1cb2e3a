//! The record of a finished ceremony: the plan, the contributions with their attestations, and the
//! verifying key's hash. BLAKE3 of its text is what the key's files name as their provenance.
//!
//! Nothing in it has to be believed. With the powers of τ, the beginning and the last state,
//! [`Transcript::check`] makes it again and compares. With the verifying key alone,
//! [`Transcript::check_beside_key`] checks what the record itself shows: the contributions form a chain
//! that begins with the plan and ends with the beacon, and the key's δ is what they give. That the key's
//! other points are those of the circuit and the powers takes the large files.

use std::path::Path;

use aep2_prover::{
    groth16::{VerifyingKey, is_forgeable},
    key_file::{CircuitId, Loaded, Provenance, verifying_key_hash},
};
use alloy_primitives::{B256, B512, Bytes};
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use serde::{Deserialize, Serialize};

use crate::{
    attestation::{Attestation, AttestationError},
    contribution::{CONTRIBUTIONS_MAX, Chain, Contribution, Source},
    error::{BeaconError, CeremonyError, PlanError},
    plan::Plan,
    progress::Watch,
    ptau::same_ratio,
    text_file,
    verify::{Verified, check_plan},
};

/// No transcript is longer: what [`CONTRIBUTIONS_MAX`] entries without long statements take.
const TRANSCRIPT_BYTES_MAX: u64 = 1 << 25;

/// A finished ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Transcript {
    /// What was announced.
    pub plan: Plan,
    /// Who contributed, in order; the plan is the first, the beacon the last.
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
    /// The public value that it is made from: the plan's hash, or the beacon's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
    /// The contribution as the `.zkey` has it.
    pub record: Bytes,
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
    /// The key's file names another transcript, or none.
    #[error("the key does not name this transcript, which is 0x{}: {provenance}", hex(transcript))]
    NotNamed {
        /// BLAKE3 of the transcript.
        transcript: [u8; 32],
        /// What the key's file says.
        provenance: Provenance,
    },
    /// The key does not come from these contributions.
    #[error("the verifying key is not the one that this transcript leads to: {0} differs")]
    OtherKey(&'static str),
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<BeaconError> for TranscriptError {
    fn from(error: BeaconError) -> Self {
        Self::Ceremony(error.into())
    }
}

impl From<PlanError> for TranscriptError {
    fn from(error: PlanError) -> Self {
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
        last: &Verified,
        attestations: &[Attestation],
        now: u64,
    ) -> Result<Self, TranscriptError> {
        let zkey = last.zkey();
        let key = verifying_key_hash(&zkey.verifying_key()?);
        let ceremony = Ceremony { plan: last.plan(), chain: &zkey.chain, path: zkey.path() };
        ceremony.transcript(attestations, key, now)
    }

    /// The transcript as text, in its one form.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a transcript is plain data") + "\n"
    }

    /// BLAKE3 of [`Self::to_json`]: what keys name.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.to_json().as_bytes()).as_bytes()
    }

    /// People who contributed: all entries but the plan's and the beacon's.
    pub fn people(&self) -> &[Entry] {
        self.contributions.get(1..self.contributions.len().saturating_sub(1)).unwrap_or_default()
    }

    /// The text of a transcript's file.
    ///
    /// # Errors
    /// When it cannot be read, or is too long.
    pub fn read(path: &Path) -> Result<String, CeremonyError> {
        text_file::read(path, "transcript", TRANSCRIPT_BYTES_MAX)
    }

    /// Reads a transcript and checks that it is that of the ceremony that ended with `last`.
    ///
    /// # Errors
    /// When it is not, or is not written in its one form.
    pub fn check(text: &str, last: &Verified, now: u64) -> Result<Self, TranscriptError> {
        let read = Self::parse(text)?;
        if read.plan != *last.plan() {
            return Err(TranscriptError::Differs("the plan"));
        }
        let own = Self::new(last, &read.attestations(), now)?;
        own.compare(&read, text)?;
        Ok(own)
    }

    /// Reads the transcript at `path` and checks, from it and a verifying key alone, that the key's file
    /// names it; that its plan is for `circuit`; that its contributions form a chain, which begins with
    /// the plan and ends with the planned beacon; and that the key's δ is what they give.
    ///
    /// What this does not show: that the key's other points are those of the circuit and of the powers of
    /// τ. Somebody who makes up such points and a transcript of his own passes. So compare the
    /// transcript's hash with the one that contributors published, or check the ceremony's files
    /// ([`verify`](crate::verify::verify), [`check_key`](crate::key::check_key)).
    ///
    /// # Errors
    /// For the first thing that is not as it should be.
    pub fn check_beside_key(
        path: &Path,
        circuit: &CircuitId,
        key: &Loaded<VerifyingKey>,
        now: u64,
        watch: &dyn Watch,
    ) -> Result<Self, TranscriptError> {
        let text = Self::read(path)?;
        let transcript = *blake3::hash(text.as_bytes()).as_bytes();
        let provenance = key.provenance;
        if provenance != (Provenance::Ceremony { transcript }) {
            return Err(TranscriptError::NotNamed { transcript, provenance });
        }
        let read = Self::parse(&text)?;
        read.plan.check_circuit(circuit)?;
        let chain = read.chain(path)?;
        check_plan(&read.plan, &chain, path)?;
        let delta = chain.check(path, watch)?;

        let own = verifying_key_hash(&key.key);
        if own != key.verifying_key_hash || own != read.verifying_key.0 {
            return Err(TranscriptError::OtherKey("its hash"));
        }
        let VerifyingKey { gamma_g2, delta_g2, .. } = key.key;
        let (one_g1, one_g2) = (G1Affine::generator(), G2Affine::generator());
        if gamma_g2 != one_g2 {
            return Err(TranscriptError::OtherKey("γ"));
        }
        if is_forgeable(&key.key) || !same_ratio((one_g1, delta), (one_g2, delta_g2)) {
            return Err(TranscriptError::OtherKey("δ"));
        }
        let ceremony = Ceremony { plan: &read.plan, chain: &chain, path };
        let again = ceremony.transcript(&read.attestations(), own, now)?;
        again.compare(&read, &text)?;
        Ok(again)
    }

    fn parse(text: &str) -> Result<Self, TranscriptError> {
        serde_json::from_str(text).map_err(|error| TranscriptError::Malformed(error.to_string()))
    }

    fn attestations(&self) -> Vec<Attestation> {
        self.contributions.iter().filter_map(|entry| entry.attestation.clone()).collect()
    }

    /// The contributions as the entries record them.
    fn chain(&self, path: &Path) -> Result<Chain, TranscriptError> {
        if self.contributions.len() > CONTRIBUTIONS_MAX {
            return Err(CeremonyError::damaged(path, "it has too many contributions").into());
        }
        let damaged = || CeremonyError::damaged(path, "its contributions are not readable");
        let records = self.contributions.iter();
        let contributions = records
            .map(|entry| Contribution::from_bytes(&entry.record).ok_or_else(damaged))
            .collect::<Result<_, CeremonyError>>()?;
        Ok(Chain { circuit_hash: self.plan.circuit_hash.0, contributions })
    }

    /// Compares what was read with what it should be.
    fn compare(&self, read: &Self, text: &str) -> Result<(), TranscriptError> {
        let differs = |what| Err(TranscriptError::Differs(what));
        if self.contributions != read.contributions {
            return differs("a contribution");
        }
        if self.verifying_key != read.verifying_key {
            return differs("the verifying key");
        }
        if self.to_json() != text {
            return differs("the text's form");
        }
        Ok(())
    }
}

/// What a transcript is made of. The chain holds.
struct Ceremony<'a> {
    plan: &'a Plan,
    chain: &'a Chain,
    /// For errors.
    path: &'a Path,
}

impl Ceremony<'_> {
    fn transcript(
        &self,
        attestations: &[Attestation],
        verifying_key: [u8; 32],
        now: u64,
    ) -> Result<Transcript, TranscriptError> {
        let Self { plan, chain, path } = self;
        let unfinished = |reason| CeremonyError::Unfinished { path: path.to_path_buf(), reason };
        if chain.circuit_hash != plan.circuit_hash.0 {
            return Err(CeremonyError::OtherCeremony { path: path.to_path_buf() }.into());
        }
        // A chain that holds has no public value but in the first contribution and in the last.
        match &chain.contributions[..] {
            [] | [_] => return Err(unfinished("nobody contributed").into()),
            [.., last] => match &last.source {
                Source::Person => return Err(unfinished("the beacon is missing").into()),
                Source::Beacon { exponent, .. } => plan.check_beacon(*exponent, now)?,
            },
        }
        if chain.contributions.len() == 2 {
            return Err(unfinished("nobody contributed but the beacon").into());
        }
        let mut contributions: Vec<Entry> = chain.contributions.iter().map(Entry::of).collect();
        for attestation in attestations {
            attest(&mut contributions, attestation)?;
        }
        Ok(Transcript { plan: (*plan).clone(), contributions, verifying_key: verifying_key.into() })
    }
}

impl Entry {
    fn of(own: &Contribution) -> Self {
        let value = match &own.source {
            Source::Person => None,
            Source::Beacon { value, .. } => Some(Bytes::copy_from_slice(value)),
        };
        Self {
            hash: own.hash().into(),
            name: own.name.clone(),
            value,
            record: own.to_bytes().into(),
            attestation: None,
        }
    }
}

fn attest(contributions: &mut [Entry], attestation: &Attestation) -> Result<(), AttestationError> {
    attestation.check()?;
    let name = || attestation.name.clone();
    let number = contributions
        .iter()
        .position(|entry| entry.hash == attestation.contribution && entry.value.is_none())
        .ok_or_else(|| AttestationError::NoSuchContribution { name: name() })?;
    let entry = &mut contributions[number];
    if entry.name.as_ref() != Some(&attestation.name) {
        return Err(AttestationError::OtherName { name: name(), found: entry.name.clone() });
    }
    if entry.attestation.is_some() {
        return Err(AttestationError::Twice { number: number + 1 });
    }
    entry.attestation = Some(attestation.clone());
    Ok(())
}
