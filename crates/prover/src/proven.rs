//! A proven batch: what goes to the wallet, and what anyone can verify.

use aep2_circuits::{
    Shape,
    settlement::{Debit, Payout, RuleBroken, Settlement, ZeroDenominator},
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

/// A settlement, its commitment, and the proof that binds them.
///
/// In JSON, field elements and proof words are hexadecimal, amounts decimal strings:
///
/// ```json
/// {
///   "shape": "4x4-capture", "domain": "0x…", "validUntil": 1790000000, "count": 11,
///   "debits": [{ "account": 1, "word": "0", "mask": "0x…", "amount": "900", "keyHash": "0x…" }],
///   "payouts": [{ "payee": "0x…", "amount": "900" }],
///   "commitment": "0x…", "proof": ["0x…", "… 8 words, in calldata's order"],
///   "verifyingKey": "0x… BLAKE3 of the verifying key"
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Proven {
    /// What the wallet settles.
    pub settlement: Settlement,
    /// `C`.
    pub commitment: Fr,
    /// The proof.
    pub proof: Proof,
    /// The hash of the verifying key that it verifies under.
    pub verifying_key_hash: [u8; 32],
}

/// Why a proven batch is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It was proved with another key.
    #[error(
        "the batch was proved under the verifying key {}, this one is {}; give the key of the set-up that made it",
        B256::from(*found), B256::from(*expected)
    )]
    OtherKey {
        /// The given key's hash.
        expected: [u8; 32],
        /// The hash that the batch names.
        found: [u8; 32],
    },
    /// The settlement breaks a rule of the wallet.
    #[error("the wallet would refuse the settlement: {0}")]
    Rule(#[from] RuleBroken),
    /// The challenge falls on a pole.
    #[error(transparent)]
    Challenge(#[from] ZeroDenominator),
    /// The proof does not hold for this settlement.
    #[error("the proof does not hold: the settlement, the commitment or the proof was altered")]
    Proof,
}

impl Proven {
    /// The circuit's public inputs, computed as the wallet does: C, X, β, R.
    ///
    /// # Errors
    /// When the challenge falls on a pole.
    pub fn public_inputs(&self) -> Result<Vec<Fr>, ZeroDenominator> {
        Ok(self.settlement.public_inputs(self.commitment)?.to_vec())
    }

    /// Verifies as the wallet does, as far as it needs no state: the rules on the settlement, the
    /// challenge, the sum, the proof.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), Refused> {
        let (expected, found) = (key_file::verifying_key_hash(key), self.verifying_key_hash);
        if expected != found {
            return Err(Refused::OtherKey { expected, found });
        }
        self.settlement.check()?;
        let inputs = self.public_inputs()?;
        if groth16::verify(key, &inputs, &self.proof) { Ok(()) } else { Err(Refused::Proof) }
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    shape: String,
    domain: Element,
    valid_until: u64,
    count: u32,
    debits: Vec<WireDebit>,
    payouts: Vec<WirePayout>,
    commitment: Element,
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

impl From<Proven> for Wire {
    fn from(proven: Proven) -> Self {
        let Settlement { shape, domain, valid_until, count, debits, payouts } = proven.settlement;
        Self {
            shape: shape.to_string(),
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
            commitment: Element(proven.commitment),
            proof: calldata::proof_to_words(&proven.proof).map(|word| Strict(word.into())),
            verifying_key: Strict(proven.verifying_key_hash.into()),
        }
    }
}

impl TryFrom<Wire> for Proven {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
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
                shape: wire.shape.parse::<Shape>().map_err(|error| error.to_string())?,
                domain: wire.domain.0,
                valid_until: wire.valid_until,
                count: wire.count,
                debits: debits.collect(),
                payouts: payouts.collect(),
            },
            commitment: wire.commitment.0,
            proof: calldata::proof_from_words(&wire.proof.map(|Strict(word)| word.into()))
                .map_err(|error| format!("proof: {error}"))?,
            verifying_key_hash: wire.verifying_key.0.0,
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
