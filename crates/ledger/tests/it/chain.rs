//! Following the chain: blocks in order, and undoing them to the byte.

use aep2_ledger::{
    ChainBlock, ChainError, ChainFact, Disposition, LedgerConfig, Status, schema::Family,
};
use aep2_mandate::units::Nonce;
use alloy_primitives::B256;

use crate::{
    batches::{seal_of, settled},
    support::{
        OWNER, TOKEN, Terms, TestLedger, account, at, balance, block, block_hash, config,
        deposited, opened, raw, withdrawal,
    },
};

/// The families that nothing but the chain changes, and those in which it ends things.
const FOLLOWED: [Family; 10] = [
    Family::Accounts,
    Family::Purses,
    Family::Spent,
    Family::DirectAccounts,
    Family::States,
    Family::Queue,
    Family::Quarantined,
    Family::Batches,
    Family::Movements,
    Family::Unfinished,
];

/// A block's worth of facts of every kind, about accounts 1 and 2 and mandates `a` and `b`.
fn everything(a: &Terms, b: &Terms, batch_id: B256) -> Vec<Vec<ChainFact>> {
    let (verifier_set, key_hash) = (B256::repeat_byte(5), B256::repeat_byte(6));
    let processor = crate::support::PROCESSOR;
    vec![
        vec![opened(2), deposited(2, 70), deposited(1, 5), withdrawal(1, 30)],
        vec![
            ChainFact::ChangeRequested {
                account: account(2),
                processor,
                verifier_set,
                key_hash,
                in_force_from: at(9),
            },
            ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)), first: true },
            ChainFact::DirectAccountRequested { owner: OWNER, account: None, in_force_from: at(9) },
            settled(batch_id, vec![a.debit(100)]),
        ],
        vec![
            ChainFact::ChangeApplied { account: account(2), processor, verifier_set, key_hash },
            ChainFact::NonceBurnt { account: account(1), token: TOKEN, nonce: Nonce::new(b.nonce) },
            ChainFact::WithdrawalExecuted {
                account: account(1),
                token: TOKEN,
                amount: balance(30),
            },
            ChainFact::WithdrawalRequested {
                account: account(2),
                token: TOKEN,
                amount: balance(1),
                executable_from: at(9),
            },
        ],
        vec![
            ChainFact::ChangeCancelled { account: account(2) },
            ChainFact::WithdrawalCancelled { account: account(2), token: TOKEN },
        ],
    ]
}

#[test]
fn what_is_undone_is_as_if_it_had_never_been_said() {
    let test = TestLedger::funded();
    let [a, b, c] = [100, 200, 300].map(|amount| Terms::new(1, amount as u64, amount));
    for terms in [a, b, c] {
        test.accept(&terms);
    }
    let batch = test.ledger.seal(seal_of(&[(a, 100)])).wait().expect("sealed").into_inner();
    let batch_id = B256::repeat_byte(9);
    test.ledger.proved(batch, batch_id, vec![1]).wait().expect("proved");
    test.ledger.submitted(batch, vec![2]).wait().expect("submitted");
    let quarantined = vec![(b.hash(), Disposition::Quarantined { reason: "odd".into() })];
    test.ledger.dispose(quarantined).wait().expect("quarantined");

    // The ledger after each block.
    let mut directory = test.close();
    let mut states = vec![raw(directory.path(), &FOLLOWED)];
    let mut purses = Vec::new();
    for (index, facts) in everything(&a, &b, batch_id).into_iter().enumerate() {
        let test = TestLedger::open(directory);
        purses.push(test.ledger.account(account(1)));
        test.apply(block(1_001 + index as u64, facts));
        test.assert_sound();
        directory = test.close();
        states.push(raw(directory.path(), &FOLLOWED));
    }
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "each block changes something");

    // Undone one by one, and all at once.
    for to in (0..4u64).rev() {
        let test = TestLedger::open(directory);
        let rewound = test.ledger.rewind(1_000 + to, b"back".to_vec()).wait().expect("undone");
        assert_eq!(rewound.blocks, 1);
        assert_eq!(test.ledger.account(account(1)), purses[to as usize], "in memory, too");
        let (tip, cursor) = test.ledger.chain_position().expect("reads");
        assert_eq!(tip.map(|tip| tip.hash), Some(block_hash(1_000 + to, 0)));
        assert_eq!(cursor.as_deref(), Some(&b"back"[..]));
        test.assert_sound();
        directory = test.close();
        assert_eq!(raw(directory.path(), &FOLLOWED), states[to as usize], "back to block {to}");
    }
    let test = TestLedger::open(directory);
    for (index, facts) in everything(&a, &b, batch_id).into_iter().enumerate() {
        test.apply(block(1_001 + index as u64, facts));
    }
    directory = test.close();
    assert_eq!(raw(directory.path(), &FOLLOWED), states[4], "the same again");
    let test = TestLedger::open(directory);
    let rewound = test.ledger.rewind(1_000, vec![]).wait().expect("undone").into_inner();
    assert_eq!((rewound.blocks, rewound.unconfirmed), (4, vec![batch]));
    directory = test.close();
    assert_eq!(raw(directory.path(), &FOLLOWED), states[0]);
}

#[test]
fn blocks_applied_together_are_undone_one_by_one() {
    let [one_by_one, together] = [TestLedger::funded(), TestLedger::funded()];
    let batch_id = B256::repeat_byte(9);
    let [a, b] = [100, 200].map(|amount| Terms::new(1, amount as u64, amount));
    for test in [&one_by_one, &together] {
        for terms in [a, b] {
            test.accept(&terms);
        }
        let batch = test.ledger.seal(seal_of(&[(a, 100)])).wait().expect("sealed").into_inner();
        test.ledger.proved(batch, batch_id, vec![1]).wait().expect("proved");
    }
    let blocks = everything(&a, &b, batch_id).into_iter().enumerate();
    let blocks: Vec<_> = blocks.map(|(index, facts)| block(1_001 + index as u64, facts)).collect();
    for block in blocks.clone() {
        one_by_one.apply(block);
    }
    let applied = together.ledger.apply_blocks(blocks).wait().expect("applied");
    assert_eq!((applied.ended.len(), applied.confirmed.len()), (2, 1));
    let families = [&FOLLOWED[..], &[Family::Undo]].concat();
    let [one_by_one, together] = [one_by_one, together].map(TestLedger::close);
    assert_eq!(raw(together.path(), &families), raw(one_by_one.path(), &families));
    let [one_by_one, together] = [one_by_one, together].map(|directory| {
        let test = TestLedger::open(directory);
        test.ledger.rewind(1_002, vec![]).wait().expect("undone");
        test.assert_sound();
        test.close()
    });
    assert_eq!(raw(together.path(), &families), raw(one_by_one.path(), &families));
}

#[test]
fn of_blocks_applied_together_none_is_when_one_cannot_be() {
    let test = TestLedger::funded();
    let first = block(1_001, vec![deposited(1, 7), opened(9)]);
    let blocks = vec![first, ChainBlock { parent: block_hash(7, 7), ..block(1_002, vec![]) }];
    let error = test.ledger.apply_blocks(blocks).wait().expect_err("the second");
    assert!(matches!(error, ChainError::NotNext { number: 1_002, .. }), "{error}");
    assert_eq!(test.purse().record.balance.get(), 1_000);
    assert_eq!(test.ledger.chain_position().expect("reads").1, Some(b"cursor 1000".to_vec()));
    assert_eq!(test.ledger.account(account(9)), None, "no trace in memory");
}

#[test]
fn the_first_block_can_be_undone_too() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), deposited(1, 10)]));
    test.ledger.rewind(999, vec![]).wait().expect("undone");
    assert_eq!(test.ledger.account(account(1)), None);
    assert_eq!(test.ledger.chain_position().expect("reads"), (None, Some(vec![])));
    let directory = test.close();
    assert!(raw(directory.path(), &FOLLOWED).is_empty());
}

#[test]
fn blocks_come_one_after_another_with_their_hashes() {
    let test = TestLedger::funded();
    let next = block(1_001, vec![]);
    let wrong = [
        ChainBlock { parent: block_hash(7, 7), ..next.clone() },
        block(1_000, vec![]),
        block(999, vec![]),
    ];
    for block in wrong {
        let error = test.ledger.apply_block(block).wait().expect_err("does not follow");
        assert!(matches!(error, ChainError::NotNext { .. }), "{error}");
    }
    test.apply(next);
    // Blocks without facts may be left out.
    test.apply(ChainBlock { parent: block_hash(1, 1), ..block(1_003, vec![]) });
    assert_eq!(test.ledger.chain_position().expect("reads").1, Some(b"cursor 1003".to_vec()));
}

#[test]
fn what_is_too_old_is_not_undone() {
    let test = TestLedger::with(LedgerConfig { undo_blocks: 2, ..config() });
    for number in 1_000..1_005 {
        let facts = if number == 1_000 { vec![opened(1)] } else { vec![deposited(1, 1)] };
        test.apply(block(number, facts));
    }
    let error = test.ledger.rewind(1_001, vec![]).wait().expect_err("too deep");
    assert!(matches!(error, ChainError::TooDeep { to: 1_001, horizon: 1_002 }), "{error}");
    let test = test.reopen();
    let error = test.ledger.rewind(1_001, vec![]).wait().expect_err("too deep");
    assert!(matches!(error, ChainError::TooDeep { horizon: 1_002, .. }), "{error}");
    test.ledger.rewind(1_002, vec![]).wait().expect("just not too deep");
    assert_eq!(test.purse().record.balance.get(), 2);
}

#[test]
fn another_fork_takes_the_place_of_what_fell_away() {
    let test = TestLedger::funded();
    let terms = Terms::new(1, 0, 500);
    test.accept(&terms);
    let batch = test.ledger.seal(seal_of(&[(terms, 500)])).wait().expect("sealed").into_inner();
    let batch_id = B256::repeat_byte(9);
    test.ledger.proved(batch, batch_id, vec![1]).wait().expect("proved");
    test.ledger.submitted(batch, vec![2]).wait().expect("submitted");
    test.apply(block(1_001, vec![settled(batch_id, vec![terms.debit(500)])]));
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    assert_eq!(test.status(terms.hash()), Status::InBatch { batch });
    assert_eq!(test.reserved(), 500);
    // On the other fork it settles a block later.
    let fork = |number: u64, facts| ChainBlock {
        hash: block_hash(number, 1),
        parent: if number == 1_001 { block_hash(1_000, 0) } else { block_hash(number - 1, 1) },
        ..block(number, facts)
    };
    test.apply(fork(1_001, vec![deposited(1, 1)]));
    test.apply(fork(1_002, vec![settled(batch_id, vec![terms.debit(500)])]));
    assert!(matches!(test.status(terms.hash()), Status::Settled { block: 1_002, .. }));
    assert_eq!((test.purse().record.balance.get(), test.reserved()), (501, 0));
    test.reopen().assert_sound();
}

#[test]
fn money_that_falls_away_under_a_promise_is_an_alarm_and_no_panic() {
    let test = TestLedger::funded();
    test.apply(block(1_001, vec![deposited(1, 1_000)]));
    test.accept(&Terms::new(1, 0, 1_500));
    test.ledger.rewind(1_000, vec![]).wait().expect("undone");
    let alarms = test.ledger.alarms();
    assert_eq!(alarms.len(), 1);
    assert_eq!((alarms[0].balance, alarms[0].reserved), (balance(1_000), balance(1_500)));
    let report = test.ledger.audit().expect("audits");
    assert!(
        matches!(report.findings[..], [aep2_ledger::audit::Finding::OverReserved { .. }]),
        "{:?}",
        report.findings
    );
    let test = test.reopen();
    assert_eq!(test.ledger.alarms().len(), 1);
    assert!(test.ledger.accept(Terms::new(1, 1, 1).request(), at(0)).wait().is_err());
    test.apply(block(1_001, vec![deposited(1, 500)]));
    assert_eq!(test.ledger.alarms(), []);
    test.assert_sound();
}
