//! The chain's state machine: blocks, state, the pool, and what may be done to them.
//!
//! It knows no threads, no runtime and no transport, takes the time from a clock that can be
//! simulated, and does everything in the order in which it is told; so the same calls lead to the
//! same chain. `mining.rs` makes blocks, `calls.rs` runs what changes nothing.
//!
//! What happens is in the journal before it is in memory: whatever this has told anyone survives.

use std::{collections::HashSet, sync::Arc};

use alloy::{
    consensus::{EMPTY_ROOT_HASH, Transaction, TxEnvelope, transaction::Recovered},
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bytes, U256},
    signers::local::PrivateKeySigner,
};
use revm::{context::result::InvalidTransaction, primitives::eip3860::MAX_INITCODE_SIZE};

use crate::{
    block::{Blocks, HeaderFields, MinedBlock, SignedTransaction},
    changes::{Account, Diff, Revision},
    clock::Clock,
    config::{DevChainConfig, Hardfork, Mining},
    error::{DevChainError, StoreError},
    execute::{check_intrinsic_gas, transaction_environment},
    filters::Filters,
    pool::{Pool, Rejection},
    record::{BlockRecord, Record},
    state::{Overlay, State, StateAt},
    store::Journal,
};

/// The most gas that a transaction may have from Osaka on (EIP-7825).
pub(crate) const TRANSACTION_GAS_MAX: u64 = revm::primitives::eip7825::TX_GAS_LIMIT_CAP;

/// How far `safe` and `finalized` are behind the head: one and two epochs, as they would be on a
/// public chain in good order. Nothing here is ever final: a test may take back any block.
const SAFE_BLOCKS: u64 = 32;
const FINALIZED_BLOCKS: u64 = 64;

/// A block that a query names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A mined one, by number.
    Mined(u64),
    /// The one that would be mined now.
    Pending,
}

/// What a revert goes back to.
#[derive(Clone, Debug)]
struct Snapshot {
    id: u64,
    number: u64,
    revision: Revision,
    offset_seconds: i64,
    pool: Pool,
}

/// The chain.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: DevChainConfig,
    pub(crate) state: State,
    pub(crate) blocks: Blocks,
    pub(crate) pool: Pool,
    pub(crate) clock: Clock,
    pub(crate) filters: Filters,
    /// Whether a transaction brings its own block.
    pub(crate) mines_on_demand: bool,
    /// The next block's base fee, where a test has set it, in wei a gas.
    pub(crate) base_fee_next: Option<u64>,
    /// How often blocks have been taken back.
    pub(crate) rewinds: u64,
    /// The accounts that the chain signs for, in order.
    pub(crate) signers: Vec<PrivateKeySigner>,
    /// Accounts in whose name anybody may send.
    pub(crate) impersonated: HashSet<Address>,
    snapshots: Vec<Snapshot>,
    snapshots_taken: u64,
    journal: Option<Journal>,
}

impl Node {
    /// Begins a chain, or takes up the one in the data directory.
    pub(crate) fn open(config: DevChainConfig) -> Result<Self, DevChainError> {
        if config.block_gas_limit < 5_000 {
            let value = config.block_gas_limit.to_string();
            return Err(DevChainError::Setting { setting: "the block gas limit", value });
        }
        if matches!(config.mining, Mining::Interval(interval) if interval.is_zero()) {
            let value = "zero".to_owned();
            return Err(DevChainError::Setting { setting: "the mining interval", value });
        }
        let signers = config.signers()?;
        let mut node = Self {
            state: State::default(),
            blocks: Blocks::default(),
            pool: Pool::default(),
            clock: Clock::new(config.clock.clone()),
            filters: Filters::default(),
            mines_on_demand: config.mining == Mining::OnDemand,
            base_fee_next: None,
            rewinds: 0,
            signers,
            impersonated: HashSet::new(),
            snapshots: Vec::new(),
            snapshots_taken: 0,
            journal: None,
            config,
        };
        let genesis = node.genesis();
        match node.config.data_dir.clone() {
            None => node.replay(genesis).map_err(|defect| DevChainError::Evm(defect.to_owned()))?,
            Some(directory) => {
                let (journal, records) = Journal::open(&directory, || genesis)?;
                let path = journal.path().to_owned();
                for (index, record) in records.into_iter().enumerate() {
                    if let Record::Genesis { chain_id, .. } = &record
                        && *chain_id != node.config.chain_id
                    {
                        let (found, expected) = (*chain_id, node.config.chain_id);
                        return Err(StoreError::ChainId { path, found, expected }.into());
                    }
                    node.replay(record).map_err(|defect| {
                        let path = path.clone();
                        StoreError::Inconsistent { path, record: index, defect }
                    })?;
                }
                node.journal = Some(journal);
            }
        }
        Ok(node)
    }

    fn genesis(&self) -> Record {
        let mut allocation = Diff::default();
        for (address, balance) in self.config.allocation(&self.signers) {
            allocation.accounts.insert(address, Some(Account { balance, ..Account::EMPTY }));
        }
        let fields = HeaderFields {
            parent_hash: B256::ZERO,
            number: 0,
            timestamp: self.config.clock.now_seconds(),
            gas_limit: self.config.block_gas_limit,
            base_fee: self.config.base_fee_genesis,
            coinbase: self.config.coinbase,
            prev_randao: B256::ZERO,
            state_root: State::default().digest_after(&allocation),
        };
        let block = MinedBlock::assemble(fields, Vec::new(), Vec::new(), 0);
        let header = Box::new(block.header.into_inner());
        Record::Genesis { chain_id: self.config.chain_id, header, allocation }
    }

    /// Does what a record says was done.
    fn replay(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Genesis { header, allocation, .. } => {
                if self.blocks.head().is_some() {
                    return Err("is a second genesis");
                }
                if header.number != 0 || header.transactions_root != EMPTY_ROOT_HASH {
                    return Err("is no genesis");
                }
                let revision = self.state.apply(&allocation);
                self.blocks.push(MinedBlock::from_parts(*header, vec![], vec![], revision));
            }
            Record::Block(record) => {
                let head = self.blocks.head().ok_or("comes before genesis")?;
                let header = &record.header;
                if header.parent_hash != head.hash() || header.number != head.number() + 1 {
                    return Err("is a block that does not follow the one before");
                }
                if header.state_root != self.state.digest_after(&record.changes) {
                    return Err("is a block whose changes are not those it was mined with");
                }
                let BlockRecord { ref changes, offset_seconds, .. } = *record;
                let revision = self.state.apply(changes);
                let block = record.into_block(revision).ok_or("lacks senders or receipts")?;
                self.blocks.push(block);
                self.clock.restore(offset_seconds.cast_signed());
            }
            Record::Edit(changes) => {
                self.state.apply(&changes);
            }
            Record::Rewind { number, revision, offset_seconds } => {
                let head = self.blocks.head().ok_or("comes before genesis")?;
                let kept =
                    self.blocks.get(number).ok_or("goes back to a block that is not there")?;
                if number > head.number()
                    || revision < kept.revision
                    || revision > self.state.revision()
                {
                    return Err("goes back to a state that is not there");
                }
                self.forget_above(number, revision);
                self.clock.restore(offset_seconds);
            }
            Record::Clock { offset_seconds } => self.clock.restore(offset_seconds),
        }
        Ok(())
    }

    /// Writes down what is about to happen.
    pub(crate) fn journal(&mut self, record: impl FnOnce() -> Record) -> Result<(), DevChainError> {
        match &mut self.journal {
            Some(journal) => Ok(journal.append(&record())?),
            None => Ok(()),
        }
    }

    /// The last block.
    ///
    /// # Errors
    ///
    /// Never: a chain without genesis does not open.
    pub(crate) fn head(&self) -> Result<&MinedBlock, DevChainError> {
        self.blocks.head().ok_or(DevChainError::Stopped)
    }

    /// The state now.
    pub(crate) fn latest(&self) -> StateAt<'_> {
        self.state.at(self.state.revision(), &self.blocks)
    }

    /// The state after a mined block and all edits before the next.
    pub(crate) fn state_of(&self, number: u64) -> StateAt<'_> {
        let next = self.blocks.get(number.saturating_add(1));
        let revision = next.map_or(self.state.revision(), |next| next.revision - 1);
        self.state.at(revision, &self.blocks)
    }

    /// The block that a tag names.
    pub(crate) fn tagged(&self, tag: BlockNumberOrTag) -> Result<At, DevChainError> {
        let head = self.head()?.number();
        Ok(match tag {
            BlockNumberOrTag::Latest => At::Mined(head),
            BlockNumberOrTag::Safe => At::Mined(head.saturating_sub(SAFE_BLOCKS)),
            BlockNumberOrTag::Finalized => At::Mined(head.saturating_sub(FINALIZED_BLOCKS)),
            BlockNumberOrTag::Earliest => At::Mined(0),
            BlockNumberOrTag::Pending => At::Pending,
            BlockNumberOrTag::Number(number) => At::Mined(number),
        })
    }

    /// Time as filters count it.
    pub(crate) fn wall_seconds(&self) -> u64 {
        self.config.clock.now_seconds()
    }

    /// Takes a transaction. If blocks are made on demand, it is in one when this returns, unless it
    /// has to wait for an earlier nonce.
    pub(crate) fn submit(&mut self, transaction: SignedTransaction) -> Result<B256, DevChainError> {
        let hash = *transaction.inner().tx_hash();
        self.check(&transaction)?;
        let balance = self.latest().account_or_empty(transaction.signer()).balance;
        let replaced = self.pool.insert(transaction, balance)?;
        if let Some(replaced) = replaced {
            tracing::debug!(old = %replaced.inner().tx_hash(), new = %hash, "replaced");
        }
        self.filters.transaction(hash);
        if self.mines_on_demand {
            self.mine_waiting()?;
        }
        Ok(hash)
    }

    /// Decodes a signed transaction and finds its sender.
    pub(crate) fn recover(transaction: TxEnvelope) -> Result<SignedTransaction, Rejection> {
        use alloy::consensus::transaction::SignerRecoverable;
        let signer = transaction.recover_signer().map_err(|_| Rejection::Sender)?;
        Ok(Arc::new(Recovered::new_unchecked(transaction, signer)))
    }

    /// What can be said against a transaction without looking at others that wait, in the order in
    /// which geth looks.
    fn check(&self, transaction: &SignedTransaction) -> Result<(), DevChainError> {
        let (tx, sender) = (transaction.inner(), transaction.signer());
        if self.pool.get(*tx.tx_hash()).is_some() {
            return Err(Rejection::AlreadyKnown.into());
        }
        if tx.is_eip4844() {
            return Err(Rejection::Type.into());
        }
        let (bytes, limit) = (tx.eip2718_encoded_length(), self.config.transaction_bytes_max);
        if bytes > limit {
            return Err(Rejection::Oversized { bytes, limit }.into());
        }
        if tx.is_create() && tx.input().len() > MAX_INITCODE_SIZE {
            let (bytes, limit) = (tx.input().len(), MAX_INITCODE_SIZE);
            return Err(Rejection::InitCode { bytes, limit }.into());
        }
        if tx.gas_limit() > self.config.block_gas_limit {
            return Err(Rejection::BlockGasLimit.into());
        }
        if self.config.hardfork == Hardfork::Osaka && tx.gas_limit() > TRANSACTION_GAS_MAX {
            let (cap, gas) = (TRANSACTION_GAS_MAX, tx.gas_limit());
            return Err(Rejection::GasLimitCap { cap, gas }.into());
        }
        if let Some(have) = tx.chain_id()
            && have != self.config.chain_id
        {
            return Err(Rejection::ChainId { have, want: self.config.chain_id }.into());
        }
        if tx.max_priority_fee_per_gas().is_some_and(|tip| tip > tx.max_fee_per_gas()) {
            return Err(Rejection::TipAboveFee.into());
        }
        if tx.is_eip7702() && tx.authorization_list().is_none_or(<[_]>::is_empty) {
            return Err(Rejection::NoAuthorizations.into());
        }
        match check_intrinsic_gas(
            &transaction_environment(transaction),
            self.config.hardfork.spec(),
        ) {
            Err(InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit }) => {
                return Err(Rejection::IntrinsicGas { gas: gas_limit, needed: initial_gas }.into());
            }
            Err(InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, gas_limit }) => {
                return Err(Rejection::FloorDataGas { gas: gas_limit, needed: gas_floor }.into());
            }
            Err(other) => return Err(DevChainError::Evm(other.to_string())),
            Ok(()) => {}
        }
        let next = self.latest().account_or_empty(sender).nonce;
        if tx.nonce() < next {
            return Err(Rejection::NonceTooLow { next, nonce: tx.nonce() }.into());
        }
        if tx.nonce() == u64::MAX {
            return Err(Rejection::NonceMax.into());
        }
        let code = self.latest().code(sender);
        if !code.is_empty() && !is_delegation(&code) && !self.impersonated.contains(&sender) {
            return Err(Rejection::SenderHasCode { sender }.into());
        }
        let base_fee = self.next_base_fee()?;
        if self.mines_on_demand && tx.max_fee_per_gas() < u128::from(base_fee) {
            let max_fee = tx.max_fee_per_gas();
            return Err(Rejection::FeeBelowBaseFee { sender, max_fee, base_fee }.into());
        }
        Ok(())
    }

    /// Changes the state without a block, as tests do.
    pub(crate) fn edit(
        &mut self,
        change: impl FnOnce(&mut Overlay<'_>),
    ) -> Result<(), DevChainError> {
        let mut overlay = Overlay::new(self.latest());
        change(&mut overlay);
        let changes = overlay.into_diff();
        self.journal(|| Record::Edit(changes.clone()))?;
        self.state.apply(&changes);
        Ok(())
    }

    /// Moves the time, by seconds.
    pub(crate) fn increase_time(&mut self, seconds: i64) -> Result<(), DevChainError> {
        let mut moved = self.clock.clone();
        moved.increase(seconds);
        self.set_clock(moved)
    }

    /// Sets the time now, in unix seconds.
    pub(crate) fn set_time(&mut self, timestamp: u64) -> Result<(), DevChainError> {
        let mut moved = self.clock.clone();
        moved.set_now(timestamp, self.head()?.header.timestamp)?;
        self.set_clock(moved)
    }

    fn set_clock(&mut self, moved: Clock) -> Result<(), DevChainError> {
        self.journal(|| Record::Clock { offset_seconds: moved.offset_seconds() })?;
        self.clock = moved;
        Ok(())
    }

    /// Remembers the chain as it is, the pool included, and returns the id to go back by.
    pub(crate) fn snapshot(&mut self) -> Result<u64, DevChainError> {
        let snapshot = Snapshot {
            id: self.snapshots_taken,
            number: self.head()?.number(),
            revision: self.state.revision(),
            offset_seconds: self.clock.offset_seconds(),
            pool: self.pool.clone(),
        };
        self.snapshots_taken += 1;
        self.snapshots.push(snapshot);
        Ok(self.snapshots_taken - 1)
    }

    /// Goes back to a snapshot, which is spent by it, with all later ones. False if there is none.
    pub(crate) fn revert(&mut self, id: u64) -> Result<bool, DevChainError> {
        let Some(place) = self.snapshots.iter().position(|snapshot| snapshot.id == id) else {
            return Ok(false);
        };
        let snapshot = self.snapshots[place].clone();
        self.rewind(snapshot.number, snapshot.revision, snapshot.offset_seconds)?;
        self.pool = snapshot.pool;
        self.snapshots.truncate(place);
        Ok(true)
    }

    /// Takes back the last `depth` blocks. Their transactions are gone, as if nobody had heard of
    /// them: who sent them may send them again.
    pub(crate) fn roll_back(&mut self, depth: u64) -> Result<(), DevChainError> {
        let height = self.head()?.number();
        let kept = height.checked_sub(depth).and_then(|number| self.blocks.get(number));
        let kept = kept.ok_or(DevChainError::Depth { depth, height })?;
        let (number, revision) = (kept.number(), kept.revision);
        self.rewind(number, revision, self.clock.offset_seconds())
    }

    fn rewind(
        &mut self,
        number: u64,
        revision: Revision,
        offset_seconds: i64,
    ) -> Result<(), DevChainError> {
        self.journal(|| Record::Rewind { number, revision, offset_seconds })?;
        self.forget_above(number, revision);
        self.clock.restore(offset_seconds);
        self.snapshots.retain(|kept| kept.number <= number && kept.revision <= revision);
        Ok(())
    }

    fn forget_above(&mut self, number: u64, revision: Revision) {
        for block in self.blocks.split_off_above(number).iter().rev() {
            self.filters.removed(block);
        }
        self.state.rewind(revision);
        self.rewinds += 1;
    }

    /// The chain's key for an account, if it has one.
    pub(crate) fn signer(&self, address: Address) -> Option<&PrivateKeySigner> {
        self.signers.iter().find(|signer| signer.address() == address)
    }

    /// A transaction in the name of an account without its key. Its signature is made up, and
    /// different for every account, so that no two such transactions share a hash.
    pub(crate) fn impersonate(
        unsigned: alloy::consensus::TypedTransaction,
        sender: Address,
    ) -> SignedTransaction {
        let signature = alloy::primitives::Signature::new(
            U256::from_be_slice(sender.as_slice()).max(U256::ONE),
            U256::ONE,
            false,
        );
        Arc::new(Recovered::new_unchecked(unsigned.into_envelope(signature), sender))
    }
}

/// Whether code is an account's delegation to other code (EIP-7702).
fn is_delegation(code: &Bytes) -> bool {
    code.len() == 23 && code.starts_with(&[0xef, 0x01, 0x00])
}

#[cfg(test)]
mod tests {
    use alloy::{
        consensus::{SignableTransaction, TxEip1559},
        signers::SignerSync,
    };

    use super::*;

    /// What could not be written down has not happened.
    #[test]
    fn a_block_that_is_not_on_the_disk_is_not_in_the_chain() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Some(folder.path().to_owned());
        let mut node = Node::open(DevChainConfig { data_dir, ..Default::default() }).unwrap();
        let transfer = TxEip1559 {
            chain_id: 31_337,
            gas_limit: 21_000,
            max_fee_per_gas: 3_000_000_000,
            to: Address::repeat_byte(1).into(),
            value: U256::ONE,
            ..Default::default()
        };
        let signature = node.signers[0].sign_hash_sync(&transfer.signature_hash()).unwrap();
        let transfer = Node::recover(transfer.into_signed(signature).into()).unwrap();
        node.journal.as_mut().unwrap().break_writing();
        let revision = node.state.revision();

        let stored = |result: Result<(), DevChainError>| {
            assert!(matches!(result, Err(DevChainError::Store(_))), "{result:?}");
        };
        stored(node.submit(transfer.clone()).map(drop));
        stored(node.mine().map(drop));
        stored(node.edit(|state| state.set_account(Address::ZERO, Account::EMPTY)));
        stored(node.increase_time(5));
        stored(node.roll_back(0));
        assert_eq!((node.head().unwrap().number(), node.state.revision()), (0, revision));
        assert_eq!(node.clock.offset_seconds(), 0);
        assert_eq!(node.latest().account_or_empty(Address::repeat_byte(1)).balance, U256::ZERO);
        // It waits, and can be mined when the disk is back.
        assert!(node.pool.get(*transfer.inner().tx_hash()).is_some());
    }
}
