//! What is missing of an account or an owner that was not followed from the beginning.

use aep2_mandate::units::AccountId;
use alloy_primitives::{Address, U256};

/// How many slots of 256 nonces are known ahead of the one in use, so that a signer who counts up never
/// waits for them.
pub const SLOTS_AHEAD: u64 = 2;

/// Something on the chain that must be read before a mandate can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unread {
    /// What an account has of a token.
    Purse {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
    },
    /// Which of an account's nonces `256·index` to `256·index + 255` are spent.
    Slot {
        /// The account.
        account: AccountId,
        /// The token.
        token: Address,
        /// Below 2^56.
        index: u64,
    },
    /// Whether a nonce of an owner's direct mandates is spent.
    DirectNonce {
        /// The owner.
        owner: Address,
        /// The nonce.
        nonce: U256,
    },
}
