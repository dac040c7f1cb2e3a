//! The wallet's side: what a batch comes to, the challenge it is bound by, and its sum.
//!
//! The chain sees a batch as net entries: [`Debit`]s by account and nonce word, [`Payout`]s by
//! payee. It hashes them together with the circuit's commitment `C` into two independent
//! challenges `X` and `β`, and writes them as one rational function's value
//!
//! ```text
//! R = Σ_debits  (mask + β·amount) / (X − key − β·keyHash)
//!   + Σ_payouts β²·amount         / (X − payee)
//!   + domain + β·validUntil + β²·count                      key = account·2⁵⁷ + word
//! ```
//!
//! The circuit does the same with the mandates it has checked. Two books that differ give two
//! functions that differ, and these agree at a random point with a chance of about 2^-240.
//! `C` is hashed before `X` and `β` exist, so everything the circuit sums over was fixed before.

use aep2_mandate::field;
use alloy_primitives::{Address, U256, keccak256};
use alloy_sol_types::{SolValue, sol};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};

use crate::shape::Shape;

/// One account's spending under one nonce word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debit {
    /// The account that pays.
    pub account: u32,
    /// `nonce >> 7` of the mandates; below 2^57.
    pub word: u64,
    /// The bits `nonce & 127` that are spent.
    pub mask: u128,
    /// What is captured, in base units.
    pub amount: u128,
    /// `Poseidon(Ax, Ay)` of the account's mandate key. The wallet reads it from its storage.
    pub key_hash: Fr,
}

impl Debit {
    /// `account · 2^57 + word`.
    pub fn key(&self) -> Fr {
        Fr::from((u128::from(self.account) << 57) + u128::from(self.word))
    }
}

/// What one payee receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Who is paid.
    pub payee: Address,
    /// How much, in base units.
    pub amount: u128,
}

/// A batch as the wallet settles it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The circuit's shape.
    pub shape: Shape,
    /// Chain, wallet and token.
    pub domain: Fr,
    /// The latest time at which the batch may settle, unix seconds, below 2^40.
    pub valid_until: u64,
    /// How many mandates are settled.
    pub count: u32,
    /// Who pays; the honest order is by account and word.
    pub debits: Vec<Debit>,
    /// Who is paid; the honest order is by payee.
    pub payouts: Vec<Payout>,
}

/// The four public inputs of the circuit, whatever the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicInputs {
    /// `C`.
    pub commitment: Fr,
    /// `X`.
    pub x: Fr,
    /// `β`.
    pub beta: Fr,
    /// `R`.
    pub sum: Fr,
}

impl PublicInputs {
    /// The inputs in the circuit's order: C, X, β, R.
    pub fn to_vec(self) -> Vec<Fr> {
        vec![self.commitment, self.x, self.beta, self.sum]
    }
}

/// A challenge fell on a pole of the sum: a chance of about 2^-240, or inputs made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge makes a denominator zero; change the batch and try again")]
pub struct ZeroDenominator;

sol! {
    struct SolDebit { uint32 account; uint64 word; uint128 mask; uint128 amount; }
    struct SolPayout { address payee; uint128 amount; }
}

impl Settlement {
    /// The public inputs that the wallet computes for this settlement and a commitment.
    ///
    /// # Errors
    /// When a denominator is zero.
    pub fn public_inputs(&self, commitment: Fr) -> Result<PublicInputs, ZeroDenominator> {
        let (x, beta) = self.challenges(commitment);
        Ok(PublicInputs { commitment, x, beta, sum: self.sum(x, beta)? })
    }

    /// `seed = keccak256(abi.encode(shape, C, domain, validUntil, count, debits, keyHashes,
    /// payouts))`.
    pub fn seed(&self, commitment: Fr) -> [u8; 32] {
        let word = |element: &Fr| U256::from_be_bytes(field::to_be_bytes(element));
        let debits: Vec<SolDebit> = self
            .debits
            .iter()
            .map(|debit| SolDebit {
                account: debit.account,
                word: debit.word,
                mask: debit.mask,
                amount: debit.amount,
            })
            .collect();
        let key_hashes: Vec<U256> = self.debits.iter().map(|debit| word(&debit.key_hash)).collect();
        let payouts: Vec<SolPayout> = self
            .payouts
            .iter()
            .map(|payout| SolPayout { payee: payout.payee, amount: payout.amount })
            .collect();
        // Integers are encoded alike at every width: one word, left-padded.
        let encoded = (
            self.shape.id(),
            word(&commitment),
            word(&self.domain),
            self.valid_until,
            self.count,
            debits,
            key_hashes,
            payouts,
        )
            .abi_encode_params();
        keccak256(encoded).0
    }

    /// `X` and `β`: `keccak256(abi.encode(seed, 0))` and `keccak256(abi.encode(seed, 1))` modulo
    /// the field's order.
    ///
    /// They must be independent: powers of one challenge would leave the sum's fractions linearly
    /// dependent.
    pub fn challenges(&self, commitment: Fr) -> (Fr, Fr) {
        let seed = self.seed(commitment);
        let challenge = |index: u8| {
            let mut input = [0; 64];
            input[..32].copy_from_slice(&seed);
            input[63] = index;
            field::reduced_hash(keccak256(input))
        };
        (challenge(0), challenge(1))
    }

    /// `R`: a running numerator and denominator, and one division, as the wallet does it.
    ///
    /// # Errors
    /// When a denominator is zero.
    pub fn sum(&self, x: Fr, beta: Fr) -> Result<Fr, ZeroDenominator> {
        let debits = self.debits.iter().map(|debit| {
            let weight = Fr::from(debit.mask) + beta * Fr::from(debit.amount);
            (weight, x - debit.key() - beta * debit.key_hash)
        });
        let payouts = self.payouts.iter().map(|payout| {
            let weight = beta.square() * Fr::from(payout.amount);
            (weight, x - field::from_address(payout.payee))
        });
        let (numerator, denominator) = debits.chain(payouts).fold(
            (Fr::ZERO, Fr::ONE),
            |(numerator, denominator), (weight, pole)| {
                (numerator * pole + weight * denominator, denominator * pole)
            },
        );
        let entries = numerator * denominator.inverse().ok_or(ZeroDenominator)?;
        let header = self.domain
            + beta * Fr::from(self.valid_until)
            + beta.square() * Fr::from(self.count);
        Ok(entries + header)
    }
}
