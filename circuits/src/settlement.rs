//! The wallet's side: what a batch comes to, the challenge it is bound by, and its sum.
//!
//! The chain sees a batch as net entries: [`Debit`]s by account and nonce word, [`Payout`]s by
//! payee. It hashes them together with the circuit's commitment `C` into two independent
//! challenges `X` and `β`, and writes them as one rational function's value
//!
//! ```text
//! R = Σ_debits  (mask + β·amount) / (X − w − β·keyHash)
//!   + Σ_payouts β²·amount         / (X − payee)
//!   + domain + β·validUntil + β²·count                      w = account·2⁵⁷ + nonce word
//! ```
//!
//! The circuit does the same with the mandates it has checked. Two books that differ give two
//! functions that differ, and these agree at a random point with a chance of about 2^-240.
//! `C` is hashed before `X` and `β` exist, so everything the circuit sums over was fixed before.

use std::collections::HashMap;

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
    pub fn account_word(&self) -> Fr {
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

/// A rule of the wallet that needs no state, and that a settlement breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// Nothing is settled.
    #[error("a batch settles at least one mandate")]
    Empty,
    /// `validUntil` is 2^40 or more.
    #[error("validUntil is not below 2^40")]
    ValidUntil,
    /// An account is 0, or a word 2^57 or more: it would spell another account.
    #[error("debit {index} names no account, or a nonce word of 2^57 or more")]
    Key {
        /// The entry.
        index: usize,
    },
    /// A mask without a bit.
    #[error("debit {index} spends no nonce")]
    EmptyMask {
        /// The entry.
        index: usize,
    },
    /// A key hash of 0: the account has no key under this processor.
    #[error("debit {index} is of an account without a key")]
    NoKey {
        /// The entry.
        index: usize,
    },
    /// A bit that an earlier entry has spent.
    #[error("debit {index} spends a nonce that an earlier entry has spent")]
    SpentTwice {
        /// The entry.
        index: usize,
    },
    /// The masks have not as many bits as there are mandates. A sum of powers of two has as many
    /// bits as terms only if no two are equal: this is what makes nonces unique in a batch.
    #[error("the masks have {bits} bits for {count} mandates")]
    Count {
        /// Bits set in all masks.
        bits: u64,
        /// Mandates.
        count: u32,
    },
    /// The debits do not add up to the payouts.
    #[error("the debits do not add up to the payouts")]
    Unbalanced,
}

sol! {
    struct SolDebit { uint32 account; uint64 word; uint128 mask; uint128 amount; }
    struct SolPayout { address payee; uint128 amount; }
}

impl Settlement {
    /// Checks what the wallet checks beside the proof, as far as it needs no state: spent nonces,
    /// registered keys, balances and the clock are the chain's to know.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleBroken> {
        if self.count == 0 {
            return Err(RuleBroken::Empty);
        }
        if self.valid_until >> 40 != 0 {
            return Err(RuleBroken::ValidUntil);
        }
        let mut spent = HashMap::<(u32, u64), u128>::new();
        for (index, debit) in self.debits.iter().enumerate() {
            if debit.account == 0 || debit.word >> 57 != 0 {
                return Err(RuleBroken::Key { index });
            }
            if debit.mask == 0 {
                return Err(RuleBroken::EmptyMask { index });
            }
            if debit.key_hash == Fr::ZERO {
                return Err(RuleBroken::NoKey { index });
            }
            let word = spent.entry((debit.account, debit.word)).or_default();
            if *word & debit.mask != 0 {
                return Err(RuleBroken::SpentTwice { index });
            }
            *word |= debit.mask;
        }
        let bits = self.debits.iter().map(|debit| u64::from(debit.mask.count_ones())).sum();
        if bits != u64::from(self.count) {
            return Err(RuleBroken::Count { bits, count: self.count });
        }
        let debited = total(self.debits.iter().map(|debit| debit.amount));
        let paid = total(self.payouts.iter().map(|payout| payout.amount));
        if debited.is_none() || debited != paid {
            return Err(RuleBroken::Unbalanced);
        }
        Ok(())
    }

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
            (weight, x - debit.account_word() - beta * debit.key_hash)
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
        let header =
            self.domain + beta * Fr::from(self.valid_until) + beta.square() * Fr::from(self.count);
        Ok(entries + header)
    }
}

fn total(mut amounts: impl Iterator<Item = u128>) -> Option<u128> {
    amounts.try_fold(0, u128::checked_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settlement() -> Settlement {
        let debit = |account, word, mask, amount| Debit {
            account,
            word,
            mask,
            amount,
            key_hash: Fr::from(5u64),
        };
        Settlement {
            shape: Shape::TEST,
            domain: Fr::from(9u64),
            valid_until: 1_800_000_000,
            count: 4,
            debits: vec![debit(1, 0, 0b101, 30), debit(1, 0, 0b10, 5), debit(2, 7, 1 << 127, 5)],
            payouts: vec![
                Payout { payee: Address::repeat_byte(1), amount: 39 },
                Payout { payee: Address::repeat_byte(2), amount: 1 },
            ],
        }
    }

    #[test]
    fn each_rule_is_checked() {
        assert_eq!(settlement().check(), Ok(()));
        let broken = |change: fn(&mut Settlement)| {
            let mut altered = settlement();
            change(&mut altered);
            altered.check().unwrap_err()
        };
        assert_eq!(broken(|s| s.count = 0), RuleBroken::Empty);
        assert_eq!(broken(|s| s.valid_until = 1 << 40), RuleBroken::ValidUntil);
        assert_eq!(broken(|s| s.debits[1].account = 0), RuleBroken::Key { index: 1 });
        assert_eq!(broken(|s| s.debits[2].word = 1 << 57), RuleBroken::Key { index: 2 });
        assert_eq!(broken(|s| s.debits[0].mask = 0), RuleBroken::EmptyMask { index: 0 });
        assert_eq!(broken(|s| s.debits[0].key_hash = Fr::ZERO), RuleBroken::NoKey { index: 0 });
        assert_eq!(broken(|s| s.debits[1].mask = 1), RuleBroken::SpentTwice { index: 1 });
        // Bits 0 and 2 shown as one bit, as a carry would: the masks' sum may agree, not the count.
        let carried = broken(|s| s.debits[0].mask = 0b1000);
        assert_eq!(carried, RuleBroken::Count { bits: 3, count: 4 });
        assert_eq!(broken(|s| s.count = 5), RuleBroken::Count { bits: 4, count: 5 });
        assert_eq!(broken(|s| s.payouts[0].amount += 1), RuleBroken::Unbalanced);
        assert_eq!(broken(|s| s.debits[0].amount = u128::MAX), RuleBroken::Unbalanced);
    }

    #[test]
    fn every_part_moves_both_challenges() {
        let honest = settlement().challenges(Fr::from(3u64));
        assert_ne!(honest.0, honest.1);
        let moved = |change: fn(&mut Settlement)| {
            let mut altered = settlement();
            change(&mut altered);
            let (x, beta) = altered.challenges(Fr::from(3u64));
            assert!(x != honest.0 && beta != honest.1);
        };
        assert_ne!(settlement().challenges(Fr::from(4u64)), honest);
        moved(|s| s.shape = s.shape.with_capture());
        moved(|s| s.domain += Fr::from(1u64));
        moved(|s| s.valid_until += 1);
        moved(|s| s.count += 1);
        moved(|s| s.debits[0].account += 1);
        moved(|s| s.debits[0].word += 1);
        moved(|s| s.debits[0].mask += 1);
        moved(|s| s.debits[0].amount += 1);
        moved(|s| s.debits[0].key_hash += Fr::from(1u64));
        moved(|s| s.debits.swap(0, 1));
        moved(|s| s.payouts[0].payee = Address::ZERO);
        moved(|s| s.payouts[0].amount += 1);
        moved(|s| s.payouts.truncate(1));
    }

    #[test]
    fn a_challenge_on_a_pole_is_refused() {
        let settlement = settlement();
        let beta = Fr::from(11u64);
        let debit = &settlement.debits[0];
        assert_eq!(
            settlement.sum(debit.account_word() + beta * debit.key_hash, beta),
            Err(ZeroDenominator)
        );
        let payee = field::from_address(settlement.payouts[1].payee);
        assert_eq!(settlement.sum(payee, beta), Err(ZeroDenominator));
    }
}
