//! Whose accounts are followed, and what happens when that changes: strangers, those that come over,
//! those that leave, and those of which the chain says what cannot be.

use aep2_ledger::{
    AccountReading, ChainError, ChainFact, ChainReading, Durable, PurseReading, Refusal,
    SLOTS_AHEAD, SlotReading, Status, Unread, records::SettledDebit, schema::Family,
};
use aep2_mandate::units::Nonce;
use alloy_primitives::{Address, B256, U256};

use crate::{
    batches::{seal_of, settled},
    support::{
        OWNER, PROCESSOR, TOKEN, Terms, TestLedger, VERIFIERS, account, at, balance, block,
        block_hash, deposited, direct_request, key_hash, opened, raw, withdrawal,
    },
};

const STRANGER: Address = Address::repeat_byte(0x99);

/// Accounts of which the ledger knows nothing but what is said in `facts`.
const CHAIN_FAMILIES: [Family; 7] = Family::CHAIN;

fn changed(number: u32, processor: Address) -> ChainFact {
    let (verifier_set, key_hash) = (VERIFIERS, key_hash());
    ChainFact::ChangeApplied { account: account(number), processor, verifier_set, key_hash }
}

fn taken(number: u32, word: u64, mask: u128, amount: u128) -> SettledDebit {
    SettledDebit { account: account(number), word, mask, amount: balance(amount) }
}

fn of_stranger(debits: Option<Vec<SettledDebit>>) -> ChainFact {
    ChainFact::BatchSettled {
        batch_id: B256::repeat_byte(0x31),
        token: TOKEN,
        processor: STRANGER,
        count: 1,
        debits,
        transaction: B256::repeat_byte(0x32),
    }
}

/// What is read of account 1 at a block of the tests' chain.
fn reading(number: u64, accounts: Vec<AccountReading>) -> ChainReading {
    let hash = block_hash(number, 0);
    ChainReading { number, hash, accounts, ..ChainReading::default() }
}

fn read_account(number: u32) -> AccountReading {
    AccountReading {
        account: account(number),
        owner: OWNER,
        processor: PROCESSOR,
        verifier_set: VERIFIERS,
        key_hash: key_hash(),
        pending: None,
        direct: Some(account(number)),
        direct_pending: None,
    }
}

fn read_purse(number: u32, amount: u128) -> PurseReading {
    let account = account(number);
    PurseReading { account, token: TOKEN, balance: balance(amount), withdrawal: None }
}

fn read_slot(number: u32, index: u64, spent: U256) -> SlotReading {
    SlotReading { account: account(number), token: TOKEN, index, spent }
}

#[track_caller]
fn refused(test: &TestLedger, terms: &Terms) -> Refusal {
    match test.ledger.accept(terms.request(), at(0)).wait() {
        Err(aep2_ledger::AcceptError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// The account of a processor that is a stranger may do anything, also what could never be: the ledger
/// does not look, keeps nothing, and contradicts nothing.
#[test]
fn what_strangers_have_the_wallet_say_changes_nothing() {
    let test = TestLedger::empty();
    let opened_elsewhere = ChainFact::AccountOpened {
        account: account(7),
        owner: STRANGER,
        processor: STRANGER,
        verifier_set: VERIFIERS,
        key_hash: key_hash(),
    };
    let facts = vec![
        opened_elsewhere.clone(),
        opened_elsewhere,
        deposited(7, (1 << 104) - 1),
        deposited(7, (1 << 104) - 1),
        withdrawal(7, (1 << 104) - 1),
        of_stranger(None),
        of_stranger(Some(vec![taken(7, u64::MAX, u128::MAX, 5), taken(7, u64::MAX, 1, 7)])),
        changed(7, Address::repeat_byte(0x98)),
        ChainFact::ChangeCancelled { account: account(8) },
        ChainFact::WithdrawalExecuted { account: account(8), token: TOKEN, amount: balance(1) },
        ChainFact::DirectAccountSet { owner: STRANGER, account: Some(account(7)), first: true },
        ChainFact::DirectAccountRequested {
            owner: STRANGER,
            account: Some(account(7)),
            in_force_from: at(1),
        },
        ChainFact::NonceBurnt { account: account(7), token: TOKEN, nonce: Nonce::new(u64::MAX) },
        ChainFact::Nonsense { account: account(7), reason: "anything".into() },
    ];
    let applied = test.apply(block(1_000, facts));
    assert_eq!(applied, aep2_ledger::Applied::default());
    assert_eq!(test.ledger.accounts(), []);
    test.assert_sound();
    assert!(raw(test.close().path(), &CHAIN_FAMILIES).is_empty());
}

/// Contract X settles account 1 for 5, account 1 changes to contract Z, Z settles it for 7, and it comes
/// over, all in one block. Nothing is known of it then, and nothing is promised until it is read.
#[test]
fn who_comes_over_is_read_before_anything_is_promised() {
    let test = TestLedger::empty();
    let facts = vec![
        of_stranger(None),
        changed(1, STRANGER),
        of_stranger(None),
        changed(1, PROCESSOR),
        deposited(1, 50),
        ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)), first: false },
    ];
    test.apply(block(1_000, facts));
    let terms = Terms::new(1, 7, 10);
    let unread = None;
    assert_eq!(refused(&test, &terms), Refusal::BeingRead { account: account(1), unread });
    assert_eq!(test.ledger.to_be_read(None, 9).expect("reads"), [account(1)]);
    assert_eq!(test.ledger.to_be_read(Some(account(1)), 9).expect("reads"), []);

    // What was read elsewhere than at the last block does not count.
    let early = reading(999, vec![read_account(1)]);
    let error = test.ledger.note_reading(early).wait().expect_err("another block");
    assert!(matches!(error, ChainError::ReadElsewhere { number: 999, .. }), "{error}");
    let test = test.reopen();
    test.ledger.note_reading(reading(1_000, vec![read_account(1)])).wait().expect("noted");
    let (account_1, index) = (account(1), 0);
    let slot = Unread::Slot { account: account_1, token: TOKEN, index };
    let purse = Unread::Purse { account: account_1, token: TOKEN };
    let missing = |refusal| match refusal {
        Refusal::BeingRead { unread: Some(unread), .. } => unread,
        other => panic!("{other}"),
    };
    let mut more = reading(1_000, vec![]);
    assert_eq!(missing(refused(&test, &terms)), purse);
    more.purses = vec![read_purse(1, 61)];
    test.ledger.note_reading(more.clone()).wait().expect("noted");
    assert_eq!(missing(refused(&test, &terms)), slot);
    more.slots = vec![read_slot(1, 0, U256::from(1 << 7))];
    test.ledger.note_reading(more).wait().expect("noted");

    assert_eq!(refused(&test, &terms), Refusal::NonceSpent);
    test.accept(&Terms::new(1, 8, 60));
    assert_eq!(
        missing(refused(&test, &Terms::new(1, 256, 1))).clone(),
        Unread::Slot { account: account_1, token: TOKEN, index: 1 }
    );
    // From here on it is followed.
    test.apply(block(1_001, vec![deposited(1, 5)]));
    assert_eq!(test.purse().free, balance(6));
    test.assert_sound();
}

/// What was read at a block is worth no more than the block.
#[test]
fn what_was_read_is_undone_with_its_block() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![changed(1, PROCESSOR)]));
    test.apply(block(1_001, vec![deposited(1, 5)]));
    test.apply(block(1_002, vec![]));
    let directory = test.close();
    let before = raw(directory.path(), &CHAIN_FAMILIES);
    let test = TestLedger::open(directory);
    let mut all = reading(1_002, vec![read_account(1)]);
    all.purses = vec![read_purse(1, 5)];
    all.slots = vec![read_slot(1, 0, U256::ZERO)];
    all.direct_nonces = vec![(OWNER, U256::from(3), true)];
    test.ledger.note_reading(all.clone()).wait().expect("noted");
    test.accept(&Terms::new(1, 0, 5));
    let test = test.reopen();
    test.ledger.rewind(1_001, vec![]).wait().expect("undone");
    assert!(matches!(refused(&test, &Terms::new(1, 1, 1)), Refusal::BeingRead { .. }));
    test.assert_sound();
    let directory = test.close();
    assert_eq!(raw(directory.path(), &CHAIN_FAMILIES), before);
    // It is read again at the block in its place.
    let test = TestLedger::open(directory);
    test.apply(block(1_002, vec![]));
    test.ledger.note_reading(all).wait().expect("noted");
    assert_eq!(test.purse().free, balance(0));
    test.assert_sound();
}

/// What is done with an account while another processor has it is not followed, so what was known of
/// it counts no more when it comes back.
#[test]
fn who_leaves_and_comes_back_is_read_anew() {
    let test = TestLedger::funded();
    let promised = Terms::new(1, 0, 10);
    test.accept(&promised);
    test.apply(block(1_001, vec![changed(1, STRANGER), deposited(1, 1), of_stranger(None)]));
    assert!(matches!(refused(&test, &Terms::new(1, 1, 1)), Refusal::OtherProcessor { .. }));
    assert_eq!(test.ledger.to_be_read(None, 9).expect("reads"), []);
    test.apply(block(1_002, vec![changed(1, PROCESSOR), deposited(1, 1)]));
    assert!(matches!(refused(&test, &Terms::new(1, 1, 1)), Refusal::BeingRead { .. }));
    test.assert_sound();
    let mut all = reading(1_002, vec![read_account(1)]);
    all.purses = vec![read_purse(1, 40)];
    all.slots = vec![read_slot(1, 0, U256::from(0b110))];
    test.ledger.note_reading(all).wait().expect("noted");
    assert_eq!(refused(&test, &Terms::new(1, 1, 1)), Refusal::NonceSpent);
    assert_eq!(test.purse().free, balance(30), "what was promised before is still promised");
    test.accept(&Terms::new(1, 3, 30));
    test.reopen().assert_sound();
}

/// A chain that contradicts what is known of one account stops that account, and no other.
#[test]
fn a_contradiction_stops_its_account_and_nothing_else() {
    let test = TestLedger::empty();
    test.apply(block(1_000, vec![opened(1), opened(2), deposited(1, 10), deposited(2, 20)]));
    let too_much =
        ChainFact::WithdrawalExecuted { account: account(1), token: TOKEN, amount: balance(11) };
    let applied = test.apply(block(1_001, vec![too_much, deposited(2, 2), deposited(1, 9)]));
    let reason = "more was taken than the balance".to_owned();
    assert_eq!(applied.contradicted, [(account(1), reason)]);
    assert!(matches!(refused(&test, &Terms::new(1, 0, 1)), Refusal::BeingRead { .. }));
    test.accept(&Terms::new(2, 0, 22));
    let mut all = reading(1_001, vec![read_account(1)]);
    all.purses = vec![read_purse(1, 4)];
    all.slots = (0..=SLOTS_AHEAD).map(|index| read_slot(1, index, U256::ZERO)).collect();
    test.ledger.note_reading(all).wait().expect("noted");
    test.accept(&Terms::new(1, 0, 4));
    test.reopen().assert_sound();
}

/// A batch of this processor's whose transaction called a contract: what it took is what was sealed
/// under its name, or, of one that this ledger did not seal, nobody's guess.
#[test]
fn what_a_batch_took_is_known_by_its_name_or_read() {
    let untold = |batch_id| match settled(batch_id, vec![]) {
        ChainFact::BatchSettled { batch_id, token, processor, transaction, .. } => {
            let (count, debits) = (1, None);
            ChainFact::BatchSettled { batch_id, token, processor, count, debits, transaction }
        }
        other => other,
    };
    let test = TestLedger::funded();
    let terms = Terms::new(1, 3, 500);
    test.accept(&terms);
    let batch = test.ledger.seal(seal_of(&[(terms, 500)])).wait().map(Durable::into_inner);
    let (batch, batch_id) = (batch.expect("sealed"), B256::repeat_byte(9));
    test.ledger.proved(batch, batch_id, vec![1]).wait().expect("proved");
    test.apply(block(1_001, vec![untold(batch_id)]));
    assert!(matches!(test.status(terms.hash()), Status::Settled { .. }));
    assert_eq!(test.purse().free, balance(500));
    assert_eq!(refused(&test, &Terms::new(1, 3, 1)), Refusal::NonceSpent);
    test.assert_sound();
    let applied = test.apply(block(1_002, vec![untold(B256::repeat_byte(8))]));
    assert_eq!(applied.contradicted.len(), 1);
    assert!(matches!(refused(&test, &Terms::new(1, 4, 1)), Refusal::BeingRead { .. }));
    test.assert_sound();
}

/// Direct nonces are the owner's, whatever account they debit: another processor may have spent them
/// before this one ever saw the owner.
#[test]
fn an_owners_direct_nonces_are_read_unless_nobody_else_can_have_spent_them() {
    let direct =
        |first| ChainFact::DirectAccountSet { owner: OWNER, account: Some(account(1)), first };
    let test = TestLedger::empty();
    let money = || vec![opened(1), deposited(1, 1_000)];
    test.apply(block(1_000, [money(), vec![direct(false)]].concat()));
    let accept = |nonce| test.ledger.accept(direct_request(nonce, 10).1, at(0)).wait();
    let refusal = |nonce| match accept(nonce) {
        Err(aep2_ledger::AcceptError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let wanted = |nonce: u64| Refusal::BeingRead {
        account: account(1),
        unread: Some(Unread::DirectNonce { owner: OWNER, nonce: U256::from(nonce) }),
    };
    assert_eq!(refusal(5), wanted(5));
    let mut read = reading(1_000, vec![]);
    read.direct_nonces = vec![(OWNER, U256::from(5), true), (OWNER, U256::from(6), false)];
    test.ledger.note_reading(read).wait().expect("noted");
    assert_eq!(refusal(5), Refusal::NonceSpent);
    accept(6).expect("unspent");
    assert_eq!(refusal(7), wanted(7));
    // Whoever debits the owner's mandates elsewhere for a while may have spent what was unspent.
    let away = |to: Option<u32>| ChainFact::DirectAccountSet {
        owner: OWNER,
        account: to.map(account),
        first: false,
    };
    let mut read = reading(1_000, vec![]);
    read.direct_nonces = vec![(OWNER, U256::from(8), false)];
    test.ledger.note_reading(read).wait().expect("noted");
    test.apply(block(1_001, vec![away(Some(9)), direct(false)]));
    assert_eq!(refusal(8), wanted(8));
    test.assert_sound();

    // The first account that the owner's mandates ever debited: nobody else could.
    let test = TestLedger::empty();
    test.apply(block(1_000, [money(), vec![direct(true)]].concat()));
    let accept = |nonce| test.ledger.accept(direct_request(nonce, 10).1, at(0)).wait();
    accept(5).expect("nobody can have spent it");
    test.apply(block(1_001, vec![away(None), direct(false)]));
    accept(6).expect("nor meanwhile");
    // The account goes to another processor for a while, and comes back.
    test.apply(block(1_002, vec![changed(1, STRANGER), changed(1, PROCESSOR)]));
    let mut all = reading(1_002, vec![read_account(1)]);
    all.purses = vec![read_purse(1, 900)];
    test.ledger.note_reading(all).wait().expect("noted");
    let error = accept(7).expect_err("it may be spent").to_string();
    assert!(error.contains("being read"), "{error}");
    test.assert_sound();
}
