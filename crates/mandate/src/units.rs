//! The protocol's numbers, each a type of its own, so that none is taken for another and none is
//! out of its range.
//!
//! Their text form is strict, because two spellings of one number would let one mandate be told
//! apart from itself: decimal digits only, without sign, leading zeros, spaces or exponent.
//!
//! In JSON, numbers that JavaScript holds exactly ([`AccountId`], [`UnixTime`], [`ChainId`]) are
//! numbers, the wider ones ([`Amount`], [`Ceiling`], [`Nonce`], [`EntryNumber`]) are decimal
//! strings.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// An [`AccountId`].
    Account,
    /// An [`Amount`] or a [`Ceiling`].
    Amount,
    /// A [`Nonce`].
    Nonce,
    /// A [`UnixTime`].
    Time,
    /// A [`ChainId`].
    Chain,
    /// An [`EntryNumber`].
    Entry,
}

impl Unit {
    /// The least and the greatest value.
    pub const fn range(self) -> (u128, u128) {
        match self {
            Self::Account => (1, u32::MAX as u128),
            Self::Amount => (0, (1 << 96) - 1),
            Self::Nonce => (0, u64::MAX as u128),
            Self::Time => (0, (1 << 40) - 1),
            Self::Chain => (0, u64::MAX as u128),
            // A log writes them as JSON numbers, which every reader reads alike up to here.
            Self::Entry => (0, (1 << 53) - 1),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account id",
            Self::Amount => "amount",
            Self::Nonce => "nonce",
            Self::Time => "unix time",
            Self::Chain => "chain id",
            Self::Entry => "entry number",
        })
    }
}

/// Why a value is not one of the protocol's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnitError {
    /// Not a number in the one spelling that is read.
    #[error("{found} is not a valid {unit}: expected decimal digits without sign or leading zeros")]
    Malformed {
        /// What was to be read.
        unit: Unit,
        /// What was found instead, shortened when long.
        found: String,
    },
    /// A number, but too small or too large.
    #[error("{found} is out of range for an {unit}: {} to {}", .unit.range().0, .unit.range().1)]
    OutOfRange {
        /// What was to be read.
        unit: Unit,
        /// The number found, shortened when long.
        found: String,
    },
    /// A mandate over nothing: its [`Ceiling`] is at least 1.
    #[error("the amount of a mandate must be at least 1")]
    ZeroCeiling,
}

impl UnitError {
    fn out_of_range(unit: Unit, value: impl fmt::Display) -> Self {
        Self::OutOfRange { unit, found: excerpt(&value.to_string()) }
    }
}

/// An outsider's text, short enough for an error message or a log.
pub(crate) fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn in_range(unit: Unit, value: u128) -> Result<u128, UnitError> {
    let (min, max) = unit.range();
    if (min..=max).contains(&value) { Ok(value) } else { Err(UnitError::out_of_range(unit, value)) }
}

fn parse(unit: Unit, text: &str) -> Result<u128, UnitError> {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if text.is_empty() || leading_zero || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnitError::Malformed { unit, found: format!("{:?}", excerpt(text)) });
    }
    // Digits that do not fit 128 bits are a number too: one that no unit holds.
    let value = text.parse().map_err(|_| UnitError::out_of_range(unit, text))?;
    in_range(unit, value)
}

/// What all units share: a number of type `$repr` inside, in the range of `$unit`.
macro_rules! unit {
    ($name:ident, $unit:expr, $repr:ty) => {
        impl $name {
            /// What it counts.
            pub const UNIT: Unit = $unit;
            /// The least value.
            pub const MIN: Self = Self($unit.range().0 as $repr);
            /// The greatest value.
            pub const MAX: Self = Self($unit.range().1 as $repr);

            /// The number.
            pub const fn get(self) -> $repr {
                self.0
            }
        }

        impl TryFrom<u128> for $name {
            type Error = UnitError;
            fn try_from(value: u128) -> Result<Self, UnitError> {
                in_range($unit, value).map(|value| Self(value as $repr))
            }
        }

        impl FromStr for $name {
            type Err = UnitError;
            fn from_str(text: &str) -> Result<Self, UnitError> {
                parse($unit, text).map(|value| Self(value as $repr))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$name> for u128 {
            fn from(value: $name) -> u128 {
                value.0.into()
            }
        }
    };
}

/// A payer's account in the wallet: 32 bits, from 1 up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u32);
unit!(AccountId, Unit::Account, u32);

impl AccountId {
    /// The account with this number.
    ///
    /// # Errors
    /// [`UnitError::OutOfRange`] for 0, which the wallet gives to nobody.
    pub fn new(number: u32) -> Result<Self, UnitError> {
        Self::try_from(u128::from(number))
    }
}

/// An amount of a token in its base units: 96 bits, 0 included. What was captured, or is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount(u128);
unit!(Amount, Unit::Amount, u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::MIN;

    /// That many base units.
    ///
    /// # Errors
    /// [`UnitError::OutOfRange`] from 2^96 up.
    pub fn new(base_units: u128) -> Result<Self, UnitError> {
        Self::try_from(base_units)
    }

    /// The sum, or nothing when it does not fit 96 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        // Neither term has more than 96 bits, so u128 does not overflow.
        Self::new(self.0 + other.0).ok()
    }

    /// The difference, or nothing when `other` is the larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

/// The most that a mandate lets its payee capture, in base units: an [`Amount`] of at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ceiling(Amount);

impl Ceiling {
    /// The least ceiling, one base unit.
    pub const MIN: Self = Self(Amount(1));
    /// The greatest ceiling.
    pub const MAX: Self = Self(Amount::MAX);

    /// A ceiling of that many base units.
    ///
    /// # Errors
    /// [`UnitError::ZeroCeiling`] for 0, [`UnitError::OutOfRange`] from 2^96 up.
    pub fn new(base_units: u128) -> Result<Self, UnitError> {
        Amount::new(base_units)?.try_into()
    }

    /// The full amount.
    pub const fn amount(self) -> Amount {
        self.0
    }

    /// The number of base units.
    pub const fn get(self) -> u128 {
        self.0.get()
    }
}

impl TryFrom<Amount> for Ceiling {
    type Error = UnitError;
    fn try_from(amount: Amount) -> Result<Self, UnitError> {
        if amount == Amount::ZERO { Err(UnitError::ZeroCeiling) } else { Ok(Self(amount)) }
    }
}

impl From<Ceiling> for Amount {
    fn from(ceiling: Ceiling) -> Self {
        ceiling.0
    }
}

impl FromStr for Ceiling {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        text.parse::<Amount>()?.try_into()
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A mandate's single-use number, 64 bits, in any order. The wallet keeps one bit for each, 128
/// of them to a word: nonces taken one after the other share words, and words are what costs gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(u64);
unit!(Nonce, Unit::Nonce, u64);

impl Nonce {
    /// The nonce with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The word of the wallet's bitmap that holds the nonce's bit: 57 bits.
    pub const fn word(self) -> u64 {
        self.0 >> 7
    }

    /// The bit's place in the word, 0 to 127.
    pub const fn bit(self) -> u8 {
        (self.0 & 127) as u8
    }
}

/// Seconds since 1970 in UTC, 40 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixTime(u64);
unit!(UnixTime, Unit::Time, u64);

impl UnixTime {
    /// The time that many seconds after the epoch.
    ///
    /// # Errors
    /// [`UnitError::OutOfRange`] from 2^40 up.
    pub fn new(seconds: u64) -> Result<Self, UnitError> {
        Self::try_from(u128::from(seconds))
    }

    /// The time `seconds` later, or nothing when that does not fit 40 bits.
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        self.0.checked_add(seconds).and_then(|sum| Self::new(sum).ok())
    }

    /// The seconds from `earlier` to here, or nothing when `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

/// An EIP-155 chain id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainId(u64);
unit!(ChainId, Unit::Chain, u64);

impl ChainId {
    /// The chain with this id.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }
}

/// How many entries a log has, and so the number of the last one: 53 bits, 0 before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryNumber(u64);
unit!(EntryNumber, Unit::Entry, u64);

impl EntryNumber {
    /// The entry with this number.
    ///
    /// # Errors
    /// [`UnitError::OutOfRange`] from 2^53 up.
    pub fn new(number: u64) -> Result<Self, UnitError> {
        Self::try_from(u128::from(number))
    }

    /// The number after it, or nothing after the last.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1).ok()
    }
}

/// An amount with this many decimals, without zeros at the end: `12.5`.
pub fn decimal(base_units: u128, decimals: u8) -> String {
    let width = usize::from(decimals) + 1;
    let digits = format!("{base_units:0>width$}");
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(decimals));
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_the_ranges() {
        assert_eq!("1".parse(), Ok(AccountId::MIN));
        assert_eq!("4294967295".parse(), Ok(AccountId::MAX));
        assert_eq!("0".parse(), Ok(Amount::ZERO));
        assert_eq!("79228162514264337593543950335".parse(), Ok(Amount::MAX));
        assert_eq!("18446744073709551615".parse(), Ok(Nonce::MAX));
        assert_eq!("1099511627775".parse(), Ok(UnixTime::MAX));
        assert_eq!("18446744073709551615".parse(), Ok(ChainId::MAX));
        assert_eq!("9007199254740991".parse(), Ok(EntryNumber::MAX));
        assert_eq!(EntryNumber::MAX.next(), None);

        let out_of_range = |unit, text: &str| UnitError::out_of_range(unit, text);
        assert_eq!("0".parse::<AccountId>(), Err(out_of_range(Unit::Account, "0")));
        for (unit, text, found) in [
            (Unit::Account, "4294967296", "4294967296".parse::<AccountId>().err()),
            (
                Unit::Amount,
                "79228162514264337593543950336",
                "79228162514264337593543950336".parse::<Amount>().err(),
            ),
            (Unit::Nonce, "18446744073709551616", "18446744073709551616".parse::<Nonce>().err()),
            (Unit::Time, "1099511627776", "1099511627776".parse::<UnixTime>().err()),
            (Unit::Entry, "9007199254740992", "9007199254740992".parse::<EntryNumber>().err()),
        ] {
            assert_eq!(found, Some(out_of_range(unit, text)));
        }
        let beyond_u128 = "9".repeat(200);
        let error = beyond_u128.parse::<Amount>().err();
        assert_eq!(error, Some(out_of_range(Unit::Amount, &beyond_u128)));
        assert!(
            error.is_some_and(|error| error.to_string().len() < 300),
            "the message stays short"
        );
    }

    #[test]
    fn one_spelling_each() {
        for text in [
            "", "-1", "+1", " 1", "1 ", "01", "00", "0x1", "1e3", "1.0", "1_000", "١", "1\n", "NaN",
        ] {
            for found in [
                text.parse::<AccountId>().err(),
                text.parse::<Amount>().err(),
                text.parse::<Ceiling>().err(),
                text.parse::<Nonce>().err(),
                text.parse::<UnixTime>().err(),
                text.parse::<ChainId>().err(),
                text.parse::<EntryNumber>().err(),
            ] {
                assert!(matches!(found, Some(UnitError::Malformed { .. })), "{text:?}: {found:?}");
            }
        }
    }

    #[test]
    fn a_ceiling_is_not_zero() {
        assert_eq!(Ceiling::new(0), Err(UnitError::ZeroCeiling));
        assert_eq!("0".parse::<Ceiling>(), Err(UnitError::ZeroCeiling));
        assert_eq!(Ceiling::new(1), Ok(Ceiling::MIN));
        assert_eq!(Ceiling::MAX.amount(), Amount::MAX);
        assert!(matches!(Ceiling::new(1 << 96), Err(UnitError::OutOfRange { .. })));
    }

    #[test]
    fn sums_and_differences_stay_in_range() {
        let one = Ceiling::MIN.amount();
        assert_eq!(Amount::MAX.checked_add(one), None);
        assert_eq!(Amount::MAX.checked_add(Amount::ZERO), Some(Amount::MAX));
        assert_eq!(Amount::ZERO.checked_sub(one), None);
        assert_eq!(one.checked_sub(one), Some(Amount::ZERO));
        assert_eq!(UnixTime::MAX.checked_add(1), None);
        assert_eq!(UnixTime::MAX.checked_add(u64::MAX), None);
        assert_eq!(
            UnixTime::MIN.checked_add(5).and_then(|t| t.seconds_since(UnixTime::MIN)),
            Some(5)
        );
        assert_eq!(UnixTime::MIN.seconds_since(UnixTime::MAX), None);
    }

    #[test]
    fn nonces_split_into_word_and_bit() {
        for (nonce, word, bit) in
            [(0, 0, 0), (127, 0, 127), (128, 1, 0), (u64::MAX, (1 << 57) - 1, 127)]
        {
            assert_eq!((Nonce::new(nonce).word(), Nonce::new(nonce).bit()), (word, bit));
        }
    }
}
