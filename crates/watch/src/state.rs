//! What a watcher remembers: a file that is replaced as a whole.
//!
//! The receipts that are open and how far the folders were read are one file, so that none is lost between
//! them. What was demanded and claimed is not in it: that is on the chain.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aep2_chain::wallet::WalletId;
use aep2_receipts::Progress;
use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{error::WatchError, watched::Watched, worth::Spent};

/// The version of the file.
const VERSION: u32 = 1;
const FILE: &str = "watch.json";
const LOCK: &str = "watch.lock";
/// Where the sender of transactions has its journal.
const JOURNAL: &str = "transactions.txj";

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
    /// The receipts that are open, by their digests.
    pub(crate) open: BTreeMap<B256, Watched>,
    /// Who processors said that they are, by what they are called.
    pub(crate) processors: BTreeMap<String, Address>,
    /// What deposits and gas took.
    pub(crate) spent: Spent,
}

/// Where the state is kept. One watcher at a time has it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
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
            open: BTreeMap::new(),
            processors: BTreeMap::new(),
            spent: Spent::default(),
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
        let store = |written| Self { folder: folder.to_owned(), written, lock };
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((store(Vec::new()), State::new(wallet, payee)));
            }
            bytes => bytes.map_err(io(&path))?,
        };
        let state: State = serde_json::from_slice(&bytes).map_err(|error| {
            WatchError::OtherState { path: path.clone(), reason: error.to_string() }
        })?;
        match state.differs(wallet, payee) {
            Some(reason) => Err(WatchError::OtherState { path, reason }),
            None => Ok((store(bytes), state)),
        }
    }

    /// Where the journal of transactions is.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join(JOURNAL)
    }

    /// Writes the state down, if it is another one. When this returns it is on the disk.
    pub(crate) fn save(&mut self, state: &State) -> Result<(), WatchError> {
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
        store.save(&state)?;
        drop(store);
        let (store, read) = Store::open(folder.path(), wallet, payee)?;
        assert_eq!(read, state);
        drop(store);
        let other = Store::open(folder.path(), wallet, Address::repeat_byte(4));
        assert!(matches!(other, Err(WatchError::OtherState { .. })));
        Ok(())
    }
}
