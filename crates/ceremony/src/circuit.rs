//! A circuit as a ceremony sees it: its size, its rows under an assignment, its coefficients.

use aep2_circuits::{
    count::Counter,
    symbolic::{Sink, Sparse, Symbolic},
    system::Circuit,
};
use ark_bn254::Fr;
use ark_ff::{FftField, One, PrimeField, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rand::{RngCore, SeedableRng, rngs::OsRng};
use rand_chacha::ChaCha20Rng;

use crate::error::CeremonyError;

/// How large a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The constant one, the public inputs, the witness.
    pub variables: usize,
    /// Public inputs, the constant one not among them.
    pub public: usize,
    /// Constraints, without the rows that bind the constant one and the public inputs.
    pub constraints: usize,
    /// The domain has `2^power` rows.
    pub power: u32,
}

impl Size {
    /// The size of `circuit`.
    ///
    /// # Errors
    /// [`CeremonyError::TooLarge`] for more than 2^27 rows.
    pub fn of(circuit: &impl Circuit) -> Result<Self, CeremonyError> {
        let Counter { public, witness, constraints, .. } = Counter::of(circuit);
        let rows = (constraints + public + 1).next_power_of_two().max(2);
        let power = rows.trailing_zeros();
        if power >= Fr::TWO_ADICITY {
            return Err(CeremonyError::TooLarge { constraints });
        }
        Ok(Self { variables: 1 + public + witness, public, constraints, power })
    }

    /// Rows of the domain.
    pub fn rows(&self) -> usize {
        1 << self.power
    }

    /// The domain `H`.
    pub(crate) fn domain(&self) -> Radix2EvaluationDomain<Fr> {
        Radix2EvaluationDomain::new(self.rows()).expect("checked by `Size::of`")
    }

    /// The domain with twice the roots.
    pub(crate) fn double_domain(&self) -> Radix2EvaluationDomain<Fr> {
        Radix2EvaluationDomain::new(2 * self.rows()).expect("checked by `Size::of`")
    }
}

/// The values of all rows' combinations, rows up to the domain's size.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) a: Vec<Fr>,
    pub(crate) b: Vec<Fr>,
    pub(crate) c: Vec<Fr>,
}

impl Rows {
    fn none(size: &Size) -> Self {
        let column = || vec![Fr::zero(); size.rows()];
        Self { a: column(), b: column(), c: column() }
    }

    /// The rows under several assignments, in one run of the circuit. The rows that bind the constant
    /// one and the public inputs are among them.
    pub(crate) fn under<const N: usize>(
        circuit: &impl Circuit,
        size: &Size,
        assignments: [&[Fr]; N],
    ) -> [Self; N] {
        struct Evaluating<'a, const N: usize> {
            assignments: [&'a [Fr]; N],
            rows: [Rows; N],
            row: usize,
        }
        impl<const N: usize> Sink for Evaluating<'_, N> {
            fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
                for (rows, z) in self.rows.iter_mut().zip(self.assignments) {
                    rows.a[self.row] = a.evaluate(z);
                    rows.b[self.row] = b.evaluate(z);
                    rows.c[self.row] = c.evaluate(z);
                }
                self.row += 1;
            }
        }
        let rows = std::array::from_fn(|_| Rows::none(size));
        let mut sink = Evaluating { assignments, rows, row: 0 };
        Symbolic::run(circuit, &mut sink);
        let Evaluating { mut rows, row, .. } = sink;
        assert_eq!(row, size.constraints, "a circuit is the same each time it runs");
        for (rows, z) in rows.iter_mut().zip(assignments) {
            rows.a[row..=row + size.public].copy_from_slice(&z[..=size.public]);
        }
        rows
    }
}

/// Takes the coefficients of a circuit's A and B sides in the order in which a `.zkey` has them, those
/// of the rows that bind the public inputs last.
pub(crate) fn coefficients(circuit: &impl Circuit, size: &Size, mut take: impl FnMut(Coefficient)) {
    struct Listing<F>(F, u32);
    impl<F: FnMut(Coefficient)> Sink for Listing<F> {
        fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, _: &Sparse) {
            for (matrix, side) in [(0, a), (1, b)] {
                for (variable, factor) in side.terms() {
                    let (row, variable, factor) = (self.1, *variable, *factor);
                    self.0(Coefficient { matrix, row, variable, factor });
                }
            }
            self.1 += 1;
        }
    }
    Symbolic::run(circuit, &mut Listing(&mut take, 0));
    for variable in 0..=size.public as u32 {
        let row = size.constraints as u32 + variable;
        take(Coefficient { matrix: 0, row, variable, factor: Fr::one() });
    }
}

/// A variable's coefficient in a row of A (0) or B (1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coefficient {
    matrix: u32,
    row: u32,
    variable: u32,
    factor: Fr,
}

impl Coefficient {
    /// How long one is in a file.
    pub(crate) const BYTES: usize = 3 * 4 + 32;

    /// As a `.zkey` has it: the factor multiplied by 2^512.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        for number in [self.matrix, self.row, self.variable] {
            bytes.extend(number.to_le_bytes());
        }
        // In memory, an element is multiplied by 2^256; twice over, then, by 2^512.
        let twice = Fr::from_bigint(self.factor.0).expect("below the modulus");
        bytes.extend(twice.0.0.iter().flat_map(|limb| limb.to_le_bytes()));
    }
}

/// Scalars of 128 random bits: what differs is found by their linear combination, but with a chance of
/// 2^-128.
pub(crate) fn random_scalars(count: usize) -> Vec<Fr> {
    let mut rng = ChaCha20Rng::from_rng(OsRng).expect("the system's randomness");
    let mut draw = || u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    (0..count).map(|_| Fr::from(draw())).collect()
}
