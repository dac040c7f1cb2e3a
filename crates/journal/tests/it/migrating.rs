//! From older formats to newer ones, step by step.

use std::path::Path;

use aep2_journal::{Journal, JournalConfig, JournalError, Migration, OpenError};

use crate::support::{Family, IDENTITY};

type Entries = Vec<(Box<[u8]>, Box<[u8]>)>;

/// Counts lived among the notes in format 7, and got a version byte in format 8.
const STEPS: &[Migration] = &[
    Migration {
        from: 7,
        run: |tx| {
            for (key, value) in tx.scan(Family::Notes, &[], None)? {
                tx.delete(Family::Notes, key.clone());
                tx.put(Family::Counts, key, value);
            }
            Ok(())
        },
    },
    Migration {
        from: 8,
        run: |tx| {
            for (key, value) in tx.scan(Family::Counts, &[], None)? {
                tx.put(Family::Counts, key, [&[1], &*value].concat());
            }
            Ok(())
        },
    },
];

fn config(format: u32, migrations: &'static [Migration]) -> JournalConfig {
    let families = [Family::Notes, Family::Counts];
    let mut config = JournalConfig::new(families, format, IDENTITY.to_vec());
    config.migrations = migrations;
    config
}

fn open(
    directory: &Path,
    format: u32,
    migrations: &'static [Migration],
) -> Result<Journal<()>, OpenError> {
    Journal::open(directory, config(format, migrations), |_| Ok(()))
}

/// A journal of format 7 with one commit.
fn older(directory: &Path) {
    let journal = open(directory, 7, &[]).expect("begins");
    let written = journal.submit(|tx| {
        tx.put(Family::Notes, b"key".to_vec(), b"value".to_vec());
        Ok::<_, JournalError>(())
    });
    written.wait().expect("written");
}

fn all(journal: &Journal<()>, family: Family) -> Entries {
    journal.view().entries(family, &[]).collect::<Result<_, _>>().expect("reads")
}

#[test]
fn an_older_journal_is_brought_up_step_by_step() {
    let directory = tempfile::tempdir().expect("a directory");
    older(directory.path());
    let journal = open(directory.path(), 9, STEPS).expect("migrates");
    assert_eq!(journal.view().format().expect("reads"), Some(9));
    assert!(all(&journal, Family::Notes).is_empty());
    assert_eq!(all(&journal, Family::Counts), [(Box::from(*b"key"), Box::from(*b"\x01value"))]);
    assert_eq!(journal.commits(), 1, "its commits go on from where they were");
}

#[test]
fn what_was_cut_off_between_two_steps_goes_on_with_the_next() {
    let directory = tempfile::tempdir().expect("a directory");
    older(directory.path());
    drop(open(directory.path(), 8, STEPS).expect("the first step"));
    let journal = open(directory.path(), 9, STEPS).expect("the second step");
    assert_eq!(all(&journal, Family::Counts), [(Box::from(*b"key"), Box::from(*b"\x01value"))]);
}

#[test]
fn a_format_without_a_way_up_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    older(directory.path());
    match open(directory.path(), 8, &[]) {
        Err(OpenError::NoMigration { found: 7, known: 8, .. }) => {}
        other => panic!("{other:?}"),
    }
    let journal = open(directory.path(), 7, &[]).expect("opens");
    assert_eq!(all(&journal, Family::Notes).len(), 1);
}

#[test]
fn a_step_that_fails_changes_nothing() {
    const FAILS: &[Migration] = &[Migration {
        from: 7,
        run: |tx| {
            tx.delete(Family::Notes, b"key".to_vec());
            Err("on purpose".into())
        },
    }];
    let directory = tempfile::tempdir().expect("a directory");
    older(directory.path());
    match open(directory.path(), 8, FAILS) {
        Err(OpenError::Migration { from: 7, reason, .. }) => assert_eq!(reason, "on purpose"),
        other => panic!("{other:?}"),
    }
    let journal = open(directory.path(), 7, &[]).expect("opens");
    assert_eq!(all(&journal, Family::Notes).len(), 1);
}
