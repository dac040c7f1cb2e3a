//! Set-up and proof of one circuit, here and with stock ark-groth16, in the same process.
//!
//! ```text
//! cargo run --release -p aep2-prover --example groth16_against_stock -- [LOG2_ROWS] [--no-stock]
//! ```
//!
//! The circuit has the settlement circuit's mix: a third of its variables are bits, the rest are
//! full-size products; two thirds of the variables stand on a B side.
#![allow(clippy::unwrap_used)]

use std::time::Instant;

use aep2_circuits::{
    symbolic::Matrices,
    system::{Circuit, Linear, System},
    witness::Assignment,
};
use aep2_prover::{
    groth16::{CoordinateField, msm::msm, prove_unchecked, setup, verify},
    progress::Stage,
};
use ark_bn254::{Bn254, Fr};
use ark_ec::{
    VariableBaseMSM,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{PrimeField, UniformRand};
use ark_groth16::Groth16;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, Result, Variable,
};
use rand::{SeedableRng, rngs::StdRng};

/// Bits, squares and products, in turns.
#[derive(Clone, Copy)]
struct Mixed {
    constraints: usize,
}

impl Circuit for Mixed {
    fn synthesize<S: System>(&self, system: &mut S) {
        let one = S::L::constant(Fr::from(1u64));
        let start = system.public("start", || Fr::from(3u64));
        let mut value = start.clone();
        for row in 0..self.constraints {
            match row % 3 {
                0 => {
                    let bit = system.witness("bit", || Fr::from(row as u64 / 3 % 2));
                    system.enforce("bit", &bit, &bit.sub(&one), &S::L::constant(Fr::from(0u64)));
                    value = value.add(&bit);
                }
                1 => value = system.product("square", &value, &value),
                _ => value = system.product("product", &start.add(&value), &value.add(&one)),
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let log_rows: u32 = arguments.first().and_then(|word| word.parse().ok()).unwrap_or(20);
    let stock_too = !arguments.iter().any(|word| word == "--no-stock");
    let circuit = Mixed { constraints: (1 << log_rows) - 2 };
    println!("{} threads, domain 2^{log_rows}", rayon::current_num_threads());

    let key = timed("our set-up", || {
        let started = Instant::now();
        let watch = |stage: Stage, done, total| {
            if done == total {
                println!("    {:>6.2} s  {stage}", started.elapsed().as_secs_f64());
            }
        };
        setup(&circuit, &mut StdRng::seed_from_u64(1), &watch).unwrap()
    });
    let assignment = timed("filling the assignment", || Assignment::of(&circuit));
    let inputs = assignment.public_inputs().to_vec();
    for _ in 0..3 {
        let own = assignment.clone();
        let (proof, timings) = timed("our proof", || {
            prove_unchecked(&key, own, &mut rand::thread_rng(), &()).unwrap()
        });
        println!("    {timings:?}");
        assert!(verify(&key.verifying_key, &inputs, &proof));
    }
    println!("peak memory {} MiB", peak_memory_mib());
    against_stock_msm("G1, full-size scalars", &key.h, &full_size(key.h.len()));
    let some = key.h.len().min(assignment.z.len());
    against_stock_msm("G1, a third bits", &key.h[..some], &assignment.z[..some]);
    let points = &key.b_g2.points;
    against_stock_msm("G2, full-size scalars", points, &full_size(points.len()));
    let values: Vec<Fr> = key.b_g2.variables.iter().map(|j| assignment.z[*j as usize]).collect();
    against_stock_msm("G2, half bits", points, &values);
    drop(key);
    if !stock_too {
        return;
    }

    let stock = Stock { matrices: Matrices::of(&circuit), assignment };
    let sides = stock.sides();
    let assignment = stock.assignment.clone();
    let key = timed("stock set-up", || {
        let mut rng = StdRng::seed_from_u64(1);
        Groth16::<Bn254>::generate_random_parameters_with_reduction(stock, &mut rng).unwrap()
    });
    for _ in 0..2 {
        let proof = timed("stock proof, from the assignment", || {
            Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
                &key,
                Fr::from(12345u64),
                Fr::from(67890u64),
                &sides,
                1 + assignment.public,
                assignment.a.len(),
                &assignment.z,
            )
            .unwrap()
        });
        assert!(verify(&key.vk, &inputs, &proof));
    }
    println!("peak memory {} MiB", peak_memory_mib());
}

fn full_size(count: usize) -> Vec<Fr> {
    let mut rng = StdRng::seed_from_u64(2);
    (0..count).map(|_| Fr::rand(&mut rng)).collect()
}

fn against_stock_msm<P>(what: &str, points: &[Affine<P>], scalars: &[Fr])
where
    P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>,
{
    println!("{} points in {what}", points.len());
    let integers: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint()).collect();
    let ours = timed("our MSM", || msm(points, &integers));
    let theirs = timed("stock MSM", || Projective::<P>::msm(points, scalars).unwrap());
    assert_eq!(ours, theirs);
}

/// The circuit in arkworks' terms.
struct Stock {
    matrices: Matrices,
    assignment: Assignment,
}

impl Stock {
    fn sides(&self) -> [Matrix<Fr>; 3] {
        let rows = &self.matrices.rows;
        [0, 1, 2].map(|pick| {
            rows.iter()
                .map(|(_, a, b, c)| {
                    let terms = [a, b, c][pick].terms().iter();
                    terms.map(|(j, factor)| (*factor, *j as usize)).collect()
                })
                .collect()
        })
    }
}

impl ConstraintSynthesizer<Fr> for Stock {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<()> {
        let mut variables = vec![Variable::One];
        for (index, value) in self.assignment.z.iter().enumerate().skip(1) {
            variables.push(if index <= self.assignment.public {
                system.new_input_variable(|| Ok(*value))?
            } else {
                system.new_witness_variable(|| Ok(*value))?
            });
        }
        for (_, a, b, c) in &self.matrices.rows {
            let [a, b, c] = [a, b, c].map(|side| {
                let terms = side.terms().iter();
                let terms: Vec<(Fr, Variable)> =
                    terms.map(|(j, factor)| (*factor, variables[*j as usize])).collect();
                LinearCombination::from_sum_coeff_vars(&terms)
            });
            system.enforce_r1cs_constraint(|| a, || b, || c)?;
        }
        Ok(())
    }
}

/// Prints how long the work took by the clock, and how much processor time: on a busy machine the
/// latter says more.
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (started, processor) = (Instant::now(), processor_seconds());
    let result = work();
    let (clock, processor) = (started.elapsed().as_secs_f64(), processor_seconds() - processor);
    println!("{clock:>8.2} s {processor:>8.2} s of processor time  {what}");
    result
}

/// Processor time of all threads so far; zero where the system does not say.
fn processor_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;

    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 14th and 15th fields; the second one, in parentheses, may
    // hold spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_SECOND
}

/// The most memory this process has held so far; zero where the system does not say.
fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
