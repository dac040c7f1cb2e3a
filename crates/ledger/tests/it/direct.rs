//! Mandates by an owner's ordinary key: another account, other nonces, another way to settle, the
//! same ledger.

use aep2_ledger::{
    AcceptError, AcceptRequest, ChainFact, Disposition, MandateHash, Refusal, Seal, SettlementPath,
    Status, Step,
};
use alloy_primitives::B256;

use crate::support::{
    EXPIRES_WITHIN, OWNER, PROCESSOR, TOKEN, TestLedger, account, amount, at, balance, block,
    deposited, direct_request, opened,
};

fn test() -> TestLedger {
    let test = TestLedger::empty();
    let path = ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)), first: true };
    test.apply(block(1_000, vec![opened(1), opened(2), deposited(1, 1_000), path]));
    test
}

fn refusal(test: &TestLedger, request: AcceptRequest) -> Refusal {
    match test.ledger.accept(request, at(0)).wait() {
        Err(AcceptError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn accept(test: &TestLedger, nonce: u64, base_units: u128) -> MandateHash {
    let (hash, request) = direct_request(nonce, base_units);
    test.ledger.accept(request, at(0)).wait().expect("accepted");
    hash
}

fn seal(test: &TestLedger, members: &[(MandateHash, u128)]) -> aep2_ledger::BatchNumber {
    let seal = Seal {
        path: SettlementPath::Direct,
        token: TOKEN,
        valid_until: at(EXPIRES_WITHIN as i64),
        shape: 0,
        verifier_set: B256::ZERO,
        blinding: B256::ZERO,
        members: members.iter().map(|(hash, due)| (*hash, amount(*due))).collect(),
    };
    test.ledger.seal(seal).wait().expect("sealed").into_inner()
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
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), deposited(1, 1_000)]));
    let (_, request) = direct_request(0, 10);
    assert_eq!(refusal(&test, request.clone()), Refusal::NoDirectAccount { owner: OWNER });
    let set = ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)), first: true };
    test.apply(block(1_001, vec![set]));
    test.ledger.accept(request, at(0)).wait().expect("accepted");
    assert_eq!(test.reserved(), 10);
    // A change of the path counts as any other: nothing that might settle after it.
    let in_force_from = at(30);
    let asked = ChainFact::DirectAccountRequested {
        owner: OWNER,
        account: Some(account(2)),
        in_force_from,
    };
    test.apply(block(1_002, vec![asked]));
    let (_, request) = direct_request(1, 10);
    assert!(matches!(refusal(&test, request), Refusal::ChangePending { .. }));
    test.reopen().assert_sound();
}

#[test]
fn nonces_are_the_owners_and_amounts_beyond_any_purse_are_unfunded() {
    let test = test();
    let first = accept(&test, 5, 10);
    let (_, other) = direct_request(5, 11);
    assert_eq!(refusal(&test, other), Refusal::NonceConflict { mandate: first });
    let (_, same) = direct_request(5, 10);
    assert!(test.ledger.accept(same, at(0)).wait().expect("again").again);
    let (_, huge) = direct_request(6, u128::MAX);
    assert_eq!(refusal(&test, huge), Refusal::InsufficientFunds { free: balance(990) });
    let (_, nothing) = direct_request(7, 0);
    assert!(matches!(refusal(&test, nothing), Refusal::InsufficientFunds { .. }), "of nothing");
    test.assert_sound();
}

#[test]
fn a_batch_is_confirmed_when_all_of_it_settled_in_a_block() {
    let test = test();
    let [a, b] = [accept(&test, 0, 100), accept(&test, 1, 200)];
    let batch = seal(&test, &[(a, 100), (b, 200)]);
    assert!(test.ledger.proved(batch, B256::ZERO, vec![]).wait().is_err(), "it has no proof");
    test.ledger.submitted(batch, vec![1]).wait().expect("submitted");
    let applied = test.apply(block(1_001, vec![settled(a, 100), settled(b, 200)]));
    assert_eq!(applied.confirmed, [batch]);
    let status = Status::Settled { batch: Some(batch), amount: amount(200), block: 1_001 };
    assert_eq!(test.status(b), status);
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (700, 0));
    test.assert_sound();
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(test.status(b), Status::InBatch { batch });
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (1_000, 300));
    let test = test.reopen();
    let record = test.ledger.batch(batch).expect("reads").expect("known");
    assert_eq!(record.step, Step::Submitted { reference: vec![1] });
    test.assert_sound();
}

#[test]
fn what_settles_without_its_batch_was_settled_by_something_else() {
    let test = test();
    let [a, b, c] = [0, 1, 2].map(|nonce| accept(&test, nonce, 100));
    let batch = seal(&test, &[(a, 100), (b, 100)]);
    let unknown = settled(MandateHash::from_bytes(B256::repeat_byte(1)), 5);
    let applied = test.apply(block(1_001, vec![settled(a, 60), settled(c, 100), unknown]));
    assert_eq!(applied.confirmed, []);
    let status =
        |base_units| Status::Settled { batch: None, amount: amount(base_units), block: 1_001 };
    assert_eq!((test.status(a), test.status(c)), (status(60), status(100)));
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (835, 100));
    test.assert_sound();
    let back = vec![(b, Disposition::Requeue)];
    test.ledger.abort(batch, "a nonce is spent".into(), back).wait().expect("aborted");
    test.reopen().assert_sound();
}

#[test]
fn the_chain_cannot_capture_more_than_was_signed() {
    let test = test();
    let a = accept(&test, 0, 100);
    let applied = test.apply(block(1_001, vec![settled(a, 101)]));
    let reason = "more was captured than the mandate allows";
    assert_eq!(applied.contradicted, [(account(1), reason.to_owned())]);
    assert_eq!((test.status(a), test.reserved()), (Status::Queued, 100));
}

#[test]
fn a_mandate_that_settles_twice_in_a_block_is_not_believed() {
    let test = test();
    let a = accept(&test, 0, 100);
    let applied = test.apply(block(1_001, vec![settled(a, 60), settled(a, 60)]));
    assert_eq!(applied.contradicted, [(account(1), "a mandate settled twice".to_owned())]);
    assert!(matches!(test.status(a), Status::Settled { .. }), "once it did");
    assert_eq!(test.reserved(), 0);
}

#[test]
fn verifiers_do_not_matter_where_nothing_is_proved() {
    let test = test();
    let other = ChainFact::ChangeApplied {
        account: account(1),
        processor: PROCESSOR,
        verifier_set: B256::repeat_byte(6),
        key_hash: B256::ZERO,
    };
    test.apply(block(1_001, vec![other]));
    accept(&test, 0, 100);
    test.assert_sound();
}

/// What the published MVP's clients are shown: a mandate counts once, for what became of it, also
/// after blocks were reorged out and after a restart.
#[test]
fn the_summary_counts_every_mandate_once_whatever_became_of_it() {
    let test = test();
    let mandates: Vec<_> = (0..12).map(|nonce| accept(&test, nonce, 10)).collect();
    let batch = seal(&test, &[(mandates[10], 10), (mandates[11], 10)]);
    test.ledger.submitted(batch, vec![1]).wait().expect("submitted");
    let give_up = Disposition::GiveUp { reason: "lost".into() };
    test.ledger.dispose(vec![(mandates[9], give_up)]).wait().expect("disposed");
    let at_a_glance = |test: &TestLedger| {
        let summary = test.ledger.direct_summary().expect("reads");
        let last: Vec<_> = summary.last.iter().map(|recent| recent.mandate).collect();
        assert_eq!(last, mandates[2..], "the last ten, in their order");
        let settled = summary.last.iter().filter_map(|recent| recent.settled_at).collect();
        ((summary.live, summary.settled, summary.failed), settled)
    };
    assert_eq!(at_a_glance(&test), ((11, 0, 1), Vec::new()));

    let next = block(1_001, vec![settled(mandates[10], 10), settled(mandates[11], 10)]);
    let time = next.time;
    test.apply(next);
    assert_eq!(at_a_glance(&test), ((9, 2, 1), vec![time; 2]));
    let test = test.reopen();
    assert_eq!(at_a_glance(&test), ((9, 2, 1), vec![time; 2]));
    test.assert_sound();

    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(at_a_glance(&test), ((11, 0, 1), Vec::new()));
    test.assert_sound();
}
