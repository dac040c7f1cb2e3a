//! What following the chain leads to, and why it cannot be followed.

use aep2_mandate::units::AccountId;
use alloy_primitives::B256;
use thiserror::Error;

use crate::{
    error::{LedgerError, by_way_of_ledger_error},
    records::{RefundName, Tip},
    units::{BatchNumber, MandateHash},
};

/// What applying blocks led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The mandates that the blocks ended.
    pub ended: Vec<MandateHash>,
    /// The batches that the blocks confirmed.
    pub confirmed: Vec<BatchNumber>,
    /// The batches that are final now.
    pub finalised: Vec<BatchNumber>,
    /// The accounts of which the blocks contradict what was known, and are to be read anew; with what
    /// contradicts what.
    pub contradicted: Vec<(AccountId, String)>,
    /// The refunds that the blocks paid.
    pub refunded: Vec<RefundName>,
}

/// What undoing blocks led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewound {
    /// How many blocks were undone.
    pub blocks: u64,
    /// The mandates that had ended in them, and are live again (or failed, as they were before).
    pub revived: Vec<MandateHash>,
    /// The batches that had been confirmed in them.
    pub unconfirmed: Vec<BatchNumber>,
}

/// Why the chain could not be followed.
#[derive(Clone, Debug, Error)]
pub enum ChainError {
    /// The block does not follow the last one applied.
    #[error("block {number} with parent {parent} does not follow the last block applied, {tip:?}")]
    NotNext {
        /// The block's number.
        number: u64,
        /// Its parent's hash.
        parent: B256,
        /// The last block applied.
        tip: Option<Tip>,
    },
    /// What was read of accounts is of another block than the last one applied.
    #[error("what was read is of block {number} {hash}, and the last block applied is {tip:?}")]
    ReadElsewhere {
        /// The block's number.
        number: u64,
        /// Its hash.
        hash: B256,
        /// The last block applied.
        tip: Option<Tip>,
    },
    /// More is to be undone than can be.
    #[error("cannot go back to block {to}: blocks up to {horizon} cannot be undone any more")]
    TooDeep {
        /// The block to go back to.
        to: u64,
        /// The last block that cannot be undone.
        horizon: u64,
    },
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(ChainError);
