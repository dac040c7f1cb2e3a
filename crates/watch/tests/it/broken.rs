//! Promises that are not kept.

use std::sync::atomic::Ordering::SeqCst;

use aep2_watch::{Event, Lapse};

use crate::support::{DEMAND, GRACE, PROMISE, RESPONSE, Stage, actions, payee, rounds};

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_vanishes_costs_its_payee_nothing_but_gas() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    for nonce in 0..3 {
        stage.paid(1_000, nonce).await;
    }
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.open, stage.sent().await), (vec![], 3, 0));
    // From here on there is nobody but the chain.
    stage.word.away.store(true, SeqCst);
    stage.travel(PROMISE + GRACE - 20);
    let (told, _) = rounds(&mut watcher).await;
    assert!(matches!(&told[..], [Event::ProcessorAway { .. }]), "the grace: {told:?}");

    stage.travel(30);
    let (told, summary) = rounds(&mut watcher).await;
    let lapsed = |event: &&Event| matches!(event, Event::Lapsed { why: Lapse::NotSettled, .. });
    assert_eq!(told.iter().filter(lapsed).count(), 3, "{told:?}");
    assert_eq!(actions(&told), ["Demand 3"], "in one transaction");
    assert_eq!((summary.unhandled, summary.lapsed), (0, 3));
    stage.travel(RESPONSE - 20);
    assert_eq!(actions(&rounds(&mut watcher).await.0), [""; 0], "it may still be answered");

    stage.travel(30);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 3", "CollectEther 0"]);
    assert_eq!((stage.holds(payee().address()).await, summary.open), (3_000, 0));
    let paid =
        |event: &&Event| matches!(event, Event::Claimed { claimed, .. } if claimed.get() == 1_000);
    assert_eq!(told.iter().filter(paid).count(), 3, "{told:?}");
    let ether = stage.guarantee().ether(payee().address()).await.unwrap();
    assert!(ether.is_zero(), "deposits came back, and are fetched");

    let before = stage.sent().await;
    stage.travel(DEMAND + RESPONSE);
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!((told, stage.sent().await), (vec![], before), "it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_settled_for_less_than_is_due_is_made_up_by_the_bond() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    let batch = stage.settle(&mandate, 300).await;
    stage.travel(PROMISE + GRACE + 10);
    let (told, _) = rounds(&mut watcher).await;
    let short = |event: &Event| matches!(event, Event::Lapsed { why: Lapse::Short { settled }, .. } if settled.get() == 300);
    assert!(told.iter().any(short), "{told:?}");
    assert_eq!(actions(&told), ["Demand 1"]);
    stage.answer(&batch, &receipt).await;
    stage.travel(RESPONSE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 1", "CollectEther 0"], "{told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (1_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_spent_is_no_payment() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    let (other, _) = stage.paid(500, 1).await;
    // The one is settled at 1, and its processor shows the proof of the other for it.
    stage.settle(&mandate, 1).await;
    stage.settle(&other, 500).await;
    let id = |own: &aep2_mandate::mandate::SignedMandate| {
        own.mandate.id(&stage.id().mandate_domain(stage.token())).to_bytes()
    };
    stage.word.lie(&stage, id(&mandate), id(&other));
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert!(told.iter().any(|event| matches!(event, Event::Contradicted { .. })), "{told:?}");
    assert_eq!((actions(&told).len(), summary.open), (0, 1), "it may come to show it yet");
    stage.travel(DEMAND / 4 * 3 - GRACE);
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Demand 1"]);
    stage.travel(RESPONSE + 10);
    rounds(&mut watcher).await;
    assert_eq!(stage.holds(payee().address()).await, 1 + 500 + 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_leads_nowhere_puts_nothing_off() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (other, _) = stage.paid(500, 1).await;
    stage.settle(&other, 500).await;
    rounds(&mut watcher).await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    let id = |own: &aep2_mandate::mandate::SignedMandate| {
        own.mandate.id(&stage.id().mandate_domain(stage.token())).to_bytes()
    };
    // A transaction that no node knows: it may come, its processor says.
    stage.word.lie(&stage, id(&mandate), id(&other));
    stage.word.point_nowhere(id(&mandate));
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_demanded_in_time_is_said() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    stage.paid(1_000, 0).await;
    rounds(&mut watcher).await;
    stage.travel(PROMISE + DEMAND + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert!(matches!(&told[..], [Event::TooLate { due, .. }] if due.get() == 1_000), "{told:?}");
    assert_eq!((summary.unhandled, summary.open), (1, 0));
}
