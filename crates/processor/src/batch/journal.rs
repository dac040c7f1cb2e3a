//! The sender's journal, in the ledger: one store, one directory, one sync.
//!
//! An entry is a version byte and the record in JSON. A signed transaction holds its calldata, and so
//! would each attempt again; it is kept once, and attempts as what comes before and after it. So a
//! record grows by some hundred bytes with each attempt.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_chain::{
    call::Call,
    sender::{Attempt, Fees, Finish, Journal, JournalError, Key, Record, SubmissionId},
};
use aep2_ledger::Ledger;
use alloy::primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::fail_point::{FailPoint, FailPointHook, Moment};

/// The version of an entry's form.
const VERSION: u8 = 1;

/// Why an entry cannot be read.
#[derive(Debug, Error)]
enum EntryError {
    #[error(
        "entry {nonce} of the sender's journal has version {found}, this program reads {VERSION}"
    )]
    Version { nonce: u64, found: u8 },
    #[error("entry {nonce} of the sender's journal is damaged: {error}")]
    Damaged { nonce: u64, error: serde_json::Error },
    #[error("entry {nonce} of the sender's journal is of another key")]
    OtherKey { nonce: u64 },
}

/// A journal in the ledger. Of one key: the ledger's processor.
pub(super) struct LedgerJournal {
    ledger: Arc<Ledger>,
    hook: Arc<dyn FailPointHook>,
    key: Key,
    /// As in the ledger.
    records: Mutex<BTreeMap<u64, Record>>,
}

impl fmt::Debug for LedgerJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerJournal").field("key", &self.key).finish_non_exhaustive()
    }
}

impl LedgerJournal {
    /// Reads what the ledger has of this key.
    pub(super) fn open(
        ledger: Arc<Ledger>,
        hook: Arc<dyn FailPointHook>,
        key: Key,
    ) -> Result<Self, JournalError> {
        let mut records = BTreeMap::new();
        for (nonce, bytes) in ledger.transactions(key.address).map_err(store)? {
            let record = decode(nonce, &bytes).map_err(store)?;
            if record.key != key || record.nonce != nonce {
                return Err(store(EntryError::OtherKey { nonce }));
            }
            records.insert(nonce, record);
        }
        Ok(Self { ledger, hook, key, records: Mutex::new(records) })
    }

    /// The submissions that ended in block `number` or before, with all of lower nonces, the oldest
    /// first. The newest of all is not among them: it tells which nonces were taken.
    pub(super) fn ended_up_to(&self, number: u64) -> Vec<SubmissionId> {
        let ended_in = |record: &Record| match record.finish.as_ref()? {
            Finish::Mined { receipt, .. } => receipt.block_number,
            Finish::Replaced { block, .. } => Some(block.number),
        };
        let records = self.records();
        let old = records.values().take(records.len().saturating_sub(1));
        old.take_while(|record| ended_in(record).is_some_and(|block| block <= number))
            .map(|record| record.id)
            .collect()
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        // Nothing panics while it is held.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for LedgerJournal {
    fn put(&self, record: &Record) -> Result<(), JournalError> {
        let (key, nonce) = (record.key, record.nonce);
        {
            let records = self.records();
            let other = records.values().find(|own| (own.nonce == nonce) != (own.id == record.id));
            if let Some(other) = other {
                return Err(JournalError::Conflict { key, nonce: other.nonce, holder: other.id });
            }
        }
        let bytes = encode(record).map_err(store)?;
        self.hook.reached(FailPoint::WriteTransaction, Moment::Before);
        waiting(|| self.ledger.put_transaction(key.address, nonce, bytes).wait()).map_err(store)?;
        self.records().insert(nonce, record.clone());
        self.hook.reached(FailPoint::WriteTransaction, Moment::After);
        Ok(())
    }

    fn find(&self, _: Key, id: SubmissionId) -> Result<Option<Record>, JournalError> {
        Ok(self.records().values().rev().find(|record| record.id == id).cloned())
    }

    fn unfinished(&self, _: Key) -> Result<Vec<Record>, JournalError> {
        let records = self.records();
        Ok(records.values().filter(|record| record.finish.is_none()).cloned().collect())
    }

    fn at_or_above(&self, _: Key, nonce: u64) -> Result<Vec<Record>, JournalError> {
        Ok(self.records().range(nonce..).map(|(_, record)| record.clone()).collect())
    }

    /// The ledger forgets from the oldest on. Where an older one is still there, this one stays until
    /// that one goes, which harms nobody.
    fn remove(&self, key: Key, nonce: u64) -> Result<(), JournalError> {
        if self.records().range(..nonce).any(|(_, older)| older.finish.is_none()) {
            return Ok(());
        }
        let Some(above) = nonce.checked_add(1) else { return Ok(()) };
        self.hook.reached(FailPoint::ForgetTransactions, Moment::Before);
        let forgetting = || self.ledger.forget_transactions_below(key.address, above).wait();
        waiting(forgetting).map_err(store)?;
        self.records().retain(|own, _| *own > nonce);
        self.hook.reached(FailPoint::ForgetTransactions, Moment::After);
        Ok(())
    }
}

/// Waits for the disk, without holding up the runtime's other tasks where it has other threads.
fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    let many = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if many { tokio::task::block_in_place(wait) } else { wait() }
}

fn store(error: impl std::error::Error + Send + Sync + 'static) -> JournalError {
    JournalError::Store(Box::new(error))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRecord {
    key: Key,
    nonce: u64,
    id: SubmissionId,
    call: Call,
    gas_limit: u64,
    attempts: Vec<StoredAttempt>,
    finish: Option<Finish>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAttempt {
    hash: B256,
    raw: StoredRaw,
    fees: Fees,
    block: u64,
}

/// A signed transaction.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredRaw {
    /// All of it.
    Whole(Bytes),
    /// What comes before the calldata and after it.
    Around(Bytes, Bytes),
}

impl StoredRaw {
    fn of(raw: &Bytes, data: &[u8]) -> Self {
        let place = (!data.is_empty())
            .then(|| raw.windows(data.len()).position(|part| part == data))
            .flatten();
        match place {
            Some(start) => {
                let (before, after) = (raw.slice(..start), raw.slice(start + data.len()..));
                Self::Around(before, after)
            }
            None => Self::Whole(raw.clone()),
        }
    }

    fn whole(self, data: &[u8]) -> Bytes {
        match self {
            Self::Whole(raw) => raw,
            Self::Around(before, after) => [&before[..], data, &after[..]].concat().into(),
        }
    }
}

fn encode(record: &Record) -> Result<Vec<u8>, serde_json::Error> {
    let Record { key, nonce, id, call, gas_limit, attempts, finish } = record.clone();
    let attempt = |Attempt { hash, raw, fees, block }: Attempt| StoredAttempt {
        hash,
        raw: StoredRaw::of(&raw, &call.data),
        fees,
        block,
    };
    let attempts = attempts.into_iter().map(attempt).collect();
    let mut bytes = vec![VERSION];
    let stored = StoredRecord { key, nonce, id, call, gas_limit, attempts, finish };
    serde_json::to_writer(&mut bytes, &stored)?;
    Ok(bytes)
}

fn decode(nonce: u64, bytes: &[u8]) -> Result<Record, EntryError> {
    let (version, json) = bytes.split_first().unwrap_or((&0, &[]));
    if *version != VERSION {
        return Err(EntryError::Version { nonce, found: *version });
    }
    let stored: StoredRecord =
        serde_json::from_slice(json).map_err(|error| EntryError::Damaged { nonce, error })?;
    let StoredRecord { key, nonce, id, call, gas_limit, attempts, finish } = stored;
    let attempt = |StoredAttempt { hash, raw, fees, block }: StoredAttempt| Attempt {
        hash,
        raw: raw.whole(&call.data),
        fees,
        block,
    };
    let attempts = attempts.into_iter().map(attempt).collect();
    Ok(Record { key, nonce, id, call, gas_limit, attempts, finish })
}

#[cfg(test)]
mod tests {
    use aep2_ledger::LedgerConfig;
    use aep2_mandate::units::ChainId;
    use alloy::primitives::Address;

    use super::*;

    const KEY: Key = Key { chain_id: 31_337, address: Address::repeat_byte(3) };

    fn record(nonce: u64, finished: bool) -> Record {
        let data: Vec<u8> = (0..60_000u32).map(|byte| byte as u8).collect();
        let raw = |fee: u8| Bytes::from([&[2, fee][..], &data, &[9; 67]].concat());
        let attempt = |fee: u8| Attempt {
            hash: B256::repeat_byte(fee),
            raw: raw(fee),
            fees: Fees { max_wei: u128::from(fee) << 100, tip_wei: 1 },
            block: 5,
        };
        let block = aep2_chain::BlockRef { number: 9, hash: B256::repeat_byte(8) };
        Record {
            key: KEY,
            nonce,
            id: SubmissionId(B256::with_last_byte(nonce as u8)),
            call: Call::with_data(Address::repeat_byte(1), data.clone().into()),
            gas_limit: 1_000_000,
            attempts: (0..40).map(attempt).collect(),
            finish: finished.then_some(Finish::Replaced { by: None, block }),
        }
    }

    fn ledger(directory: &std::path::Path) -> Arc<Ledger> {
        let config = LedgerConfig::new(ChainId::new(31_337), Address::ZERO, KEY.address);
        Arc::new(Ledger::open(directory, config).expect("opens"))
    }

    #[test]
    fn what_was_put_is_there_after_opening_again_however_often_fees_were_raised() {
        let directory = tempfile::tempdir().expect("a directory");
        let records = [record(4, true), record(5, false)];
        {
            let journal =
                LedgerJournal::open(ledger(directory.path()), Arc::new(()), KEY).expect("opens");
            // Forty attempts with 60,000 bytes of calldata: more than the ledger takes, as they are.
            records.iter().for_each(|record| journal.put(record).expect("puts"));
        }
        let journal =
            LedgerJournal::open(ledger(directory.path()), Arc::new(()), KEY).expect("opens");
        assert_eq!(journal.at_or_above(KEY, 0).expect("reads"), records);
        assert_eq!(journal.unfinished(KEY).expect("reads"), records[1..]);
        assert_eq!(journal.find(KEY, records[0].id).expect("reads"), Some(records[0].clone()));
    }

    #[test]
    fn a_nonce_or_an_id_belongs_to_one_submission() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal =
            LedgerJournal::open(ledger(directory.path()), Arc::new(()), KEY).expect("opens");
        journal.put(&record(4, false)).expect("puts");
        let other_id = Record { id: SubmissionId(B256::ZERO), ..record(4, false) };
        let other_nonce = Record { nonce: 5, ..record(4, false) };
        for conflict in [other_id, other_nonce] {
            let refused = journal.put(&conflict);
            assert!(matches!(refused, Err(JournalError::Conflict { .. })), "{refused:?}");
        }
        journal.put(&record(4, true)).expect("replaces");
    }

    #[test]
    fn nothing_that_has_not_ended_is_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal =
            LedgerJournal::open(ledger(directory.path()), Arc::new(()), KEY).expect("opens");
        [record(1, true), record(2, false), record(3, true)]
            .iter()
            .for_each(|record| journal.put(record).expect("puts"));
        journal.remove(KEY, 3).expect("removes");
        assert_eq!(journal.at_or_above(KEY, 0).expect("reads").len(), 3);
        journal.remove(KEY, 1).expect("removes");
        journal.put(&record(2, true)).expect("puts");
        journal.remove(KEY, 2).expect("removes");
        let nonces: Vec<u64> =
            journal.at_or_above(KEY, 0).expect("reads").iter().map(|own| own.nonce).collect();
        assert_eq!(nonces, [3]);
    }

    #[test]
    fn a_damaged_or_newer_entry_is_not_taken_for_none() {
        for bytes in [vec![], vec![2, b'{', b'}'], vec![1, b'{', b'}']] {
            let directory = tempfile::tempdir().expect("a directory");
            let ledger = ledger(directory.path());
            ledger.put_transaction(KEY.address, 7, bytes).wait().expect("puts");
            let opened = LedgerJournal::open(ledger, Arc::new(()), KEY);
            assert!(matches!(opened, Err(JournalError::Store(_))), "{opened:?}");
        }
    }
}
