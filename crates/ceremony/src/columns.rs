//! A circuit's constraints variable by variable, for sums over the rows that mention one.

use std::collections::HashMap;

use aep2_circuits::{
    symbolic::{Sink, Sparse, Symbolic},
    system::Circuit,
};
use aep2_prover::groth16::msm;
use ark_bn254::Fr;
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, Projective},
};
use ark_ff::{BigInteger, One, PrimeField, Zero};

use crate::{circuit::Size, points::Group};

/// Where a variable occurs on one side: rows, with the index of the coefficient.
pub(crate) struct Column {
    /// Where the terms of each variable start; one more at the end.
    starts: Vec<u32>,
    terms: Vec<(u32, u32)>,
}

impl Column {
    /// From the terms (variable, row, coefficient) in any order.
    fn new(terms: &[(u32, u32, u32)], variables: usize) -> Self {
        let mut starts = vec![0u32; variables + 1];
        for (variable, ..) in terms {
            starts[*variable as usize + 1] += 1;
        }
        for variable in 0..variables {
            starts[variable + 1] += starts[variable];
        }
        let mut next = starts.clone();
        let mut sorted = vec![(0, 0); terms.len()];
        for (variable, row, coefficient) in terms {
            let place = &mut next[*variable as usize];
            sorted[*place as usize] = (*row, *coefficient);
            *place += 1;
        }
        Self { starts, terms: sorted }
    }

    fn of(&self, variable: usize) -> &[(u32, u32)] {
        &self.terms[self.starts[variable] as usize..self.starts[variable + 1] as usize]
    }
}

/// A circuit's constraints, variable by variable.
pub(crate) struct Columns {
    pub(crate) a: Column,
    pub(crate) b: Column,
    pub(crate) c: Column,
    /// Every coefficient once.
    factors: Vec<Factor>,
}

/// A coefficient, by what it costs to multiply a point by it.
#[derive(Clone, Copy)]
enum Factor {
    One,
    MinusOne,
    Small(u64),
    MinusSmall(u64),
    Large(Fr),
}

impl Factor {
    fn of(factor: Fr) -> Self {
        let (plus, minus) = (factor.into_bigint(), (-factor).into_bigint());
        match (plus.num_bits() <= 64, minus.num_bits() <= 64) {
            (true, _) if factor.is_one() => Self::One,
            (_, true) if (-factor).is_one() => Self::MinusOne,
            (true, _) => Self::Small(plus.0[0]),
            (_, true) => Self::MinusSmall(minus.0[0]),
            _ => Self::Large(factor),
        }
    }

    fn value(self) -> Fr {
        match self {
            Self::One => Fr::one(),
            Self::MinusOne => -Fr::one(),
            Self::Small(number) => Fr::from(number),
            Self::MinusSmall(number) => -Fr::from(number),
            Self::Large(factor) => factor,
        }
    }

    fn times<P: Group>(self, point: &Affine<P>) -> Projective<P> {
        match self {
            Self::One => (*point).into(),
            Self::MinusOne => (-*point).into(),
            Self::Small(number) => point.mul_bigint([number]),
            Self::MinusSmall(number) => -point.mul_bigint([number]),
            Self::Large(factor) => *point * factor,
        }
    }
}

impl Columns {
    /// Runs `circuit`. The rows that bind the constant one and the public inputs are among them.
    pub(crate) fn of(circuit: &impl Circuit, size: &Size) -> Self {
        #[derive(Default)]
        struct Collecting {
            row: u32,
            sides: [Vec<(u32, u32, u32)>; 3],
            factors: Vec<Factor>,
            indices: HashMap<Fr, u32>,
        }
        impl Collecting {
            fn index(&mut self, factor: Fr) -> u32 {
                let next = self.factors.len() as u32;
                *self.indices.entry(factor).or_insert_with(|| {
                    self.factors.push(Factor::of(factor));
                    next
                })
            }
        }
        impl Sink for Collecting {
            fn constraint(&mut self, _: &'static str, a: &Sparse, b: &Sparse, c: &Sparse) {
                for (side, combination) in [a, b, c].into_iter().enumerate() {
                    for (variable, factor) in combination.terms() {
                        let index = self.index(*factor);
                        self.sides[side].push((*variable, self.row, index));
                    }
                }
                self.row += 1;
            }
        }
        let mut sink = Collecting::default();
        Symbolic::run(circuit, &mut sink);
        assert_eq!(sink.row as usize, size.constraints, "a circuit is the same each time it runs");
        let one = sink.index(Fr::one());
        for variable in 0..=size.public as u32 {
            sink.sides[0].push((variable, size.constraints as u32 + variable, one));
        }
        let [a, b, c] = sink.sides.map(|terms| Column::new(&terms, size.variables));
        Self { a, b, c, factors: sink.factors }
    }

    /// `Σ factor · base[row]` over a variable's terms on several sides.
    pub(crate) fn sum<P: Group>(
        &self,
        variable: usize,
        parts: &[(&Column, &[Affine<P>])],
    ) -> Projective<P> {
        const MANY: usize = 512;

        let mut sum = Projective::zero();
        for (column, bases) in parts {
            let terms = column.of(variable);
            if terms.len() < MANY {
                for (row, factor) in terms {
                    sum += self.factors[*factor as usize].times(&bases[*row as usize]);
                }
                continue;
            }
            let points: Vec<Affine<P>> =
                terms.iter().map(|(row, _)| bases[*row as usize]).collect();
            sum += msm::msm_by(&points, |index| {
                self.factors[terms[index].1 as usize].value().into_bigint()
            });
        }
        sum
    }
}
