//! Transactions that wait for a block.
//!
//! A sender's transactions are executed in the order of their nonces; one whose predecessor is
//! missing waits. Among senders, who pays the higher tip goes first, and at equal tips who came
//! first. A transaction takes the place of one with the same nonce if both its fees are higher by
//! [`REPLACEMENT_PERCENT`]. Refusals are in geth's words, which senders everywhere look for.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use alloy::{
    consensus::Transaction,
    primitives::{Address, B256, U256},
};

use crate::block::SignedTransaction;

/// By how much both fees must rise to replace a waiting transaction, in percent (geth's default).
pub(crate) const REPLACEMENT_PERCENT: u128 = 10;

/// How many transactions may wait.
pub(crate) const TRANSACTIONS_MAX: usize = 100_000;

/// Why a transaction was not taken, in geth's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It waits here already.
    #[error("already known")]
    AlreadyKnown,
    /// Its nonce is spent.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The sender's next nonce.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// Its nonce is the last there is.
    #[error("nonce has max value")]
    NonceMax,
    /// One with the same nonce waits, and pays too much to be replaced.
    #[error("replacement transaction underpriced")]
    ReplacementUnderpriced,
    /// The sender cannot pay for all that it has waiting.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}",
        cost.saturating_sub(*balance)
    )]
    InsufficientFunds {
        /// What the sender has, in wei.
        balance: U256,
        /// What it may have to pay, its waiting transactions included, in wei.
        cost: U256,
    },
    /// The gas limit does not cover the transaction's data.
    #[error("intrinsic gas too low: gas {gas}, minimum needed {needed}")]
    IntrinsicGas {
        /// The gas limit.
        gas: u64,
        /// The least that it must be.
        needed: u64,
    },
    /// The gas limit does not cover the least price of the transaction's data (EIP-7623).
    #[error("insufficient gas for floor data gas cost: gas {gas}, minimum needed {needed}")]
    FloorDataGas {
        /// The gas limit.
        gas: u64,
        /// The least that it must be.
        needed: u64,
    },
    /// It pays less than the next block takes, and would wait for a block that nothing makes.
    #[error(
        "max fee per gas less than block base fee: address {sender}, maxFeePerGas: {max_fee}, baseFee: {base_fee}"
    )]
    FeeBelowBaseFee {
        /// Who sent it.
        sender: Address,
        /// What it pays at most, in wei a gas.
        max_fee: u128,
        /// What the next block takes, in wei a gas.
        base_fee: u64,
    },
    /// It tips more than it pays.
    #[error("max priority fee per gas higher than max fee per gas")]
    TipAboveFee,
    /// It does not fit in any block.
    #[error("exceeds block gas limit")]
    BlockGasLimit,
    /// It has more gas than a transaction may have (EIP-7825).
    #[error("transaction gas limit too high (cap: {cap}, tx: {gas})")]
    GasLimitCap {
        /// The most that it may have.
        cap: u64,
        /// What it has.
        gas: u64,
    },
    /// It is larger than a pool takes.
    #[error("oversized data: transaction size {bytes}, limit {limit}")]
    Oversized {
        /// Its size.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The code that it deploys with is too long (EIP-3860).
    #[error("max initcode size exceeded: code size {bytes}, limit {limit}")]
    InitCode {
        /// Its length.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// It is for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    ChainId {
        /// The transaction's.
        have: u64,
        /// This chain's.
        want: u64,
    },
    /// Blobs need a beacon chain.
    #[error("transaction type not supported")]
    Type,
    /// It names no account to delegate (EIP-7702).
    #[error("EIP-7702 transaction with empty auth list")]
    NoAuthorizations,
    /// The signature is nobody's.
    #[error("invalid sender")]
    Sender,
    /// Contracts sign nothing (EIP-3607).
    #[error("sender not an eoa: address {sender}")]
    SenderHasCode {
        /// The contract.
        sender: Address,
    },
    /// Too many wait.
    #[error("txpool is full")]
    Full,
}

/// A transaction that waits.
#[derive(Clone, Debug)]
struct Waiting {
    transaction: SignedTransaction,
    /// Order of arrival.
    arrival: u64,
}

/// The transactions that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    senders: HashMap<Address, BTreeMap<u64, Waiting>>,
    places: HashMap<B256, (Address, u64)>,
    arrivals: u64,
}

impl Pool {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, hash: B256) -> Option<&SignedTransaction> {
        let (sender, nonce) = self.places.get(&hash)?;
        Some(&self.senders.get(sender)?.get(nonce)?.transaction)
    }

    /// The first nonce from `next` on that `sender` has not used here.
    pub(crate) fn next_nonce(&self, sender: Address, next: u64) -> u64 {
        let Some(waiting) = self.senders.get(&sender) else { return next };
        let consecutive = waiting.range(next..).zip(next..);
        next + consecutive.take_while(|((nonce, _), expected)| **nonce == *expected).count() as u64
    }

    /// Takes a transaction in, and returns the one that it replaces.
    ///
    /// # Errors
    ///
    /// Only those that concern other waiting transactions; the rest has been checked before.
    pub(crate) fn insert(
        &mut self,
        transaction: SignedTransaction,
        balance: U256,
    ) -> Result<Option<SignedTransaction>, Rejection> {
        let hash = *transaction.inner().tx_hash();
        if self.places.contains_key(&hash) {
            return Err(Rejection::AlreadyKnown);
        }
        let (sender, nonce) = (transaction.signer(), transaction.inner().nonce());
        let others = self.senders.get(&sender);
        let replaced = others.and_then(|others| others.get(&nonce));
        if replaced.is_some_and(|old| !outbids(&transaction, &old.transaction)) {
            return Err(Rejection::ReplacementUnderpriced);
        }
        let mut cost = cost_max(&transaction);
        for (other_nonce, other) in others.into_iter().flatten() {
            if *other_nonce != nonce {
                cost = cost.saturating_add(cost_max(&other.transaction));
            }
        }
        if cost > balance {
            return Err(Rejection::InsufficientFunds { balance, cost });
        }
        if replaced.is_none() && self.len() >= TRANSACTIONS_MAX {
            return Err(Rejection::Full);
        }

        let arrival = self.arrivals;
        self.arrivals += 1;
        let waiting = Waiting { transaction, arrival };
        let replaced = self.senders.entry(sender).or_default().insert(nonce, waiting);
        if let Some(replaced) = &replaced {
            self.places.remove(replaced.transaction.inner().tx_hash());
        }
        self.places.insert(hash, (sender, nonce));
        Ok(replaced.map(|replaced| replaced.transaction))
    }

    /// Removes a transaction, and leaves those after it to wait.
    pub(crate) fn remove(&mut self, hash: B256) -> Option<SignedTransaction> {
        let (sender, nonce) = self.places.remove(&hash)?;
        let waiting = self.senders.get_mut(&sender)?;
        let removed = waiting.remove(&nonce);
        if waiting.is_empty() {
            self.senders.remove(&sender);
        }
        Some(removed?.transaction)
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        self.senders.clear();
        self.places.clear();
    }

    /// Removes what `sender` has below its next nonce.
    pub(crate) fn forget_below(&mut self, sender: Address, next: u64) {
        let Some(waiting) = self.senders.get_mut(&sender) else { return };
        let later = waiting.split_off(&next);
        for spent in std::mem::replace(waiting, later).into_values() {
            self.places.remove(spent.transaction.inner().tx_hash());
        }
        if waiting.is_empty() {
            self.senders.remove(&sender);
        }
    }

    /// All waiting transactions, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SignedTransaction> {
        self.senders.values().flatten().map(|(_, waiting)| &waiting.transaction)
    }

    /// What a block with `base_fee` (wei a gas) should try, best first.
    pub(crate) fn best(&self, base_fee: u64, next_nonce: impl Fn(Address) -> u64) -> Best<'_> {
        let mut best = Best { pool: self, base_fee, heads: BinaryHeap::new() };
        for sender in self.senders.keys() {
            best.consider(*sender, next_nonce(*sender));
        }
        best
    }
}

/// The waiting transactions in the order in which a block takes them. After each that was executed
/// [`Best::consider`] brings in its sender's next.
#[derive(Debug)]
pub(crate) struct Best<'a> {
    pool: &'a Pool,
    base_fee: u64,
    heads: BinaryHeap<(u128, Reverse<u64>, Reverse<Address>, u64)>,
}

impl<'a> Best<'a> {
    /// Brings in the sender's transaction with this nonce, if it waits and pays the base fee.
    pub(crate) fn consider(&mut self, sender: Address, nonce: u64) {
        let waiting = self.pool.senders.get(&sender).and_then(|waiting| waiting.get(&nonce));
        let Some(Waiting { transaction, arrival }) = waiting else { return };
        if let Some(tip) = transaction.effective_tip_per_gas(self.base_fee) {
            self.heads.push((tip, Reverse(*arrival), Reverse(sender), nonce));
        }
    }
}

impl<'a> Iterator for Best<'a> {
    type Item = &'a SignedTransaction;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, _, Reverse(sender), nonce) = self.heads.pop()?;
        Some(&self.pool.senders.get(&sender)?.get(&nonce)?.transaction)
    }
}

/// What a transaction may cost its sender, in wei.
fn cost_max(transaction: &SignedTransaction) -> U256 {
    let fee = U256::from(transaction.max_fee_per_gas());
    fee.saturating_mul(U256::from(transaction.gas_limit())).saturating_add(transaction.value())
}

/// Whether `new` pays enough more than `old` to take its place.
fn outbids(new: &SignedTransaction, old: &SignedTransaction) -> bool {
    let tip =
        |tx: &SignedTransaction| tx.max_priority_fee_per_gas().unwrap_or(tx.max_fee_per_gas());
    let raised = |old: u128| {
        let raised = U256::from(old) * U256::from(100 + REPLACEMENT_PERCENT);
        raised.div_ceil(U256::from(100))
    };
    U256::from(new.max_fee_per_gas()) >= raised(old.max_fee_per_gas())
        && U256::from(tip(new)) >= raised(tip(old))
}
