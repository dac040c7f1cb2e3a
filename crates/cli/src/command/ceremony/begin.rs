//! `aep2 ceremony begin`.

use std::{fs, path::PathBuf, process::ExitCode};

use aep2_ceremony::{
    begin::begin,
    contribute::announce,
    contribution::BEACON_EXPONENTS,
    plan::{BeaconSource, FORMAT_VERSION, Plan, PlannedBeacon},
    verify::verify,
    zkey::Zkey,
};
use aep2_circuits::{Shape, statement::Statement};
use aep2_prover::key_file::CircuitId;
use anyhow::{Context, ensure};
use clap::Args;
use serde_json::json;

use super::{
    opened::{ANNOUNCED, INITIAL, PLAN},
    powers::{PowersOptions, described, to_json},
    progress::Steps,
};
use crate::{
    command, files,
    output::{Output, hex},
};

/// Begin a ceremony for a shape, and name the beacon that will close it
///
/// Writes initial.zkey, plan.json, and 0000.zkey, which is initial.zkey with the plan's hash in it: the
/// first contributor starts from there. Anybody makes all three again, byte for byte, from the same shape,
/// powers and beacon. Publish them before anybody contributes; the plan cannot be changed later.
#[derive(Args)]
#[command(after_help = "Example:\n  \
    aep2 ceremony begin --shape 64x16 --ptau powersOfTau28_hez_final_21.ptau --drand-round 25000000")]
pub(crate) struct Arguments {
    /// The shape: LANESxSLOTS or LANESxSLOTS-capture, as 64x16
    #[arg(long)]
    shape: Shape,

    #[command(flatten)]
    powers: PowersOptions,

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
    let Arguments { shape, powers, beacon, beacon_exponent, out, threads } = arguments;
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
    let [initial, announced, plan_path] = [INITIAL, ANNOUNCED, PLAN].map(|name| out.join(name));
    for path in [&initial, &announced, &plan_path] {
        ensure!(
            !path.exists(),
            "{} is there already: each ceremony has its folder",
            path.display()
        );
    }
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;

    let ptau = powers.open(output)?;
    let statement = Statement::blank(*shape);
    let id = CircuitId::of(*shape);
    let bar = Steps::new(output);
    let plan = command::threads(*threads)?.install(|| {
        let circuit_hash = begin(&statement, &ptau, &initial, &bar)?;
        let plan = Plan {
            format: FORMAT_VERSION,
            shape: *shape,
            circuit_version: id.version,
            constraint_system: id.digest.into(),
            powers_of_tau: (*ptau.hash()).into(),
            circuit_hash: circuit_hash.into(),
            beacon: PlannedBeacon { source, exponent: *beacon_exponent },
        };
        files::write(&plan_path, &plan.to_json())?;
        // As every contributor will.
        let own = Zkey::open(&initial)?;
        let verified = verify(&statement, &plan, &ptau, &own, Zkey::open(&initial)?, &bar)?;
        announce(&verified, &announced, &bar)?;
        anyhow::Ok(plan)
    });
    bar.finish();
    let plan = plan?;
    let result = json!({
        "plan": plan_path, "plan_hash": hex(&plan.hash()), "initial": initial, "state": announced,
        "announced": plan, "powers_of_tau": to_json(&ptau),
    });
    output.result(&result, || {
        format!(
            "{}\n{}\n{}\nplan            {} (BLAKE3)\ncircuit hash    {}\npowers of τ     {}\nbeacon          \
             {}, known from {} on (seconds since 1970)",
            initial.display(),
            plan_path.display(),
            announced.display(),
            hex(&plan.hash()),
            plan.circuit_hash,
            described(&ptau),
            plan.beacon.source,
            plan.beacon.source.not_before(),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
