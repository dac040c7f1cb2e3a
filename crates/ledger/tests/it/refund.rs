//! Refunds: no more than was paid comes back, each once, and none is paid before the chain shows it.

use aep2_ledger::{
    ChainBlock, ChainFact, Durable, LedgerError, MandateHash, Refund, RefundError, RefundView,
    Refunded, Status, limits,
    records::{RefundDeposit, RefundName},
    schema::Family,
};
use aep2_mandate::units::Ceiling;
use alloy_primitives::{Address, B256};

use crate::{
    batches::{seal_of, settled},
    support::{
        PAYEE, TOKEN, Terms, TestLedger, account, amount, at, balance, block, block_hash,
        deposited, opened, raw,
    },
};

const TRANSACTION: B256 = B256::repeat_byte(0x71);

fn id(number: u8) -> B256 {
    B256::repeat_byte(number)
}

fn nonce(number: u8) -> B256 {
    B256::repeat_byte(number ^ 0xa0)
}

/// A ledger in which a mandate was settled for 100 in block 1,001.
fn paid() -> (TestLedger, Terms) {
    let test = TestLedger::funded();
    test.apply(block(1_001, vec![opened(2)]));
    let terms = Terms::new(1, 0, 100);
    test.accept(&terms);
    let batch = test.ledger.seal(seal_of(&[(terms, 100)])).wait().expect("sealed").into_inner();
    test.ledger.proved(batch, B256::repeat_byte(9), vec![1]).wait().expect("proved");
    test.ledger.submitted(batch, vec![2]).wait().expect("submitted");
    test.apply(block(1_002, vec![settled(B256::repeat_byte(9), vec![terms.debit(100)])]));
    assert!(matches!(test.status(terms.hash()), Status::Settled { .. }));
    (test, terms)
}

fn refund(
    test: &TestLedger,
    mandate: MandateHash,
    number: u8,
    base_units: u128,
) -> Result<Refunded, RefundError> {
    let refund = Refund {
        mandate,
        id: id(number),
        amount: Ceiling::new(base_units).expect("an amount"),
        nonce: nonce(number),
        statement: format!("refund {number}").into_bytes(),
    };
    test.ledger.refund(refund, at(3)).wait().map(Durable::into_inner)
}

fn refunds(test: &TestLedger, terms: &Terms) -> Vec<RefundView> {
    test.ledger.refunds(terms.hash()).expect("reads")
}

fn authorized(into: u32, token: Address, from: Address, base_units: u128) -> ChainFact {
    ChainFact::DepositAuthorized {
        account: account(into),
        token,
        from,
        amount: balance(base_units),
        nonce: nonce(1),
        transaction: TRANSACTION,
    }
}

/// What pays refund 1, with the money.
fn deposit(base_units: u128) -> Vec<ChainFact> {
    vec![deposited(1, base_units), authorized(1, TOKEN, PAYEE, base_units)]
}

#[test]
fn a_refund_is_announced_until_the_chain_shows_its_deposit() {
    let (test, terms) = paid();
    let refunded = refund(&test, terms.hash(), 1, 40).expect("noted");
    assert!(!refunded.again);
    assert_eq!(refunded.refund.paid, None);
    assert!(test.ledger.has_refunds(account(1), TOKEN, PAYEE).expect("reads"));
    assert!(!test.ledger.has_refunds(account(2), TOKEN, PAYEE).expect("reads"));
    let applied = test.apply(block(1_003, deposit(40)));
    let name = RefundName { mandate: terms.hash(), refund: id(1) };
    assert_eq!(applied.refunded, [name]);
    let paid = RefundDeposit { transaction: TRANSACTION, block: 1_003, amount: balance(40) };
    let test = test.reopen();
    assert_eq!(refunds(&test, &terms)[0].paid, Some(paid));
    // The mandate is what it was: a refund is beside it.
    assert!(matches!(test.status(terms.hash()), Status::Settled { amount: own, .. }
        if own == amount(100)));
    test.assert_sound();
}

#[test]
fn the_same_refund_again_is_the_same_and_another_amount_is_not_taken() {
    let (test, terms) = paid();
    let first = refund(&test, terms.hash(), 1, 40).expect("noted");
    let test = test.reopen();
    let again = refund(&test, terms.hash(), 1, 40).expect("the same");
    assert!(again.again);
    assert_eq!(again.refund, first.refund);
    let other = refund(&test, terms.hash(), 1, 41);
    assert!(matches!(other, Err(RefundError::Conflict { announced }) if announced.get() == 40));
    test.apply(block(1_003, deposit(40)));
    let again = refund(&test, terms.hash(), 1, 40).expect("the same, paid");
    assert!(again.again && again.refund.paid.is_some());
    assert_eq!(refunds(&test, &terms).len(), 1);
    test.assert_sound();
}

#[test]
fn all_refunds_together_come_to_no_more_than_was_settled() {
    let (test, terms) = paid();
    assert!(matches!(
        refund(&test, terms.hash(), 1, 101),
        Err(RefundError::AboveSettled { left, .. }) if left == amount(100)
    ));
    refund(&test, terms.hash(), 1, 60).expect("noted");
    assert!(matches!(
        refund(&test, terms.hash(), 2, 41),
        Err(RefundError::AboveSettled { left, settled, .. })
            if (left, settled) == (amount(40), amount(100))
    ));
    refund(&test, terms.hash(), 2, 40).expect("the rest");
    assert!(matches!(
        refund(&test, terms.hash(), 3, 1),
        Err(RefundError::AboveSettled { left, .. }) if left == amount(0)
    ));
    // Many at once do not get past it either.
    let (test, terms) = paid();
    let pending: Vec<_> = (0..20u8)
        .map(|number| {
            let refund = Refund {
                mandate: terms.hash(),
                id: id(number),
                amount: Ceiling::new(30).expect("an amount"),
                nonce: nonce(number),
                statement: vec![],
            };
            test.ledger.refund(refund, at(3))
        })
        .collect();
    let noted = pending.into_iter().map(|pending| pending.wait().is_ok());
    assert_eq!(noted.filter(|noted| *noted).count(), 3);
    test.assert_sound();
}

#[test]
fn a_mandate_is_not_refunded_in_ever_more_parts() {
    let (test, terms) = paid();
    for number in 0..limits::REFUNDS_MAX {
        refund(&test, terms.hash(), number as u8, 1).expect("noted");
    }
    let more = refund(&test, terms.hash(), 0xff, 1);
    assert!(matches!(more, Err(RefundError::TooMany { most: limits::REFUNDS_MAX })));
    refund(&test, terms.hash(), 0, 1).expect("one of them again");
}

#[test]
fn what_was_not_settled_or_is_not_known_cannot_be_given_back() {
    let (test, _) = paid();
    let waiting = Terms::new(1, 1, 100);
    let unknown = refund(&test, waiting.hash(), 1, 1);
    assert!(matches!(unknown, Err(RefundError::UnknownMandate { .. })));
    test.accept(&waiting);
    let queued = refund(&test, waiting.hash(), 1, 1);
    assert!(matches!(queued, Err(RefundError::NotSettled { status: Status::Queued })));
    let long = Refund {
        mandate: waiting.hash(),
        id: id(1),
        amount: Ceiling::MIN,
        nonce: nonce(1),
        statement: vec![0; limits::STATEMENT_BYTES_MAX + 1],
    };
    let long = test.ledger.refund(long, at(3)).wait();
    assert!(matches!(long, Err(RefundError::Ledger(LedgerError::TooLong { .. }))));
}

#[test]
fn a_deposit_elsewhere_of_another_token_by_another_or_of_less_pays_nothing() {
    let (test, terms) = paid();
    refund(&test, terms.hash(), 1, 40).expect("noted");
    let stranger = Address::repeat_byte(0x55);
    let mut plain = deposit(40);
    plain.truncate(1);
    for (index, facts) in [
        vec![authorized(2, TOKEN, PAYEE, 40)],
        vec![authorized(1, Address::repeat_byte(0x56), PAYEE, 40)],
        vec![authorized(1, TOKEN, stranger, 40)],
        deposit(39),
        plain,
    ]
    .into_iter()
    .enumerate()
    {
        let applied = test.apply(block(1_003 + index as u64, facts));
        assert_eq!(applied.refunded, [], "case {index}");
        assert_eq!(refunds(&test, &terms)[0].paid, None, "case {index}");
    }
    test.assert_sound();
}

#[test]
fn a_deposit_that_is_reorged_out_pays_nothing_and_pays_on_the_other_fork() {
    let (test, terms) = paid();
    refund(&test, terms.hash(), 1, 40).expect("noted");
    test.apply(block(1_003, deposit(40)));
    // Announced in between, and not undone with the block.
    refund(&test, terms.hash(), 2, 5).expect("noted");
    test.ledger.rewind(1_002, vec![]).wait().expect("undone");
    let views = refunds(&test, &terms);
    assert_eq!(views.iter().map(|view| view.paid).collect::<Vec<_>>(), [None, None]);
    test.assert_sound();
    let facts = deposit(40);
    let fork = ChainBlock { hash: block_hash(1_004, 1), ..block(1_004, facts) };
    assert_eq!(test.apply(fork).refunded.len(), 1);
    assert_eq!(refunds(&test, &terms)[0].paid.map(|paid| paid.block), Some(1_004));
    test.reopen().assert_sound();
}

#[test]
fn undoing_the_settlement_itself_leaves_a_sound_ledger() {
    let (test, terms) = paid();
    refund(&test, terms.hash(), 1, 40).expect("noted");
    test.apply(block(1_003, deposit(40)));
    test.ledger.rewind(1_001, vec![]).wait().expect("undone");
    assert_eq!(refunds(&test, &terms)[0].paid, None);
    let again = refund(&test, terms.hash(), 1, 40).expect("it was announced");
    assert!(again.again);
    let more = refund(&test, terms.hash(), 2, 1);
    assert!(matches!(more, Err(RefundError::NotSettled { .. })));
    test.reopen().assert_sound();
}

#[test]
fn what_the_chain_paid_is_not_among_what_was_announced() {
    // That undoing restores the chain's families byte by byte must not touch announcements.
    assert!(Family::CHAIN.contains(&Family::RefundsPaid));
    assert!(!Family::CHAIN.contains(&Family::Refunds));
    let (test, terms) = paid();
    refund(&test, terms.hash(), 1, 40).expect("noted");
    let directory = test.close();
    assert_eq!(raw(directory.path(), &[Family::Refunds, Family::RefundNonces]).len(), 2);
    assert_eq!(raw(directory.path(), &[Family::RefundsPaid]).len(), 0);
}
