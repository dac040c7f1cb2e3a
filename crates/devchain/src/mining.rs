//! Making blocks.

use alloy::{
    consensus::{Receipt, ReceiptEnvelope, Transaction, TxType},
    primitives::{B256, U256},
};
use revm::context::BlockEnv;

use crate::{
    block::{HeaderFields, MinedBlock, SignedTransaction, prev_randao},
    changes::Diff,
    error::DevChainError,
    execute::{
        Checks, Environment, ExecutionError, Machine, block_environment, transaction_environment,
    },
    node::Node,
    pool::Pool,
    record::{BlockRecord, Record},
    state::Overlay,
};

/// A block that could follow the head.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) block: MinedBlock,
    pub(crate) changes: Diff,
    /// Transactions that can no longer be executed at all.
    invalid: Vec<B256>,
}

impl Node {
    /// The base fee of the next block, in wei a gas.
    pub(crate) fn next_base_fee(&self) -> Result<u64, DevChainError> {
        let following = self.head()?.next_base_fee();
        Ok(self.base_fee_next.unwrap_or(following))
    }

    /// What the EVM would see in a block mined now.
    pub(crate) fn next_environment(&self) -> Result<Environment, DevChainError> {
        let fields = self.next_fields()?;
        let header = MinedBlock::assemble(fields, Vec::new(), Vec::new(), 0).header;
        Ok(self.environment(block_environment(&header)))
    }

    pub(crate) fn environment(&self, block: BlockEnv) -> Environment {
        let spec = self.config.hardfork.spec();
        Environment { chain_id: self.config.chain_id, spec, block }
    }

    fn next_fields(&self) -> Result<HeaderFields, DevChainError> {
        let head = self.head()?;
        Ok(HeaderFields {
            parent_hash: head.hash(),
            number: head.number() + 1,
            timestamp: self.clock.next_timestamp(head.header.timestamp),
            gas_limit: self.config.block_gas_limit,
            base_fee: self.next_base_fee()?,
            coinbase: self.config.coinbase,
            prev_randao: prev_randao(head.hash(), self.rewinds),
            state_root: B256::ZERO,
        })
    }

    /// The block that would be mined now of the transactions in `pool`, best first.
    pub(crate) fn candidate(&self, pool: &Pool) -> Result<Candidate, DevChainError> {
        let fields = self.next_fields()?;
        let environment = self.next_environment()?;
        let overlay = Overlay::new(self.latest());
        let mut machine = Machine::new(&environment, overlay, Checks::Transaction);
        let mut best =
            pool.best(fields.base_fee, |sender| self.latest().account_or_empty(sender).nonce);

        let mut included: Vec<SignedTransaction> = Vec::new();
        let mut receipts: Vec<ReceiptEnvelope> = Vec::new();
        let mut invalid = Vec::new();
        let mut gas_used = 0;
        while let Some(transaction) = best.next() {
            let (tx, sender) = (transaction.inner(), transaction.signer());
            if tx.gas_limit() > fields.gas_limit - gas_used {
                continue;
            }
            let result = match machine.run(transaction_environment(transaction)) {
                Ok(result) => result,
                Err(ExecutionError::Invalid(reason)) => {
                    tracing::debug!(hash = %tx.tx_hash(), %reason, "no longer valid");
                    invalid.push(*tx.tx_hash());
                    continue;
                }
                Err(ExecutionError::Evm(reason)) => return Err(DevChainError::Evm(reason)),
            };
            gas_used += result.tx_gas_used();
            let status = result.is_success().into();
            // A transaction that fails leaves no logs.
            let logs = if result.is_success() { result.into_logs() } else { Vec::new() };
            let receipt = Receipt { status, cumulative_gas_used: gas_used, logs }.with_bloom();
            receipts.push(envelope(tx.tx_type(), receipt));
            included.push(transaction.clone());
            best.consider(sender, tx.nonce() + 1);
        }
        let changes = machine.into_state().into_diff();
        let fields = HeaderFields { state_root: self.state.digest_after(&changes), ..fields };
        let revision = self.state.revision() + 1;
        let block = MinedBlock::assemble(fields, included, receipts, revision);
        Ok(Candidate { block, changes, invalid })
    }

    /// Mines a block of the transactions that wait, empty if none can be executed, and returns its
    /// hash.
    pub(crate) fn mine(&mut self) -> Result<B256, DevChainError> {
        let candidate = self.candidate(&self.pool)?;
        self.seal(candidate)
    }

    /// Mines blocks until nothing that waits can be executed. None for nothing.
    pub(crate) fn mine_waiting(&mut self) -> Result<(), DevChainError> {
        while self.pool.len() > 0 {
            let candidate = self.candidate(&self.pool)?;
            let useful = !candidate.block.transactions.is_empty();
            for hash in &candidate.invalid {
                self.pool.remove(*hash);
            }
            if !useful {
                return Ok(());
            }
            self.seal(candidate)?;
        }
        Ok(())
    }

    /// Takes back the last `depth` blocks and mines as many others in their place.
    /// `replacements[i]` go into the `i`-th of them, those that are valid there.
    pub(crate) fn reorganise(
        &mut self,
        depth: u64,
        replacements: Vec<Vec<SignedTransaction>>,
    ) -> Result<(), DevChainError> {
        self.roll_back(depth)?;
        let mut replacements = replacements.into_iter();
        for _ in 0..depth {
            let mut pool = Pool::default();
            for transaction in replacements.next().unwrap_or_default() {
                // Whether it can be paid for shows when it is executed.
                pool.insert(transaction, U256::MAX)?;
            }
            let candidate = self.candidate(&pool)?;
            self.seal(candidate)?;
        }
        Ok(())
    }

    /// Makes a candidate the head.
    fn seal(&mut self, candidate: Candidate) -> Result<B256, DevChainError> {
        let Candidate { block, changes, invalid } = candidate;
        let timestamp = block.header.timestamp;
        let offset_seconds = self.clock.offset_after(timestamp);
        self.journal(|| {
            Record::Block(Box::new(BlockRecord::new(&block, &changes, offset_seconds)))
        })?;

        self.state.apply(&changes);
        self.clock.mined(timestamp);
        self.base_fee_next = None;
        for hash in invalid {
            self.pool.remove(hash);
        }
        for (address, account) in &changes.accounts {
            self.pool.forget_below(*address, account.map_or(0, |account| account.nonce));
        }
        self.filters.block(&block);
        let hash = block.hash();
        self.blocks.push(block);
        Ok(hash)
    }
}

fn envelope(kind: TxType, receipt: alloy::consensus::ReceiptWithBloom<Receipt>) -> ReceiptEnvelope {
    ReceiptEnvelope::from_typed(kind, receipt)
}
