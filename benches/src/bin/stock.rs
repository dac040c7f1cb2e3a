//! This project's prover against stock `ark-groth16`, on the same statement, in one run.
//!
//! Both prove a full window from its filled assignment, in turns; both proofs verify with the stock
//! verifier. Exits with 1 when ours takes longer, or more memory than `--memory-mib`.

use std::{process::ExitCode, time::Duration};

use aep2_benches::{machine, proving, statistics::Seconds};
use aep2_circuits::{Shape, arkworks::Arkworks, count::Counter, statement::Statement};
use aep2_prover::{arrange::Batch, blinding::Blinding, groth16};
use anyhow::Context;
use ark_bn254::{Bn254, Fr};
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use clap::Parser;
use rand::rngs::OsRng;
use serde_json::json;

/// Compare this prover with stock ark-groth16
#[derive(Parser)]
struct Arguments {
    /// The shape of the window
    #[arg(long, default_value_t = Shape::CHAINS)]
    shape: Shape,

    /// Proofs to make with each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,

    /// The most memory that our set-up and proof may take
    #[arg(long, default_value_t = 6_144.0)]
    memory_mib: f64,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { shape, runs, memory_mib } = Arguments::parse();
    let blinding = Blinding::random(&mut OsRng);
    let batch = Batch::arrange(&proving::full_window(shape), shape, &blinding)?;
    // A full window of a shape is one segment of it.
    let statement = &batch.segments[0].statement;
    let inputs = statement.public.to_vec();

    eprintln!("{shape}: our set-up and a proof, for the memory they take …");
    machine::reset_peak_memory();
    let ours = groth16::setup(&Statement::blank(shape), &mut OsRng, &())?;
    let prove_ours = || -> anyhow::Result<Duration> {
        let assignment = aep2_circuits::witness::Assignment::of(statement);
        let (took, proof) = timed(|| groth16::prove_unchecked(&ours, assignment, &mut OsRng, &()));
        let (proof, _) = proof?;
        anyhow::ensure!(verifies(&ours.verifying_key, &inputs, &proof)?, "our proof must verify");
        Ok(took)
    };
    prove_ours()?;
    let peak_mib = machine::peak_memory_mib();

    eprintln!("stock set-up …");
    machine::reset_peak_memory();
    let circuit = Arkworks::of(statement);
    let (stock_setup, stock) =
        timed(|| Groth16::<Bn254>::generate_random_parameters_with_reduction(&circuit, &mut OsRng));
    let stock = stock.context("stock set-up")?;
    let sides = circuit.sides();
    let prove_stock = || -> anyhow::Result<Duration> {
        let (r, s) = (Fr::rand(&mut OsRng), Fr::rand(&mut OsRng));
        let assignment = &circuit.assignment;
        let (took, proof) = timed(|| {
            Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
                &stock,
                r,
                s,
                &sides,
                1 + assignment.public,
                assignment.a.len(),
                &assignment.z,
            )
        });
        let verified = verifies(&stock.vk, &inputs, &proof.context("stock proof")?)?;
        anyhow::ensure!(verified, "the stock proof must verify");
        Ok(took)
    };

    let (own, theirs) = in_turns(runs, prove_ours, prove_stock)?;
    let ratio = theirs.median / own.median;
    let result = json!({
        "machine": machine::Machine::this(),
        "threads": rayon::current_num_threads(),
        "shape": shape.to_string(),
        "constraints": Counter::of(statement).constraints,
        "runs": runs,
        "ours": { "prove_s": own, "peak_rss_mib": peak_mib },
        "stock": {
            "prove_s": theirs,
            "setup_s": stock_setup.as_secs_f64(),
            "peak_rss_mib": machine::peak_memory_mib(),
        },
        "times_faster": ratio,
    });
    println!("{}", serde_json::to_string_pretty(&result)?);
    eprintln!("{ratio:.2} times as fast as stock");
    let within = peak_mib.is_none_or(|peak| peak <= memory_mib);
    Ok(if ratio >= 1.0 && within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_turns(
    runs: u16,
    prove_ours: impl Fn() -> anyhow::Result<Duration>,
    prove_stock: impl Fn() -> anyhow::Result<Duration>,
) -> anyhow::Result<(Seconds, Seconds)> {
    let (mut ours, mut stock) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        eprintln!("proofs {run} of {runs} …");
        ours.push(prove_ours()?);
        stock.push(prove_stock()?);
    }
    Ok((Seconds::of(ours), Seconds::of(stock)))
}

/// The stock verifier's verdict.
fn verifies(
    key: &groth16::VerifyingKey,
    inputs: &[Fr],
    proof: &groth16::Proof,
) -> anyhow::Result<bool> {
    let prepared = ark_groth16::prepare_verifying_key(key);
    Groth16::<Bn254>::verify_proof(&prepared, proof, inputs).context("verifying")
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = std::time::Instant::now();
    let result = work();
    (started.elapsed(), result)
}
