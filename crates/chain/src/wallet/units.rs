//! What the wallet counts and names, beside what mandates do: each a type of its own.
//!
//! On chain, none is 0: no key, no verifiers, no account. Here, none is `None`.

use std::fmt;

use aep2_circuits::Shape;
use aep2_mandate::{
    eddsa::PublicKey,
    field::{self, Fr},
    units::{AccountId, Amount, UnitError, UnixTime},
};
use alloy::primitives::{
    B256, U256,
    aliases::{U40, U104},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount of a token in its base units, 128 bits: what the wallet books, which may be more than one
/// mandate's [`Amount`] of 96 bits.
///
/// In JSON, and as text, decimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseUnits(u128);

impl BaseUnits {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that an account or a bond holds: the wallet keeps balances in 104 bits.
    pub const BALANCE_MAX: Self = Self((1 << 104) - 1);

    /// That many base units.
    pub const fn new(base_units: u128) -> Self {
        Self(base_units)
    }

    /// The number.
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The sum, or nothing when it does not fit 128 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing when `other` is the larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// As an ABI word.
    pub fn to_word(self) -> U256 {
        U256::from(self.0)
    }

    /// What an ABI word holds, if it is that small.
    pub fn from_word(word: U256) -> Option<Self> {
        u128::try_from(word).ok().map(Self)
    }

    /// What an ABI word asks of a balance: more than any balance is all of it, as the wallet has it.
    pub(crate) fn at_most_a_balance(word: U256) -> Self {
        Self::from_word(word).unwrap_or(Self::BALANCE_MAX).min(Self::BALANCE_MAX)
    }
}

impl From<Amount> for BaseUnits {
    fn from(amount: Amount) -> Self {
        Self(amount.get())
    }
}

impl TryFrom<BaseUnits> for Amount {
    type Error = UnitError;
    fn try_from(base_units: BaseUnits) -> Result<Self, UnitError> {
        Self::new(base_units.0)
    }
}

impl From<U104> for BaseUnits {
    fn from(balance: U104) -> Self {
        // 104 bits fit.
        Self(balance.to::<u128>())
    }
}

impl fmt::Display for BaseUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for BaseUnits {
    type Err = NotBaseUnits;
    fn from_str(text: &str) -> Result<Self, NotBaseUnits> {
        // Only the one spelling that is written is read.
        let number = text.parse::<u128>().ok().filter(|number| number.to_string() == text);
        number.map(Self).ok_or(NotBaseUnits)
    }
}

/// A text is no number of base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected base units: decimal digits without sign or leading zeros, below 2^128")]
pub struct NotBaseUnits;

impl Serialize for BaseUnits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BaseUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What an account registers of its mandate key: `Poseidon(A.x, A.y)`, which is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(Fr);

impl KeyHash {
    /// The hash of a mandate key.
    pub fn of(key: &PublicKey) -> Self {
        // 0 would be a preimage of 0 under Poseidon.
        Self(key.hash())
    }

    /// As a field element.
    pub const fn element(&self) -> Fr {
        self.0
    }

    /// As an ABI word.
    pub fn to_word(self) -> U256 {
        U256::from_be_bytes(field::to_be_bytes(&self.0))
    }

    /// As an ABI word, with 0 for none.
    pub fn word_of(key_hash: Option<Self>) -> U256 {
        key_hash.map_or(U256::ZERO, Self::to_word)
    }

    /// What an ABI word says: a key's hash, or none at 0.
    ///
    /// # Errors
    /// For words of the field's order and more, which the wallet never keeps.
    pub fn from_word(word: U256) -> Result<Option<Self>, NotAKeyHash> {
        let element = field::from_be_bytes(&word.to_be_bytes()).ok_or(NotAKeyHash(word))?;
        Ok((!word.is_zero()).then_some(Self(element)))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        B256::from(field::to_be_bytes(&self.0)).fmt(f)
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A word is no field element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not below the order of the scalar field, so it is no key's hash")]
pub struct NotAKeyHash(pub U256);

/// The name of a list of verifiers: the keccak256 hash of its ABI encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VerifierSetId(B256);

impl VerifierSetId {
    /// The set with this name.
    pub const fn new(id: B256) -> Self {
        Self(id)
    }

    /// The 32 bytes.
    pub const fn to_bytes(self) -> B256 {
        self.0
    }

    /// As an ABI word, with 0 for none.
    pub fn word_of(set: Option<Self>) -> B256 {
        set.map_or(B256::ZERO, Self::to_bytes)
    }

    /// What an ABI word says: a set, or none at 0.
    pub fn from_word(word: B256) -> Option<Self> {
        (!word.is_zero()).then_some(Self(word))
    }
}

impl fmt::Display for VerifierSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The shape with this number, `lanes·2^16 + slots·2 + capture`, if one has it. Anybody may register
/// verifiers for numbers that no shape has.
pub fn shape_of_id(id: u32) -> Option<Shape> {
    Shape::new(id >> 16, (id & 0xffff) >> 1, id & 1 == 1).ok()
}

/// A time out of 40 bits.
pub(crate) fn time(seconds: U40) -> UnixTime {
    match UnixTime::new(seconds.to::<u64>()) {
        Ok(time) => time,
        Err(_) => unreachable!("40 bits hold every unix time"),
    }
}

/// A time out of 40 bits, with 0 for none.
pub(crate) fn time_or_none(seconds: U40) -> Option<UnixTime> {
    (!seconds.is_zero()).then(|| time(seconds))
}

/// An account, with 0 for none.
pub(crate) fn account_or_none(number: u32) -> Option<AccountId> {
    AccountId::new(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_their_numbers() {
        for shape in Shape::NAMED.into_iter().flat_map(|shape| [shape, shape.with_capture()]) {
            assert_eq!(shape_of_id(shape.id()), Some(shape));
        }
        // No lanes; no slots; more slots than a lane has.
        for id in [0, 1, 3, 1 << 16, (1 << 16) + (251 << 1), u32::MAX] {
            assert_eq!(shape_of_id(id), None, "{id}");
        }
    }

    #[test]
    fn words_that_are_no_key_hash() {
        let order = U256::from_be_bytes(field::to_be_bytes(&-Fr::from(1u64))) + U256::from(1);
        assert_eq!(KeyHash::from_word(U256::ZERO), Ok(None));
        assert_eq!(KeyHash::from_word(order), Err(NotAKeyHash(order)));
        let greatest = order - U256::from(1);
        assert_eq!(KeyHash::from_word(greatest).map(KeyHash::word_of), Ok(greatest));
    }

    #[test]
    fn base_units_have_one_spelling() {
        assert_eq!("0".parse(), Ok(BaseUnits::ZERO));
        let most = u128::MAX.to_string();
        assert_eq!(most.parse(), Ok(BaseUnits::new(u128::MAX)));
        for text in ["", "+1", "01", "-1", "1.0", "340282366920938463463374607431768211456"] {
            assert_eq!(text.parse::<BaseUnits>(), Err(NotBaseUnits), "{text:?}");
        }
    }

    #[test]
    fn asking_for_more_than_any_balance_asks_for_all() {
        let asked = |word| BaseUnits::at_most_a_balance(word);
        assert_eq!(asked(U256::MAX), BaseUnits::BALANCE_MAX);
        assert_eq!(asked(U256::from(1u128 << 104)), BaseUnits::BALANCE_MAX);
        assert_eq!(asked(U256::from(7)), BaseUnits::new(7));
    }
}
