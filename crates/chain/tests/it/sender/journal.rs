//! The journal's file: cut short, damaged, shared, rewritten.

use std::{fs, path::PathBuf};

use aep2_chain::BlockRef;
use aep2_chain::sender::{
    Attempt, Fees, FileJournal, Finish, Journal, JournalError, Key, MemoryJournal, Record,
};
use alloy::primitives::{Address, B256, Bytes, keccak256};
use tempfile::TempDir;

use super::{call, id, world::Kind};

fn key(number: u8) -> Key {
    Key { chain_id: 1, address: Address::repeat_byte(number) }
}

fn record(key: Key, nonce: u64) -> Record {
    let raw = Bytes::from(vec![nonce as u8; 100]);
    let attempt = Attempt {
        hash: keccak256(&raw),
        raw,
        fees: Fees { max_wei: u128::MAX, tip_wei: 1 },
        block: nonce,
    };
    Record {
        key,
        nonce,
        id: id(nonce + 1_000),
        call: call(Kind::Succeeds, nonce),
        gas_limit: 21_000,
        attempts: vec![attempt],
        finish: None,
    }
}

fn finished(key: Key, nonce: u64) -> Record {
    let block = BlockRef { number: 5, hash: B256::repeat_byte(5) };
    Record { finish: Some(Finish::Replaced { by: None, block }), ..record(key, nonce) }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("transactions");
    (folder, path)
}

fn obeys(journal: &dyn Journal) {
    let (ours, theirs) = (key(1), key(2));
    for nonce in [3, 1, 2, 300] {
        journal.put(&record(ours, nonce)).unwrap();
    }
    journal.put(&record(theirs, 2)).unwrap();
    journal.put(&finished(ours, 2)).unwrap();
    journal.remove(ours, 300).unwrap();
    journal.remove(ours, 301).unwrap();

    let nonces = |records: Vec<Record>| records.iter().map(|r| r.nonce).collect::<Vec<_>>();
    assert_eq!(nonces(journal.unfinished(ours).unwrap()), [1, 3]);
    assert_eq!(nonces(journal.at_or_above(ours, 2).unwrap()), [2, 3]);
    assert_eq!(journal.find(ours, id(1_002)).unwrap(), Some(finished(ours, 2)));
    assert_eq!(journal.find(theirs, id(1_002)).unwrap(), Some(record(theirs, 2)));
    assert_eq!(journal.find(ours, id(1_300)).unwrap(), None);
    assert_eq!(journal.find(ours, id(7)).unwrap(), None);

    // A nonce has one submission, and a submission one nonce.
    let mut other = record(ours, 3);
    other.id = id(7);
    assert!(matches!(journal.put(&other), Err(JournalError::Conflict { nonce: 3, .. })));
    let mut other = record(ours, 4);
    other.id = id(1_003);
    assert!(matches!(journal.put(&other), Err(JournalError::Conflict { nonce: 3, .. })));
}

#[test]
fn journals_in_memory_and_in_files_obey_the_same_rules() {
    obeys(&MemoryJournal::new());
    let (_folder, path) = folder();
    obeys(&FileJournal::open(path).unwrap());
}

#[test]
fn everything_written_is_there_when_it_is_opened_again() {
    let (_folder, path) = folder();
    {
        let journal = FileJournal::open(&path).unwrap();
        for nonce in 0..20 {
            journal.put(&record(key(1), nonce)).unwrap();
        }
        journal.put(&finished(key(1), 4)).unwrap();
        journal.remove(key(1), 5).unwrap();
    }
    let journal = FileJournal::open(&path).unwrap();
    let mut expected: Vec<Record> = (0..20).map(|nonce| record(key(1), nonce)).collect();
    expected[4] = finished(key(1), 4);
    expected.remove(5);
    assert_eq!(journal.at_or_above(key(1), 0).unwrap(), expected);
}

#[test]
fn a_write_cut_short_anywhere_loses_that_write_and_no_other() {
    let (_folder, path) = folder();
    let journal = FileJournal::open(&path).unwrap();
    let mut lengths = vec![fs::metadata(&path).unwrap().len() as usize];
    for nonce in 0..3 {
        journal.put(&record(key(1), nonce)).unwrap();
        lengths.push(fs::metadata(&path).unwrap().len() as usize);
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();

    // Everywhere around the ends and the heads of changes, and here and there within.
    let cuts = (0..whole.len())
        .filter(|cut| cut % 13 == 0 || lengths.iter().any(|length| cut.abs_diff(*length) < 45));
    for cut in cuts {
        // What a crash leaves: a shorter file, or one whose end was never filled in.
        for fill in [0, 100] {
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(cut + fill, 0);
            if cut < lengths[0] && fill > 0 {
                continue;
            }
            fs::write(&path, &bytes).unwrap();
            let journal = FileJournal::open(&path).unwrap();
            let kept = lengths.iter().filter(|length| **length <= cut).count().saturating_sub(1);
            let records = journal.at_or_above(key(1), 0).unwrap();
            assert_eq!(records.len(), kept, "cut at {cut}, {fill} zeros");
            // And it goes on from there.
            journal.put(&record(key(1), 9)).unwrap();
            drop(journal);
            let journal = FileJournal::open(&path).unwrap();
            assert_eq!(journal.at_or_above(key(1), 0).unwrap().len(), kept + 1);
        }
    }
}

#[test]
fn damage_before_the_end_is_refused_and_not_cut_off() {
    let (_folder, path) = folder();
    let journal = FileJournal::open(&path).unwrap();
    let start = fs::metadata(&path).unwrap().len() as usize;
    for nonce in 0..2 {
        journal.put(&record(key(1), nonce)).unwrap();
    }
    let end_of_first = {
        let whole = fs::metadata(&path).unwrap().len() as usize;
        start + (whole - start) / 2
    };
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for at in start..end_of_first - 1 {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        match FileJournal::open(&path) {
            Err(JournalError::Damaged { offset, .. }) => assert_eq!(offset, start as u64),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "the evidence is left as it was");
    }
}

#[test]
fn a_file_of_something_else_is_not_overwritten() {
    let (_folder, path) = folder();
    let mut newer = FileJournal::open(&path).map(|_| fs::read(&path).unwrap()).unwrap();
    newer[8] = 2;
    for bytes in [b"something else entirely".to_vec(), b"x".to_vec(), newer] {
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(FileJournal::open(&path), Err(JournalError::Foreign { .. })));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn two_senders_do_not_share_a_journal() {
    let (_folder, path) = folder();
    let first = FileJournal::open(&path).unwrap();
    assert!(matches!(FileJournal::open(&path), Err(JournalError::InUse { .. })));
    drop(first);
    FileJournal::open(&path).unwrap();
}

#[test]
fn a_journal_that_is_written_for_ever_stays_small_and_loses_nothing() {
    let (_folder, path) = folder();
    let journal = FileJournal::open(&path).unwrap();
    let mut large = record(key(1), 0);
    large.attempts[0].raw = vec![7; 50_000].into();
    for round in 0..100 {
        large.gas_limit = round;
        journal.put(&large).unwrap();
        journal.put(&record(key(1), 1 + round)).unwrap();
    }
    let bytes = fs::metadata(&path).unwrap().len();
    assert!(bytes < 2 << 20, "{bytes} bytes");
    let before = journal.at_or_above(key(1), 0).unwrap();
    assert_eq!(before.len(), 101);
    drop(journal);
    // What a crash while it was being rewritten leaves does no harm.
    fs::write(path.with_file_name("transactions.new"), b"half").unwrap();
    let journal = FileJournal::open(&path).unwrap();
    assert_eq!(journal.at_or_above(key(1), 0).unwrap(), before);
}
