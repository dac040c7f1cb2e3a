//! How far long work has come.

use std::fmt;

/// A stage of a set-up or of a proof. Stages come in the order given here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Set-up: running the circuit to learn its size.
    SetupCount,
    /// Set-up: running the circuit and evaluating its polynomials at the secret point.
    SetupEvaluate,
    /// Set-up: the points of the prover's first factors, in G1.
    SetupA,
    /// Set-up: the points of the prover's second factors, in G1.
    SetupBG1,
    /// Set-up: the points of the prover's second factors, in G2.
    SetupBG2,
    /// Set-up: the points of the witness variables.
    SetupL,
    /// Set-up: the points of the quotient.
    SetupH,
    /// Proof: the quotient polynomial's values.
    ProveFft,
    /// Proof: the first factors' sum, in G1.
    ProveA,
    /// Proof: the second factors' sum, in G1.
    ProveBG1,
    /// Proof: the second factors' sum, in G2.
    ProveBG2,
    /// Proof: the witness variables' sum.
    ProveL,
    /// Proof: the quotient's sum.
    ProveH,
    /// Proof: checking the finished proof.
    ProveCheck,
}

impl Stage {
    /// The stages of a set-up, in order.
    pub const SETUP: [Self; 7] = [
        Self::SetupCount,
        Self::SetupEvaluate,
        Self::SetupA,
        Self::SetupBG1,
        Self::SetupBG2,
        Self::SetupL,
        Self::SetupH,
    ];

    /// The stages of a proof, in order.
    pub const PROVE: [Self; 7] = [
        Self::ProveFft,
        Self::ProveA,
        Self::ProveBG1,
        Self::ProveBG2,
        Self::ProveL,
        Self::ProveH,
        Self::ProveCheck,
    ];

    /// The stages of a set-up and of the proofs after it.
    pub const SETUP_AND_PROVE: [Self; 14] = {
        let mut all = [Self::SetupCount; 14];
        let mut index = 0;
        while index < 7 {
            all[index] = Self::SETUP[index];
            all[index + 7] = Self::PROVE[index];
            index += 1;
        }
        all
    };
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::SetupCount => "measuring the circuit",
            Self::SetupEvaluate => "evaluating the circuit",
            Self::SetupA => "making the key: A",
            Self::SetupBG1 => "making the key: B in G1",
            Self::SetupBG2 => "making the key: B in G2",
            Self::SetupL => "making the key: L",
            Self::SetupH => "making the key: H",
            Self::ProveFft => "dividing polynomials",
            Self::ProveA => "proving: A",
            Self::ProveBG1 => "proving: B in G1",
            Self::ProveBG2 => "proving: B in G2",
            Self::ProveL => "proving: L",
            Self::ProveH => "proving: H",
            Self::ProveCheck => "checking the proof",
        })
    }
}

/// Watches long work. Calls come from any thread, and with several threads at work `done` may
/// step back a little from one call to the next.
pub trait Progress: Sync {
    /// `done` of `total` units of this stage are finished; a stage starts with 0 and ends with
    /// `total`.
    fn stage(&self, stage: Stage, done: u64, total: u64);

    /// The stages that follow are of segment `index`, from 0, of `total`. Said before each segment
    /// of a window that has several.
    fn segment(&self, index: usize, total: usize) {
        let _ = (index, total);
    }
}

/// Watches nothing.
impl Progress for () {
    fn stage(&self, _: Stage, _: u64, _: u64) {}
}

impl<F: Fn(Stage, u64, u64) + Sync> Progress for F {
    fn stage(&self, stage: Stage, done: u64, total: u64) {
        self(stage, done, total);
    }
}
