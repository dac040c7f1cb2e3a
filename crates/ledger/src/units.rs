//! Numbers that only the ledger has: places in an order, batches, balances; and the one name that
//! mandates of both paths have.

use std::fmt;

use aep2_mandate::mandate::MandateId;
use alloy_primitives::{B256, U256};

/// A place in the order of acceptance, from 0 up without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(u64);

/// A batch's number in this ledger, from 1 up without gaps. The chain knows batches by other names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchNumber(u64);

macro_rules! counter {
    ($name:ident) => {
        impl $name {
            /// The one with this number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }
            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }
            /// The one after.
            pub(crate) const fn next(self) -> Self {
                // 2^64 of them do not fit on any disk.
                Self(self.0.saturating_add(1))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
counter!(Sequence);
counter!(BatchNumber);

/// What an account holds of a token, or a sum of amounts, in base units: 104 bits, as the wallet
/// keeps them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Balance(u128);

impl Balance {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that the wallet holds for one account and token.
    pub const MAX: Self = Self((1 << 104) - 1);

    /// That many base units, or nothing from 2^104 up.
    pub fn new(base_units: u128) -> Option<Self> {
        (base_units <= Self::MAX.0).then_some(Self(base_units))
    }

    /// That many base units, or [`MAX`](Self::MAX): what the wallet makes of a request for more
    /// money than there can be.
    pub fn saturating(base_units: U256) -> Self {
        u128::try_from(base_units).ok().and_then(Self::new).unwrap_or(Self::MAX)
    }

    /// The number of base units.
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The sum, or nothing when it does not fit 104 bits.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0 + other.0)
    }

    /// The difference, or nothing when `other` is the larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, 0 when `other` is the larger.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<aep2_mandate::units::Amount> for Balance {
    fn from(amount: aep2_mandate::units::Amount) -> Self {
        Self(amount.get())
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What stands for a mandate of either path: the id of a proved one, the EIP-712 digest of a
/// direct one. Both are hashes of all its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MandateHash(B256);

impl MandateHash {
    /// The one with these bytes.
    pub const fn from_bytes(bytes: B256) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn bytes(&self) -> B256 {
        self.0
    }
}

impl From<MandateId> for MandateHash {
    fn from(id: MandateId) -> Self {
        Self(id.to_bytes())
    }
}

impl fmt::Display for MandateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MandateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MandateHash({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_can_be_is_all_there_can_be() {
        let most = Balance::MAX.get();
        assert_eq!(Balance::saturating(U256::from(most)).get(), most);
        for above in [U256::from(most) + U256::ONE, U256::from(u128::MAX), U256::MAX] {
            assert_eq!(Balance::saturating(above), Balance::MAX);
        }
        assert_eq!(Balance::new(most + 1), None);
    }
}
