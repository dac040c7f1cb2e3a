//! What others read to form windows, to recover, and to show how the ledger is doing.

use aep2_ledger::{Capture, Disposition, Sequence, SettlementPath, Status, Step};
use alloy_primitives::{Address, B256};

use crate::{
    batches::seal_of,
    support::{TOKEN, Terms, TestLedger, amount, at, block, deposited, opened},
};

fn window(test: &TestLedger, from: u64, limit: usize) -> Vec<(u64, u128)> {
    let window = test.ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(from), limit);
    let entries = window.expect("reads");
    entries.iter().map(|entry| (entry.mandate.sequence.get(), entry.due().get())).collect()
}

fn requeue(test: &TestLedger, batch: aep2_ledger::BatchNumber, of: &[Terms]) {
    let back = of.iter().map(|terms| (terms.hash(), Disposition::Requeue)).collect();
    test.ledger.abort(batch, "refused".into(), back).wait().expect("aborted");
}

#[test]
fn a_window_has_its_mandates_in_order_with_what_they_pay() {
    let test = TestLedger::funded();
    let all = [0, 1, 2, 3].map(|nonce| Terms::new(1, nonce, 100 + u128::from(nonce)));
    for terms in &all {
        test.accept(terms);
    }
    let capture = Capture { mandate: all[1].hash(), amount: amount(7), statement: vec![] };
    test.ledger.capture(capture, at(0)).wait().expect("captured");
    assert_eq!(window(&test, 0, 9), [(0, 100), (1, 7), (2, 102), (3, 103)]);
    assert_eq!(window(&test, 1, 2), [(1, 7), (2, 102)]);
    let entries =
        test.ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(1), 1).expect("reads");
    assert_eq!(entries[0].hash, all[1].hash());
    assert_eq!(entries[0].mandate.promise.deadline(), all[1].deadline);
    assert_eq!(entries[0].state.captured, Some(amount(7)), "said, not assumed");
    assert!(
        test.ledger
            .window(SettlementPath::Direct, TOKEN, Sequence::new(0), 9)
            .expect("reads")
            .is_empty()
    );
    let other = test.ledger.window(SettlementPath::Proved, Address::ZERO, Sequence::new(0), 9);
    assert!(other.expect("reads").is_empty());
}

#[test]
fn what_comes_back_to_the_queue_is_found_before_what_was_read_last() {
    let test = TestLedger::funded();
    let all = [0, 1, 2, 3].map(|nonce| Terms::new(1, nonce, 100));
    for terms in &all {
        test.accept(terms);
    }
    let members: Vec<_> = all[..3].iter().map(|terms| (*terms, 100)).collect();
    let batch = test.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner();
    // Read from its new beginning, and read again from there.
    assert_eq!(window(&test, 0, 9), [(3, 100)]);
    assert_eq!(window(&test, 0, 9), [(3, 100)]);
    requeue(&test, batch, &all[..3]);
    assert_eq!(window(&test, 0, 2), [(0, 100), (1, 100)]);
    // Also when it was read when nothing was left.
    let members: Vec<_> = all.iter().map(|terms| (*terms, 100)).collect();
    let batch = test.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner();
    assert_eq!(window(&test, 0, 9), []);
    test.accept(&Terms::new(1, 9, 1));
    assert_eq!(window(&test, 0, 9), [(4, 1)], "at a place that did not exist yet");
    requeue(&test, batch, &all);
    // A reading from further on does not hide what is before.
    assert_eq!(window(&test, 3, 9), [(3, 100), (4, 1)]);
    assert_eq!(window(&test, 0, 1), [(0, 100)]);
    let test = test.reopen();
    assert_eq!(window(&test, 0, 1), [(0, 100)]);
}

#[test]
fn recovery_finds_every_batch_with_its_mandates_whole() {
    let test = TestLedger::funded();
    let all = [0, 1, 2].map(|nonce| Terms::new(1, nonce, 100));
    for terms in &all {
        test.accept(terms);
    }
    let seal = |members: &[Terms]| {
        let members: Vec<_> = members.iter().map(|terms| (*terms, 100)).collect();
        test.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner()
    };
    let [first, second] = [seal(&all[..2]), seal(&all[2..])];
    test.ledger.proved(first, B256::repeat_byte(1), b"proof".to_vec()).wait().expect("proved");
    let test = test.reopen();
    let unfinished = test.ledger.unfinished().expect("reads");
    let numbers: Vec<_> = unfinished.iter().map(|batch| batch.number).collect();
    assert_eq!(numbers, [first, second]);
    assert_eq!(
        (&unfinished[0].record.step, &unfinished[1].record.step),
        (&Step::Proved, &Step::Sealed)
    );
    for (member, terms) in unfinished[0].members.iter().zip(&all) {
        assert_eq!((member.hash, member.captured), (terms.hash(), amount(100)));
        assert_eq!(member.status, Status::InBatch { batch: first });
        let aep2_ledger::records::Promise::Proved { signed } = &member.mandate.promise else {
            panic!("of the proved path");
        };
        assert_eq!(&signed.signed_mandate().expect("whole"), terms.verified().signed());
    }
    requeue(&test, second, &all[2..]);
    assert_eq!(test.ledger.unfinished().expect("reads").len(), 1);
    let aborted = test.ledger.batch_view(second).expect("reads").expect("known");
    assert_eq!(aborted.members[0].status, Status::Queued, "where it is now");
    assert_eq!(test.ledger.batch_view(aep2_ledger::BatchNumber::new(9)).expect("reads"), None);
}

#[test]
fn a_senders_journal_is_its_own_and_in_order() {
    let test = TestLedger::empty();
    let [one, other] = [Address::repeat_byte(1), Address::repeat_byte(2)];
    for (sender, nonce) in [(one, 300), (one, 2), (other, 7), (one, 256)] {
        let bytes = nonce.to_string().into_bytes();
        test.ledger.put_transaction(sender, nonce, bytes).wait().expect("kept");
    }
    test.ledger.put_transaction(one, 2, b"replaced".to_vec()).wait().expect("kept");
    let test = test.reopen();
    let expected = [(2, &b"replaced"[..]), (256, b"256"), (300, b"300")];
    let expected = expected.map(|(nonce, bytes)| (nonce, bytes.to_vec()));
    assert_eq!(test.ledger.transactions(one).expect("reads"), expected);
    let forgotten = test.ledger.forget_transactions_below(one, 300).wait().expect("forgotten");
    assert_eq!(forgotten.into_inner(), 2);
    assert_eq!(test.ledger.transactions(one).expect("reads"), expected[2..]);
    assert_eq!(test.ledger.transactions(other).expect("reads").len(), 1);
    assert_eq!(test.ledger.transaction(one, 2).expect("reads"), None);
}

#[test]
fn the_cursor_is_that_of_the_last_block_or_the_last_going_back() {
    let test = TestLedger::empty();
    assert_eq!((test.ledger.cursor().expect("reads"), test.ledger.tip()), (None, None));
    test.apply(block(1_000, vec![opened(1)]));
    test.apply(block(1_001, vec![]));
    assert_eq!(test.ledger.cursor().expect("reads"), Some(b"cursor 1001".to_vec()));
    test.ledger.rewind(1_000, b"back".to_vec()).wait().expect("undone");
    assert_eq!(test.ledger.cursor().expect("reads"), Some(b"back".to_vec()));
    assert_eq!(test.ledger.tip().map(|tip| tip.number), Some(1_000));
    // A block that is refused leaves the cursor where it was.
    let refused = test.ledger.apply_block(block(1_000, vec![deposited(9, 1)])).wait();
    assert!(refused.is_err());
    let test = test.reopen();
    assert_eq!(test.ledger.cursor().expect("reads"), Some(b"back".to_vec()));
}

#[test]
fn metrics_show_what_waits_what_is_promised_and_what_was_written() {
    let test = TestLedger::funded();
    let before = test.ledger.metrics();
    let pending: Vec<_> =
        (0..40).map(|nonce| test.ledger.accept(Terms::new(1, nonce, 2).request(), at(0))).collect();
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    let after = test.ledger.metrics();
    assert_eq!(after.journal.waiting, 0);
    assert_eq!(after.journal.requests - before.journal.requests, 40);
    let syncs = after.journal.syncs - before.journal.syncs;
    assert!((1..=40).contains(&syncs) && after.journal.group_largest as f64 >= 40.0 / syncs as f64);
    assert!(
        after.journal.write_time > before.journal.write_time
            && after.journal.write_time >= after.journal.write_time_longest
    );
    assert_eq!(after.queued, [((SettlementPath::Proved, TOKEN), 40)].into());
    assert_eq!(after.reserved, [(TOKEN, 80)].into());
    let test = test.reopen();
    let opened = test.ledger.metrics();
    assert_eq!((opened.queued, opened.reserved), (after.queued, after.reserved));
    assert_eq!(opened.journal.syncs, 0);
    assert_eq!(test.ledger.queues().expect("reads"), [(SettlementPath::Proved, TOKEN)]);
}
