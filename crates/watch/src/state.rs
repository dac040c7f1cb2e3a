//! What a watcher remembers: the receipts that are open, and a file of everything else that is replaced as a
//! whole.
//!
//! The receipts are written first, and how far the folders were read after that, so that none is lost between
//! them. What was demanded and claimed is not there: that is on the chain. Of the transaction that is on its way
//! only what it may cost is; it is in the sender's journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
};

use aep2_chain::{sender::SubmissionId, wallet::WalletId};
use aep2_mandate::units::UnixTime;
use aep2_receipts::Progress;
use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::{error::WatchError, held::Held, log::Log, open::Open, watched::Watched, worth::Spent};

/// The version of the file.
const VERSION: u32 = 1;
const FILE: &str = "watch.json";
/// Where the receipts that are open are.
const RECEIPTS: &str = "receipts.jsonl";
const LOCK: &str = "watch.lock";
/// Where the sender of transactions has its journal.
const JOURNAL: &str = "transactions.txj";

/// How many receipts are in one transaction. So many claims take a half of what one may use.
const TOGETHER_MAX: usize = 64;

/// A transaction that was decided on, and of which it is not known yet how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    /// What the sender calls it.
    pub(crate) id: SubmissionId,
    /// The receipts that it is about.
    pub(crate) receipts: Vec<B256>,
    /// What it may cost by what was offered so far, in wei.
    pub(crate) cost_wei: U256,
}

/// What a watcher remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    version: u32,
    chain_id: u64,
    wallet: Address,
    payee: Address,
    /// How far each folder was read, by its path.
    pub(crate) progress: BTreeMap<PathBuf, Progress>,
    /// The receipts that are open, in a file of their own.
    #[serde(skip)]
    pub(crate) open: Open,
    /// Where they were before they had one.
    #[serde(default, rename = "open", skip_serializing)]
    open_before: BTreeMap<B256, Watched>,
    /// Who processors said that they are, by what they are called.
    pub(crate) processors: BTreeMap<String, Address>,
    /// The processors whose receipts were taken in, when the folders were last read.
    #[serde(default)]
    pub(crate) taken_in: BTreeSet<Address>,
    /// Lines that may count later.
    #[serde(default)]
    pub(crate) held: Vec<Held>,
    /// What deposits and gas took.
    pub(crate) spent: Spent,
    /// What is on its way.
    #[serde(default)]
    pub(crate) sent: Option<Sent>,
    /// How many receipts were not handled when that was last decided: nothing is, while something is on its way.
    #[serde(default)]
    pub(crate) unhandled: usize,
    /// How many receipts go into one transaction: fewer where somebody makes them fail.
    #[serde(default = "together_max")]
    pub(crate) together: usize,
}

fn together_max() -> usize {
    TOGETHER_MAX
}

/// Where the state is kept. One watcher at a time has it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    log: Log,
    /// What was last written, so that the same is not written again.
    written: Vec<u8>,
    lock: File,
}

impl State {
    fn new(wallet: WalletId, payee: Address) -> Self {
        Self {
            version: VERSION,
            chain_id: wallet.chain_id.get(),
            wallet: wallet.address,
            payee,
            progress: BTreeMap::new(),
            open: Open::default(),
            open_before: BTreeMap::new(),
            processors: BTreeMap::new(),
            taken_in: BTreeSet::new(),
            held: Vec::new(),
            spent: Spent::default(),
            sent: None,
            unhandled: 0,
            together: TOGETHER_MAX,
        }
    }

    /// What is left of a limit on ether, in wei, at a time.
    pub(crate) fn left(&mut self, limit: U256, now: UnixTime) -> U256 {
        let under_way = self.sent.as_ref().map_or(U256::ZERO, |sent| sent.cost_wei);
        self.spent.left(limit, now).saturating_sub(under_way)
    }

    /// Notes that a transaction with so many receipts ended: after one that failed fewer go together.
    pub(crate) fn ended(&mut self, receipts: usize, succeeded: bool) {
        if receipts > 0 {
            let next = if succeeded { self.together * 2 } else { receipts / 2 };
            self.together = next.clamp(1, TOGETHER_MAX);
        }
    }

    /// What does not fit, if anything does.
    fn differs(&self, wallet: WalletId, payee: Address) -> Option<String> {
        let Self { version, chain_id, .. } = self;
        if *version != VERSION {
            return Some(format!("it is of version {version}, and this software reads {VERSION}"));
        }
        if (*chain_id, self.wallet) != (wallet.chain_id.get(), wallet.address) {
            return Some(format!("it is about the wallet {} on chain {chain_id}", self.wallet));
        }
        (self.payee != payee).then(|| format!("it is of the payee {}", self.payee))
    }
}

impl Store {
    /// Opens a folder, which is made if need be, and reads the state in it.
    pub(crate) fn open(
        folder: &Path,
        wallet: WalletId,
        payee: Address,
    ) -> Result<(Self, State), WatchError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| WatchError::State { path, source }
        };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(WatchError::InUse { path }),
            Err(TryLockError::Error(error)) => return Err(io(&path)(error)),
        }
        let path = folder.join(FILE);
        let written = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(io(&path))?,
        };
        let other = |reason| WatchError::OtherState { path: path.clone(), reason };
        let mut state = match written.is_empty() {
            true => State::new(wallet, payee),
            false => serde_json::from_slice(&written).map_err(|error| other(error.to_string()))?,
        };
        if let Some(reason) = state.differs(wallet, payee) {
            return Err(other(reason));
        }
        let path = folder.join(RECEIPTS);
        let (log, receipts) = Log::open(path.clone()).map_err(io(&path))?;
        state.open = Open::written(receipts);
        for own in mem::take(&mut state.open_before).into_values() {
            state.open.add(own);
        }
        Ok((Self { folder: folder.to_owned(), log, written, lock }, state))
    }

    /// Where the journal of transactions is.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join(JOURNAL)
    }

    /// Writes down what changed. When this returns it is on the disk.
    pub(crate) fn save(&mut self, state: &mut State) -> Result<(), WatchError> {
        let path = self.folder.join(RECEIPTS);
        let saved = self.log.save(&mut state.open);
        saved.map_err(|source| WatchError::State { path, source })?;
        let path = self.folder.join(FILE);
        let failed = |source| WatchError::State { path: path.clone(), source };
        let bytes = serde_json::to_vec(state).map_err(|error| failed(error.into()))?;
        if bytes == self.written {
            return Ok(());
        }
        let new = path.with_extension("json.new");
        let mut file = File::create(&new).map_err(failed)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&new, &path).map_err(failed)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        self.written = bytes;
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Closing is not enough: a child process may have the file, too.
        let _ = self.lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    use aep2_mandate::units::ChainId;

    use super::*;

    #[test]
    fn a_state_is_one_watcher_s_and_one_payee_s() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let wallet = WalletId { chain_id: ChainId::new(1), address: Address::repeat_byte(1) };
        let payee = Address::repeat_byte(2);
        let (mut store, mut state) = Store::open(folder.path(), wallet, payee)?;
        let second = Store::open(folder.path(), wallet, payee);
        assert!(matches!(second, Err(WatchError::InUse { .. })));
        state.processors.insert("somebody".to_owned(), Address::repeat_byte(3));
        store.save(&mut state)?;
        drop(store);
        let (store, read) = Store::open(folder.path(), wallet, payee)?;
        assert_eq!(read, state);
        drop(store);
        let other = Store::open(folder.path(), wallet, Address::repeat_byte(4));
        assert!(matches!(other, Err(WatchError::OtherState { .. })));
        Ok(())
    }
}
