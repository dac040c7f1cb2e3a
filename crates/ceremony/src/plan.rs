//! What a coordinator announces before anybody contributes: which circuit, which powers of τ, which
//! beginning, and which public random value will close the ceremony.
//!
//! The beacon is named in advance so that nobody chooses it. It is a value that nobody can know before
//! its time, and that everybody knows afterwards.

//!
//! A plan has one written form, [`Plan::to_json`]. Its hash is the value of the ceremony's first
//! contribution ([`announcement`](crate::announcement)), so that nobody changes the plan afterwards.

use std::path::Path;

use aep2_circuits::Shape;
use aep2_prover::key_file::CircuitId;
use alloy_primitives::{B256, B512};
use serde::{Deserialize, Serialize};

use crate::{
    contribution::BEACON_EXPONENTS,
    error::{BeaconError, CeremonyError, PlanError},
    hash::Hash,
    text_file,
};

/// The version of [`Plan`]'s and the transcript's form.
pub const FORMAT_VERSION: u32 = 2;

/// No plan is longer.
const PLAN_BYTES_MAX: u64 = 1 << 14;

/// When drand's network `quicknet` began, in seconds since 1970, and how long its rounds are.
const QUICKNET: (u64, u64) = (1_692_803_367, 3);

/// A ceremony's announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format: u32,
    /// The circuit's shape.
    pub shape: Shape,
    /// The version of the circuit's rules.
    pub circuit_version: u32,
    /// The digest of the constraint system.
    pub constraint_system: B256,
    /// BLAKE2b of the `.ptau` file.
    pub powers_of_tau: B512,
    /// The circuit hash of the ceremony's beginning.
    pub circuit_hash: B512,
    /// The beacon.
    pub beacon: PlannedBeacon,
}

/// The beacon that will close a ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PlannedBeacon {
    /// Where its value comes from.
    pub source: BeaconSource,
    /// The value is hashed `2^exponent` times.
    pub exponent: u8,
}

/// A public random value that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BeaconSource {
    /// The randomness of a round of drand's network `quicknet` (chain hash `52db9ba7…4e971`).
    DrandQuicknet {
        /// The round.
        round: u64,
    },
    /// The hash of a block.
    Block {
        /// The chain's number, 1 for Ethereum.
        chain_id: u64,
        /// The block's number.
        number: u64,
        /// A time before which there is no such block, in seconds since 1970.
        not_before: u64,
    },
}

impl BeaconSource {
    /// When the value can be known, in seconds since 1970.
    pub fn not_before(&self) -> u64 {
        match self {
            Self::DrandQuicknet { round } => {
                let (genesis, period) = QUICKNET;
                genesis.saturating_add(round.saturating_sub(1).saturating_mul(period))
            }
            Self::Block { not_before, .. } => *not_before,
        }
    }
}

impl std::fmt::Display for BeaconSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DrandQuicknet { round } => write!(f, "drand quicknet round {round}"),
            Self::Block { chain_id, number, .. } => write!(f, "block {number} of chain {chain_id}"),
        }
    }
}

impl Plan {
    /// Reads a plan. What it is for is not checked yet.
    ///
    /// # Errors
    /// When the file cannot be read, is too long, or is no plan.
    pub fn read(path: &Path) -> Result<Self, CeremonyError> {
        text_file::read_json(path, "plan", PLAN_BYTES_MAX)
    }

    /// The plan as text, in its one form.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a plan is plain data") + "\n"
    }

    /// BLAKE3 of [`Self::to_json`].
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(self.to_json().as_bytes()).as_bytes()
    }

    /// The circuit that the plan names.
    pub fn circuit(&self) -> CircuitId {
        let (version, digest) = (self.circuit_version, self.constraint_system.0);
        CircuitId { shape: self.shape, version, digest }
    }

    /// Checks that the plan is of this form, and for this circuit.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_circuit(&self, circuit: &CircuitId) -> Result<(), PlanError> {
        if self.format != FORMAT_VERSION {
            return Err(PlanError::Format { expected: FORMAT_VERSION, found: self.format });
        }
        if self.shape != circuit.shape {
            return Err(PlanError::Other("shape"));
        }
        if self.circuit() != *circuit {
            return Err(PlanError::Other("circuit"));
        }
        if !BEACON_EXPONENTS.contains(&self.beacon.exponent) {
            return Err(BeaconError::Exponent(self.beacon.exponent).into());
        }
        Ok(())
    }

    /// Checks that the plan names these powers and this beginning.
    ///
    /// # Errors
    /// When it names others.
    pub fn check_files(&self, powers_of_tau: &Hash, circuit_hash: &Hash) -> Result<(), PlanError> {
        if self.powers_of_tau.0 != *powers_of_tau {
            return Err(PlanError::Other("file of powers of τ"));
        }
        if self.circuit_hash.0 != *circuit_hash {
            return Err(PlanError::Other("beginning"));
        }
        Ok(())
    }

    /// Checks that a beacon was hashed as planned, and that its value can be known by now (seconds since
    /// 1970).
    ///
    /// That the value is the planned source's, nobody can tell from files: ask drand, or a node.
    ///
    /// # Errors
    /// When it is too early, or the exponent is another.
    pub fn check_beacon(&self, exponent: u8, now: u64) -> Result<(), BeaconError> {
        let not_before = self.beacon.source.not_before();
        if now < not_before {
            let source_name = self.beacon.source.to_string();
            return Err(BeaconError::TooEarly { source_name, not_before, now });
        }
        self.check_exponent(exponent)
    }

    /// Checks that a beacon was hashed as planned.
    ///
    /// # Errors
    /// When the exponent is another.
    pub fn check_exponent(&self, exponent: u8) -> Result<(), BeaconError> {
        if exponent != self.beacon.exponent {
            return Err(BeaconError::Iterations {
                expected: self.beacon.exponent,
                found: exponent,
            });
        }
        Ok(())
    }
}
