//! A journal with a log in it, for the tests.

use std::path::Path;

use aep2_audit_log::{
    AppendError, AuditLog, Details, Entry, Fault, Id, Name, Reference, Start, VerifyError, verify,
};
use aep2_journal::{ColumnFamily, Journal, JournalConfig, OpenError};
use aep2_mandate::units::{EntryNumber, UnixTime};
use serde_json::json;

/// The tests' column families.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    Things,
    Log,
    Head,
}

impl ColumnFamily for Family {
    fn name(self) -> &'static str {
        match self {
            Self::Things => "things",
            Self::Log => "log",
            Self::Head => "log_head",
        }
    }
}

pub(crate) const LOG: AuditLog<Family> = AuditLog::new(Family::Log, Family::Head);

pub(crate) type Things = Journal<()>;

pub(crate) fn open(directory: &Path) -> Things {
    let families = [Family::Things, Family::Log, Family::Head];
    let config = JournalConfig::new(families, 1, b"the tests'".to_vec());
    Journal::open(directory, config, |_| Ok::<_, OpenError>(())).expect("opens")
}

/// When the first entry is.
pub(crate) const START: u64 = 1_790_000_000;

pub(crate) fn time(seconds: u64) -> UnixTime {
    UnixTime::new(seconds).expect("a time")
}

pub(crate) fn number(number: u64) -> EntryNumber {
    EntryNumber::new(number).expect("a number")
}

/// An entry at this many seconds after the start. Its text has what JSON escapes.
pub(crate) fn entry(after: u64) -> Entry {
    Entry {
        at: time(START + after),
        actor: Reference { kind: Name::constant("owner"), id: Id::new("0x17c5").expect("an id") },
        action: Name::constant("card.created"),
        subject: Reference {
            kind: Name::constant("card"),
            id: Id::new(format!("card-{after}")).expect("an id"),
        },
        details: Details::new(
            json!({ "limit": "50000", "for": "tea \"and\" ☕\n", "uses": after }),
        )
        .expect("details"),
    }
}

/// Appends an entry in a request of its own.
pub(crate) fn append(journal: &Things, entry: Entry) {
    journal.submit(move |tx| LOG.append(tx, &entry)).wait().expect("appended");
}

/// A journal whose log has this many entries, a second apart.
pub(crate) fn with_entries(directory: &Path, count: u64) -> Things {
    let journal = open(directory);
    (0..count).for_each(|after| append(&journal, entry(after)));
    journal
}

/// Changes the store behind the log's back.
pub(crate) fn tamper(journal: &Things, family: Family, key: Vec<u8>, value: Option<Vec<u8>>) {
    let changed = journal.submit(move |tx| {
        match value {
            Some(value) => tx.put(family, key, value),
            None => tx.delete(family, key),
        }
        Ok::<_, AppendError>(())
    });
    changed.wait().expect("written");
}

pub(crate) fn export(journal: &Things) -> Vec<u8> {
    let mut file = Vec::new();
    LOG.export(&journal.snapshot(), None, &mut file).expect("exports");
    file
}

/// An exported log with this many entries.
pub(crate) fn exported(count: u64) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    export(&with_entries(directory.path(), count))
}

/// The lines, each with its line feed.
pub(crate) fn lines(file: &[u8]) -> Vec<Vec<u8>> {
    file.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// The fault that was found.
pub(crate) fn fault<T: std::fmt::Debug>(verified: Result<T, VerifyError>) -> Fault {
    match verified {
        Err(VerifyError::Fault(fault)) => fault,
        other => panic!("no fault was found: {other:?}"),
    }
}

/// The fault of a file that should be a log from its beginning.
pub(crate) fn fault_of(file: &[u8]) -> Fault {
    fault(verify(file, Start::Beginning, &[]))
}
