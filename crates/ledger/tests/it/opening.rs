//! What is not opened, and why; and that the refusal says what to do.

use std::{fs, process};

use aep2_journal::keys;
use aep2_ledger::{
    Identity, JournalOpenError, Ledger, LedgerConfig, OpenError, audit::audit, schema::FORMAT,
};
use aep2_mandate::units::ChainId;
use alloy_primitives::Address;

use crate::support::{Terms, TestLedger, config, tamper_raw};

#[test]
fn a_ledger_of_a_newer_format_is_refused() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 5);
    test.accept(&terms);
    let directory = test.close();
    let format =
        |format: u32| [(keys::FAMILY, keys::FORMAT.to_vec(), Some(format.to_be_bytes().to_vec()))];
    tamper_raw(directory.path(), &format(FORMAT + 1));
    let error = Ledger::open(directory.path(), config()).expect_err("refused");
    assert!(
        matches!(
            error,
            OpenError::Journal(JournalOpenError::NewerFormat { found, known: FORMAT, .. })
                if found == FORMAT + 1
        ),
        "{error}"
    );
    let error = audit(directory.path()).expect_err("refused");
    assert!(matches!(error, OpenError::Journal(JournalOpenError::NewerFormat { .. })), "{error}");
    // Nothing was changed: the release that wrote it reads it.
    tamper_raw(directory.path(), &format(FORMAT));
    let test = TestLedger::open(directory);
    assert_eq!(test.reserved(), 5);
}

#[test]
fn another_chains_wallets_or_processors_ledger_is_refused() {
    let directory = TestLedger::funded().close();
    let identity = config().identity;
    let others = [
        Identity { chain_id: ChainId::new(1), ..identity },
        Identity { wallet: Address::ZERO, ..identity },
        Identity { processor: Address::ZERO, ..identity },
    ];
    for expected in others {
        let other = LedgerConfig { identity: expected, ..config() };
        match Ledger::open(directory.path(), other) {
            Err(OpenError::OtherLedger { found, expected: said, .. }) => {
                assert_eq!((found, said), (identity, expected));
            }
            other => panic!("{other:?}"),
        }
    }
    TestLedger::open(directory).assert_sound();
}

#[test]
fn a_second_opening_is_told_which_process_to_stop() {
    let test = TestLedger::funded();
    match Ledger::open(test.directory.path(), config()) {
        Err(OpenError::Journal(JournalOpenError::InUse { pid, .. })) => {
            assert_eq!(pid, Some(process::id()))
        }
        other => panic!("{other:?}"),
    }
    // It is only looked at: that needs no lock.
    assert_eq!(audit(test.directory.path()).expect("audits").findings, []);
    test.reopen().assert_sound();
}

/// Permissions do not bind the superuser, as whom tests may run; a file where a directory should be
/// stops everybody.
#[test]
fn a_directory_that_cannot_be_written_is_a_clear_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    fs::write(&file, b"no directory").expect("writes");
    for path in [file.clone(), file.join("below")] {
        match Ledger::open(&path, config()) {
            Err(OpenError::Journal(JournalOpenError::Io {
                action: "create the directory",
                path: said,
                ..
            })) => {
                assert_eq!(said, path);
            }
            other => panic!("{other:?}"),
        }
    }
    fs::write(directory.path().join("rocksdb"), b"no database").expect("writes");
    let error = Ledger::open(directory.path(), config()).expect_err("no database can be there");
    assert!(
        matches!(
            error,
            OpenError::Journal(JournalOpenError::Io { .. } | JournalOpenError::Storage { .. })
        ),
        "{error}"
    );
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("owner.lock")).expect("creates");
    let error = Ledger::open(directory.path(), config()).expect_err("no lock can be had");
    assert!(
        matches!(error, OpenError::Journal(JournalOpenError::Io { action: "open", .. })),
        "{error}"
    );
}

#[test]
fn there_must_be_a_ledger_to_audit() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = audit(directory.path()).expect_err("there is none");
    assert!(matches!(error, OpenError::NotALedger { .. }), "{error}");
    assert!(!directory.path().join("rocksdb").exists(), "none was made");
}

#[test]
fn a_ledger_cut_off_while_it_was_begun_is_begun_again() {
    let directory = TestLedger::empty().close();
    let begun = [keys::FORMAT, keys::IDENTITY].map(|key| (keys::FAMILY, key.to_vec(), None));
    tamper_raw(directory.path(), &begun);
    let test = TestLedger::open(directory);
    test.apply(crate::support::block(1_000, vec![crate::support::opened(1)]));
    test.reopen().assert_sound();
}
