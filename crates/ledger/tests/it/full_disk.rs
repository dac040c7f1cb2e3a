//! A disk that is full: a clear error, no receipt, nothing lost.
//!
//! The child may write only so much to a file (`ulimit -f`), which RocksDB sees as it sees a full
//! disk: a write that fails in the middle.

use std::path::Path;

use aep2_ledger::{
    AcceptError, Capture, CaptureError, ChainError, JournalError, JournalOpenError, Ledger,
    LedgerError, MandateHash, OpenError,
};
use aep2_testkit::{child, tell};
use alloy_primitives::B256;

use crate::support::{Terms, TestLedger, amount, at, block, config, deposited, opened};

/// Accepts until the disk is full, and tells what became of it.
#[test]
#[ignore = "run by `a_full_disk_gives_no_receipt_and_loses_none`, in a process of its own"]
fn child_process() {
    let Some(directory) = child::directory() else { return };
    let ledger = match Ledger::open(directory, config()) {
        Ok(ledger) => ledger,
        Err(OpenError::Journal(JournalOpenError::Storage { reason, .. })) => {
            return tell!("cannot open: {reason}");
        }
        Err(error) => panic!("{error}"),
    };
    for nonce in 0..100_000 {
        // Two at once: the second may be of the group that fails.
        let pair = [2 * nonce, 2 * nonce + 1].map(|nonce| Terms::new(1, nonce, 1));
        let pending = pair.map(|terms| ledger.accept(terms.request(), at(0)));
        for (terms, answer) in pair.iter().zip(pending.map(|pending| pending.wait())) {
            match answer {
                Ok(accepted) => tell!("accepted {}", accepted.mandate),
                Err(AcceptError::Ledger(LedgerError::Journal(JournalError::Failed { cause }))) => {
                    tell!("failed {} {cause}", terms.hash());
                }
                Err(error) => panic!("{error}"),
            }
        }
        if ledger.failure().is_some() {
            break;
        }
    }
    // From now on nothing is written, and everything says why.
    let failed =
        |error: &LedgerError| matches!(error, LedgerError::Journal(JournalError::Failed { .. }));
    let terms = Terms::new(1, 0, 1);
    let capture = Capture { mandate: terms.hash(), amount: amount(0), statement: vec![] };
    match ledger.capture(capture, at(0)).wait() {
        Err(CaptureError::Ledger(error)) if failed(&error) => {}
        other => panic!("{other:?}"),
    }
    match ledger.apply_block(block(1_001, vec![])).wait() {
        Err(ChainError::Ledger(error)) if failed(&error) => {}
        other => panic!("{other:?}"),
    }
    // It can still be read, and shows what was acknowledged.
    let view = ledger.account(crate::support::account(1)).expect("known");
    tell!("reserved {}", view.purses[0].1.reserved);
    assert!(ledger.mandate(terms.hash()).expect("reads").is_some());
    tell!("end");
}

/// What the child says when files can have so many KiB.
fn run(directory: &Path, kibibytes: u32) -> Vec<String> {
    let prelude = format!("trap '' XFSZ; ulimit -f {kibibytes};");
    let output = child::command("full_disk::child_process", directory, &prelude).output();
    let output = output.expect("runs");
    let lines = child::said(&output.stdout);
    assert!(output.status.success(), "{lines:#?}");
    lines
}

#[test]
fn a_disk_too_full_to_begin_on_is_a_clear_error_and_harms_nothing() {
    let test = TestLedger::funded();
    test.accept(&Terms::new(1, 0, 5));
    let directory = test.close();
    let lines = run(directory.path(), 16);
    assert!(matches!(&lines[..], [line] if line.starts_with("cannot open: IO error")), "{lines:?}");
    let test = TestLedger::open(directory);
    assert_eq!(test.reserved(), 5);
    test.assert_sound();
}

#[test]
fn a_full_disk_gives_no_receipt_and_loses_none() {
    // More than RocksDB's own file of options takes.
    for kibibytes in [280, 321, 520] {
        let test = TestLedger::with(config());
        test.apply(block(1_000, vec![opened(1), deposited(1, 1 << 60)]));
        let directory = test.close();
        let lines = run(directory.path(), kibibytes);
        assert_eq!(lines.last().map(String::as_str), Some("end"));
        let told = |what: &str| -> Vec<&str> {
            lines.iter().filter_map(|line| line.strip_prefix(what)).collect()
        };
        let (accepted, failed) = (told("accepted "), told("failed "));
        assert!(accepted.len() >= 10 && !failed.is_empty(), "{} accepted", accepted.len());
        assert!(failed[0].len() > 70, "the cause is told: {}", failed[0]);
        assert_eq!(told("reserved "), [accepted.len().to_string()], "no more, no less");

        // With room again, it goes on: what was acknowledged is there.
        let test = TestLedger::open(directory);
        for hash in &accepted {
            let hash = MandateHash::from_bytes(hash.parse::<B256>().expect("a hash"));
            assert!(test.ledger.mandate(hash).expect("reads").is_some());
        }
        // What was not acknowledged may be there or not. Asked again, it is accepted once.
        let reserved = test.reserved();
        assert!(reserved >= accepted.len() as u128);
        test.accept(&Terms::new(1, 1_000_000, 1));
        assert_eq!(test.reserved(), reserved + 1);
        test.assert_sound();
    }
}
