//! What is remembered of each transaction.

use std::fmt;

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::TransactionReceipt,
};
use serde::{Deserialize, Serialize};

use crate::{call::Call, rpc::BlockRef};

/// Whose nonces: an address on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The chain's number.
    pub chain_id: u64,
    /// The address that signs.
    pub address: Address,
}

/// The caller's name for what it wants sent, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(pub B256);

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a transaction offers for its gas, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// The most that is paid, the base fee included: EIP-1559's `maxFeePerGas`.
    pub max_wei: u128,
    /// The most that is paid above the base fee: EIP-1559's `maxPriorityFeePerGas`.
    pub tip_wei: u128,
}

/// One signed transaction for a nonce. Raising its fees makes another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its hash.
    pub hash: B256,
    /// The signed transaction as it is broadcast.
    pub raw: Bytes,
    /// What it offers.
    pub fees: Fees,
    /// The newest block when it was made.
    pub block: u64,
}

/// A submission: everything ever signed for one nonce, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whose nonce.
    pub key: Key,
    /// The nonce that all attempts share, so that at most one is mined.
    pub nonce: u64,
    /// The caller's name for it.
    pub id: SubmissionId,
    /// What is called.
    pub call: Call,
    /// The gas limit of all attempts.
    pub gas_limit: u64,
    /// What was signed, oldest first; at least one.
    pub attempts: Vec<Attempt>,
    /// How it ended; none while it has not.
    pub finish: Option<Finish>,
}

impl Record {
    /// The final block that one of its attempts is in.
    pub(super) fn mined_in(&self) -> Option<BlockRef> {
        let Some(Finish::Mined { receipt, .. }) = &self.finish else { return None };
        Some(BlockRef { number: receipt.block_number?, hash: receipt.block_hash? })
    }

    /// The attempt with the highest fees.
    pub(super) fn newest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The newest block when the nonce was taken.
    pub(super) fn born_block(&self) -> u64 {
        self.attempts.first().map_or(0, |attempt| attempt.block)
    }

    /// The most that it can cost by what was offered so far, in wei, what is sent along included.
    pub fn cost_max(&self) -> U256 {
        let fee = self.newest().map_or(0, |attempt| attempt.fees.max_wei);
        cost_max(&self.call, self.gas_limit, fee)
    }

    /// What it has cost, in wei, once it has ended: its gas, and what was sent along unless it reverted.
    pub fn cost(&self) -> Option<U256> {
        Some(match self.finish.as_ref()? {
            Finish::Mined { receipt, .. } => {
                let price = U256::from(receipt.effective_gas_price);
                let gas = price.saturating_mul(U256::from(receipt.gas_used));
                let sent = if receipt.status() { self.call.value } else { U256::ZERO };
                gas.saturating_add(sent)
            }
            Finish::Replaced { .. } => U256::ZERO,
        })
    }
}

/// The most that a call can cost, in wei.
pub(super) fn cost_max(call: &Call, gas_limit: u64, max_wei: u128) -> U256 {
    U256::from(max_wei).saturating_mul(U256::from(gas_limit)).saturating_add(call.value)
}

/// How a submission ended: deep enough in the chain to be taken for final.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// One of its attempts was mined.
    Mined {
        /// The attempt's receipt.
        receipt: Box<TransactionReceipt>,
        /// When it reverted: the data that the call reverts with, as far as that can be found out.
        reason: Option<Bytes>,
    },
    /// The nonce was used by something else than its attempts: they can never be mined.
    Replaced {
        /// The transaction that used it. None when it was no transaction of the key: an
        /// authorisation that the key signed (EIP-7702).
        by: Option<B256>,
        /// The block in which it was used.
        block: BlockRef,
    },
}
