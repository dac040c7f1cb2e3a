//! What all steps but the first start from: the plan, the beginning, the powers of τ.

use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use aep2_ceremony::{
    CeremonyError,
    plan::Plan,
    ptau::Ptau,
    verify::{Verified, verify},
    zkey::Zkey,
};
use aep2_circuits::statement::Statement;
use aep2_prover::key_file::CircuitId;
use anyhow::{Context, ensure};
use clap::Args;

use super::{powers::PowersOptions, progress::Steps};
use crate::output::Output;

/// The plan's name in a ceremony's folder.
pub(super) const PLAN: &str = "plan.json";
/// The beginning's name in a ceremony's folder.
pub(super) const INITIAL: &str = "initial.zkey";
/// The name of the state after the plan's contribution.
pub(super) const ANNOUNCED: &str = "0000.zkey";

/// Where a ceremony is.
#[derive(Args)]
pub(in crate::command) struct Options {
    /// Folder with plan.json and initial.zkey, as `aep2 ceremony begin` made them
    #[arg(long = "ceremony", value_name = "DIR", default_value = "ceremony")]
    ceremony_folder: PathBuf,

    #[command(flatten)]
    powers: PowersOptions,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    pub(in crate::command) threads: Option<usize>,
}

/// A ceremony whose plan, powers and circuit fit together.
pub(in crate::command) struct Opened {
    pub(in crate::command) plan: Plan,
    pub(in crate::command) id: CircuitId,
    pub(in crate::command) statement: Statement,
    pub(in crate::command) ptau: Ptau,
    initial: Zkey,
}

impl Options {
    pub(in crate::command) fn open(&self, output: &Output) -> anyhow::Result<Opened> {
        let plan = Plan::read(&self.ceremony_folder.join(PLAN))?;
        ensure!(
            plan.circuit_version == aep2_circuits::VERSION,
            "the plan is for circuit version {}, this program has version {}",
            plan.circuit_version,
            aep2_circuits::VERSION
        );
        // Whether it is this program's circuit of this version, verifying says.
        let id = plan.circuit();
        plan.check_circuit(&id)?;
        let ptau = self.powers.open(output)?;
        let initial = Zkey::open(&self.ceremony_folder.join(INITIAL))?;
        plan.check_files(ptau.hash(), &initial.chain.circuit_hash)
            .context("the plan is not that of these files")?;
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
        verify(&self.statement, &self.plan, &self.ptau, &self.initial, state, bar)
    }
}

/// Seconds since 1970.
pub(in crate::command) fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.context("this machine's clock is before 1970")?.as_secs())
}
