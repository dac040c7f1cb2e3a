//! Making keys from secrets that must be forgotten.
//!
//! Whoever knows the secrets can prove anything. A key made here is as good as the word of the one
//! machine that made it; that of a ceremony is as good as the best of its contributors.

use aep2_circuits::{
    count::Counter,
    symbolic::{Sink, Sparse, Symbolic},
    system::Circuit,
};
use ark_bn254::{Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{
    AffineRepr, CurveGroup,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{FftField, Field, One, UniformRand, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    affine::CoordinateField,
    fixed_base::FixedBase,
    key::{ProvingKey, Query, VerifyingKey, domain_size},
};
use crate::progress::{Progress, Stage};

/// Why no key can be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SetupError {
    /// The field has too few roots of unity for so large a circuit.
    #[error(
        "the circuit has {constraints} constraints, more than the field's roots of unity allow; \
         choose a smaller shape"
    )]
    TooLarge {
        /// Constraints of the circuit.
        constraints: usize,
    },
}

/// Makes the proving key of `circuit`, with its verifying key inside.
///
/// Only the circuit's pattern counts, not its values. The secrets come from `rng` and are wiped
/// before this returns.
///
/// # Errors
/// [`SetupError::TooLarge`] for more than 2^27 rows.
pub fn setup(
    circuit: &impl Circuit,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &dyn Progress,
) -> Result<ProvingKey, SetupError> {
    progress.stage(Stage::SetupCount, 0, 1);
    let count = Counter::of(circuit);
    let rows = domain_size(count.constraints, count.public)
        .ok_or(SetupError::TooLarge { constraints: count.constraints })?;
    progress.stage(Stage::SetupCount, 1, 1);

    let secrets = Secrets::random(rng, rows);
    let polynomials = Polynomials::evaluate(circuit, &count, rows, secrets.tau, progress);
    Ok(assemble(&secrets, &polynomials, &count, rows, progress))
}

/// What must be forgotten.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Secrets {
    tau: Fr,
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
}

impl Secrets {
    /// τ lies neither on the domain of this many rows nor on its coset, where Lagrange
    /// coefficients would be zero; none of the others is zero.
    fn random(rng: &mut (impl RngCore + CryptoRng), rows: usize) -> Self {
        let mut draw = |fits: &dyn Fn(&Fr) -> bool| {
            loop {
                let secret = Fr::rand(rng);
                if fits(&secret) {
                    return secret;
                }
            }
        };
        let not_zero = |secret: &Fr| !secret.is_zero();
        Self {
            tau: draw(&|tau| !tau.is_zero() && !tau.pow([2 * rows as u64]).is_one()),
            alpha: draw(&not_zero),
            beta: draw(&not_zero),
            gamma: draw(&not_zero),
            delta: draw(&not_zero),
        }
    }
}

/// The circuit's polynomials, evaluated at τ: as secret as τ itself.
struct Polynomials {
    /// `Aⱼ(τ)` for each variable j.
    a: Zeroizing<Vec<Fr>>,
    /// `Bⱼ(τ)`.
    b: Zeroizing<Vec<Fr>>,
    /// `Cⱼ(τ)`.
    c: Zeroizing<Vec<Fr>>,
    /// `ℓᵢ(τ)` for each row i, on the coset.
    coset: Zeroizing<Vec<Fr>>,
    /// `Z(τ)`.
    vanishing: Fr,
}

impl Polynomials {
    fn evaluate(
        circuit: &impl Circuit,
        count: &Counter,
        rows: usize,
        tau: Fr,
        progress: &dyn Progress,
    ) -> Self {
        let domain = Radix2EvaluationDomain::<Fr>::new(rows).expect("checked by `domain_size`");
        let shift = Fr::get_root_of_unity(2 * rows as u64).expect("checked by `domain_size`");
        let coset = domain.get_coset(shift).expect("a root of unity is not zero");
        let lagrange = Zeroizing::new(domain.evaluate_all_lagrange_coefficients(tau));

        let column = || Zeroizing::new(vec![Fr::zero(); count.variables()]);
        let mut columns = Columns {
            lagrange: &lagrange,
            row: 0,
            constraints: count.constraints,
            progress,
            a: column(),
            b: column(),
            c: column(),
        };
        progress.stage(Stage::SetupEvaluate, 0, count.constraints as u64);
        Symbolic::run(circuit, &mut columns);
        let Columns { row, mut a, b, c, .. } = columns;
        assert_eq!(row, count.constraints, "a circuit is the same each time it runs");
        // Rows `xⱼ · 0 = 0` bind the constant one and the public inputs: without them a public
        // input that no other A mentions could be traded for another. libsnark, arkworks and
        // snarkjs add the same.
        for (own, value) in a.iter_mut().zip(&lagrange[row..=row + count.public]) {
            *own += value;
        }
        progress.stage(Stage::SetupEvaluate, row as u64, count.constraints as u64);
        Self {
            a,
            b,
            c,
            coset: Zeroizing::new(coset.evaluate_all_lagrange_coefficients(tau)),
            vanishing: domain.evaluate_vanishing_polynomial(tau),
        }
    }
}

/// Adds constraints, as they come, to the polynomials of the variables that they mention.
struct Columns<'a> {
    /// The Lagrange basis of the domain at τ.
    lagrange: &'a [Fr],
    row: usize,
    constraints: usize,
    progress: &'a dyn Progress,
    a: Zeroizing<Vec<Fr>>,
    b: Zeroizing<Vec<Fr>>,
    c: Zeroizing<Vec<Fr>>,
}

impl Sink for Columns<'_> {
    fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
        const ROWS_BETWEEN_REPORTS: usize = 1 << 13;

        let value = self.lagrange[self.row];
        let sides = [(a, &mut self.a), (b, &mut self.b), (c, &mut self.c)];
        for (combination, column) in sides {
            for (variable, factor) in combination.terms() {
                column[*variable as usize] += if factor.is_one() { value } else { value * factor };
            }
        }
        self.row += 1;
        if self.row.is_multiple_of(ROWS_BETWEEN_REPORTS) {
            let (done, total) = (self.row as u64, self.constraints as u64);
            self.progress.stage(Stage::SetupEvaluate, done, total);
        }
    }
}

fn assemble(
    secrets: &Secrets,
    polynomials: &Polynomials,
    count: &Counter,
    rows: usize,
    progress: &dyn Progress,
) -> ProvingKey {
    let Secrets { alpha, beta, gamma, delta, .. } = secrets;
    let Polynomials { a, b, c, coset, vanishing } = polynomials;
    let by_gamma = gamma.inverse().expect("γ is not zero");
    let by_delta = delta.inverse().expect("δ is not zero");
    let half_vanishing = *vanishing * Fr::from(2u64).inverse().expect("two is not zero");

    let first_witness = 1 + count.public;
    let bound = |j: usize| *beta * a[j] + *alpha * b[j] + c[j];
    let public: Zeroizing<Vec<Fr>> =
        Zeroizing::new((0..first_witness).map(|j| bound(j) * by_gamma).collect());
    let witness: Zeroizing<Vec<Fr>> = Zeroizing::new(
        (0..count.variables())
            .into_par_iter()
            .map(|j| {
                let quotient = c[j] * half_vanishing;
                let value = if j < first_witness { quotient } else { bound(j) + quotient };
                value * by_delta
            })
            .collect(),
    );
    let by_row = -half_vanishing * by_delta;
    let quotient: Zeroizing<Vec<Fr>> =
        Zeroizing::new(coset.par_iter().map(|value| *value * by_row).collect());

    let (in_g1, in_g2) = (G1Affine::generator(), G2Affine::generator());
    let g1_tables = FixedBase::<g1::Config>::new(in_g1, 3 * count.variables() + rows);
    let g2_tables = FixedBase::<g2::Config>::new(in_g2, count.variables());
    let verifying_key = VerifyingKey {
        alpha_g1: (in_g1 * alpha).into_affine(),
        beta_g2: (in_g2 * beta).into_affine(),
        gamma_g2: (in_g2 * gamma).into_affine(),
        delta_g2: (in_g2 * delta).into_affine(),
        gamma_abc_g1: g1_tables.multiply(&public, |_| {}),
    };
    ProvingKey {
        verifying_key,
        variables: count.variables() as u32,
        constraints: count.constraints as u32,
        beta_g1: (in_g1 * beta).into_affine(),
        delta_g1: (in_g1 * delta).into_affine(),
        a: query(&g1_tables, a, Stage::SetupA, progress),
        b_g1: query(&g1_tables, b, Stage::SetupBG1, progress),
        b_g2: query(&g2_tables, b, Stage::SetupBG2, progress),
        l: query(&g1_tables, &witness, Stage::SetupL, progress),
        h: points(&g1_tables, &quotient, Stage::SetupH, progress),
    }
}

/// The points of those variables that have one.
fn query<P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>>(
    tables: &FixedBase<P>,
    values: &[Fr],
    stage: Stage,
    progress: &dyn Progress,
) -> Query<Affine<P>> {
    let present = || values.iter().enumerate().filter(|(_, value)| !value.is_zero());
    let variables = present().map(|(variable, _)| variable as u32).collect();
    let values = Zeroizing::new(present().map(|(_, value)| *value).collect::<Vec<Fr>>());
    Query { variables, points: points(tables, &values, stage, progress) }
}

fn points<P: SWCurveConfig<ScalarField = Fr, BaseField: CoordinateField>>(
    tables: &FixedBase<P>,
    values: &[Fr],
    stage: Stage,
    progress: &dyn Progress,
) -> Vec<Affine<P>> {
    let total = values.len() as u64;
    progress.stage(stage, 0, total);
    let points = tables.multiply(values, |done| progress.stage(stage, done, total));
    progress.stage(stage, total, total);
    points
}
