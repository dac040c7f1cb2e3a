//! Promises that are kept, in time or late: what a watcher must not spend anything on.

use std::sync::atomic::Ordering::SeqCst;

use aep2_watch::{Event, WatchConfig};

use crate::support::{DEMAND, GRACE, PROMISE, RESPONSE, Stage, actions, payee, round, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_was_settled_in_time_costs_nothing() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    assert_eq!(rounds(&mut watcher).await.1.open, 1);
    stage.settle(&mandate, 1_000).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open, stage.sent().await), (vec![], 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_counts_though_its_processor_does_not_dare_to_say_yet_that_it_is_final() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    stage.word.is_unsure.store(true, SeqCst);
    stage.settle(&mandate, 1_000).await;
    assert_eq!(rounds(&mut watcher).await.1.open, 1);
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open, stage.sent().await), (vec![], 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_late_but_within_the_grace_costs_no_deposit() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    stage.travel(PROMISE + GRACE - 30);
    assert_eq!(actions(&rounds(&mut watcher).await.0), [""; 0]);
    stage.settle(&mandate, 1_000).await;
    stage.travel(40);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open, stage.sent().await), (vec![], 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_after_its_demand_is_not_paid_twice_and_the_deposit_comes_back() {
    let stage = Stage::new().await;
    let config = WatchConfig { grace_s: 0, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    stage.travel(PROMISE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"], "there was no grace");
    let batch = stage.settle(&mandate, 1_000).await;
    stage.answer(&batch, &receipt).await;
    stage.travel(RESPONSE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 1", "CollectEther 0"], "for the deposit: {told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (1_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_is_away_has_most_of_the_demand_period_to_show_what_it_settled() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    let (late, _) = stage.paid(1_000, 1).await;
    rounds(&mut watcher).await;
    let batch = stage.settle(&mandate, 1_000).await;
    stage.settle(&late, 1_000).await;
    stage.word.away.store(true, SeqCst);
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), [""; 0], "the nonces are spent");
    // It comes back in time for the one, and for the other not.
    stage.word.away.store(false, SeqCst);
    stage.word.forget(receipt.message.mandate_id.to_bytes());
    assert_eq!(rounds(&mut watcher).await.1.open, 1);
    stage.travel(DEMAND / 4 * 3 - GRACE);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"]);
    stage.answer(&batch, &receipt).await;
    let (told, summary) = rounds(&mut watcher).await;
    let lost = |event: &Event| matches!(event, Event::Answered { deposit_lost: true, .. });
    assert!(told.iter().any(lost), "{told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (2_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proved_once_is_known_though_its_processor_is_away_when_it_counts() {
    let stage = Stage::new().await;
    let config = WatchConfig { confirmations: 2, ..stage.config() };
    let (mandate, _) = stage.paid(1_000, 0).await;
    stage.travel(PROMISE + GRACE + 10);
    stage.settle(&mandate, 1_000).await;
    stage.travel(1);
    stage.travel(1);
    let mut watcher = stage.watcher_with(config.clone(), Some(payee())).await;
    assert_eq!(round(&mut watcher).await.1.open, 1, "proved, and not over for good yet");
    drop(watcher);
    stage.word.away.store(true, SeqCst);
    stage.travel(DEMAND / 4 * 3 - GRACE);
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    assert_eq!(actions(&round(&mut watcher).await.0), [""; 0]);
    stage.travel(1);
    let (_, summary) = round(&mut watcher).await;
    assert_eq!((summary.open, summary.unhandled, stage.sent().await), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_that_it_was_paid_leaves_the_processor_time_to_show_it() {
    let stage = Stage::new().await;
    let config = WatchConfig { grace_s: 0, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    stage.travel(PROMISE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"]);
    let batch = stage.settle(&mandate, 1_000).await;
    rounds(&mut watcher).await;
    // It is away, and so late with its answer.
    stage.word.away.store(true, SeqCst);
    stage.travel(RESPONSE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), [""; 0], "a claim would pay twice");
    stage.answer(&batch, &receipt).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 1", "CollectEther 0"], "for the deposit: {told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (1_000, 0));
}
