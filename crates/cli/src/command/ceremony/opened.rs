//! What all steps but the first start from: the plan, the beginning, the powers of τ.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use aep2_ceremony::{
    CeremonyError,
    contribution::Source,
    plan::Plan,
    ptau::Ptau,
    verify::{Verified, verify},
    zkey::Zkey,
};
use aep2_circuits::statement::Statement;
use aep2_prover::key_file::CircuitId;
use anyhow::Context;
use clap::Args;

use super::progress::Steps;
use crate::{files, output::Output};

/// The plan's name in a ceremony's folder.
pub(super) const PLAN: &str = "plan.json";
/// The beginning's name in a ceremony's folder.
pub(super) const INITIAL: &str = "initial.zkey";

/// Where a ceremony is.
#[derive(Args)]
pub(in crate::command) struct Options {
    /// Folder with plan.json and initial.zkey, as `aep2 ceremony begin` made them
    #[arg(long = "ceremony", value_name = "DIR", default_value = "ceremony")]
    ceremony_folder: PathBuf,

    /// The powers of τ: a .ptau file
    #[arg(long, value_name = "FILE")]
    ptau: PathBuf,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    pub(in crate::command) threads: Option<usize>,
}

/// A ceremony whose plan, powers and circuit fit together.
pub(in crate::command) struct Opened {
    pub(in crate::command) plan: Plan,
    pub(in crate::command) id: CircuitId,
    pub(in crate::command) statement: Statement,
    ptau: Ptau,
    initial: Zkey,
}

impl Options {
    pub(in crate::command) fn open(&self, output: &Output) -> anyhow::Result<Opened> {
        let plan: Plan = files::read_json(&self.ceremony_folder.join(PLAN))?;
        output.note("reading the powers of τ, and running the circuit …");
        let ptau = Ptau::open(&self.ptau)?;
        let initial = Zkey::open(&self.ceremony_folder.join(INITIAL))?;
        let id = CircuitId::of(plan.shape);
        plan.check(&id, &ptau.hash()?, &initial.chain.circuit_hash)
            .context("the plan is not that of these files and this program")?;
        let statement = Statement::blank(plan.shape);
        Ok(Opened { plan, id, statement, ptau, initial })
    }
}

impl Opened {
    /// Verifies a state of the ceremony, from the powers of τ on.
    pub(in crate::command) fn verify(
        &self,
        state: &Path,
        bar: &Steps,
    ) -> Result<Verified, CeremonyError> {
        let state = Zkey::open(state)?;
        // First, or a file could have this machine hash for days.
        for own in &state.chain.contributions {
            if let Source::Beacon { exponent, .. } = &own.source {
                self.plan.check_exponent(*exponent)?;
            }
        }
        verify(&self.statement, &self.ptau, &self.initial, state, bar)
    }
}

/// Seconds since 1970.
pub(in crate::command) fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.context("this machine's clock is before 1970")?.as_secs())
}
