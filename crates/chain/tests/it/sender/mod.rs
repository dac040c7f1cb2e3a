//! What is feared of sending: a transaction twice, a transaction lost, a success that was none.

mod costs;
mod dangers;
mod journal;
mod nodes;
mod random;
mod stage;
mod world;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aep2_chain::{
    call::Call,
    sender::{Journal, JournalError, Key, Record, Sender, SenderConfig, SubmissionId},
};
use alloy::primitives::{B256, U256};

use self::world::{CONTRACT, Kind, World, calldata, signer};
use crate::scripted::Scripted;

fn config() -> SenderConfig {
    SenderConfig {
        tip_wei: 2,
        confirmations: 2,
        stuck_after_blocks: 3,
        poll_interval: Duration::from_millis(500),
        request_timeout: Duration::from_secs(10),
        ..SenderConfig::new(1_000_000)
    }
}

fn id(number: u64) -> SubmissionId {
    SubmissionId(B256::from(U256::from(number)))
}

fn call(kind: Kind, tag: u64) -> Call {
    Call::with_data(CONTRACT, calldata(kind, tag))
}

async fn open(node: &Scripted<World>, config: &SenderConfig, journal: Arc<dyn Journal>) -> Sender {
    Sender::open(node.provider(), signer(), config.clone(), journal).await.expect("a sender")
}

/// What becomes of the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextWrite {
    Fails,
    /// The process hears of a failure, or nothing, and the record is there all the same.
    SucceedsUnheard,
}

/// A journal whose writes can be made to fail.
#[derive(Debug)]
struct Fragile<J> {
    journal: J,
    next: Mutex<Option<NextWrite>>,
    failed: AtomicBool,
}

impl<J: Journal> Fragile<J> {
    fn new(journal: J) -> Self {
        Self { journal, next: Mutex::new(None), failed: AtomicBool::new(false) }
    }

    fn fail_next(&self, next: NextWrite) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// Whether a write failed since this was last asked.
    fn has_failed(&self) -> bool {
        self.failed.swap(false, Ordering::SeqCst)
    }
}

impl<J: Journal> Journal for Fragile<J> {
    fn put(&self, record: &Record) -> Result<(), JournalError> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        if next != Some(NextWrite::Fails) {
            self.journal.put(record)?;
        }
        if next.is_some() {
            self.failed.store(true, Ordering::SeqCst);
            return Err(JournalError::Store("the disk failed".into()));
        }
        Ok(())
    }

    fn find(&self, key: Key, id: SubmissionId) -> Result<Option<Record>, JournalError> {
        self.journal.find(key, id)
    }

    fn unfinished(&self, key: Key) -> Result<Vec<Record>, JournalError> {
        self.journal.unfinished(key)
    }

    fn at_or_above(&self, key: Key, nonce: u64) -> Result<Vec<Record>, JournalError> {
        self.journal.at_or_above(key, nonce)
    }

    fn remove(&self, key: Key, nonce: u64) -> Result<(), JournalError> {
        self.journal.remove(key, nonce)
    }
}
