//! Numbered, synced group commits on RocksDB.
//!
//! A [`Journal`] is a directory with column families in it, and one thread that writes them. A
//! request is a closure over a [`Transaction`]: it reads, says what it changes, and gives an
//! answer. The writer carries out requests one after another and writes many of them with one
//! sync. The answer is [`Durable`], and there is none before the sync.
//!
//! ```
//! use aep2_journal::{ColumnFamily, Journal, JournalConfig, JournalError, OpenError};
//!
//! #[derive(Clone, Copy)]
//! struct Counts;
//!
//! impl ColumnFamily for Counts {
//!     fn name(self) -> &'static str {
//!         "counts"
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let config = JournalConfig::new([Counts], 1, b"whose it is".to_vec());
//! let journal = Journal::open(directory.path(), config, |_| Ok::<_, OpenError>(()))?;
//! let visits = journal.submit(|tx| {
//!     let before = tx.get(Counts, b"visits")?.map_or(0, |value| value[0]);
//!     tx.put(Counts, b"visits".to_vec(), vec![before + 1]);
//!     Ok::<_, JournalError>(before + 1)
//! });
//! assert_eq!(*visits.wait()?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - Requests are carried out in one order, each on top of what those before it changed. One that
//!   fails changes nothing.
//! - Commits are numbered from 1 up without gaps. The number is in the same write.
//! - Nobody is answered before the sync, those who are refused included: what a refusal rests on may
//!   be a change of the same group.
//! - After a write failed nothing more is written until the journal is opened again, since nobody
//!   knows what is on disk.
//! - One process at a time has a journal open for writing. Others may read it meanwhile
//!   ([`Reader`]).
//! - A journal that ends before the last commit that was acknowledged is not opened.
//! - What is kept in memory beside it ([`State`]) shows what is on disk, no more.
//!
//! # The directory
//!
//! | | |
//! | --- | --- |
//! | `rocksdb/` | RocksDB |
//! | `owner.lock` | locked by the process that has the journal open, and its number |
//! | `acknowledged` | the number of the last commit that was acknowledged |
//!
//! # Replicas
//!
//! There is none yet. Its place is in the writer, after the sync and before the answers
//! (`write_group` in `journal.rs`): there is the commit's number and all that it changes. A replica
//! that has to have every acknowledged commit is waited for there.

mod backup;
mod batch;
mod changes;
mod compact;
mod config;
mod database;
mod error;
mod family;
mod journal;
mod manifest;
mod mark;
mod metrics;
mod migrate;
mod owner;
mod pending;
mod reader;
mod state;
mod store;
mod transaction;
mod view;

pub use self::{
    backup::{Backup, Backups},
    changes::Before,
    config::{JournalConfig, Migration, MigrationStep},
    error::{BackupError, JournalError, OpenError},
    family::{ColumnFamily, keys},
    journal::Journal,
    metrics::JournalMetrics,
    pending::{Durable, Pending},
    reader::Reader,
    state::{Delta, State},
    transaction::Transaction,
    view::{Entries, Entry, View},
};
