//! What was deleted is on disk for as long as RocksDB likes, unless it is told otherwise.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use aep2_journal::{JournalError, Reader};

use crate::support::{FORMAT, Family, Notes, open, submit};

/// Nothing compresses it, and it is not there by chance.
const SECRET: &[u8] = b"\x9d\x01\xf3\x5c\x8a\x77\x10\xee\x42\xb6\x3f\xc8\x05\x91\xda\x6b";

fn set(journal: &Notes, key: &'static [u8], value: Option<&'static [u8]>) {
    let written = journal.submit(move |tx| {
        match value {
            Some(value) => tx.put(Family::Counts, key.to_vec(), value.to_vec()),
            None => tx.delete(Family::Counts, key.to_vec()),
        }
        Ok::<_, JournalError>(())
    });
    written.wait().expect("written");
}

/// Whether any file has the secret in it.
fn is_on_disk(directory: &Path) -> bool {
    fs::read_dir(directory.join("rocksdb")).expect("lists").any(|entry| {
        // A file may be gone by now.
        let bytes = fs::read(entry.expect("lists").path()).unwrap_or_default();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    })
}

/// Files are removed in the background.
fn leaves_the_disk(directory: &Path) -> bool {
    let until = Instant::now() + Duration::from_secs(60);
    while is_on_disk(directory) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    !is_on_disk(directory)
}

#[test]
fn what_was_deleted_or_written_over_leaves_the_disk_when_it_is_compacted() {
    for (what, value) in [("deleted", None), ("written over", Some(&b"nothing"[..]))] {
        // Only in the log, in a table as well, and in a table of the lowest level.
        for compacted_before in 0..3 {
            let directory = tempfile::tempdir().expect("a directory");
            let journal = open(directory.path()).expect("opens");
            submit(&journal, "another family has something in the log too").wait().expect("noted");
            set(&journal, b"key", Some(SECRET));
            set(&journal, b"other", Some(b"is kept"));
            for _ in 0..compacted_before {
                journal.compact(Family::Counts).expect("compacts");
                submit(&journal, "note").wait().expect("noted");
            }
            set(&journal, b"key", value);
            assert!(is_on_disk(directory.path()), "{what}: without compaction it stays");
            journal.compact(Family::Counts).expect("compacts");
            assert!(leaves_the_disk(directory.path()), "{what}, {compacted_before}: it stays");

            let read = |key: &[u8]| journal.view().get(Family::Counts, key).expect("reads");
            assert_eq!(read(b"key").as_deref(), value);
            assert_eq!(read(b"other").as_deref(), Some(&b"is kept"[..]));
            let commits = journal.commits();
            drop(journal);
            let reader = Reader::open(directory.path(), FORMAT).expect("nothing is missing");
            assert_eq!(reader.view().commits().expect("reads"), commits);
        }
    }
}

#[test]
fn what_a_snapshot_shows_stays_until_it_is_let_go() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path()).expect("opens");
    set(&journal, b"key", Some(SECRET));
    let snapshot = journal.snapshot();
    set(&journal, b"key", None);
    journal.compact(Family::Counts).expect("compacts");
    assert_eq!(snapshot.get(Family::Counts, b"key").expect("reads").as_deref(), Some(SECRET));
    drop(snapshot);
    // Nothing was written since, and the lowest level has both.
    journal.compact(Family::Counts).expect("compacts");
    assert!(leaves_the_disk(directory.path()));
}
