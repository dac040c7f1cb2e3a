//! How records become bytes: a version byte, then the fields in order, each in its one encoding.
//!
//! Numbers are big-endian and of fixed width. What has no fixed length is preceded by its length
//! in four bytes, an option by a byte that is 0 or 1, an alternative of several by its tag. There
//! is exactly one encoding of a value, and decoding leaves nothing over: bytes that were not
//! written by [`Record::to_bytes`] are a [`Defect`], never a panic and never a guess.

use aep2_mandate::{
    mandate::{MandateId, Prev},
    typed_data::{EcdsaSignature, Signed},
    units::{AccountId, Amount, Ceiling, ChainId, Nonce, UnixTime},
};
use alloy_primitives::{Address, B256, FixedBytes, U256};
use thiserror::Error;

use crate::units::{Balance, BatchNumber, MandateHash, Sequence};

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Defect {
    /// The bytes end within a field.
    #[error("ends within {0}")]
    Short(&'static str),
    /// Bytes are left over after the last field.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// A version of the record that is not known.
    #[error("record version {found}, known is {known}")]
    Version {
        /// The version byte found.
        found: u8,
        /// The version that can be read.
        known: u8,
    },
    /// An alternative that does not exist.
    #[error("no {what} has the tag {found}")]
    Tag {
        /// What was to be read.
        what: &'static str,
        /// The tag found.
        found: u8,
    },
    /// A number or element out of its range.
    #[error("a value out of range for {0}")]
    Range(&'static str),
    /// There is no such record, though another says so.
    #[error("the record is missing, though {0} refers to it")]
    Missing(&'static str),
    /// Records that contradict each other.
    #[error("contradicts other records: {0}")]
    Contradiction(&'static str),
}

/// Reads fields off the front of some bytes.
#[derive(Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `length` bytes, which are part of `what`.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], Defect> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Defect::Short(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Defect> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    /// The next field.
    ///
    /// # Errors
    /// When the bytes that are left do not begin with one.
    pub fn field<T: Field>(&mut self) -> Result<T, Defect> {
        T::take(self)
    }

    /// States that nothing is left.
    ///
    /// # Errors
    /// When something is.
    pub fn end(self) -> Result<(), Defect> {
        if self.rest.is_empty() { Ok(()) } else { Err(Defect::Trailing(self.rest.len())) }
    }
}

/// A part of a record or of a key.
pub trait Field: Sized {
    /// Appends the value.
    fn put(&self, to: &mut Vec<u8>);
    /// Reads a value.
    ///
    /// # Errors
    /// When the bytes that are left do not begin with one.
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect>;
}

/// A value of a column family.
pub trait Record: Field {
    /// The version of its encoding, its first byte.
    const VERSION: u8;

    /// The record's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![Self::VERSION];
        self.put(&mut bytes);
        bytes
    }

    /// The record with these bytes.
    ///
    /// # Errors
    /// When they are of another version, or not exactly a record's.
    fn from_bytes(bytes: &[u8]) -> Result<Self, Defect> {
        let mut decoder = Decoder::new(bytes);
        let found = decoder.field::<u8>()?;
        if found != Self::VERSION {
            return Err(Defect::Version { found, known: Self::VERSION });
        }
        let record = decoder.field()?;
        decoder.end()?;
        Ok(record)
    }
}

macro_rules! integers {
    ($($integer:ty),+) => { $(
        impl Field for $integer {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
                from.array(stringify!($integer)).map(Self::from_be_bytes)
            }
        }
    )+ };
}
integers!(u8, u32, u64, u128);

impl Field for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        match from.field::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(Defect::Tag { what: "flag", found }),
        }
    }
}

/// Units whose number has the fixed width that follows the colon.
macro_rules! units {
    ($($name:ident: $repr:ty, $make:expr;)+) => { $(
        impl Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                <$repr>::from(self.get()).put(to);
            }
            fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
                let make: fn($repr) -> Option<Self> = $make;
                make(from.field()?).ok_or(Defect::Range(stringify!($name)))
            }
        }
    )+ };
}
units! {
    AccountId: u32, |number| AccountId::new(number).ok();
    Amount: u128, |number| Amount::new(number).ok();
    Ceiling: u128, |number| Ceiling::new(number).ok();
    Nonce: u64, |number| Some(Nonce::new(number));
    UnixTime: u64, |number| UnixTime::new(number).ok();
    ChainId: u64, |number| Some(ChainId::new(number));
    Balance: u128, |number| Balance::new(number);
    Sequence: u64, |number| Some(Sequence::new(number));
    BatchNumber: u64, |number| Some(BatchNumber::new(number));
}

impl<const N: usize> Field for FixedBytes<N> {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.0);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.array("fixed bytes").map(Self)
    }
}

impl Field for Address {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_slice());
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.array("address").map(Self::from)
    }
}

impl Field for U256 {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.to_be_bytes::<32>());
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.array::<32>("256-bit number").map(Self::from_be_bytes)
    }
}

impl Field for EcdsaSignature {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.array("signature").map(Self::from_bytes)
    }
}

impl<T: Field> Field for Signed<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.message.put(to);
        self.signature.put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        Ok(Self { message: from.field()?, signature: from.field()? })
    }
}

impl Field for MandateHash {
    fn put(&self, to: &mut Vec<u8>) {
        self.bytes().put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.field::<B256>().map(Self::from_bytes)
    }
}

impl Field for MandateId {
    fn put(&self, to: &mut Vec<u8>) {
        self.to_bytes().put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        Self::from_bytes(from.field()?).ok_or(Defect::Range("mandate id"))
    }
}

impl Field for Prev {
    fn put(&self, to: &mut Vec<u8>) {
        MandateId::from_element(self.element()).put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.field::<MandateId>().map(|id| Self::from_element(id.element()))
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        if let Some(value) = self {
            value.put(to);
        }
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        from.field::<bool>()?.then(|| from.field()).transpose()
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        put_length(self.len(), to);
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        // The length may be damaged: no capacity is reserved for it.
        (0..from.field::<u32>()?).map(|_| from.field()).collect()
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    fn put(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(to));
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let values: Vec<T> = (0..N).map(|_| from.field()).collect::<Result<_, _>>()?;
        values.try_into().map_err(|_| Defect::Short("array"))
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
        self.1.put(to);
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        Ok((from.field()?, from.field()?))
    }
}

impl Field for String {
    fn put(&self, to: &mut Vec<u8>) {
        put_length(self.len(), to);
        to.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut Decoder<'_>) -> Result<Self, Defect> {
        let length = from.field::<u32>()? as usize;
        let bytes = from.take(length, "text")?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Defect::Range("text"))
    }
}

/// Lengths are bounded where bytes come in, far below this: see [`crate::limits`].
fn put_length(length: usize, to: &mut Vec<u8>) {
    u32::try_from(length).unwrap_or(u32::MAX).put(to);
}

/// `Field` for structs: the fields named, in that order.
macro_rules! fields {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl crate::codec::Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                $( crate::codec::Field::put(&self.$field, to); )+
            }
            fn take(
                from: &mut crate::codec::Decoder<'_>,
            ) -> Result<Self, crate::codec::Defect> {
                Ok(Self { $( $field: from.field()?, )+ })
            }
        }
    };
}
pub(crate) use fields;

/// `Field` for enums: a tag, then the alternative's fields.
macro_rules! alternatives {
    ($name:ident, $what:literal { $($tag:literal => $alternative:ident $({ $($field:ident),+ })?,)+ }) => {
        impl crate::codec::Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                match self {
                    $( Self::$alternative $({ $($field),+ })? => {
                        to.push($tag);
                        $( $( crate::codec::Field::put($field, to); )+ )?
                    } )+
                }
            }
            fn take(
                from: &mut crate::codec::Decoder<'_>,
            ) -> Result<Self, crate::codec::Defect> {
                match from.field::<u8>()? {
                    $( $tag => Ok(Self::$alternative $({ $($field: from.field()?),+ })?), )+
                    found => Err(crate::codec::Defect::Tag { what: $what, found }),
                }
            }
        }
    };
}
pub(crate) use alternatives;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Sample {
        number: u64,
        text: String,
        list: Vec<u32>,
        option: Option<Amount>,
    }
    fields!(Sample { number, text, list, option });
    impl Record for Sample {
        const VERSION: u8 = 3;
    }

    fn sample() -> Sample {
        Sample { number: 7, text: "é".into(), list: vec![1, 2], option: Amount::new(5).ok() }
    }

    #[test]
    fn bytes_that_are_cut_or_lengthened_anywhere_are_a_defect() {
        let bytes = sample().to_bytes();
        assert_eq!(Sample::from_bytes(&bytes), Ok(sample()));
        for length in 0..bytes.len() {
            assert!(matches!(Sample::from_bytes(&bytes[..length]), Err(Defect::Short(_))));
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Sample::from_bytes(&longer), Err(Defect::Trailing(1)));
    }

    #[test]
    fn another_version_tag_or_range_is_a_defect() {
        let mut bytes = sample().to_bytes();
        bytes[0] = 4;
        assert_eq!(Sample::from_bytes(&bytes), Err(Defect::Version { found: 4, known: 3 }));
        assert_eq!(
            bool::take(&mut Decoder::new(&[2])),
            Err(Defect::Tag { what: "flag", found: 2 })
        );
        assert_eq!(
            Amount::take(&mut Decoder::new(&[0xff; 16])),
            Err(Defect::Range("Amount")),
            "amounts have 96 bits"
        );
        assert_eq!(AccountId::take(&mut Decoder::new(&[0; 4])), Err(Defect::Range("AccountId")));
        let endless = [0xff; 8];
        assert!(matches!(Vec::<u64>::take(&mut Decoder::new(&endless)), Err(Defect::Short(_))));
        assert!(matches!(String::take(&mut Decoder::new(&endless)), Err(Defect::Short(_))));
    }
}
