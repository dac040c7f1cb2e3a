//! Poseidon over the BN254 scalar field, circomlib's instance (x^5, 8 full rounds, its published
//! numbers of partial rounds), for 1 to 16 inputs.
//!
//! One description of the permutation serves two readers: [`hash`] runs it on field elements, the
//! circuit on linear combinations ([`hash_cells`]). Constants come from arkworks' implementation
//! of the Grain LFSR that the Poseidon paper prescribes; vectors made by circomlibjs and
//! poseidon-lite check them.
//!
//! The partial rounds run in the cheaper, equivalent form of the paper's appendix B: constants of
//! untouched cells are carried forward, and the dense matrix is factored into one that commutes
//! with the rounds and a sparse one. A round then takes `2t - 1` multiplications instead of `t²`.
//!
//! Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for
//! Zero-Knowledge Proof Systems", <https://eprint.iacr.org/2019/458>.

use std::sync::LazyLock;

use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, Field, PrimeField};

use crate::field::Fr;

/// The most inputs that one permutation takes.
pub const INPUTS_MAX: usize = 16;

/// Full rounds, half of them before and half after the partial ones.
const FULL_ROUNDS: usize = 8;

/// Partial rounds for 1, 2, … 16 inputs.
const PARTIAL_ROUNDS: [usize; INPUTS_MAX] =
    [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

/// What a cell of the permutation's state must be able to do.
pub trait Cell: Clone {
    /// The constant `value`.
    fn constant(value: Fr) -> Self;
    /// `self + value`.
    fn add_constant(&self, value: Fr) -> Self;
    /// `self + factor · other`.
    fn add_scaled(&self, factor: Fr, other: &Self) -> Self;
    /// `Σ factors[i] · cells[i]`.
    fn dot(factors: &[Fr], cells: &[Self]) -> Self;
}

impl Cell for Fr {
    fn constant(value: Fr) -> Self {
        value
    }
    fn add_constant(&self, value: Fr) -> Self {
        *self + value
    }
    fn add_scaled(&self, factor: Fr, other: &Self) -> Self {
        *self + factor * other
    }
    fn dot(factors: &[Fr], cells: &[Self]) -> Self {
        let mut sum = Fr::ZERO;
        let (mut f, mut c) = (factors.chunks_exact(3), cells.chunks_exact(3));
        for (f, c) in (&mut f).zip(&mut c) {
            // One reduction for three products, the most that fit the modulus' spare bits.
            sum += Fr::sum_of_products(&[f[0], f[1], f[2]], &[c[0], c[1], c[2]]);
        }
        match (f.remainder(), c.remainder()) {
            ([f0, f1], [c0, c1]) => sum + Fr::sum_of_products(&[*f0, *f1], &[*c0, *c1]),
            ([f0], [c0]) => sum + *f0 * c0,
            _ => sum,
        }
    }
}

/// The hash of 1 to 16 elements, as circomlib's `poseidon(inputs)`.
///
/// # Panics
/// On no input, or on more than [`INPUTS_MAX`].
pub fn hash(inputs: &[Fr]) -> Fr {
    hash_cells(inputs, |cell| cell.square().square() * cell)
}

/// The hash of any number of elements: the first 16 at once, then the hash so far with the next
/// 15, until none is left.
///
/// # Panics
/// On no input.
pub fn hash_many(inputs: &[Fr]) -> Fr {
    hash_many_cells(inputs, |cell| cell.square().square() * cell)
}

/// How many of `count` elements [`hash_many`] hashes last: all when they fit at once, else 1 to 15
/// beside the hash so far.
pub const fn last_chunk(count: usize) -> usize {
    if count <= INPUTS_MAX { count } else { (count - INPUTS_MAX - 1) % (INPUTS_MAX - 1) + 1 }
}

/// [`hash_many`] over any kind of cell, `sbox` being x → x^5.
pub fn hash_many_cells<T: Cell>(inputs: &[T], mut sbox: impl FnMut(&T) -> T) -> T {
    let (first, rest) = inputs.split_at(inputs.len().min(INPUTS_MAX));
    rest.chunks(INPUTS_MAX - 1).fold(hash_cells(first, &mut sbox), |so_far, chunk| {
        let mut inputs = vec![so_far];
        inputs.extend_from_slice(chunk);
        hash_cells(&inputs, &mut sbox)
    })
}

/// [`hash`] over any kind of cell, `sbox` being x → x^5.
pub fn hash_cells<T: Cell>(inputs: &[T], mut sbox: impl FnMut(&T) -> T) -> T {
    let parameters = parameters(inputs.len());
    let (first, middle, last) = parameters.full_constants();

    // The capacity starts at zero, so its first S-box has a constant for its argument.
    let capacity = first[0][0];
    let mut state = vec![T::constant(capacity.square().square() * capacity)];
    state.extend(inputs.iter().zip(&first[0][1..]).map(|(x, c)| sbox(&x.add_constant(*c))));
    state = mix(&parameters.matrix, &state);

    for constants in &first[1..] {
        state = full_round(&parameters.matrix, &state, constants, &mut sbox);
    }
    for round in &parameters.partial {
        let powered = sbox(&state[0].add_constant(round.constant));
        state[0] = powered.clone();
        let first = T::dot(&round.row, &state);
        for (cell, factor) in state[1..].iter_mut().zip(&round.column) {
            *cell = cell.add_scaled(*factor, &powered);
        }
        state[0] = first;
    }
    let rest = mix(&parameters.deferred, &state[1..]);
    state.splice(1.., rest);

    state = full_round(&parameters.matrix, &state, middle, &mut sbox);
    for constants in &last[..last.len() - 1] {
        state = full_round(&parameters.matrix, &state, constants, &mut sbox);
    }
    // Only the first cell leaves the permutation.
    let powered = power(&state, &last[last.len() - 1], &mut sbox);
    T::dot(&parameters.matrix[0], &powered)
}

fn power<T: Cell>(state: &[T], constants: &[Fr], sbox: &mut impl FnMut(&T) -> T) -> Vec<T> {
    state.iter().zip(constants).map(|(cell, c)| sbox(&cell.add_constant(*c))).collect()
}

fn mix<T: Cell>(matrix: &Matrix, state: &[T]) -> Vec<T> {
    matrix.iter().map(|row| T::dot(row, state)).collect()
}

fn full_round<T: Cell>(
    matrix: &Matrix,
    state: &[T],
    constants: &[Fr],
    sbox: &mut impl FnMut(&T) -> T,
) -> Vec<T> {
    mix(matrix, &power(state, constants, sbox))
}

type Matrix = Vec<Vec<Fr>>;

struct Parameters {
    /// Constants of the full rounds. Those of the first one after the partial rounds have taken
    /// up what the partial rounds carried forward.
    full: Vec<Vec<Fr>>,
    /// The MDS matrix.
    matrix: Matrix,
    partial: Vec<PartialRound>,
    /// What the sparse factors leave to be multiplied once, after the partial rounds, to all
    /// cells but the first.
    deferred: Matrix,
}

/// A partial round: one constant, one S-box, and the sparse matrix `[[row], [column | identity]]`.
struct PartialRound {
    constant: Fr,
    row: Vec<Fr>,
    column: Vec<Fr>,
}

impl Parameters {
    /// Constants of the full rounds before the partial ones, of the first after, of the others.
    fn full_constants(&self) -> (&[Vec<Fr>], &[Fr], &[Vec<Fr>]) {
        let half = FULL_ROUNDS / 2;
        (&self.full[..half], &self.full[half], &self.full[half + 1..])
    }

    fn new(inputs: usize) -> Self {
        let partial_rounds = PARTIAL_ROUNDS[inputs - 1];
        let (mut constants, matrix) = find_poseidon_ark_and_mds::<Fr>(
            u64::from(Fr::MODULUS_BIT_SIZE),
            inputs,
            FULL_ROUNDS as u64,
            partial_rounds as u64,
            0,
        );
        let half = FULL_ROUNDS / 2;
        let mut partial = Vec::with_capacity(partial_rounds);
        let mut deferred = identity(inputs);
        for round in half..half + partial_rounds {
            // The S-box touches the first cell only; the other constants pass through the matrix
            // and join the next round's.
            let mut carried = constants[round].clone();
            carried[0] = Fr::ZERO;
            for (constant, row) in constants[round + 1].iter_mut().zip(&matrix) {
                *constant += Fr::dot(row, &carried);
            }

            // matrix · [1, deferred] = [1, next] · sparse, and [1, next] commutes with what
            // follows until the next dense matrix.
            let product = multiply_padded(&matrix, &deferred);
            let next: Matrix = product[1..].iter().map(|row| row[1..].to_vec()).collect();
            let column: Vec<Fr> = product[1..].iter().map(|row| row[0]).collect();
            partial.push(PartialRound {
                constant: constants[round][0],
                row: product[0].clone(),
                column: solve(&next, &column),
            });
            deferred = next;
        }
        constants.drain(half..half + partial_rounds);
        Self { full: constants, matrix, partial, deferred }
    }
}

fn parameters(inputs: usize) -> &'static Parameters {
    static ALL: [LazyLock<Parameters>; INPUTS_MAX] = {
        macro_rules! lazy {
            ($($inputs:literal)*) => { [$(LazyLock::new(|| Parameters::new($inputs))),*] };
        }
        lazy!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
    };
    assert!((1..=INPUTS_MAX).contains(&inputs), "poseidon takes 1 to 16 inputs, not {inputs}");
    &ALL[inputs - 1]
}

fn identity(size: usize) -> Matrix {
    (0..size).map(|i| (0..size).map(|j| Fr::from(u64::from(i == j))).collect()).collect()
}

/// `matrix · [[1, 0], [0, lower]]`.
fn multiply_padded(matrix: &Matrix, lower: &Matrix) -> Matrix {
    let product = |row: &Vec<Fr>| {
        let mut out = vec![row[0]];
        out.extend((0..lower.len()).map(|column| {
            row[1..].iter().zip(lower).fold(Fr::ZERO, |sum, (x, l)| sum + *x * l[column])
        }));
        out
    };
    matrix.iter().map(product).collect()
}

/// The `x` with `matrix · x = right`, by Gauss–Jordan elimination.
fn solve(matrix: &Matrix, right: &[Fr]) -> Vec<Fr> {
    let mut rows: Matrix = matrix.clone();
    for (row, value) in rows.iter_mut().zip(right) {
        row.push(*value);
    }
    for pivot in 0..rows.len() {
        let found = (pivot..rows.len())
            .find(|row| rows[*row][pivot] != Fr::ZERO)
            .expect("every square part of an MDS matrix is invertible");
        rows.swap(pivot, found);
        let inverse = rows[pivot][pivot].inverse().expect("the pivot is not zero");
        rows[pivot].iter_mut().for_each(|x| *x *= inverse);
        let own = rows[pivot].clone();
        for (index, row) in rows.iter_mut().enumerate() {
            if index != pivot {
                let factor = row[pivot];
                row.iter_mut().zip(&own).for_each(|(x, p)| *x -= factor * p);
            }
        }
    }
    rows.into_iter().filter_map(|row| row.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_inputs_are_chained() {
        let inputs: Vec<Fr> = (1..=33u64).map(Fr::from).collect();
        assert_eq!(hash_many(&inputs[..16]), hash(&inputs[..16]));
        let mut second = vec![hash(&inputs[..16])];
        second.extend_from_slice(&inputs[16..31]);
        let third = [hash(&second), inputs[31], inputs[32]];
        assert_eq!(hash_many(&inputs), hash(&third));
    }

    #[test]
    #[should_panic(expected = "1 to 16 inputs")]
    fn no_inputs() {
        hash(&[]);
    }
}
