//! `aep2 ceremony begin`.

use std::{fs, path::PathBuf, process::ExitCode};

use aep2_ceremony::{
    begin::begin,
    contribution::BEACON_EXPONENTS,
    plan::{BeaconSource, FORMAT_VERSION, Plan, PlannedBeacon},
    ptau::Ptau,
};
use aep2_circuits::{Shape, statement::Statement};
use aep2_prover::key_file::CircuitId;
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use super::{
    opened::{INITIAL, PLAN},
    progress::Steps,
};
use crate::{
    command, files,
    output::{Output, hex},
};

/// Begin a ceremony for a shape, and name the beacon that will close it
///
/// Writes initial.zkey, which anybody makes again byte for byte from the same shape and powers, and
/// plan.json. Publish both before anybody contributes.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    aep2 ceremony begin --shape 64x16 --ptau powersOfTau28_hez_final_21.ptau --drand-round 25000000")]
pub(crate) struct Arguments {
    /// The shape: LANESxSLOTS or LANESxSLOTS-capture, as 64x16
    #[arg(long)]
    shape: Shape,

    /// The powers of τ: a .ptau file, prepared for phase 2, of one size more than the shape's domain
    #[arg(long, value_name = "FILE")]
    ptau: PathBuf,

    #[command(flatten)]
    beacon: Beacon,

    /// Hash the beacon's value 2^N times
    #[arg(long, value_name = "N", default_value_t = 20)]
    beacon_exponent: u8,

    /// Folder to write into
    #[arg(long, short, value_name = "DIR", default_value = "ceremony")]
    out: PathBuf,

    /// Use at most so many threads
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

#[derive(Args)]
struct Beacon {
    /// The beacon is the randomness of this round of drand's network quicknet
    #[arg(long, value_name = "ROUND", conflicts_with_all = ["block", "block_chain", "block_not_before"])]
    drand_round: Option<u64>,

    /// The beacon is the hash of the block of this number
    #[arg(long, value_name = "NUMBER", requires = "block_not_before")]
    block: Option<u64>,

    /// The block's chain
    #[arg(long, value_name = "ID", default_value_t = 1)]
    block_chain: u64,

    /// A time before which there is no such block, in seconds since 1970
    #[arg(long, value_name = "SECONDS", requires = "block")]
    block_not_before: Option<u64>,
}

impl Beacon {
    fn source(&self) -> anyhow::Result<BeaconSource> {
        match (self.drand_round, self.block, self.block_not_before) {
            (Some(round), None, None) => Ok(BeaconSource::DrandQuicknet { round }),
            (None, Some(number), Some(not_before)) => {
                Ok(BeaconSource::Block { chain_id: self.block_chain, number, not_before })
            }
            _ => {
                anyhow::bail!("name one beacon: --drand-round, or --block with --block-not-before")
            }
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { shape, ptau, beacon, beacon_exponent, out, threads } = arguments;
    let source = beacon.source()?;
    ensure!(
        BEACON_EXPONENTS.contains(beacon_exponent),
        "--beacon-exponent is from {} to {}",
        BEACON_EXPONENTS.start(),
        BEACON_EXPONENTS.end()
    );
    ensure!(
        source.not_before() > super::opened::now()?,
        "{source} is known already, or soon will be by your own word: name one in the future"
    );
    let initial = out.join(INITIAL);
    ensure!(
        !initial.exists(),
        "{} is there already: each ceremony has its folder",
        initial.display()
    );
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;

    let ptau = Ptau::open(ptau)?;
    let bar = Steps::new(output);
    let circuit_hash = command::threads(*threads)?
        .install(|| begin(&Statement::blank(*shape), &ptau, &initial, &bar));
    bar.finish();
    let circuit_hash = circuit_hash?;
    let id = CircuitId::of(*shape);
    let plan = Plan {
        format: FORMAT_VERSION,
        shape: *shape,
        circuit_version: id.version,
        constraint_system: id.digest.into(),
        powers_of_tau: ptau.hash()?.into(),
        circuit_hash: circuit_hash.into(),
        beacon: PlannedBeacon { source, exponent: *beacon_exponent },
    };
    let path = out.join(PLAN);
    files::write(&path, &(serde_json::to_string_pretty(&plan)? + "\n"))?;
    let result = json!({ "plan": path, "initial": initial, "announced": plan });
    output.result(&result, || {
        format!(
            "{}\n{}\ncircuit hash    {}\npowers of τ     {} (BLAKE2b: compare it with what their \
             ceremony published)\nbeacon          {}, known from {} on (seconds since 1970)",
            initial.display(),
            path.display(),
            hex(&circuit_hash),
            plan.powers_of_tau,
            plan.beacon.source,
            plan.beacon.source.not_before(),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
