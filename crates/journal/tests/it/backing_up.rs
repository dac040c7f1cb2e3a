//! A copy that is not what the journal was, is damaged, or is written over what is there.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use aep2_journal::{BackupError, Backups, Journal};
use tempfile::TempDir;

use crate::support::{Family, Notes, open, submit};

struct Place {
    folder: TempDir,
    journal: Notes,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a directory");
    let journal = open(&folder.path().join("journal")).expect("opens");
    Place { folder, journal }
}

impl Place {
    fn copies(&self) -> PathBuf {
        self.folder.path().join("copies")
    }

    /// What a copy has.
    fn restored(&self, number: u32) -> Notes {
        let directory = self.folder.path().join(format!("restored {number}"));
        let copies = Backups::open(&self.copies()).expect("opens");
        copies.restore(number, &directory).expect("restored");
        open(&directory).expect("opens")
    }
}

/// The bytes of all files below a folder, and how many they are.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder");
    let sizes = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => bytes_below(&path),
            false => fs::metadata(&path).expect("a file").len(),
        }
    });
    sizes.sum()
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_copy_is_the_journal_as_it_was_and_goes_on_as_one() {
    let place = place();
    let mut copies = Backups::open(&place.copies()).expect("opens");
    for text in ["one", "two"] {
        submit(&place.journal, text).wait().expect("noted");
    }
    let first = place.journal.back_up(&mut copies).expect("copied");
    submit(&place.journal, "three").wait().expect("noted");
    let second = place.journal.back_up(&mut copies).expect("copied");
    assert_eq!(copies.list(), [first, second]);
    assert!(first.bytes > 0 && first.number < second.number);
    drop(copies);
    for (copy, notes) in [(first, 2), (second, 3)] {
        let restored = place.restored(copy.number);
        assert_eq!((restored.commits(), restored.state().notes().len()), (notes, notes as usize));
        assert_eq!(*submit(&restored, "it goes on").wait().expect("noted"), notes + 1);
    }
    // And so does the one that was copied.
    assert_eq!(*submit(&place.journal, "four").wait().expect("noted"), 4);
}

#[test]
fn a_copy_that_is_taken_under_load_is_of_one_commit() {
    let place = place();
    let mut copies = Backups::open(&place.copies()).expect("opens");
    let is_over = AtomicBool::new(false);
    let text = "x".repeat(20_000);
    let taken = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            while !is_over.load(Relaxed) {
                submit(&place.journal, &text).wait().expect("noted");
            }
        });
        let mut taken = Vec::new();
        for _ in 0..4 {
            let before = place.journal.commits();
            taken.push((before, place.journal.back_up(&mut copies).expect("copied")));
        }
        is_over.store(true, Relaxed);
        writing.join().expect("it does not panic");
        taken
    });
    for (before, copy) in taken {
        let restored = place.restored(copy.number);
        let commits = restored.commits();
        assert!(commits >= before, "what was acknowledged when it was begun is in it");
        // The notes, their count and the number of the commit are in different families.
        let notes = restored.view().entries(Family::Notes, &[]).count() as u64;
        assert_eq!(notes, commits);
        assert_eq!(*submit(&restored, "next").wait().expect("noted"), commits + 1);
    }
}

#[test]
fn what_was_copied_before_is_not_copied_again_and_old_copies_go() {
    let place = place();
    let mut copies = Backups::open(&place.copies()).expect("opens");
    // Nothing compresses them.
    for round in 0..40_u64 {
        let mut seed = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let noise = (0..50_000).map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            char::from(b' ' + (seed % 90) as u8)
        });
        submit(&place.journal, &noise.collect::<String>()).wait().expect("noted");
    }
    let first = place.journal.back_up(&mut copies).expect("copied");
    let one = bytes_below(&place.copies());
    submit(&place.journal, "a little more").wait().expect("noted");
    let second = place.journal.back_up(&mut copies).expect("copied");
    let both = bytes_below(&place.copies());
    assert!(both - one < one / 10, "{one} bytes, then {both}");
    assert!(second.bytes >= first.bytes, "each counts all that it has");
    copies.keep(1).expect("removed");
    assert_eq!(copies.list(), [second]);
    drop(copies);
    assert_eq!(place.restored(second.number).commits(), 41);
}

#[test]
fn a_copy_that_is_damaged_or_not_there_makes_no_journal() {
    let place = place();
    let mut copies = Backups::open(&place.copies()).expect("opens");
    submit(&place.journal, "one").wait().expect("noted");
    let copy = place.journal.back_up(&mut copies).expect("copied");
    let directory = place.folder.path().join("restored");
    let missing = copies.restore(copy.number + 1, &directory);
    assert!(matches!(missing, Err(BackupError::Failed { .. })), "{missing:?}");
    for file in files_below(&place.copies(), "sst") {
        let whole = fs::read(&file).expect("reads");
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).expect("writes");
        let copies = Backups::open(&place.copies()).expect("opens");
        let damaged = copies.restore(copy.number, &directory);
        assert!(matches!(damaged, Err(BackupError::Failed { .. })), "{}", file.display());
        assert!(!directory.join("rocksdb").exists(), "nothing half is left");
        fs::write(&file, whole).expect("writes");
    }
    let copies = Backups::open(&place.copies()).expect("opens");
    copies.restore(copy.number, &directory).expect("whole again");
    assert_eq!(open(&directory).expect("opens").commits(), 1);
}

#[test]
fn nothing_is_restored_over_a_journal_nor_where_one_was_lost() {
    let place = place();
    let mut copies = Backups::open(&place.copies()).expect("opens");
    submit(&place.journal, "one").wait().expect("noted");
    let copy = place.journal.back_up(&mut copies).expect("copied");
    submit(&place.journal, "two").wait().expect("noted");
    let Place { folder, journal } = place;
    drop(journal);
    let directory = folder.path().join("journal");
    let refused = copies.restore(copy.number, &directory);
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    // What was acknowledged there is remembered though the database is gone.
    fs::remove_dir_all(directory.join("rocksdb")).expect("removes");
    let copies = Backups::open(&folder.path().join("copies")).expect("opens");
    let refused = copies.restore(copy.number, &directory);
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    let other: Result<Journal<_>, _> = open(&folder.path().join("other"));
    assert_eq!(other.expect("opens").commits(), 0);
}
