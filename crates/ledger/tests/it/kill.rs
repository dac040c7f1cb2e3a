//! SIGKILL at random moments: what was acknowledged is there, and the auditor is content.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, BufRead, BufReader, Read},
    sync::mpsc::{self, RecvError},
    thread,
    time::Duration,
};

use aep2_ledger::{Capture, Ledger, MandateHash, Sequence};
use aep2_testkit::{child, tell};
use alloy_primitives::B256;

use crate::support::{Terms, TestLedger, amount, at, block, config, deposited, opened};

/// How often the child is killed.
const KILLS: u64 = 25;
/// How many requests it has under way at once.
const UNDER_WAY: usize = 32;

/// Accepts and captures as fast as it can, moves the chain on now and then, and tells of
/// everything that is durable.
#[test]
#[ignore = "run by `killed_at_random_moments_it_loses_nothing`, in a process of its own"]
fn child_process() {
    let Some(directory) = child::directory() else { return };
    let ledger = Ledger::open(directory, config()).expect("opens");
    let first = ledger.stats().accepted;
    let (tip, _) = ledger.chain_position().expect("reads");
    let mut block_number = tip.expect("funded").number;
    tell!("open");
    let mut under_way = VecDeque::new();
    for nonce in first.. {
        let terms = Terms { deadline: at(100_000_000), ..Terms::new(1, nonce, 10) };
        under_way.push_back(ledger.accept(terms.request(), at(0)));
        if under_way.len() < UNDER_WAY {
            continue;
        }
        let accepted = under_way.pop_front().expect("many").wait().expect("accepted");
        tell!("accepted {}", accepted.mandate);
        if nonce % 5 == 0 {
            let (mandate, statement) = (accepted.mandate, vec![1; 100]);
            let captured = ledger.capture(Capture { mandate, amount: amount(3), statement }, at(0));
            captured.wait().expect("captured");
            tell!("captured {mandate}");
        }
        if nonce % 64 == 0 {
            block_number += 1;
            let applied = ledger.apply_block(block(block_number, vec![deposited(1, 1)]));
            applied.wait().expect("applied");
            tell!("block {block_number}");
        }
    }
}

#[test]
fn killed_at_random_moments_it_loses_nothing() {
    let test = TestLedger::with(config());
    test.apply(block(1_000, vec![opened(1), deposited(1, 1 << 60)]));
    let directory = test.close();
    let mut told: BTreeMap<String, bool> = BTreeMap::new();
    let mut last_block = 1_000;
    let mut milliseconds = 7u64;
    for kill in 0..KILLS {
        let mut process =
            child::command("kill::child_process", directory.path(), "").spawn().expect("starts");
        let stdout = process.stdout.take().expect("piped");
        let (tell_open, open) = mpsc::channel::<()>();
        let reader = thread::spawn(move || -> io::Result<Vec<u8>> {
            let (mut stdout, mut output) = (BufReader::new(stdout), Vec::new());
            while child::said(&output).is_empty() && stdout.read_until(b'\n', &mut output)? > 0 {}
            drop(tell_open);
            stdout.read_to_end(&mut output)?;
            Ok(output)
        });
        // Moments spread over the child's life: one in four from its start on, before it has opened the
        // ledger perhaps, the others from when it has, however slow this machine is.
        if kill % 4 != 0 {
            assert_eq!(open.recv(), Err(RecvError), "it has said something, or is gone");
        }
        milliseconds = milliseconds.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(kill);
        thread::sleep(Duration::from_millis(20 + (milliseconds >> 33) % 400));
        process.kill().expect("killed");
        process.wait().expect("gone");
        for line in child::said(&reader.join().expect("reads").expect("reads")) {
            match line.split_once(' ') {
                Some(("accepted", hash)) => drop(told.entry(hash.to_owned()).or_default()),
                Some(("captured", hash)) => drop(told.insert(hash.to_owned(), true)),
                Some(("block", number)) => last_block = number.parse().expect("a number"),
                _ => assert_eq!(line, "open"),
            }
        }
        // Every few kills the ledger is looked at by this process; otherwise the next child finds it
        // as the last one left it.
        if kill % 4 == 3 || kill == KILLS - 1 {
            let ledger = Ledger::open(directory.path(), config()).expect("opens");
            for (hash, captured) in &told {
                let hash = MandateHash::from_bytes(hash.parse::<B256>().expect("a hash"));
                let view = ledger.mandate(hash).expect("reads").expect("what was told is there");
                assert!(!captured || view.state.captured == Some(amount(3)), "{hash}");
            }
            let (tip, cursor) = ledger.chain_position().expect("reads");
            let tip = tip.expect("funded").number;
            assert!(tip >= last_block);
            assert_eq!(cursor, Some(format!("cursor {tip}").into_bytes()));
            let accepted = ledger.stats().accepted;
            assert!(accepted >= told.len() as u64);
            let receipts = ledger.receipts(Sequence::new(0), usize::MAX).expect("reads");
            assert_eq!(receipts.len() as u64, accepted);
            let report = ledger.audit().expect("audits");
            assert_eq!(report.findings, []);
        }
    }
    assert!(told.len() > 100, "only {} were accepted: the test shows nothing", told.len());
}
