//! That a processor which is slow, floods, or fails keeps others from their say, and cases from their deadlines.

use std::{sync::atomic::Ordering, time::Duration};

use crate::support::{Payment, World, decided, later};

#[tokio::test]
async fn deadlines_are_kept_while_a_processor_keeps_everybody_waiting() {
    let world = World::begin().await;
    let arbiter = world.open();
    let view = world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 1_000, Vec::new());
    world.turned(&arbiter).await;
    world.stand_in.script().is_slow = true;
    let working = tokio::spawn(world.worker(&arbiter).run(Duration::from_millis(20)));
    // In the middle of a turn the last moment comes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.wait_until(later(view.decide_by, -59));
    let is_delivered = async {
        while world.stand_in.script().rulings.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), is_delivered).await.expect("it is not waited for");
    working.abort();
    assert_eq!(decided(&arbiter.case(1).expect("a case")).0, "default");
}

#[tokio::test]
async fn a_case_that_its_processor_does_not_show_keeps_no_other_from_being_heard() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=30 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.turned(&arbiter).await;
    {
        let mut script = world.stand_in.script();
        script.fails_for = Some(script.disputes[0].mandate_id.0);
    }
    for number in 1..=30 {
        world.answer(number, 1_000, Vec::new());
    }
    // One worker, which knows where it left off.
    let worker = world.worker(&arbiter);
    for _ in 0..5 {
        assert!(worker.turn().await.is_err());
    }
    let open = arbiter.open_cases().expect("cases");
    let unheard: Vec<_> = open.iter().filter(|case| case.answer.is_none()).collect();
    assert_eq!(unheard.len(), 1, "{unheard:?}");
}

#[tokio::test]
async fn a_flood_is_taken_in_parts_and_a_list_without_an_end_is_left() {
    let world = World::begin().await;
    let arbiter = world.open();
    for nonce in 1..=230 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 200);
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases").len(), 230);
}

#[tokio::test]
async fn a_node_that_failed_is_not_asked_again_in_the_same_turn() {
    let world = World::begin().await;
    let chain = world.chain.clone().expect("a chain");
    *chain.is_down.lock().expect("no panic") = true;
    let arbiter = world.open();
    for nonce in 1..=40 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    world.turned(&arbiter).await;
    assert_eq!(chain.asked.load(Ordering::Relaxed), 1);
    assert_eq!(arbiter.open_cases().expect("cases").len(), 40);
}

#[tokio::test]
async fn whoever_floods_a_processor_with_disputes_takes_no_time_from_those_that_are_open() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.first_case(&arbiter).await;
    world.answer(1, 0, Vec::new());
    // To look who opened one takes longer than its share of a turn.
    let chain = world.chain.clone().expect("a chain");
    *chain.answers_within.lock().expect("no panic") = Duration::from_millis(100);
    for nonce in 2..=40 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    let worker = world.worker(&arbiter).with_turn_max(Duration::from_millis(500));
    worker.turn().await.expect("a turn");
    assert_eq!(decided(&arbiter.case(1).expect("a case")).0, "concession");
    let open = arbiter.open_cases().expect("cases").len();
    assert!((1..30).contains(&open), "{open} were taken");
    for _ in 0..10 {
        worker.turn().await.expect("a turn");
    }
    assert_eq!(arbiter.open_cases().expect("cases").len(), 39, "the next turns go on");
}
