//! From which amount on the Travel Rule asks for an object, and what a payment is compared with.

use std::collections::BTreeMap;

use alloy_primitives::Address;

/// The most that may be paid without an object, for each token, in its base units.
///
/// A payment, and a sum, may reach the threshold; what is beyond it needs an object. Where a rule says
/// "3000 or more", the threshold is one base unit less than 3000.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    tokens: BTreeMap<Address, u128>,
}

impl Thresholds {
    /// 0 for every token: every payment needs an object.
    pub fn every_payment() -> Self {
        Self::default()
    }

    /// The same with this threshold for this token.
    #[must_use]
    pub fn with(mut self, token: Address, base_units: u128) -> Self {
        self.tokens.insert(token, base_units);
        self
    }

    /// The threshold of a token; 0 where none was set.
    pub fn of(&self, token: Address) -> u128 {
        self.tokens.get(&token).copied().unwrap_or(0)
    }
}

/// Whether a payment needs an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// It does not.
    NotNeeded,
    /// It does.
    Needed(Reason),
}

/// Why a payment needs an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is beyond the threshold by itself.
    Single,
    /// It is together with what its owner paid within the period.
    Summed,
}

impl Reason {
    /// Its name, which stays.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Summed => "summed",
        }
    }
}
