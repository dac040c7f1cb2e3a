//! Refunds: what payees said that they give back, and what the chain says of it.

use aep2_mandate::units::{Ceiling, UnixTime};
use alloy_primitives::B256;

use crate::{
    codec::{Record, fields},
    units::{Balance, MandateHash},
};

/// A refund that its payee announced: its word, until the chain shows the deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRecord {
    /// How much.
    pub amount: Ceiling,
    /// The EIP-3009 nonce of the deposit that pays it, of the mandate's payee in the mandate's token.
    pub nonce: B256,
    /// When it was announced, by the processor's clock.
    pub at: UnixTime,
    /// What the payee signed, opaque here.
    pub statement: Vec<u8>,
}
fields!(RefundRecord { amount, nonce, at, statement });

impl Record for RefundRecord {
    const VERSION: u8 = 1;
}

/// Which refund a deposit's nonce is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefundName {
    /// The mandate.
    pub mandate: MandateHash,
    /// The payee's number of the refund.
    pub refund: B256,
}
fields!(RefundName { mandate, refund });

impl Record for RefundName {
    const VERSION: u8 = 1;
}

/// The deposit that paid a refund, as the chain shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefundDeposit {
    /// The transaction.
    pub transaction: B256,
    /// The block's number.
    pub block: u64,
    /// What arrived in the payer's account: at least the refund's amount.
    pub amount: Balance,
}
fields!(RefundDeposit { transaction, block, amount });

impl Record for RefundDeposit {
    const VERSION: u8 = 1;
}
