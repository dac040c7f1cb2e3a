//! Bytes that rot, files that are cut or gone: either everything is there, or it is said that
//! something is not. Never a panic, never a wrong answer, and a refusal changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aep2_ledger::{
    IssuedReceipt, JournalOpenError, Ledger, LedgerError, MandateHash, OpenError, Sequence,
    codec::Record,
    records::{AccountRecord, MandateRecord},
    schema::{self, Family},
};
use tempfile::TempDir;

use crate::support::{Terms, TestLedger, account, at, config, tamper};

type Receipts = Vec<(Sequence, MandateHash, IssuedReceipt)>;

/// Everything that is readable is compared with what was there.
fn look(directory: &Path, expected: &Receipts) -> Result<(), String> {
    let ledger = Ledger::open(directory, config()).map_err(|error| match error {
        // A report of missing or broken things, and not one of somebody else's.
        OpenError::Journal(
            JournalOpenError::Unreadable { .. }
            | JournalOpenError::Storage { .. }
            | JournalOpenError::Truncated { .. }
            | JournalOpenError::Journal(_),
        )
        | OpenError::Ledger(_) => error.to_string(),
        other => panic!("{other}"),
    })?;
    let message = |error: LedgerError| error.to_string();
    let receipts = ledger.receipts(Sequence::new(0), usize::MAX).map_err(message)?;
    assert_eq!(&receipts, expected, "what can be read is what was written");
    for (_, hash, _) in expected {
        let view = ledger.mandate(*hash).map_err(message)?.expect("it is listed");
        assert_eq!(view.hash, *hash);
    }
    let report = ledger.audit().map_err(message)?;
    assert_eq!(report.findings, []);
    Ok(())
}

/// A closed ledger with some mandates, and its receipts.
fn closed() -> (TempDir, Receipts) {
    let test = TestLedger::funded();
    for nonce in 0..24 {
        test.accept(&Terms::new(1, nonce, 10));
    }
    let receipts = test.ledger.receipts(Sequence::new(0), usize::MAX).expect("reads");
    (test.close(), receipts)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("creates");
    for entry in fs::read_dir(from).expect("lists") {
        let entry = entry.expect("lists");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("lists").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copies");
        }
    }
}

/// The files of the database that `name` is true of, not empty.
fn files(directory: &Path, name: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory.join("rocksdb"))
        .expect("lists")
        .map(|entry| entry.expect("lists").path())
        .filter(|path| path.file_name().is_some_and(|file| name(&file.to_string_lossy())))
        .filter(|path| fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0))
        .collect();
    files.sort();
    files
}

/// Changes a byte here and there, one at a time, and looks. Returns how often it was refused.
fn flip(directory: &Path, expected: &Receipts, file: &Path, flips: usize) -> usize {
    let original = fs::read(file).expect("reads");
    let name = file.file_name().expect("a file");
    // Log files are longer than their records: what follows is zeros.
    let length = original.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut refused = 0;
    for flip in 0..flips.min(length) {
        let position = flip * length / flips.min(length) + flip % 3;
        let Some(byte) = original.get(position).filter(|_| position < length) else { continue };
        let scratch = tempfile::tempdir().expect("a directory");
        copy(directory, scratch.path());
        let target = scratch.path().join("rocksdb").join(name);
        let mut damaged = original.clone();
        damaged[position] = byte ^ (1 << (flip % 8));
        fs::write(&target, &damaged).expect("writes");
        let Err(_) = look(scratch.path(), expected) else { continue };
        refused += 1;
        // Mended, it is as it was: the refusal has changed nothing that matters.
        if target.exists() && fs::read(&target).is_ok_and(|now| now == damaged) {
            fs::write(&target, &original).expect("writes");
            if let Err(error) = look(scratch.path(), expected) {
                panic!("byte {position} of {name:?}, mended: {error}");
            }
        }
    }
    refused
}

#[test]
fn a_flipped_byte_in_the_log_is_noticed() {
    let (directory, receipts) = closed();
    let logs = files(directory.path(), |name| name.ends_with(".log"));
    assert_eq!(logs.len(), 1);
    let refused = flip(directory.path(), &receipts, &logs[0], 120);
    assert!(refused > 100, "{refused} of 120 were noticed");
}

#[test]
fn a_flipped_byte_in_a_table_is_noticed_where_it_is_read() {
    let (directory, receipts) = closed();
    // Opening it once more puts the log into tables.
    drop(Ledger::open(directory.path(), config()).expect("opens"));
    let tables = files(directory.path(), |name| name.ends_with(".sst"));
    assert!(tables.len() > 5, "{tables:?}");
    let mut refused = 0;
    for table in &tables {
        refused += flip(directory.path(), &receipts, table, 12);
    }
    assert!(refused > 3 * tables.len(), "{refused} were noticed in {} tables", tables.len());
}

#[test]
fn a_flipped_byte_in_the_manifest_is_noticed() {
    let (directory, receipts) = closed();
    for file in files(directory.path(), |name| name.starts_with("MANIFEST") || name == "CURRENT") {
        flip(directory.path(), &receipts, &file, 40);
    }
}

#[test]
fn a_log_cut_short_or_gone_is_noticed() {
    let (directory, receipts) = closed();
    let log = files(directory.path(), |name| name.ends_with(".log")).remove(0);
    let original = written(&log);
    let length = original.len();
    for cut in [length - 1, length - 100, length / 2, 7, 0] {
        let scratch = tempfile::tempdir().expect("a directory");
        copy(directory.path(), scratch.path());
        let target = scratch.path().join("rocksdb").join(log.file_name().expect("a file"));
        fs::write(&target, &original[..cut]).expect("writes");
        let error = Ledger::open(scratch.path(), config()).expect_err("something is missing");
        assert!(
            matches!(error, OpenError::Journal(JournalOpenError::Truncated { .. })),
            "cut to {cut}: {error}"
        );
        let error = aep2_ledger::audit::audit(scratch.path()).expect_err("something is missing");
        assert!(
            matches!(error, OpenError::Journal(JournalOpenError::Truncated { .. })),
            "cut to {cut}: {error}"
        );
        // Refused again, and whole again once the log is.
        assert!(Ledger::open(scratch.path(), config()).is_err());
        fs::write(&target, &original).expect("writes");
        look(scratch.path(), &receipts).expect("everything is there");
    }
    fs::remove_file(&log).expect("removes");
    let error = Ledger::open(directory.path(), config()).expect_err("everything is missing");
    assert!(
        matches!(
            error,
            OpenError::Journal(
                JournalOpenError::Truncated { .. } | JournalOpenError::Unreadable { .. }
            )
        ),
        "{error}"
    );
}

#[test]
fn a_record_that_was_being_written_when_the_power_failed_does_not_matter() {
    let test = TestLedger::funded();
    for nonce in 0..24 {
        test.accept(&Terms::new(1, nonce, 10));
    }
    let receipts = test.ledger.receipts(Sequence::new(0), usize::MAX).expect("reads");
    let mark = test.directory.path().join("acknowledged");
    let log = files(test.directory.path(), |name| name.ends_with(".log")).remove(0);
    let acknowledged = fs::read(&mark).expect("reads");
    let before = written(&log).len();
    test.accept(&Terms::new(1, 24, 10));
    let directory = test.close();
    let whole = written(&log);
    assert!(whole.len() > before + 300);
    for length in [before + 1, before + 7, before + 300, whole.len() - 1] {
        let scratch = tempfile::tempdir().expect("a directory");
        copy(directory.path(), scratch.path());
        let target = scratch.path().join("rocksdb").join(log.file_name().expect("a file"));
        fs::write(target, &whole[..length]).expect("writes");
        // Nobody was told of it.
        fs::write(scratch.path().join("acknowledged"), &acknowledged).expect("writes");
        look(scratch.path(), &receipts).expect("everything acknowledged is there");
    }
}

/// A log file without the zeros that follow its records.
fn written(log: &Path) -> Vec<u8> {
    let mut bytes = fs::read(log).expect("reads");
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

#[test]
fn a_record_that_is_not_what_it_should_be_names_its_family_and_key() {
    let terms = Terms::new(1, 0, 10);
    let key = schema::mandate(terms.hash());
    let test = TestLedger::funded();
    test.accept(&terms);
    let directory = test.close();
    tamper(directory.path(), &[(Family::Receipts, key.clone(), Some(vec![1, 2, 3]))]);
    let test = TestLedger::open(directory);
    let error = test.ledger.mandate(terms.hash()).expect_err("damaged");
    match &error {
        LedgerError::Damaged { family: Family::Receipts, key: said, .. } => assert_eq!(*said, key),
        other => panic!("{other}"),
    }
    assert!(error.to_string().contains("receipts"), "{error}");
    let again = test.ledger.accept(terms.request(), at(0)).wait();
    assert!(again.is_err(), "no receipt is made up");
    test.accept(&Terms::new(1, 1, 10));
    let directory = test.close();

    // One that the start needs.
    let mandate_key = schema::mandate(terms.hash());
    tamper(directory.path(), &[(Family::Mandates, mandate_key, Some(vec![9]))]);
    let error = Ledger::open(directory.path(), config()).expect_err("damaged");
    assert!(
        matches!(&error, OpenError::Ledger(LedgerError::Damaged { family: Family::Mandates, .. })),
        "{error}"
    );
}

#[test]
fn no_bytes_make_a_record_panic() {
    let terms = Terms::new(1, 0, 10);
    let test = TestLedger::funded();
    test.accept(&terms);
    let view = test.ledger.mandate(terms.hash()).expect("reads").expect("known");
    let bytes = view.mandate.to_bytes();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[position] ^= 1 << bit;
            if let Ok(record) = MandateRecord::from_bytes(&changed) {
                assert_eq!(record.to_bytes(), changed, "one encoding a record");
            }
        }
    }
    let record = test.ledger.account(account(1)).expect("known").record.to_bytes();
    for length in 0..record.len() {
        assert!(AccountRecord::from_bytes(&record[..length]).is_err());
    }
}
