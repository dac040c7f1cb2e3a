//! One danger at a time.

use std::{sync::Arc, time::Duration};

use aep2_chain::{
    call::TRANSACTION_GAS_MAX,
    sender::{
        Broadcast, Journal, JournalError, Key, MemoryJournal, Outcome, Pending, Refusal, Sender,
        SenderConfig, SenderError, SubmitError,
    },
};
use alloy::primitives::U256;

use super::{
    Fragile, NextWrite, call, config, id, open,
    stage::stage,
    world::{CHAIN_ID, Habits, Kind, World, calldata, revert_data, signer},
};
use crate::scripted::{Scripted, run};

#[test]
fn a_call_that_reverts_is_not_sent_and_costs_no_nonce() {
    run(async {
        let stage = stage(&config()).await;
        for gas in [None, Some(90_000)] {
            let mut call = call(Kind::Reverts, 1);
            call.gas = gas;
            match stage.sender.submit(id(1), call).await {
                Err(SubmitError::WouldRevert { data }) => {
                    assert_eq!(data, revert_data(&calldata(Kind::Reverts, 1)));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(stage.node.model().seen.is_empty());
        assert_eq!(stage.submit(2, Kind::Succeeds).await.nonce, 0);
    });
}

/// What a call needs may grow until it is mined: its limit is what was planned for, or what a transaction
/// may have.
#[test]
fn the_gas_limit_is_no_lower_than_planned() {
    run(async {
        let stage = stage(&config()).await;
        let planned = |gas| call(Kind::Succeeds, gas).with_gas_least(gas);
        for (gas, limit) in [(500_000, 500_000), (u64::MAX, TRANSACTION_GAS_MAX)] {
            let ticket = stage.sender.submit(id(gas), planned(gas)).await.expect("submitted");
            let key = Key { chain_id: CHAIN_ID, address: signer().address() };
            let record = stage.journal.find(key, id(gas)).expect("reads").expect("written");
            assert_eq!((record.nonce, record.gas_limit), (ticket.nonce, limit));
        }
        // The same call, planned otherwise, is the same.
        let again = call(Kind::Succeeds, 500_000).with_gas_least(700_000);
        let again = stage.sender.submit(id(500_000), again).await.expect("known");
        assert_eq!(again.broadcast, Broadcast::Earlier);
    });
}

#[test]
fn the_same_id_is_sent_once_and_for_one_call_only() {
    run(async {
        let stage = stage(&config()).await;
        let first = stage.submit(1, Kind::Succeeds).await;
        assert_eq!(first.broadcast, Broadcast::Accepted);
        let again = stage.submit(1, Kind::Succeeds).await;
        assert_eq!((again.nonce, again.hash), (first.nonce, first.hash));
        assert_eq!(again.broadcast, Broadcast::Earlier);
        assert_eq!(stage.node.model().seen.len(), 1);
        match stage.sender.submit(id(1), call(Kind::Succeeds, 2)).await {
            Err(SubmitError::IdReused { id: reused }) => assert_eq!(reused, id(1)),
            other => panic!("{other:?}"),
        }
        // Also after it has ended.
        stage.mine();
        stage.pass(2);
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
        assert_eq!(stage.submit(1, Kind::Succeeds).await.broadcast, Broadcast::Earlier);
        assert_eq!(stage.node.model().seen.len(), 1);
    });
}

#[test]
fn a_transaction_in_a_block_is_no_success_before_its_confirmations() {
    run(async {
        let stage = stage(&config()).await;
        let ticket = stage.submit(1, Kind::Succeeds).await;
        let waiting = Pending::Waiting { hash: ticket.hash, attempts: 1 };
        assert_eq!(stage.outcome(1).await, Outcome::Pending(waiting));
        stage.mine();
        for _ in 0..2 {
            match stage.outcome(1).await {
                Outcome::Pending(Pending::Mined { block, succeeded: true }) => {
                    assert_eq!(block.number, 10);
                }
                other => panic!("{other:?}"),
            }
            stage.pass(1);
        }
        match stage.outcome(1).await {
            Outcome::Succeeded { receipt } => assert_eq!(receipt.transaction_hash, ticket.hash),
            other => panic!("{other:?}"),
        }
        assert_eq!(stage.advance().await, 0);
    });
}

#[test]
fn a_block_that_the_chain_left_is_no_success_however_nodes_disagree() {
    run(async {
        for confirmations in [0, 2] {
            let stage = stage(&SenderConfig { confirmations, ..config() }).await;
            stage.submit(1, Kind::Succeeds).await;
            stage.mine();
            stage.node.model().leave_one_behind();
            stage.node.model().reorganise(1, 100);
            stage.pass(10);
            assert_eq!(stage.node.model().count(), 0);
            stage.node.model().habits.receipts_stale = true;
            assert_eq!(stage.outcome(1).await, Outcome::Pending(Pending::Unclear));
        }

        // One node has the block, the other has blocks enough on top of its number.
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.node.model().leave_one_behind();
        stage.node.model().reorganise(1, 100);
        stage.pass(10);
        stage.node.model().habits.stale = 50;
        let mut in_a_block = 0;
        for _ in 0..1_000 {
            match stage.sender.outcome(id(1)).await {
                Ok(Outcome::Pending(Pending::Mined { .. })) => in_a_block += 1,
                Ok(Outcome::Pending(_) | Outcome::Dropped { .. }) => {}
                // The old node does not have the block that the other named.
                Err(SenderError::Rpc(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(in_a_block > 10, "the test needs the old node to be believed at times");
    });
}

#[test]
fn a_revert_in_a_block_is_told_with_its_reason() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::RevertsLater).await;
        stage.submit(2, Kind::RevertsForNoReason).await;
        stage.mine();
        stage.pass(2);
        let data = revert_data(&calldata(Kind::RevertsLater, 1));
        for (tag, expected) in [(1, Some(data)), (2, None)] {
            match stage.outcome(tag).await {
                Outcome::Reverted { receipt, reason } => {
                    assert!(!receipt.status());
                    assert_eq!(reason, expected);
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn a_lost_answer_does_not_send_it_twice() {
    run(async {
        let stage = stage(&config()).await;
        stage.node.model().habits.answer_lost = 0;
        // The answer to the broadcast is lost, and only that.
        let messages = stage.node.model().messages;
        stage.submit(1, Kind::Succeeds).await;
        let broadcast_at = stage.node.model().messages - messages - 1;

        let before = stage.node.model().seen.len();
        let submission = stage.sender.submit(id(2), call(Kind::Succeeds, 2));
        let node = stage.node.clone();
        let lose = async {
            let start = node.model().messages;
            while node.model().messages < start + broadcast_at {
                tokio::time::sleep(Duration::from_micros(100)).await;
            }
            node.model().habits.answer_lost = 100;
        };
        let (ticket, ()) = tokio::join!(submission, lose);
        stage.node.model().habits.answer_lost = 0;
        let ticket = ticket.unwrap();
        assert!(matches!(ticket.broadcast, Broadcast::Unanswered { .. }), "{ticket:?}");
        assert_eq!(stage.node.model().seen.len(), before + 1, "the node has it");

        stage.advance().await;
        stage.mine();
        stage.pass(2);
        assert_eq!(stage.advance().await, 0);
        assert!(matches!(stage.outcome(2).await, Outcome::Succeeded { .. }));
        let seen = stage.node.model().seen.clone();
        assert!(seen.iter().filter(|tx| tx.nonce == ticket.nonce).all(|tx| tx.hash == ticket.hash));
    });
}

#[test]
fn a_stuck_transaction_is_replaced_and_either_may_be_the_one_mined() {
    run(async {
        for newest in [true, false] {
            let stage = stage(&config()).await;
            stage.node.model().habits.passed_over = 100;
            let first = stage.submit(1, Kind::Succeeds).await;
            let old = stage.node.model().pooled();
            stage.pass(2);
            stage.advance().await;
            assert_eq!(stage.node.model().seen.len(), 1, "too early");
            stage.pass(1);
            stage.advance().await;
            let replacement = stage.node.model().pooled();
            assert_eq!(replacement.len(), 1);
            assert_ne!(replacement[0].hash, first.hash);
            assert_eq!(replacement[0].nonce, first.nonce);
            match stage.outcome(1).await {
                Outcome::Pending(Pending::Waiting { hash, attempts: 2 }) => {
                    assert_eq!(hash, replacement[0].hash);
                }
                other => panic!("{other:?}"),
            }
            // Not again before it too had its time.
            stage.advance().await;
            assert_eq!(stage.node.model().seen.len(), 2);

            let mined = if newest { replacement[0].clone() } else { old[0].clone() };
            stage.node.model().put_in_pool(mined.clone());
            stage.node.model().habits.passed_over = 0;
            stage.mine();
            stage.pass(2);
            match stage.outcome(1).await {
                Outcome::Succeeded { receipt } => {
                    assert_eq!(receipt.transaction_hash, mined.hash);
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn the_lowest_nonce_is_raised_first_and_alone() {
    run(async {
        let stage = stage(&config()).await;
        stage.node.model().habits.passed_over = 100;
        for tag in 0..3 {
            stage.submit(tag, Kind::Succeeds).await;
        }
        stage.pass(3);
        stage.advance().await;
        let seen = stage.node.model().seen.clone();
        let nonces: Vec<u64> = seen.iter().map(|tx| tx.nonce).collect();
        assert_eq!(nonces, [0, 1, 2, 0]);
        assert_eq!(stage.outcome(1).await, Outcome::Pending(Pending::Behind { nonce: 0 }));

        stage.node.model().habits.passed_over = 0;
        stage.mine();
        stage.pass(2);
        assert_eq!(stage.advance().await, 0);
    });
}

#[test]
fn fees_that_a_node_refuses_are_raised_at_once() {
    run(async {
        let stage = stage(&config()).await;
        stage.node.model().habits.refuses_cheap = true;
        let blocks = stage.node.model().height();
        // The base fee jumps after it was read.
        let submission = stage.sender.submit(id(1), call(Kind::Succeeds, 1));
        let node = stage.node.clone();
        let jump = async {
            tokio::time::sleep(Duration::from_millis(7)).await;
            node.model().base_wei = 5_000;
        };
        let (ticket, ()) = tokio::join!(submission, jump);
        match ticket.unwrap().broadcast {
            Broadcast::Refused { refusal: Refusal::FeeTooLow, .. } => {}
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            stage.outcome(1).await,
            Outcome::Dropped { refusal: Some((Refusal::FeeTooLow, _)), .. }
        ));
        stage.pass(1);
        stage.advance().await;
        assert_eq!(stage.node.model().pooled().len(), 1);
        assert_eq!(stage.node.model().height(), blocks + 1);
    });
}

#[test]
fn what_the_node_forgot_is_said_to_be_dropped_and_sent_again() {
    run(async {
        let stage = stage(&config()).await;
        let ticket = stage.submit(1, Kind::Succeeds).await;
        stage.node.model().evict_all();
        assert_eq!(stage.outcome(1).await, Outcome::Dropped { hash: ticket.hash, refusal: None });
        stage.advance().await;
        let hashes: Vec<_> = stage.node.model().seen.iter().map(|tx| tx.hash).collect();
        assert_eq!(hashes, [ticket.hash, ticket.hash], "the same transaction again");
        assert!(matches!(stage.outcome(1).await, Outcome::Pending(Pending::Waiting { .. })));
    });
}

#[test]
fn a_nonce_used_elsewhere_is_told_apart_and_not_taken_for_success() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        let foreign = stage.node.model().foreign(0);
        stage.mine();
        assert_eq!(stage.outcome(1).await, Outcome::Pending(Pending::Unclear));
        stage.pass(2);
        match stage.outcome(1).await {
            Outcome::Replaced { by, block } => {
                assert_eq!(by, Some(foreign));
                assert_eq!(block.number, 10);
            }
            other => panic!("{other:?}"),
        }
        // The next one goes round it.
        assert_eq!(stage.submit(2, Kind::Succeeds).await.nonce, 1);
    });
}

#[test]
fn a_nonce_used_by_an_authorisation_is_told_apart() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.node.model().mine_authorisation();
        stage.pass(2);
        assert!(matches!(stage.outcome(1).await, Outcome::Replaced { by: None, .. }));
    });
}

#[test]
fn a_missing_receipt_is_not_taken_for_a_replacement() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.pass(10);
        stage.node.model().habits.no_receipts = true;
        for _ in 0..3 {
            assert_eq!(stage.advance().await, 1);
            assert_eq!(stage.outcome(1).await, Outcome::Pending(Pending::Unclear));
        }
        stage.node.model().habits.no_receipts = false;
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
    });
}

#[test]
fn a_block_without_its_transactions_is_not_taken_for_a_replacement() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.pass(10);
        stage.node.model().habits.no_receipts = true;
        stage.node.model().habits.no_transactions = true;
        for _ in 0..3 {
            assert_eq!(stage.advance().await, 1);
            assert_eq!(stage.outcome(1).await, Outcome::Pending(Pending::Unclear));
        }
        stage.node.model().habits.no_receipts = false;
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
    });
}

#[test]
fn a_transaction_that_falls_out_of_its_block_is_sent_again() {
    run(async {
        let stage = stage(&config()).await;
        let ticket = stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.pass(1);
        stage.advance().await;
        stage.node.model().reorganise(2, 100);
        assert_eq!(stage.node.model().count(), 0);
        assert!(matches!(stage.outcome(1).await, Outcome::Dropped { .. }));
        stage.advance().await;
        stage.mine();
        stage.pass(2);
        match stage.outcome(1).await {
            Outcome::Succeeded { receipt } => assert_eq!(receipt.transaction_hash, ticket.hash),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn what_was_final_is_taken_up_again_when_the_chain_undoes_it() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.pass(2);
        assert_eq!(stage.advance().await, 0);
        stage.node.model().reorganise(5, 100);
        // Otherwise its nonce would be a gap, and nothing were ever mined again.
        let next = stage.submit(2, Kind::Succeeds).await;
        assert_eq!(next.nonce, 1);
        assert_eq!(stage.advance().await, 2);
        stage.mine();
        stage.pass(2);
        assert_eq!(stage.advance().await, 0);
        assert_eq!(stage.node.model().mined().len(), 2);
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
    });
}

#[test]
fn a_node_that_lags_does_not_make_a_nonce_be_used_twice() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        stage.mine();
        stage.pass(2);
        assert_eq!(stage.advance().await, 0);
        // A node that has none of this answers from now on.
        stage.node.model().forget_blocks(3);
        assert_eq!(stage.node.model().count(), 0);
        assert_eq!(stage.submit(2, Kind::Succeeds).await.nonce, 1);
        // Nor is what was final in doubt because the node does not know it.
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
    });
}

#[test]
fn too_little_money_costs_no_nonce() {
    run(async {
        let stage = stage(&config()).await;
        // 60,000 gas at up to 202 wei, and once more.
        stage.node.model().balance = U256::from(60_000 * 202 * 2 - 1);
        assert_eq!(stage.submit(1, Kind::Succeeds).await.nonce, 0);
        match stage.sender.submit(id(2), call(Kind::Succeeds, 2)).await {
            Err(SubmitError::InsufficientFunds { balance, needed }) => {
                assert_eq!(needed - balance, U256::from(1));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(stage.journal.at_or_above(stage.sender.key(), 0).unwrap().len(), 1);
    });
}

#[test]
fn killed_at_any_message_of_a_submission_it_is_mined_once() {
    run(async {
        let mut reached_broadcast = false;
        for silent_in in 0..8 {
            let stage = stage(&config()).await;
            stage.node.model().silent_in = Some(silent_in);
            let submission = stage.sender.submit(id(1), call(Kind::Succeeds, 1));
            let ticket = tokio::time::timeout(Duration::from_secs(5), submission).await;
            stage.node.model().silent_in = None;
            reached_broadcast |= ticket.is_ok();

            let sender = open(&stage.node, &config(), stage.journal.clone()).await;
            sender.advance().await.unwrap();
            // The caller does not know how far it came, and asks again.
            sender.submit(id(1), call(Kind::Succeeds, 1)).await.unwrap();
            sender.submit(id(2), call(Kind::Succeeds, 2)).await.unwrap();
            stage.mine();
            stage.pass(2);
            assert_eq!(sender.advance().await.unwrap(), 0);
            for tag in [1, 2] {
                let outcome = sender.outcome(id(tag)).await.unwrap();
                assert!(matches!(outcome, Outcome::Succeeded { .. }), "{silent_in}: {outcome:?}");
            }
            assert_eq!(stage.node.model().mined().len(), 2);
        }
        assert!(reached_broadcast, "not all of a submission was tried");
    });
}

#[test]
fn nothing_is_broadcast_that_could_not_be_written_down() {
    run(async {
        for (next, written) in [(NextWrite::Fails, 0), (NextWrite::SucceedsUnheard, 1)] {
            let node = Scripted::new(World::new(1, Habits::default()));
            let journal = Arc::new(Fragile::new(MemoryJournal::new()));
            let sender = open(&node, &config(), journal.clone()).await;
            journal.fail_next(next);
            match sender.submit(id(1), call(Kind::Succeeds, 1)).await {
                Err(SubmitError::Sender(SenderError::Journal(JournalError::Store(_)))) => {}
                other => panic!("{other:?}"),
            }
            assert!(node.model().seen.is_empty());
            // What is on disk is not known any more, so nothing goes on with this sender.
            assert!(matches!(
                sender.submit(id(2), call(Kind::Succeeds, 2)).await,
                Err(SubmitError::Sender(SenderError::Closed))
            ));
            assert!(matches!(sender.advance().await, Err(SenderError::Closed)));
            assert!(matches!(sender.outcome(id(1)).await, Err(SenderError::Closed)));
            // The next one sends what was written, whether that was heard or not.
            let sender = open(&node, &config(), journal).await;
            assert_eq!(sender.advance().await.unwrap(), written);
            assert_eq!(node.model().seen.len(), written);
        }
    });
}

#[test]
fn a_replacement_that_could_not_be_written_down_is_not_sent() {
    run(async {
        let node = Scripted::new(World::new(1, Habits::default()));
        let journal = Arc::new(Fragile::new(MemoryJournal::new()));
        let sender = open(&node, &config(), journal.clone()).await;
        sender.submit(id(1), call(Kind::Succeeds, 1)).await.unwrap();
        for _ in 0..3 {
            node.model().mine_empty();
        }
        journal.fail_next(NextWrite::Fails);
        assert!(matches!(sender.advance().await, Err(SenderError::Journal(_))));
        assert_eq!(node.model().seen.len(), 1);
    });
}

#[test]
fn waiting_outlasts_failures_and_drives_all_submissions() {
    run(async {
        let stage = stage(&config()).await;
        for tag in 0..3 {
            stage.submit(tag, Kind::Succeeds).await;
        }
        stage.node.model().evict_all();
        stage.node.model().habits =
            Habits { mined: 5, failed: 20, answer_lost: 10, ..Habits::default() };
        let outcome = stage.sender.wait(id(2)).await.unwrap();
        assert!(matches!(outcome, Outcome::Succeeded { .. }));
        match stage.sender.wait(id(9)).await {
            Err(SenderError::NoSuchSubmission { id: unknown }) => assert_eq!(unknown, id(9)),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn only_what_has_ended_is_forgotten_and_never_the_newest() {
    run(async {
        let stage = stage(&config()).await;
        stage.submit(1, Kind::Succeeds).await;
        assert!(matches!(stage.sender.forget(id(1)).await, Err(SenderError::Unfinished { .. })));
        assert_eq!(stage.sender.forget_ended().await.unwrap(), 0, "it has not ended");
        stage.mine();
        stage.pass(2);
        stage.advance().await;
        assert!(!stage.sender.forget(id(1)).await.unwrap(), "it tells which nonces were taken");
        assert_eq!(stage.sender.forget_ended().await.unwrap(), 0);
        stage.submit(2, Kind::Succeeds).await;
        assert!(stage.sender.forget(id(1)).await.unwrap());
        stage.mine();
        stage.pass(2);
        stage.advance().await;
        stage.submit(3, Kind::Succeeds).await;
        assert_eq!(stage.sender.forget_ended().await.unwrap(), 1);
        assert!(matches!(
            stage.sender.outcome(id(1)).await,
            Err(SenderError::NoSuchSubmission { .. })
        ));
    });
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    run(async {
        let node = Scripted::new(World::new(1, Habits::default()));
        let cases = [
            ("fee_cap_wei", SenderConfig { fee_cap_wei: 0, tip_wei: 0, ..config() }),
            ("tip_wei", SenderConfig { tip_wei: 2_000_000, ..config() }),
            ("bump_percent", SenderConfig { bump_percent: 9, ..config() }),
            ("stuck_after_blocks", SenderConfig { stuck_after_blocks: 0, ..config() }),
            ("poll_interval", SenderConfig { poll_interval: Duration::ZERO, ..config() }),
            ("request_timeout", SenderConfig { request_timeout: Duration::ZERO, ..config() }),
        ];
        for (expected, config) in cases {
            let journal = Arc::new(MemoryJournal::new());
            match Sender::open(node.provider(), signer(), config, journal).await {
                Err(SenderError::Config { setting, .. }) => assert_eq!(setting, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    });
}
