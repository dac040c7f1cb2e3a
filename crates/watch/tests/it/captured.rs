//! Payees that took less: they demand no more than that, whoever heard of it.

use aep2_watch::Event;

use crate::support::{GRACE, PROMISE, RESPONSE, Stage, actions, dev_key, payee, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_settled_at_what_was_captured_is_kept() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    // The payee's own word is enough: the processor's may have been lost on its way.
    stage.keeper.keep(stage.captured(&receipt, 900).await.0).unwrap();
    stage.settle(&mandate, 900).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open, stage.sent().await), (vec![], 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_let_go_is_never_demanded() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    stage.keeper.keep(stage.captured(&receipt, 0).await.0).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open), (vec![], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_captured_counts_though_it_was_read_before_its_receipt() {
    let stage = Stage::new().await;
    let promise = stage.promise(&stage.mandate(1_000, 0).await).await;
    let receipt = stage.sign(promise, &dev_key(1));
    let (capture, statement) = stage.captured(&receipt, 300).await;
    stage.keeper.keep(capture).unwrap();
    stage.keeper.keep(statement).unwrap();
    let (told, summary) = rounds(&mut stage.watcher().await).await;
    assert_eq!((told, summary.open), (vec![], 0));
    // The receipt's file comes late, and the watcher is another process by then.
    stage.keeper.keep(receipt).unwrap();
    let mut watcher = stage.watcher().await;
    assert_eq!(rounds(&mut watcher).await.1.open, 1);
    let watched = watcher.watched().next().unwrap();
    assert_eq!(watched.due().get(), 300);
    assert!(watched.capture.is_some() && watched.capture_receipt.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bond_pays_what_was_captured_and_not_the_ceiling() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    let (capture, statement) = stage.captured(&receipt, 900).await;
    stage.keeper.keep(capture).unwrap();
    stage.keeper.keep(statement).unwrap();
    // Of this one the processor's word never came.
    let (_, unheard) = stage.paid(1_000, 1).await;
    stage.keeper.keep(stage.captured(&unheard, 200).await.0).unwrap();
    stage.travel(PROMISE + GRACE + 10);
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Demand 2", "Lower 1"], "{told:?}");
    stage.travel(RESPONSE + 10);
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 2", "CollectEther 0"]);
    assert_eq!(stage.holds(payee().address()).await, 1_100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_pays_for_gas_claims_what_was_captured_too() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher_with(stage.config(), Some(dev_key(5))).await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    let (capture, statement) = stage.captured(&receipt, 900).await;
    stage.keeper.keep(capture).unwrap();
    stage.keeper.keep(statement).unwrap();
    stage.travel(PROMISE + GRACE + 10);
    // It may not bring the processor's word on the capture.
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1", "Lower 1"]);
    stage.travel(RESPONSE + 10);
    let (told, _) = rounds(&mut watcher).await;
    assert!(told.iter().any(|event| matches!(event, Event::Claimed { .. })), "{told:?}");
    assert_eq!((stage.holds(payee().address()).await, stage.sent().await), (900, 0));
}
