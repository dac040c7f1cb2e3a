//! Somebody who is faster: a list that fails costs its gas, and the rest of it is demanded all the same.

use aep2_chain::{
    sender::{FileJournal, Journal, Key},
    wallet::guarantee::Promise,
};
use aep2_mandate::typed_data::receipt::SignedReceipt;
use aep2_watch::{Event, WatchConfig, Watcher};
use alloy::primitives::U256;

use crate::support::{GRACE, PROMISE, RESPONSE, Stage, actions, dev_key, payee, round, rounds};

/// Demands a receipt, as anybody may.
async fn demand(stage: &Stage, receipt: SignedReceipt) {
    let deposit = stage.guarantee().deposit_for(1).await.unwrap() * U256::from(2);
    let promise = [Promise { receipt, capture: None }];
    stage.send(&dev_key(8), &stage.id().guarantee().demand(&promise, deposit)).await;
}

/// What a watcher says that it has spent, in wei.
fn spent(watcher: &Watcher) -> f64 {
    let figures = watcher.figures().encode().unwrap();
    let spent = figures.lines().find_map(|line| line.strip_prefix("aep2_payee_watch_spent_wei "));
    spent.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_demands_one_receipt_in_front_of_a_list_stops_no_other_and_drains_no_limit() {
    let stage = Stage::new().await;
    let mut receipts = Vec::new();
    for nonce in 0..3 {
        receipts.push(stage.paid(1_000, nonce).await.1);
    }
    stage.travel(PROMISE + GRACE + 10);
    // Three demands may cost 2,540,000 gas, deposits included, of which as much again is kept to raise their fees.
    let base_fee = stage.base_fee().await;
    let ether_max_wei = base_fee * U256::from(5_200_000);
    let config = WatchConfig { confirmations: 2, ether_max_wei, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    assert_eq!(actions(&round(&mut watcher).await.0), ["Demand 3"]);
    // It falls out of its block, and somebody else is in the next one.
    stage.chain.reorganise(1).unwrap();
    demand(&stage, receipts[0]).await;
    let mut told = Vec::new();
    for _ in 0..16 {
        told.extend(round(&mut watcher).await.0);
        stage.chain.mine().unwrap();
    }
    let failed = told.iter().filter(|event| matches!(event, Event::Failed { .. })).count();
    assert_eq!(failed, 1, "{told:?}");
    assert_eq!(actions(&told)[..2], ["Demand 1", "Demand 1"], "without the one that is known");
    // Two demands with their deposits, and the gas of a list that failed: not what that might have cost.
    let (spent, most) = (spent(&watcher), base_fee * U256::from(2_000_000));
    assert!(spent < f64::from(most), "{spent} at {base_fee}");
    for receipt in receipts {
        let digest = stage.digest(&receipt);
        assert!(stage.guarantee().demand(digest).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_did_not_use_is_free_again_and_its_record_is_forgotten() {
    let stage = Stage::new().await;
    for nonce in 0..2 {
        stage.paid(1_000, nonce).await;
    }
    stage.travel(PROMISE + GRACE + 10);
    let base_fee = stage.base_fee().await;
    // Each of these is another process, as from cron.
    assert_eq!(actions(&rounds(&mut stage.watcher().await).await.0), ["Demand 2"]);
    stage.travel(RESPONSE + 10);
    let mut watcher = stage.watcher().await;
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Claim 2", "CollectEther 0"]);
    rounds(&mut watcher).await;
    let spent = spent(&watcher);
    // The deposit and its margin are 880,000 gas at the base fee. What might have been used is 2,700,000.
    let used = base_fee * U256::from(2_000_000);
    assert!(spent > 0.0 && spent < f64::from(used), "{spent}");
    drop(watcher);
    let journal = FileJournal::open(stage.state().join("transactions.txj")).unwrap();
    let key = Key { chain_id: stage.id().chain_id.get(), address: payee().address() };
    assert_eq!(journal.at_or_above(key, 0).unwrap().len(), 1, "the newest");
}
