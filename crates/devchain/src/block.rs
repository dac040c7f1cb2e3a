//! Mined blocks, and finding them again by number, by hash and by transaction.

use std::{collections::HashMap, sync::Arc};

use alloy::{
    consensus::{
        Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, ReceiptEnvelope, Sealed, Transaction as _,
        TxEnvelope, constants::EMPTY_WITHDRAWALS, proofs, transaction::Recovered,
    },
    eips::{
        eip1559::{BaseFeeParams, calc_next_block_base_fee},
        eip7685::EMPTY_REQUESTS_HASH,
    },
    primitives::{Address, B256, Bloom, Bytes, keccak256},
    rlp::Encodable,
};

use crate::changes::Revision;

/// A transaction whose sender is known.
pub(crate) type SignedTransaction = Arc<Recovered<TxEnvelope>>;

/// A block with its receipts.
#[derive(Clone, Debug)]
pub(crate) struct MinedBlock {
    pub(crate) header: Sealed<Header>,
    pub(crate) transactions: Vec<SignedTransaction>,
    /// One for each transaction.
    pub(crate) receipts: Vec<ReceiptEnvelope>,
    /// The state after the block.
    pub(crate) revision: Revision,
    /// Bytes of the block's RLP.
    pub(crate) size_bytes: usize,
}

/// What a header says that does not follow from the block's transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderFields {
    pub(crate) parent_hash: B256,
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) gas_limit: u64,
    pub(crate) base_fee: u64,
    pub(crate) coinbase: Address,
    pub(crate) prev_randao: B256,
    pub(crate) state_root: B256,
}

impl MinedBlock {
    /// A block of `transactions` that were executed with `receipts`.
    pub(crate) fn assemble(
        fields: HeaderFields,
        transactions: Vec<SignedTransaction>,
        receipts: Vec<ReceiptEnvelope>,
        revision: Revision,
    ) -> Self {
        let bodies: Vec<&TxEnvelope> = transactions.iter().map(|tx| tx.inner()).collect();
        let mut logs_bloom = Bloom::ZERO;
        for receipt in &receipts {
            logs_bloom.accrue_bloom(receipt.logs_bloom());
        }
        let header = Header {
            parent_hash: fields.parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: fields.coinbase,
            state_root: fields.state_root,
            transactions_root: proofs::calculate_transaction_root(&bodies),
            receipts_root: proofs::calculate_receipt_root(&receipts),
            logs_bloom,
            number: fields.number,
            gas_limit: fields.gas_limit,
            gas_used: receipts.last().map_or(0, ReceiptEnvelope::cumulative_gas_used),
            timestamp: fields.timestamp,
            mix_hash: fields.prev_randao,
            base_fee_per_gas: Some(fields.base_fee),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(EMPTY_REQUESTS_HASH),
            ..Header::default()
        };
        Self::from_parts(header, transactions, receipts, revision)
    }

    /// A block whose header is already complete.
    pub(crate) fn from_parts(
        header: Header,
        transactions: Vec<SignedTransaction>,
        receipts: Vec<ReceiptEnvelope>,
        revision: Revision,
    ) -> Self {
        let size_bytes = Block {
            header: header.clone(),
            body: BlockBody {
                transactions: transactions.iter().map(|tx| tx.inner().clone()).collect(),
                ommers: Vec::<Header>::new(),
                withdrawals: Some(Default::default()),
            },
        }
        .length();
        let hash = header.hash_slow();
        Self {
            header: Sealed::new_unchecked(header, hash),
            transactions,
            receipts,
            revision,
            size_bytes,
        }
    }

    pub(crate) fn hash(&self) -> B256 {
        self.header.hash()
    }

    pub(crate) fn number(&self) -> u64 {
        self.header.number
    }

    /// In wei a gas.
    pub(crate) fn base_fee(&self) -> u64 {
        self.header.base_fee_per_gas.unwrap_or_default()
    }

    /// The base fee that EIP-1559 gives the next block, in wei a gas.
    pub(crate) fn next_base_fee(&self) -> u64 {
        let Header { gas_used, gas_limit, .. } = *self.header;
        // Only a test can set a fee so high that an eighth more does not fit.
        let base_fee = self.base_fee().min(u64::MAX / 2);
        calc_next_block_base_fee(gas_used, gas_limit, base_fee, BaseFeeParams::ethereum())
    }

    /// Gas used by the transaction at `index`.
    pub(crate) fn gas_used_by(&self, index: usize) -> u64 {
        let until = |index: usize| self.receipts[index].cumulative_gas_used();
        until(index) - index.checked_sub(1).map_or(0, until)
    }

    /// How many logs come before those of the transaction at `index`.
    pub(crate) fn logs_before(&self, index: usize) -> usize {
        self.receipts[..index].iter().map(|receipt| receipt.logs().len()).sum()
    }

    /// What the transaction at `index` paid, in wei a gas.
    pub(crate) fn effective_gas_price(&self, index: usize) -> u128 {
        self.transactions[index].effective_gas_price(Some(self.base_fee()))
    }
}

/// The chain's blocks, from genesis to head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    blocks: Vec<MinedBlock>,
    numbers: HashMap<B256, u64>,
    /// The block and the place in it.
    transactions: HashMap<B256, (u64, usize)>,
}

impl Blocks {
    /// The last block; absent only until genesis is there.
    pub(crate) fn head(&self) -> Option<&MinedBlock> {
        self.blocks.last()
    }

    pub(crate) fn get(&self, number: u64) -> Option<&MinedBlock> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn by_hash(&self, hash: B256) -> Option<&MinedBlock> {
        self.get(*self.numbers.get(&hash)?)
    }

    /// The block that holds a transaction, and the place in it.
    pub(crate) fn by_transaction(&self, hash: B256) -> Option<(&MinedBlock, usize)> {
        let (number, index) = *self.transactions.get(&hash)?;
        Some((self.get(number)?, index))
    }

    pub(crate) fn push(&mut self, block: MinedBlock) {
        self.numbers.insert(block.hash(), block.number());
        for (index, transaction) in block.transactions.iter().enumerate() {
            self.transactions.insert(*transaction.inner().tx_hash(), (block.number(), index));
        }
        self.blocks.push(block);
    }

    /// Removes every block above `number`, lowest first.
    pub(crate) fn split_off_above(&mut self, number: u64) -> Vec<MinedBlock> {
        let keep = usize::try_from(number).map_or(usize::MAX, |number| number.saturating_add(1));
        let removed = self.blocks.split_off(keep.min(self.blocks.len()));
        for block in &removed {
            self.numbers.remove(&block.hash());
            for transaction in &block.transactions {
                self.transactions.remove(transaction.inner().tx_hash());
            }
        }
        removed
    }

    /// The blocks from `from` to `to`, both included, as far as there are any.
    pub(crate) fn range(&self, from: u64, to: u64) -> &[MinedBlock] {
        let length = self.blocks.len() as u64;
        let end = to.saturating_add(1).min(length);
        let start = from.min(end);
        // Both are at most the length of a vector.
        &self.blocks[start as usize..end as usize]
    }
}

/// A block's randomness (`PREVRANDAO`): anyone can foresee it. It differs after a rewind, so that a
/// chain mined again is another chain, even with the same transactions in the same second.
pub(crate) fn prev_randao(parent: B256, rewinds: u64) -> B256 {
    let seed = [b"aep2 embedded randao".as_slice(), parent.as_slice(), &rewinds.to_be_bytes()];
    keccak256(Bytes::from(seed.concat()))
}
