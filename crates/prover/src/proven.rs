//! A proven batch: what goes to the wallet, and what anyone can verify.

use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout, PublicInputs, RuleBroken, Segment, Settlement, ZeroDenominator},
};
use aep2_mandate::{
    field::Fr,
    wire::{Element, Strict},
};
use alloy_primitives::{Address, B128, B256};
use serde::{Deserialize, Serialize};

use crate::{
    export::calldata,
    groth16::{self, Proof, VerifyingKey},
    key_file,
};

/// A settlement, and the segments that prove it.
///
/// In JSON, field elements and proof words are hexadecimal, amounts decimal strings:
///
/// ```json
/// {
///   "domain": "0x…", "validUntil": 1790000000, "count": 11,
///   "debits": [{ "account": 1, "word": "0", "mask": "0x…", "amount": "900", "keyHash": "0x…" }],
///   "payouts": [{ "payee": "0x…", "amount": "900" }],
///   "segments": [{
///     "shape": "4x4-capture", "commitment": "0x…", "sum": "0x…",
///     "proof": ["0x…", "… 8 words, in calldata's order"],
///     "verifyingKey": "0x… BLAKE3 of the verifying key"
///   }]
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Proven {
    /// What the wallet settles.
    pub settlement: Settlement,
    /// The parts, each with its proof; at least one.
    pub segments: Vec<ProvenSegment>,
}

/// A segment's commitment and sum, and the proof that binds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WireSegment", into = "WireSegment")]
pub struct ProvenSegment {
    /// The circuit's shape.
    pub shape: Shape,
    /// `C`.
    pub commitment: Fr,
    /// `R`: what the segment comes to.
    pub sum: Fr,
    /// The proof.
    pub proof: Proof,
    /// The hash of the verifying key that it verifies under.
    pub verifying_key_hash: [u8; 32],
}

/// Why a proven batch is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no key for a segment's shape.
    #[error("no verifying key of the shape {shape} of segment {segment} is given")]
    NoKey {
        /// The segment.
        segment: usize,
        /// Its shape.
        shape: Shape,
    },
    /// A segment was proved with another key.
    #[error(
        "segment {segment} was proved under the verifying key {}, this one is {}; give the key of the set-up that made it",
        B256::from(*found), B256::from(*expected)
    )]
    OtherKey {
        /// The segment.
        segment: usize,
        /// The given key's hash.
        expected: [u8; 32],
        /// The hash that the segment names.
        found: [u8; 32],
    },
    /// The settlement breaks a rule of the wallet.
    #[error("the wallet would refuse the settlement: {0}")]
    Rule(#[from] RuleBroken),
    /// The challenge falls on a pole.
    #[error(transparent)]
    Challenge(#[from] ZeroDenominator),
    /// The segments' sums do not add up to the settlement's.
    #[error(
        "the segments do not add up to the settlement: an entry, a commitment or a sum was altered, \
         or a segment is missing"
    )]
    Sums,
    /// A proof does not hold for its segment.
    #[error(
        "the proof of segment {segment} does not hold: the settlement, a commitment, the sum or the \
         proof was altered"
    )]
    Proof {
        /// The segment.
        segment: usize,
    },
}

impl Proven {
    /// What the wallet's challenge names of the segments.
    pub fn named(&self) -> Vec<Segment> {
        let named = |own: &ProvenSegment| Segment { shape: own.shape, commitment: own.commitment };
        self.segments.iter().map(named).collect()
    }

    /// The batch's id: the seed of its challenges.
    pub fn id(&self) -> B256 {
        self.settlement.seed(&self.named()).into()
    }

    /// Each segment's public inputs: the challenges computed as the wallet does, the sums as given.
    pub fn public_inputs(&self) -> Vec<PublicInputs> {
        let (x, beta) = self.settlement.challenges(&self.named());
        let inputs = |own: &ProvenSegment| PublicInputs {
            commitment: own.commitment,
            x,
            beta,
            sum: own.sum,
        };
        self.segments.iter().map(inputs).collect()
    }

    /// Verifies as the wallet does, as far as it needs no state: the rules on the settlement, the
    /// challenge, the sums, the proofs. `key_of` gives the verifying key of a shape.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn verify<'k>(
        &self,
        key_of: impl Fn(Shape) -> Option<&'k VerifyingKey>,
    ) -> Result<(), Refused> {
        self.settlement.check()?;
        let inputs = self.public_inputs();
        let PublicInputs { x, beta, .. } = *inputs.first().ok_or(Refused::Sums)?;
        let total: Fr = inputs.iter().map(|own| own.sum).sum();
        if self.settlement.sum(&self.named(), x, beta)? != total {
            return Err(Refused::Sums);
        }
        for (segment, (own, inputs)) in self.segments.iter().zip(inputs).enumerate() {
            let shape = own.shape;
            let key = key_of(shape).ok_or(Refused::NoKey { segment, shape })?;
            let (expected, found) = (key_file::verifying_key_hash(key), own.verifying_key_hash);
            if expected != found {
                return Err(Refused::OtherKey { segment, expected, found });
            }
            if !groth16::verify(key, &inputs.to_vec(), &own.proof) {
                return Err(Refused::Proof { segment });
            }
        }
        Ok(())
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    domain: Element,
    valid_until: u64,
    count: u32,
    debits: Vec<WireDebit>,
    payouts: Vec<WirePayout>,
    segments: Vec<ProvenSegment>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireSegment {
    shape: String,
    commitment: Element,
    sum: Element,
    proof: [Strict<B256>; 8],
    verifying_key: Strict<B256>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireDebit {
    account: u32,
    #[serde(with = "decimal")]
    word: u64,
    mask: Strict<B128>,
    #[serde(with = "decimal")]
    amount: u128,
    key_hash: Element,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePayout {
    payee: Strict<Address>,
    #[serde(with = "decimal")]
    amount: u128,
}

impl From<ProvenSegment> for WireSegment {
    fn from(own: ProvenSegment) -> Self {
        Self {
            shape: own.shape.to_string(),
            commitment: Element(own.commitment),
            sum: Element(own.sum),
            proof: calldata::proof_to_words(&own.proof).map(|word| Strict(word.into())),
            verifying_key: Strict(own.verifying_key_hash.into()),
        }
    }
}

impl TryFrom<WireSegment> for ProvenSegment {
    type Error = String;

    fn try_from(wire: WireSegment) -> Result<Self, String> {
        Ok(Self {
            shape: wire.shape.parse::<Shape>().map_err(|error| error.to_string())?,
            commitment: wire.commitment.0,
            sum: wire.sum.0,
            proof: calldata::proof_from_words(&wire.proof.map(|Strict(word)| word.into()))
                .map_err(|error| format!("proof: {error}"))?,
            verifying_key_hash: wire.verifying_key.0.0,
        })
    }
}

impl From<Proven> for Wire {
    fn from(proven: Proven) -> Self {
        let Settlement { domain, valid_until, count, debits, payouts } = proven.settlement;
        Self {
            domain: Element(domain),
            valid_until,
            count,
            debits: debits
                .iter()
                .map(|debit| WireDebit {
                    account: debit.account,
                    word: debit.word,
                    mask: Strict(debit.mask.to_be_bytes().into()),
                    amount: debit.amount,
                    key_hash: Element(debit.key_hash),
                })
                .collect(),
            payouts: payouts
                .iter()
                .map(|payout| WirePayout { payee: Strict(payout.payee), amount: payout.amount })
                .collect(),
            segments: proven.segments,
        }
    }
}

impl TryFrom<Wire> for Proven {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        if wire.segments.is_empty() {
            return Err("a batch has at least one segment".into());
        }
        let debits = wire.debits.iter().map(|debit| Debit {
            account: debit.account,
            word: debit.word,
            mask: u128::from_be_bytes(debit.mask.0.0),
            amount: debit.amount,
            key_hash: debit.key_hash.0,
        });
        let payouts =
            wire.payouts.iter().map(|own| Payout { payee: own.payee.0, amount: own.amount });
        Ok(Self {
            settlement: Settlement {
                domain: wire.domain.0,
                valid_until: wire.valid_until,
                count: wire.count,
                debits: debits.collect(),
                payouts: payouts.collect(),
            },
            segments: wire.segments,
        })
    }
}

/// A number in JSON as a decimal string.
mod decimal {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(
        number: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, T: FromStr + Display, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Only the one spelling that is written is read.
        text.parse::<T>().ok().filter(|number| number.to_string() == text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a decimal number in its range"))
        })
    }
}
