//! That a ruling is lost, delivered twice, or made twice.

use aep2_arbiter::case::{CaseState, Delivery};
use axum::http::StatusCode;

use crate::support::{Payment, World, count, decided, later};

/// A case that the payee gave up, in a world.
fn conceded(world: &World) {
    world.dispute(&Payment::default());
    world.answer(1, 0, Vec::new());
}

#[tokio::test]
async fn a_ruling_that_was_made_before_a_kill_is_delivered_after_it_and_is_the_same() {
    let world = World::begin().await;
    let arbiter = world.open();
    conceded(&world);
    world.stand_in.script().refuses = Some((StatusCode::SERVICE_UNAVAILABLE, "busy"));
    world.turned(&arbiter).await;
    let CaseState::Decided { ruling, delivery: Delivery::Waiting { tries: 1, .. }, .. } =
        arbiter.case(1).expect("a case").state
    else {
        panic!("it is not waiting");
    };
    drop(arbiter);

    world.stand_in.script().refuses = None;
    world.clock.advance(120);
    let arbiter = world.open();
    world.turned(&arbiter).await;
    assert_eq!(world.stand_in.script().rulings, [*ruling]);
    assert!(decided(&arbiter.case(1).expect("a case")).2);
    for _ in 0..3 {
        world.clock.advance(120);
        world.turned(&arbiter).await;
    }
    assert_eq!(world.stand_in.script().rulings.len(), 1, "it is delivered once");
    assert_eq!((count(&arbiter, "case.decided"), count(&arbiter, "ruling.delivered")), (1, 1));
}

#[tokio::test]
async fn a_ruling_whose_answer_was_lost_is_sent_again_as_it_was() {
    let world = World::begin().await;
    let arbiter = world.open();
    conceded(&world);
    world.stand_in.script().loses_answers = true;
    world.turned(&arbiter).await;
    assert!(!decided(&arbiter.case(1).expect("a case")).2);
    world.stand_in.script().loses_answers = false;
    world.clock.advance(120);
    world.turned(&arbiter).await;
    assert!(decided(&arbiter.case(1).expect("a case")).2);
    let rulings = world.stand_in.script().rulings.clone();
    assert!(rulings.windows(2).all(|two| two[0] == two[1]), "{rulings:?}");
}

#[tokio::test]
async fn tries_are_further_and_further_apart_and_end_with_the_time() {
    let world = World::begin().await;
    let arbiter = world.open();
    conceded(&world);
    world.stand_in.script().refuses = Some((StatusCode::SERVICE_UNAVAILABLE, "busy"));
    let mut tried = Vec::new();
    for _ in 0..300 {
        world.turned(&arbiter).await;
        if let CaseState::Decided { delivery: Delivery::Waiting { tries, .. }, .. } =
            arbiter.case(1).expect("a case").state
        {
            tried.push(tries);
        }
        world.clock.advance(1);
    }
    let last = *tried.last().expect("tries");
    assert!((9..=11).contains(&last), "{last} tries in five minutes");
    let decide_by = arbiter.case(1).expect("a case").decide_by;
    // Clocks differ: the processor says when it is too late, up to there.
    world.wait_until(later(decide_by, 50));
    world.turned(&arbiter).await;
    world.wait_until(later(decide_by, 100));
    world.turned(&arbiter).await;
    let state = arbiter.case(1).expect("a case").state;
    let CaseState::Decided { delivery, .. } = &state else { panic!("{state:?}") };
    assert!(matches!(delivery, Delivery::TooLate { .. }), "{delivery:?}");
    assert_eq!(count(&arbiter, "ruling.not_delivered"), 1);
    assert_eq!(arbiter.open_cases().expect("cases"), []);
}

#[tokio::test]
async fn a_processor_that_does_not_take_a_ruling_is_not_asked_for_ever() {
    let world = World::begin().await;
    let arbiter = world.open();
    conceded(&world);
    world.stand_in.script().refuses = Some((StatusCode::CONFLICT, "dispute_closed"));
    world.turned(&arbiter).await;
    let state = arbiter.case(1).expect("a case").state;
    let CaseState::Decided { delivery: Delivery::Refused { code, .. }, .. } = &state else {
        panic!("{state:?}");
    };
    assert_eq!(code, "dispute_closed");
    world.stand_in.script().refuses = None;
    world.turned(&arbiter).await;
    assert!(world.stand_in.script().rulings.is_empty());
    assert_eq!(count(&arbiter, "ruling.refused"), 1);
}

#[tokio::test]
async fn a_kill_between_any_two_turns_loses_and_repeats_nothing() {
    let world = World::begin().await;
    for nonce in 1..=5 {
        world.dispute(&Payment { nonce, ..Payment::default() });
    }
    for step in 0..6 {
        let arbiter = world.open();
        if step == 2 {
            world.answer(2, 0, Vec::new());
            world.answer(3, 1_000, Vec::new());
        }
        if step == 4 {
            let answer_by = arbiter.case(1).expect("a case").answer_by;
            world.wait_until(later(answer_by, 1));
        }
        world.turned(&arbiter).await;
    }
    let arbiter = world.open();
    assert_eq!(count(&arbiter, "case.opened"), 5);
    assert_eq!(count(&arbiter, "case.decided"), 4);
    assert_eq!(world.stand_in.script().rulings.len(), 4);
    assert!(arbiter.case(3).expect("a case").is_open());
    assert!(arbiter.verify_log().expect("whole").is_some());
}
