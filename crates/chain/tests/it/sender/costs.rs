//! That a transaction costs more than it may, or waits for ever.

use aep2_chain::{
    call::Call,
    sender::{FeeCapReached, Journal, Outcome, Pending, SenderConfig, SubmitError},
};
use alloy::primitives::U256;

use super::{call, config, id, stage::stage, world::Kind};
use crate::scripted::run;

#[test]
fn at_the_fee_cap_it_is_said_to_be_stuck_and_watched_until_the_chain_is_cheaper() {
    run(async {
        let stage = stage(&SenderConfig { fee_cap_wei: 210, ..config() }).await;
        let ticket = stage.submit(1, Kind::Succeeds).await;
        stage.node.model().base_wei = 500;
        for _ in 0..20 {
            stage.mine();
            stage.advance().await;
        }
        let seen = stage.node.model().seen.clone();
        assert!(seen.iter().all(|tx| tx.hash == ticket.hash), "the cap was passed");
        match stage.outcome(1).await {
            Outcome::Pending(Pending::Stuck(reached)) => {
                assert_eq!(reached.cap_wei, 210);
                assert!(reached.to_string().contains("the fee cap of 210 wei per gas is reached"));
            }
            other => panic!("{other:?}"),
        }
        stage.node.model().base_wei = 100;
        stage.mine();
        stage.pass(2);
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
    });
}

#[test]
fn no_raise_takes_a_call_beyond_what_it_may_cost() {
    run(async {
        let stage = stage(&config()).await;
        // 60,000 gas, at 300 wei at most.
        let most = U256::from(60_000 * 300 + 7);
        let capped = Call { value: U256::from(7), ..call(Kind::Succeeds, 1) }.with_cost_max(most);
        stage.sender.submit(id(1), capped).await.unwrap();
        stage.node.model().base_wei = 250;
        for _ in 0..20 {
            stage.pass(1);
            stage.advance().await;
            let record = stage.sender.record(id(1)).await.unwrap().unwrap();
            assert!(record.cost_max() <= most && record.cost().is_none());
        }
        assert!(stage.node.model().seen.iter().any(|tx| tx.max_wei > 202), "it was raised");
        stage.node.model().base_wei = 100;
        stage.mine();
        stage.pass(2);
        stage.advance().await;
        let record = stage.sender.record(id(1)).await.unwrap().unwrap();
        // The model takes all that is offered.
        let offered = record.attempts.last().unwrap().fees.max_wei;
        assert_eq!(record.cost(), Some(U256::from(21_000 * offered + 7)));
        let poor = call(Kind::Succeeds, 2).with_cost_max(U256::from(60_000 * 101));
        let refused = stage.sender.submit(id(2), poor).await;
        assert!(matches!(refused, Err(SubmitError::FeeCap(_))), "below the base fee: {refused:?}");
    });
}

#[test]
fn what_a_call_may_cost_can_be_raised_while_it_is_stuck() {
    run(async {
        let stage = stage(&config()).await;
        // 60,000 gas, at 210 wei at most.
        let capped = call(Kind::Succeeds, 1).with_cost_max(U256::from(60_000 * 210));
        stage.sender.submit(id(1), capped).await.unwrap();
        stage.node.model().base_wei = 500;
        let wait = async || {
            for _ in 0..10 {
                stage.pass(1);
                stage.advance().await;
            }
        };
        wait().await;
        let stuck = stage.sender.stuck(id(1)).await.unwrap();
        assert_eq!(stuck.map(|reached| reached.cap_wei), Some(210));
        let most = U256::from(60_000 * 900);
        stage.sender.set_cost_max(id(1), most).await.unwrap();
        wait().await;
        let stuck = stage.sender.stuck(id(1)).await.unwrap();
        assert_eq!(stuck.map(|reached| reached.cap_wei), Some(900), "it was raised up to that");
        let record = stage.sender.record(id(1)).await.unwrap().unwrap();
        assert!(record.cost_max() > U256::from(60_000 * 500) && record.cost_max() <= most);
        stage.mine();
        stage.pass(2);
        assert!(matches!(stage.outcome(1).await, Outcome::Succeeded { .. }));
        // What has ended is as it was.
        stage.sender.set_cost_max(id(1), U256::ZERO).await.unwrap();
        let ended = stage.sender.record(id(1)).await.unwrap().unwrap();
        assert_eq!(ended.call.cost_max_wei, Some(most));
    });
}

#[test]
fn a_base_fee_above_the_cap_costs_no_nonce() {
    run(async {
        let stage = stage(&SenderConfig { fee_cap_wei: 210, ..config() }).await;
        stage.node.model().base_wei = 209;
        stage.pass(1);
        match stage.sender.submit(id(1), call(Kind::Succeeds, 1)).await {
            Err(SubmitError::FeeCap(reached)) => {
                assert_eq!(reached, FeeCapReached { needed_wei: 211, cap_wei: 210 });
            }
            other => panic!("{other:?}"),
        }
        assert!(stage.journal.at_or_above(stage.sender.key(), 0).unwrap().is_empty());
    });
}
