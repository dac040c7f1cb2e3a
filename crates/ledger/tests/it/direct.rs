//! Mandates by an owner's ordinary key: another account, other nonces, another way to settle, the
//! same book.

use aep2_ledger::{
    AcceptError, ChainError, ChainFact, Disposition, MandateHash, Offer, Refusal, Seal,
    SettlementPath, Status, Step,
};
use alloy_primitives::B256;

use crate::support::{
    Book, EXPIRES_WITHIN, OWNER, PROCESSOR, TOKEN, account, amount, at, balance, block, deposited,
    direct_account_offer, opened,
};

fn book() -> Book {
    let book = Book::empty();
    let path = ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)) };
    book.apply(block(1_000, vec![opened(1), opened(2), deposited(1, 1_000), path]));
    book
}

fn refusal(book: &Book, offer: Offer) -> Refusal {
    match book.ledger.accept(offer, at(0)).wait() {
        Err(AcceptError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn accept(book: &Book, nonce: u64, base_units: u128) -> MandateHash {
    let (hash, offer) = direct_account_offer(nonce, base_units);
    book.ledger.accept(offer, at(0)).wait().expect("accepted");
    hash
}

fn seal(book: &Book, members: &[(MandateHash, u128)]) -> aep2_ledger::BatchNumber {
    let seal = Seal {
        path: SettlementPath::Direct,
        token: TOKEN,
        valid_until: at(EXPIRES_WITHIN as i64),
        shape: 0,
        verifier_set: B256::ZERO,
        members: members.iter().map(|(hash, due)| (*hash, amount(*due))).collect(),
    };
    book.ledger.seal(seal).wait().expect("sealed").into_inner()
}

fn settled(mandate: MandateHash, captured: u128) -> ChainFact {
    ChainFact::MandateSettled {
        mandate,
        account: account(1),
        token: TOKEN,
        captured: balance(captured),
        transaction: B256::repeat_byte(7),
    }
}

#[test]
fn the_account_is_the_one_that_the_owner_marked() {
    let book = Book::empty();
    book.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let (_, offer) = direct_account_offer(0, 10);
    assert_eq!(refusal(&book, offer.clone()), Refusal::NoDirectAccount { owner: OWNER });
    let set = ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)) };
    book.apply(block(1_001, vec![set]));
    book.ledger.accept(offer, at(0)).wait().expect("accepted");
    assert_eq!(book.reserved(), 10);
    // A change of the path counts as any other: nothing that might settle after it.
    let in_force_from = at(30);
    let asked = ChainFact::DirectAccountRequested {
        owner: OWNER,
        account: Some(account(2)),
        in_force_from,
    };
    book.apply(block(1_002, vec![asked]));
    let (_, offer) = direct_account_offer(1, 10);
    assert!(matches!(refusal(&book, offer), Refusal::ChangePending { .. }));
    book.reopen().assert_sound();
}

#[test]
fn nonces_are_the_owners_and_amounts_beyond_any_purse_are_unfunded() {
    let book = book();
    let first = accept(&book, 5, 10);
    let (_, other) = direct_account_offer(5, 11);
    assert_eq!(refusal(&book, other), Refusal::NonceConflict { mandate: first });
    let (_, same) = direct_account_offer(5, 10);
    assert!(book.ledger.accept(same, at(0)).wait().expect("again").again);
    let (_, huge) = direct_account_offer(6, u128::MAX);
    assert_eq!(refusal(&book, huge), Refusal::InsufficientFunds { free: balance(990) });
    let (_, nothing) = direct_account_offer(7, 0);
    assert!(matches!(refusal(&book, nothing), Refusal::InsufficientFunds { .. }), "of nothing");
    book.assert_sound();
}

#[test]
fn a_batch_is_confirmed_when_all_of_it_settled_in_a_block() {
    let book = book();
    let [a, b] = [accept(&book, 0, 100), accept(&book, 1, 200)];
    let batch = seal(&book, &[(a, 100), (b, 200)]);
    assert!(book.ledger.proved(batch, B256::ZERO, vec![]).wait().is_err(), "it has no proof");
    book.ledger.submitted(batch, vec![1]).wait().expect("submitted");
    let applied = book.apply(block(1_001, vec![settled(a, 100), settled(b, 200)]));
    assert_eq!(applied.confirmed, [batch]);
    let status = Status::Settled { batch: Some(batch), amount: amount(200), block: 1_001 };
    assert_eq!(book.status(b), status);
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (700, 0));
    book.assert_sound();
    book.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(book.status(b), Status::InBatch { batch });
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (1_000, 300));
    let book = book.reopen();
    let record = book.ledger.batch(batch).expect("reads").expect("known");
    assert_eq!(record.step, Step::Submitted { reference: vec![1] });
    book.assert_sound();
}

#[test]
fn what_settles_without_its_batch_was_settled_by_something_else() {
    let book = book();
    let [a, b, c] = [0, 1, 2].map(|nonce| accept(&book, nonce, 100));
    let batch = seal(&book, &[(a, 100), (b, 100)]);
    let unknown = settled(MandateHash::from_bytes(B256::repeat_byte(1)), 5);
    let applied = book.apply(block(1_001, vec![settled(a, 60), settled(c, 100), unknown]));
    assert_eq!(applied.confirmed, []);
    let status =
        |base_units| Status::Settled { batch: None, amount: amount(base_units), block: 1_001 };
    assert_eq!((book.status(a), book.status(c)), (status(60), status(100)));
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (835, 100));
    book.assert_sound();
    let back = vec![(b, Disposition::Requeue)];
    book.ledger.abort(batch, "a nonce is spent".into(), back).wait().expect("aborted");
    book.reopen().assert_sound();
}

#[test]
fn the_chain_cannot_capture_more_than_was_signed() {
    let book = book();
    let a = accept(&book, 0, 100);
    let error = book.ledger.apply_block(block(1_001, vec![settled(a, 101)])).wait();
    assert!(error.is_err());
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (1_000, 100));
}

#[test]
fn a_mandate_that_settles_twice_in_a_block_is_not_believed() {
    let book = book();
    let a = accept(&book, 0, 100);
    let error = book.ledger.apply_block(block(1_001, vec![settled(a, 60), settled(a, 60)])).wait();
    assert!(matches!(error, Err(ChainError::Contradiction { index: 1, .. })), "{error:?}");
    assert_eq!((book.purse().record.balance.get(), book.reserved()), (1_000, 100));
}

#[test]
fn verifiers_do_not_matter_where_nothing_is_proved() {
    let book = book();
    let other = ChainFact::ChangeApplied {
        account: account(1),
        processor: PROCESSOR,
        verifier_set: B256::repeat_byte(6),
        key_hash: B256::ZERO,
    };
    book.apply(block(1_001, vec![other]));
    accept(&book, 0, 100);
    book.assert_sound();
}

/// What the published MVP's clients are shown: a mandate counts once, for what became of it, also
/// after blocks fell away and after a restart.
#[test]
fn the_summary_counts_every_mandate_once_whatever_became_of_it() {
    let book = book();
    let mandates: Vec<_> = (0..12).map(|nonce| accept(&book, nonce, 10)).collect();
    let batch = seal(&book, &[(mandates[10], 10), (mandates[11], 10)]);
    book.ledger.submitted(batch, vec![1]).wait().expect("submitted");
    let give_up = Disposition::GiveUp { reason: "lost".into() };
    book.ledger.dispose(vec![(mandates[9], give_up)]).wait().expect("disposed");
    let at_a_glance = |book: &Book| {
        let summary = book.ledger.direct_summary().expect("reads");
        let last: Vec<_> = summary.last.iter().map(|recent| recent.mandate).collect();
        assert_eq!(last, mandates[2..], "the last ten, in their order");
        let settled = summary.last.iter().filter_map(|recent| recent.settled_at).collect();
        ((summary.live, summary.settled, summary.failed), settled)
    };
    assert_eq!(at_a_glance(&book), ((11, 0, 1), Vec::new()));

    let next = block(1_001, vec![settled(mandates[10], 10), settled(mandates[11], 10)]);
    let time = next.time;
    book.apply(next);
    assert_eq!(at_a_glance(&book), ((9, 2, 1), vec![time; 2]));
    let book = book.reopen();
    assert_eq!(at_a_glance(&book), ((9, 2, 1), vec![time; 2]));
    book.assert_sound();

    book.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(at_a_glance(&book), ((11, 0, 1), Vec::new()));
    book.assert_sound();
}
