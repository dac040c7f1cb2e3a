//! What others read to form windows, to recover, and to show how the ledger is doing.

use aep2_ledger::{Capture, Disposition, Sequence, SettlementPath, Status, Step};
use alloy_primitives::{Address, B256};

use crate::{
    batches::seal_of,
    support::{Book, TOKEN, Terms, amount, at, block, deposited, opened},
};

fn window(book: &Book, from: u64, limit: usize) -> Vec<(u64, u128)> {
    let window = book.ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(from), limit);
    let entries = window.expect("reads");
    entries.iter().map(|entry| (entry.mandate.sequence.get(), entry.due().get())).collect()
}

fn requeue(book: &Book, batch: aep2_ledger::BatchNumber, of: &[Terms]) {
    let back = of.iter().map(|terms| (terms.hash(), Disposition::Requeue)).collect();
    book.ledger.abort(batch, "refused".into(), back).wait().expect("aborted");
}

#[test]
fn a_window_has_its_mandates_in_order_with_what_they_pay() {
    let book = Book::funded();
    let all = [0, 1, 2, 3].map(|nonce| Terms::new(1, nonce, 100 + u128::from(nonce)));
    for terms in &all {
        book.accept(terms);
    }
    let capture = Capture { mandate: all[1].hash(), amount: amount(7), statement: vec![] };
    book.ledger.capture(capture, at(0)).wait().expect("captured");
    assert_eq!(window(&book, 0, 9), [(0, 100), (1, 7), (2, 102), (3, 103)]);
    assert_eq!(window(&book, 1, 2), [(1, 7), (2, 102)]);
    let entries =
        book.ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(1), 1).expect("reads");
    assert_eq!(entries[0].hash, all[1].hash());
    assert_eq!(entries[0].mandate.promise.deadline(), all[1].deadline);
    assert_eq!(entries[0].state.captured, Some(amount(7)), "said, not assumed");
    assert!(
        book.ledger
            .window(SettlementPath::Direct, TOKEN, Sequence::new(0), 9)
            .expect("reads")
            .is_empty()
    );
    let other = book.ledger.window(SettlementPath::Proved, Address::ZERO, Sequence::new(0), 9);
    assert!(other.expect("reads").is_empty());
}

#[test]
fn what_comes_back_to_the_queue_is_found_before_what_was_read_last() {
    let book = Book::funded();
    let all = [0, 1, 2, 3].map(|nonce| Terms::new(1, nonce, 100));
    for terms in &all {
        book.accept(terms);
    }
    let members: Vec<_> = all[..3].iter().map(|terms| (*terms, 100)).collect();
    let batch = book.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner();
    // Read from its new beginning, and read again from there.
    assert_eq!(window(&book, 0, 9), [(3, 100)]);
    assert_eq!(window(&book, 0, 9), [(3, 100)]);
    requeue(&book, batch, &all[..3]);
    assert_eq!(window(&book, 0, 2), [(0, 100), (1, 100)]);
    // Also when it was read when nothing was left.
    let members: Vec<_> = all.iter().map(|terms| (*terms, 100)).collect();
    let batch = book.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner();
    assert_eq!(window(&book, 0, 9), []);
    book.accept(&Terms::new(1, 9, 1));
    assert_eq!(window(&book, 0, 9), [(4, 1)], "at a place that did not exist yet");
    requeue(&book, batch, &all);
    // A reading from further on does not hide what is before.
    assert_eq!(window(&book, 3, 9), [(3, 100), (4, 1)]);
    assert_eq!(window(&book, 0, 1), [(0, 100)]);
    let book = book.reopen();
    assert_eq!(window(&book, 0, 1), [(0, 100)]);
}

#[test]
fn recovery_finds_every_batch_with_its_mandates_whole() {
    let book = Book::funded();
    let all = [0, 1, 2].map(|nonce| Terms::new(1, nonce, 100));
    for terms in &all {
        book.accept(terms);
    }
    let seal = |members: &[Terms]| {
        let members: Vec<_> = members.iter().map(|terms| (*terms, 100)).collect();
        book.ledger.seal(seal_of(&members)).wait().expect("sealed").into_inner()
    };
    let [first, second] = [seal(&all[..2]), seal(&all[2..])];
    book.ledger.proved(first, B256::repeat_byte(1), b"proof".to_vec()).wait().expect("proved");
    let book = book.reopen();
    let unfinished = book.ledger.unfinished().expect("reads");
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
    requeue(&book, second, &all[2..]);
    assert_eq!(book.ledger.unfinished().expect("reads").len(), 1);
    let aborted = book.ledger.batch_view(second).expect("reads").expect("known");
    assert_eq!(aborted.members[0].status, Status::Queued, "where it is now");
    assert_eq!(book.ledger.batch_view(aep2_ledger::BatchNumber::new(9)).expect("reads"), None);
}

#[test]
fn a_senders_journal_is_its_own_and_in_order() {
    let book = Book::empty();
    let [one, other] = [Address::repeat_byte(1), Address::repeat_byte(2)];
    for (sender, nonce) in [(one, 300), (one, 2), (other, 7), (one, 256)] {
        let bytes = nonce.to_string().into_bytes();
        book.ledger.put_transaction(sender, nonce, bytes).wait().expect("kept");
    }
    book.ledger.put_transaction(one, 2, b"replaced".to_vec()).wait().expect("kept");
    let book = book.reopen();
    let expected = [(2, &b"replaced"[..]), (256, b"256"), (300, b"300")];
    let expected = expected.map(|(nonce, bytes)| (nonce, bytes.to_vec()));
    assert_eq!(book.ledger.transactions(one).expect("reads"), expected);
    let forgotten = book.ledger.forget_transactions_below(one, 300).wait().expect("forgotten");
    assert_eq!(forgotten.into_inner(), 2);
    assert_eq!(book.ledger.transactions(one).expect("reads"), expected[2..]);
    assert_eq!(book.ledger.transactions(other).expect("reads").len(), 1);
    assert_eq!(book.ledger.transaction(one, 2).expect("reads"), None);
}

#[test]
fn the_cursor_is_that_of_the_last_block_or_the_last_going_back() {
    let book = Book::empty();
    assert_eq!((book.ledger.cursor().expect("reads"), book.ledger.tip()), (None, None));
    book.apply(block(1_000, vec![opened(1)]));
    book.apply(block(1_001, vec![]));
    assert_eq!(book.ledger.cursor().expect("reads"), Some(b"cursor 1001".to_vec()));
    book.ledger.rewind(1_000, b"back".to_vec()).wait().expect("undone");
    assert_eq!(book.ledger.cursor().expect("reads"), Some(b"back".to_vec()));
    assert_eq!(book.ledger.tip().map(|tip| tip.number), Some(1_000));
    // A block that is refused leaves the cursor where it was.
    let refused = book.ledger.apply_block(block(1_001, vec![deposited(9, 1)])).wait();
    assert!(refused.is_err());
    let book = book.reopen();
    assert_eq!(book.ledger.cursor().expect("reads"), Some(b"back".to_vec()));
}

#[test]
fn instruments_show_what_waits_what_is_promised_and_what_was_written() {
    let book = Book::funded();
    let before = book.ledger.metrics();
    let pending: Vec<_> =
        (0..40).map(|nonce| book.ledger.accept(Terms::new(1, nonce, 2).offer(), at(0))).collect();
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
    let after = book.ledger.metrics();
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
    let book = book.reopen();
    let opened = book.ledger.metrics();
    assert_eq!((opened.queued, opened.reserved), (after.queued, after.reserved));
    assert_eq!(opened.journal.syncs, 0);
    assert_eq!(book.ledger.queues().expect("reads"), [(SettlementPath::Proved, TOKEN)]);
}
