//! What is not opened, and why; and what is there after it was refused.

use std::{fs, process};

use aep2_journal::{JournalConfig, OpenError, Reader};

use crate::support::{FORMAT, Family, IDENTITY, open, open_with, submit};

#[test]
fn a_second_process_is_told_which_one_to_stop_and_may_look() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path()).expect("opens");
    submit(&journal, "note").wait().expect("noted");
    match open(directory.path()) {
        Err(OpenError::InUse { pid, .. }) => assert_eq!(pid, Some(process::id())),
        other => panic!("{other:?}"),
    }
    let reader = Reader::open(directory.path(), FORMAT).expect("needs no lock");
    assert_eq!(reader.view().entries(Family::Notes, &[]).count(), 1);
    submit(&journal, "another").wait().expect("noted");
    assert_eq!(reader.view().commits().expect("reads"), 1, "as it was when it was opened");
}

#[test]
fn the_lock_goes_with_the_journal() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path()).expect("opens");
    // Handed in and not waited for: closing finishes it.
    let pending = submit(&journal, "note");
    drop(journal);
    assert_eq!(*pending.wait().expect("noted"), 1);
    let journal = open(directory.path()).expect("opens again");
    assert_eq!(*journal.state().notes(), [1]);
}

#[test]
fn a_mark_ahead_of_the_journal_is_refused_and_one_behind_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let mark = directory.path().join("acknowledged");
    let journal = open(directory.path()).expect("opens");
    for _ in 0..3 {
        submit(&journal, "note").wait().expect("noted");
    }
    drop(journal);
    let of_three = fs::read(&mark).expect("reads");
    let other = tempfile::tempdir().expect("a directory");
    let journal = open(other.path()).expect("opens");
    for _ in 0..4 {
        submit(&journal, "note").wait().expect("noted");
    }
    drop(journal);

    // It is marked behind a commit that is not there: nothing is changed.
    fs::copy(other.path().join("acknowledged"), &mark).expect("copies");
    for _ in 0..2 {
        match open(directory.path()) {
            Err(OpenError::Truncated { found: 3, acknowledged: 4, .. }) => {}
            other => panic!("{other:?}"),
        }
        let looked = Reader::open(directory.path(), FORMAT);
        assert!(matches!(looked, Err(OpenError::Truncated { .. })));
    }
    fs::write(&mark, &of_three).expect("writes");
    assert_eq!(open(directory.path()).expect("opens").commits(), 3);

    // One that lags behind, was cut off, or is gone says nothing against what is there.
    for bytes in [Some(fs::read(other.path().join("acknowledged")).expect("reads")), None] {
        fs::write(other.path().join("acknowledged"), &of_three).expect("writes");
        match bytes {
            Some(bytes) => fs::write(&mark, &bytes[..9]).expect("writes"),
            None => fs::remove_file(&mark).expect("removes"),
        }
        assert_eq!(open(directory.path()).expect("opens").commits(), 3);
        assert_eq!(fs::read(&mark).expect("reads"), of_three, "it is set anew");
        assert_eq!(open(other.path()).expect("opens").commits(), 4);
    }
}

#[test]
fn anothers_journal_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    drop(open(directory.path()).expect("opens"));
    let families = [Family::Notes, Family::Counts];
    match open_with(directory.path(), JournalConfig::new(families, FORMAT, b"mine".to_vec())) {
        Err(OpenError::OtherIdentity { found, expected, .. }) => {
            assert_eq!((&*found, &*expected), (IDENTITY, &b"mine"[..]));
        }
        other => panic!("{other:?}"),
    }
    open(directory.path()).expect("opens");
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut newer =
        JournalConfig::new([Family::Notes, Family::Counts], FORMAT + 1, IDENTITY.into());
    newer.thread_name = "newer";
    drop(open_with(directory.path(), newer.clone()).expect("begins"));
    let is_newer =
        |error: &OpenError| matches!(error, OpenError::NewerFormat { found: 8, known: FORMAT, .. });
    assert!(open(directory.path()).is_err_and(|error| is_newer(&error)));
    assert!(Reader::open(directory.path(), FORMAT).is_err_and(|error| is_newer(&error)));
    open_with(directory.path(), newer).expect("the release that wrote it opens it");
}

#[test]
fn what_no_journal_wrote_is_refused_and_what_was_cut_off_is_begun_again() {
    let begun = |families: &[&str]| {
        let directory = tempfile::tempdir().expect("a directory");
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let database = directory.path().join("rocksdb");
        drop(rocksdb::DB::open_cf(&options, database, families).expect("opens"));
        directory
    };
    let directory = begun(&["notes", "something else"]);
    match open(directory.path()) {
        Err(OpenError::UnknownFormat { family, .. }) => assert_eq!(family, "something else"),
        other => panic!("{other:?}"),
    }
    let directory = begun(&["notes"]);
    let journal = open(directory.path()).expect("begins");
    submit(&journal, "note").wait().expect("noted");
}

#[test]
fn what_cannot_be_written_or_is_not_there_is_a_clear_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, b"no directory").expect("writes");
    assert!(matches!(open(&file), Err(OpenError::Io { action: "create the directory", .. })));
    let none = Reader::open(directory.path(), FORMAT);
    assert!(matches!(none, Err(OpenError::NotAJournal { .. })));
    assert!(!directory.path().join("rocksdb").exists(), "none was made");
}

#[test]
fn a_journal_whose_database_is_gone_is_not_begun_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = open(directory.path()).expect("begins");
    submit(&journal, "note").wait().expect("noted");
    drop(journal);
    let (database, elsewhere) = (directory.path().join("rocksdb"), directory.path().join("book"));
    fs::rename(&database, &elsewhere).expect("moved");
    for _ in 0..2 {
        let found = open(directory.path());
        assert!(matches!(found, Err(OpenError::Truncated { found: 0, acknowledged: 1.., .. })));
        assert!(!database.exists(), "none was made");
    }
    fs::rename(&elsewhere, &database).expect("moved back");
    open(directory.path()).expect("with all that it had");
}
