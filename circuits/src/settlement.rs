//! The wallet's side: what a batch comes to, the challenge it is bound by, and its sum.
//!
//! The chain sees a batch as net entries: [`Debit`]s by account and nonce word, [`Payout`]s by
//! payee. It has one or more [`Segment`]s, each with a proof of its own. The wallet hashes the
//! entries together with the segments' commitments `Cᵢ` into two independent challenges `X` and `β`,
//! and writes them as one rational function's value
//!
//! ```text
//! Σᵢ Rᵢ = Σ_debits   (mask + β·amount)        / (X − w − β·keyHash)     w = account·2⁵⁷ + nonce word
//!       + Σ_payouts  β²·amount                / (X − payee)
//!       + Σ_segments β³·(domain + β·validUntil) / (X − Cᵢ)
//!       + β²·count
//! ```
//!
//! The circuits do the same with the mandates they have checked; `Rᵢ` is what the segment `i` comes
//! to. Two books that differ give two functions that differ, and these agree at a random point with
//! a chance of about 2^-235. All `Cᵢ` are hashed before `X` and `β` exist, so everything the circuits
//! sum over was fixed before.

use std::collections::HashMap;

use aep2_mandate::field;
use alloy_primitives::{Address, B256, Keccak256, U256};
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

/// A part of a batch with a proof of its own, as the wallet's challenge names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The circuit's shape.
    pub shape: Shape,
    /// `C`.
    pub commitment: Fr,
}

/// A batch as the wallet settles it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
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

/// The four public inputs of a segment's circuit, whatever the shape.
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

/// A challenge fell on a pole of the sum: a chance of about 2^-235, or inputs made for it.
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

    /// The batch's id, and the seed of both challenges:
    ///
    /// ```text
    /// keccak256(abi.encode(segmentsHash, domain, validUntil, count, debitsHash, payoutsHash))
    ///
    /// segmentsHash  keccak256 of shape and C, for each segment
    /// debitsHash    keccak256 of account, word, mask and amount, for each debit; then of each debit's keyHash
    /// payoutsHash   keccak256 of payee and amount, for each payout
    /// ```
    ///
    /// Every value is a word of 32 bytes.
    pub fn seed(&self, segments: &[Segment]) -> [u8; 32] {
        let segments = segments.iter().flat_map(|segment| {
            [U256::from(segment.shape.id()), element_word(&segment.commitment)]
        });
        let debits = self.debits.iter().flat_map(|debit| {
            [
                U256::from(debit.account),
                U256::from(debit.word),
                U256::from(debit.mask),
                U256::from(debit.amount),
            ]
        });
        let key_hashes = self.debits.iter().map(|debit| element_word(&debit.key_hash));
        let payouts = self
            .payouts
            .iter()
            .flat_map(|payout| [payout.payee.into_word().into(), U256::from(payout.amount)]);
        hash_words([
            hash_words(segments).into(),
            element_word(&self.domain),
            U256::from(self.valid_until),
            U256::from(self.count),
            hash_words(debits.chain(key_hashes)).into(),
            hash_words(payouts).into(),
        ])
        .0
    }

    /// `X` and `β`: `keccak256(abi.encode(seed, 0))` and `keccak256(abi.encode(seed, 1))` modulo
    /// the field's order.
    ///
    /// They must be independent: powers of one challenge would leave the sum's fractions linearly
    /// dependent.
    pub fn challenges(&self, segments: &[Segment]) -> (Fr, Fr) {
        let seed = U256::from_be_bytes(self.seed(segments));
        let challenge = |index| field::reduced_hash(hash_words([seed, U256::from(index)]));
        (challenge(0), challenge(1))
    }

    /// What the segments' sums must add up to: a running numerator and denominator, and one
    /// division, as the wallet does it.
    ///
    /// # Errors
    /// When a denominator is zero.
    pub fn sum(&self, segments: &[Segment], x: Fr, beta: Fr) -> Result<Fr, ZeroDenominator> {
        let (numerator, denominator) = self.fractions(segments, x, beta).fold(
            (Fr::ZERO, Fr::ONE),
            |(numerator, denominator), (weight, pole)| {
                (numerator * pole + weight * denominator, denominator * pole)
            },
        );
        let inverse = denominator.inverse().ok_or(ZeroDenominator)?;
        Ok(numerator * inverse + beta.square() * Fr::from(self.count))
    }

    /// The inverse of the product of all denominators of the wallet's sum. With it the wallet
    /// divides by multiplying, and checks by multiplying.
    ///
    /// # Errors
    /// When a denominator is zero.
    pub fn hint(&self, segments: &[Segment]) -> Result<Fr, ZeroDenominator> {
        let (x, beta) = self.challenges(segments);
        let product: Fr = self.fractions(segments, x, beta).map(|(_, pole)| pole).product();
        product.inverse().ok_or(ZeroDenominator)
    }

    /// The fractions of the wallet's sum, each a weight and a denominator: of the debits, the
    /// payouts, the segments.
    fn fractions(&self, segments: &[Segment], x: Fr, beta: Fr) -> impl Iterator<Item = (Fr, Fr)> {
        let debits = self.debits.iter().map(move |debit| {
            let weight = Fr::from(debit.mask) + beta * Fr::from(debit.amount);
            (weight, x - debit.account_word() - beta * debit.key_hash)
        });
        let payouts = self.payouts.iter().map(move |payout| {
            let weight = beta.square() * Fr::from(payout.amount);
            (weight, x - field::from_address(payout.payee))
        });
        let header = self.domain + beta * Fr::from(self.valid_until);
        let header = beta.square() * beta * header;
        let segments = segments.iter().map(move |segment| (header, x - segment.commitment));
        debits.chain(payouts).chain(segments)
    }
}

/// keccak256 of words of 32 bytes.
fn hash_words(words: impl IntoIterator<Item = U256>) -> B256 {
    let mut hasher = Keccak256::new();
    for word in words {
        hasher.update(word.to_be_bytes::<32>());
    }
    hasher.finalize()
}

fn element_word(element: &Fr) -> U256 {
    U256::from_be_bytes(field::to_be_bytes(element))
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

    fn segments() -> Vec<Segment> {
        [(Shape::TEST, 3u64), (Shape::CHAINS, 4)]
            .map(|(shape, commitment)| Segment { shape, commitment: Fr::from(commitment) })
            .into()
    }

    #[test]
    fn every_part_moves_both_challenges() {
        let honest = settlement().challenges(&segments());
        assert_ne!(honest.0, honest.1);
        let moved = |change: fn(&mut Settlement, &mut Vec<Segment>)| {
            let (mut settlement, mut segments) = (settlement(), segments());
            change(&mut settlement, &mut segments);
            let (x, beta) = settlement.challenges(&segments);
            assert!(x != honest.0 && beta != honest.1);
        };
        moved(|_, all| all[0].shape = all[0].shape.with_capture());
        moved(|_, all| all[1].commitment += Fr::from(1u64));
        moved(|_, all| all.swap(0, 1));
        moved(|_, all| all.truncate(1));
        moved(|_, all| all.push(all[0]));
        moved(|s, _| s.domain += Fr::from(1u64));
        moved(|s, _| s.valid_until += 1);
        moved(|s, _| s.count += 1);
        moved(|s, _| s.debits[0].account += 1);
        moved(|s, _| s.debits[0].word += 1);
        moved(|s, _| s.debits[0].mask += 1);
        moved(|s, _| s.debits[0].amount += 1);
        moved(|s, _| s.debits[0].key_hash += Fr::from(1u64));
        moved(|s, _| s.debits.swap(0, 1));
        moved(|s, _| s.payouts[0].payee = Address::ZERO);
        moved(|s, _| s.payouts[0].amount += 1);
        moved(|s, _| s.payouts.truncate(1));
    }

    #[test]
    fn a_challenge_on_a_pole_is_refused() {
        let (settlement, segments) = (settlement(), segments());
        let beta = Fr::from(11u64);
        let debit = &settlement.debits[0];
        let payee = field::from_address(settlement.payouts[1].payee);
        for pole in [debit.account_word() + beta * debit.key_hash, payee, segments[1].commitment] {
            assert_eq!(settlement.sum(&segments, pole, beta), Err(ZeroDenominator));
        }
    }

    #[test]
    fn the_hint_is_what_divides() {
        let (settlement, segments) = (settlement(), segments());
        let (x, beta) = settlement.challenges(&segments);
        let product: Fr = settlement.fractions(&segments, x, beta).map(|(_, pole)| pole).product();
        assert_eq!(product * settlement.hint(&segments).unwrap(), Fr::ONE);
    }
}
