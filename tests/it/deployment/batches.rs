//! A proved batch settles: in one transaction, once, and as it says.

use aep2_chain::{
    events::WalletEvent,
    inclusion::SettledTransaction,
    settlement::SettledBatch,
    token,
    wallet::{
        error::{TokenError, WalletError},
        units::{BaseUnits, KeyHash},
    },
};
use aep2_mandate::units::{Nonce, UnixTime};
use aep2_tests::{
    chain::TestChain,
    on_both_chains,
    stage::{DELAY_SECONDS, FUNDS, Stage, VALID_UNTIL, payee},
};
use alloy::{consensus::Transaction, primitives::U256, providers::Provider};

on_both_chains![
    a_proved_batch_settles_in_one_transaction,
    a_settled_batch_does_not_settle_again,
    the_entries_are_in_the_transaction,
    an_expired_batch_does_not_settle,
    nobody_but_the_processor_settles,
    a_blocked_payee_is_credited_and_collects_later,
    a_payee_with_a_threshold_is_paid_when_it_is_worth_it,
];

async fn a_proved_batch_settles_in_one_transaction(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let proven = stage.batch();
    let (token, wallet) = (stage.token_address(), stage.wallet());
    let before = stage.chain.latest().await;

    let receipt = stage.send(&stage.processor, &stage.settling(&proven)).await;
    assert!(receipt.status());
    assert_eq!(receipt.block_number, Some(before.header.number + 1));

    // 740 of Ann's, 302 of Bob's: what was not captured is released.
    assert_eq!(stage.balance(&stage.ann).await, FUNDS - 740);
    assert_eq!(stage.balance(&stage.bob).await, FUNDS - 302);
    assert_eq!(stage.holds(payee(1)).await, 1_002);
    assert_eq!(stage.holds(payee(2)).await, 40);
    assert_eq!(stage.holds(stage.id().address).await, 2 * FUNDS - 1_042);

    for (account, spent) in [(stage.ann.account, [0, 129]), (stage.bob.account, [5, 6])] {
        for nonce in [0, 1, 4, 5, 6, 7, 128, 129, 130, 257] {
            let is_spent = wallet.is_spent(account, token, Nonce::new(nonce)).await.unwrap();
            assert_eq!(is_spent, spent.contains(&nonce), "account {account}, nonce {nonce}");
        }
    }
    // Two words of one slot: nonce 0 is in the lower, 129 in the upper one.
    let word = |account, word| wallet.spent_word(account, token, word);
    assert_eq!(word(stage.ann.account, 0).await.unwrap(), 1);
    assert_eq!(word(stage.ann.account, 1).await.unwrap(), 2);
    assert_eq!(word(stage.bob.account, 0).await.unwrap(), 0b110_0000);
    assert_eq!(word(stage.bob.account, 1).await.unwrap(), 0);
    // As it was before the block, for whoever reads the past.
    let past = wallet.at(before.header.number);
    assert_eq!(past.purse(stage.ann.account, token).await.unwrap().balance.get(), FUNDS);
    assert!(!past.is_spent(stage.ann.account, token, Nonce::new(0)).await.unwrap());

    let settled = WalletEvent::BatchSettled {
        batch_id: proven.id(),
        token,
        processor: stage.processor.address(),
        verifier_set: stage.deployment.verifier_set,
        count: 4,
        total: BaseUnits::new(1_042),
    };
    assert_eq!(stage.events(&receipt), [settled]);
    assert_eq!(receipt.logs().len(), 3, "the batch and one transfer a payee");
}

async fn a_settled_batch_does_not_settle_again(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let settling = stage.settling(&stage.batch());
    stage.send(&stage.processor, &settling).await;
    let replayed = stage.refused(&stage.processor, &settling).await;
    let account = stage.ann.account.get();
    assert_eq!(replayed, WalletError::NonceSpent { account, word: 0, bits: U256::from(1) });

    // Nor does one of its mandates, in another batch.
    let payments = stage.payments();
    let again = stage.prove(&payments[2..3]);
    let replayed = stage.refused(&stage.processor, &stage.settling(&again)).await;
    let account = stage.bob.account.get();
    assert_eq!(replayed, WalletError::NonceSpent { account, word: 0, bits: U256::from(1 << 5) });
    assert_eq!(stage.balance(&stage.bob).await, FUNDS - 302);
}

async fn the_entries_are_in_the_transaction(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let proven = stage.batch();
    let receipt = stage.send(&stage.processor, &stage.settling(&proven)).await;

    let hash = receipt.transaction_hash;
    let transaction = stage.chain.reader().get_transaction_by_hash(hash).await.unwrap().unwrap();
    let settled = SettledBatch::decode(transaction.input()).unwrap();
    assert_eq!(settled.token, stage.token_address());
    assert_eq!(settled.verifier_set, stage.deployment.verifier_set);
    let commitments: Vec<_> = settled.segments.iter().map(|own| own.commitment).collect();
    let proved: Vec<_> = proven.segments.iter().map(|own| own.commitment).collect();
    assert_eq!(commitments, proved);
    let nonces: Vec<u64> =
        settled.debits.iter().flat_map(|debit| debit.nonces().map(Nonce::get)).collect();
    assert_eq!(nonces, [0, 129, 5, 6]);

    // With the accounts' keys it is the settlement that was proved, and has the batch's id.
    let key_of = |account| {
        let people = [&stage.ann, &stage.bob];
        let person = people.into_iter().find(|person| person.account == account)?;
        Some(KeyHash::of(&person.mandate_key.public()))
    };
    let (settlement, segments) = settled.settlement(&stage.id(), key_of).unwrap();
    assert_eq!((&settlement, &segments), (&proven.settlement, &proven.named()));
    let read = SettledTransaction::read(&stage.chain.reader(), stage.id(), hash).await.unwrap();
    assert_eq!((read.batch_id, &read.batch), (settlement.seed(&segments).into(), &settled));
    assert_eq!(settled.settlement(&stage.id(), |_| None), None);
}

async fn an_expired_batch_does_not_settle(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let settling = stage.settling(&stage.batch());
    stage.chain.travel_to(VALID_UNTIL + 1).await;
    let expired = stage.refused(&stage.processor, &settling).await;
    match expired {
        WalletError::BatchExpired { valid_until: VALID_UNTIL, timestamp } => {
            assert!(timestamp > U256::from(VALID_UNTIL))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.balance(&stage.ann).await, FUNDS);
}

async fn nobody_but_the_processor_settles(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (batch, processor) = (stage.batch(), stage.processor.address());
    for other in [&stage.stranger, &stage.ann.key, &stage.deployer] {
        let caller = other.address();
        let refused = stage.refused(other, &stage.settling(&batch)).await;
        assert_eq!(refused, WalletError::NotSender { processor, caller });
        let refused = stage.refused(other, &stage.settling_of(caller, &batch)).await;
        let not_authorized = WalletError::NotAuthorized {
            account: stage.ann.account.get(),
            processor: caller,
            verifier_set: stage.deployment.verifier_set.to_bytes(),
        };
        assert_eq!(refused, not_authorized);
    }
}

async fn a_blocked_payee_is_credited_and_collects_later(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let token = stage.token_address();
    stage.block_in_token(payee(1), true).await;

    let receipt = stage.send(&stage.processor, &stage.settling(&stage.batch())).await;
    let credited =
        WalletEvent::PayoutCredited { token, payee: payee(1), amount: BaseUnits::new(1_002) };
    assert!(stage.events(&receipt).contains(&credited));
    assert_eq!(stage.holds(payee(1)).await, 0);
    assert_eq!(stage.holds(payee(2)).await, 40, "the others are paid");
    assert_eq!(stage.balance(&stage.ann).await, FUNDS - 740, "the payers have paid");
    let credit = stage.wallet().credit(token, payee(1)).await.unwrap();
    assert_eq!(credit.owed, BaseUnits::new(1_002));

    let collecting = stage.id().collect(token, payee(1));
    let refused = stage.refused(&stage.stranger, &collecting).await;
    let amount = U256::from(1_002);
    assert_eq!(refused, WalletError::TransferFailed { token, to: payee(1), amount });

    stage.block_in_token(payee(1), false).await;
    let receipt = stage.send(&stage.stranger, &collecting).await;
    let amount = BaseUnits::new(1_002);
    let collected = WalletEvent::Collected { token, payee: payee(1), to: payee(1), amount };
    assert_eq!(stage.events(&receipt), [collected]);
    assert_eq!(stage.holds(payee(1)).await, 1_002);
    assert_eq!(stage.refused(&stage.stranger, &collecting).await, WalletError::AmountZero);

    // What the token says of blocked addresses itself.
    stage.block_in_token(stage.ann.address(), true).await;
    let sending = token::transfer(token, payee(2), BaseUnits::new(1));
    let refused = stage.refused(&stage.ann.key, &sending).await;
    assert_eq!(refused, WalletError::Token(TokenError::Blocked(stage.ann.address())));
}

async fn a_payee_with_a_threshold_is_paid_when_it_is_worth_it(chain: TestChain) {
    let stage = Stage::set(chain).await;
    let (token, payee) = (stage.token_address(), stage.stranger.address());
    let threshold = BaseUnits::new(100);
    let receipt =
        stage.send(&stage.stranger, &stage.id().set_payout_threshold(token, threshold)).await;
    let set = WalletEvent::PayoutThresholdSet { token, payee, threshold };
    assert_eq!(stage.events(&receipt), [set]);

    for (nonce, amount, held, owed) in [(0, 99, 0, 99), (1, 1, 100, 0)] {
        let payment = stage.ann.pays(payee, amount, nonce);
        let proven = stage.prove(&[(&stage.ann.mandate_key, payment)]);
        stage.send(&stage.processor, &stage.settling(&proven)).await;
        assert_eq!(stage.holds(payee).await, held);
        let credit = stage.wallet().credit(token, payee).await.unwrap();
        assert_eq!((credit.owed, credit.threshold), (BaseUnits::new(owed), threshold));
    }

    // Below it only the payee collects, to whom it says.
    let payment = stage.ann.pays(payee, 7, 2);
    let proven = stage.prove(&[(&stage.ann.mandate_key, payment)]);
    stage.send(&stage.processor, &stage.settling(&proven)).await;
    let refused = stage.refused(&stage.bob.key, &stage.id().collect(token, payee)).await;
    let (credit, limit) = (U256::from(7), U256::from(100));
    assert_eq!(refused, WalletError::BelowThreshold { credit, threshold: limit });
    let to = aep2_tests::stage::payee(3);
    let receipt = stage.send(&stage.stranger, &stage.id().collect_to(token, to)).await;
    let collected = WalletEvent::Collected { token, payee, to, amount: BaseUnits::new(7) };
    assert_eq!(stage.events(&receipt), [collected]);

    // A lower one takes the delay: until then payouts need no more gas than they were planned with.
    let lower = BaseUnits::new(5);
    let receipt = stage.send(&stage.stranger, &stage.id().set_payout_threshold(token, lower)).await;
    let from = stage.chain.now().await + DELAY_SECONDS;
    let in_force_from = UnixTime::new(from).unwrap();
    let requested =
        WalletEvent::PayoutThresholdRequested { token, payee, threshold: lower, in_force_from };
    assert_eq!(stage.events(&receipt), [requested]);
    let applying = stage.id().apply_payout_threshold(token, payee);
    let early = stage.refused(&stage.bob.key, &applying).await;
    assert_eq!(early, WalletError::TooEarly { available_from: from });
    stage.chain.travel_to(from).await;
    let receipt = stage.send(&stage.bob.key, &applying).await;
    let set = WalletEvent::PayoutThresholdSet { token, payee, threshold: lower };
    assert_eq!(stage.events(&receipt), [set]);
}
