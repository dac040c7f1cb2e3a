//! A journal of notes, for the tests.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_journal::{
    ColumnFamily, Delta, Journal, JournalConfig, JournalError, OpenError, Pending, State,
    Transaction,
};

pub(crate) const FORMAT: u32 = 7;
pub(crate) const IDENTITY: &[u8] = b"the tests'";

/// The tests' column families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Notes,
    Counts,
}

impl ColumnFamily for Family {
    fn name(self) -> &'static str {
        match self {
            Self::Notes => "notes",
            Self::Counts => "counts",
        }
    }

    fn is_passed_through(self) -> bool {
        self == Self::Notes
    }
}

pub(crate) fn config() -> JournalConfig {
    JournalConfig::new([Family::Notes, Family::Counts], FORMAT, IDENTITY.to_vec())
}

/// The notes in the order in which they were published.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Vec<u64>>);

impl Published {
    pub(crate) fn notes(&self) -> MutexGuard<'_, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that are not published yet.
#[derive(Debug, Default)]
pub(crate) struct Noted(pub(crate) Vec<u64>);

impl Delta for Noted {
    fn add(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

impl State for Published {
    type Delta = Noted;
    fn publish(&self, delta: Noted) {
        self.notes().extend(delta.0);
    }
}

pub(crate) type Notes = Journal<Published>;

pub(crate) fn open(directory: &Path) -> Result<Notes, OpenError> {
    open_with(directory, config())
}

/// Opens the journal; memory is made from what is on disk.
pub(crate) fn open_with(directory: &Path, config: JournalConfig) -> Result<Notes, OpenError> {
    Journal::open(directory, config, |view| {
        let mut notes = Vec::new();
        for entry in view.entries(Family::Notes, &[]) {
            notes.push(number(&entry?.0));
        }
        Ok(Published(Mutex::new(notes)))
    })
}

/// The number that a key is.
pub(crate) fn number(key: &[u8]) -> u64 {
    u64::from_be_bytes(key.try_into().expect("eight bytes"))
}

/// Writes the next note with this text, and gives its number.
pub(crate) fn note(tx: &mut Transaction<'_, Published>, text: &[u8]) -> Result<u64, JournalError> {
    let last = tx.get(Family::Counts, b"notes")?.map_or(0, |value| number(&value));
    let next = last + 1;
    tx.put(Family::Counts, b"notes".to_vec(), next.to_be_bytes().to_vec());
    tx.put(Family::Notes, next.to_be_bytes().to_vec(), text.to_vec());
    tx.delta_mut().0.push(next);
    Ok(next)
}

/// Hands a note in.
pub(crate) fn submit(journal: &Notes, text: &str) -> Pending<u64> {
    let text = text.as_bytes().to_vec();
    journal.submit(move |tx| note(tx, &text))
}
