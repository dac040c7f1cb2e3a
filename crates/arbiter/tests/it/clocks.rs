//! That a clock which is wrong, or a node that lags, loses disputes for good.

use aep2_arbiter::case::PayerCheck;

use crate::support::{Payment, World, account, actions, count, decided, later};

/// A world without a node: there is the processor's clock alone beside the arbiter's.
async fn without_a_node() -> World {
    let mut world = World::begin().await;
    (world.chain, world.is_trusted) = (None, true);
    world
}

#[tokio::test]
async fn nothing_is_taken_or_refused_while_it_is_in_doubt_what_time_it_is() {
    // This machine's clock is a day ahead, or a day behind.
    for ahead_s in [-86_400, 86_400] {
        let world = without_a_node().await;
        let arbiter = world.open();
        let mut view = world.dispute(&Payment::default());
        view.opened_at = later(view.opened_at, ahead_s);
        view.decide_by = later(view.decide_by, ahead_s);
        view.receipt = world.receipt(&view.mandate, later(world.clock.now(), ahead_s - 50));
        world.stand_in.script().disputes[0] = view;
        world.stand_in.script().ahead_s = ahead_s;
        for _ in 0..2 {
            world.turned(&arbiter).await;
        }
        assert_eq!(arbiter.open_cases().expect("cases"), [], "{ahead_s}");
        assert!(arbiter.metrics().text().contains("clock_in_doubt{"));
        // Somebody sets the clock right.
        world.clock.advance(ahead_s);
        world.stand_in.script().ahead_s = 0;
        world.turned(&arbiter).await;
        assert_eq!(actions(&arbiter), ["case.opened"], "{ahead_s}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ends_no_case_and_counts_no_silence() {
    let world = without_a_node().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    let case = world.first_case(&arbiter).await;
    world.clock.advance(1_000_000);
    world.stand_in.script().ahead_s = -1_000_000;
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case"), case);
    // What needs no time goes on: the payee gives everything back.
    world.answer(1, 0, Vec::new());
    world.turned(&arbiter).await;
    let given = arbiter.case(1).expect("a case");
    assert_eq!(decided(&given), ("concession".to_owned(), 0, true), "it is sent as well");
}

#[tokio::test]
async fn a_ruling_is_not_given_up_by_a_clock_that_jumps() {
    let world = without_a_node().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.answer(1, 0, Vec::new());
    world.stand_in.script().refuses = Some((axum::http::StatusCode::BAD_GATEWAY, "busy"));
    world.turned(&arbiter).await;
    world.clock.advance(1_000_000);
    world.stand_in.script().ahead_s = -1_000_000;
    world.stand_in.script().refuses = None;
    world.turned(&arbiter).await;
    assert_eq!(count(&arbiter, "ruling.delivered"), 1);
}

#[tokio::test]
async fn a_processor_whose_clock_is_ahead_is_waited_for() {
    // The chain says that it is not this machine's clock that is wrong.
    let world = World::begin().await;
    let arbiter = world.open();
    let mut view = world.dispute(&Payment::default());
    view.opened_at = later(view.opened_at, 300);
    view.receipt = world.receipt(&view.mandate, later(world.clock.now(), 290));
    world.stand_in.script().disputes[0] = view;
    world.stand_in.script().ahead_s = 300;
    world.turned(&arbiter).await;
    assert!(arbiter.verify_log().expect("whole").is_none(), "it is neither taken nor refused");
    world.clock.advance(250);
    world.turned(&arbiter).await;
    assert_eq!(actions(&arbiter), ["case.opened"]);
}

#[tokio::test]
async fn a_dispute_of_next_week_does_not_keep_others_waiting() {
    let world = World::begin().await;
    let arbiter = world.open();
    let mut view = world.dispute(&Payment::default());
    view.receipt = world.receipt(&view.mandate, later(world.clock.now(), 3_800));
    world.stand_in.script().disputes[0] = view;
    world.dispute(&Payment { nonce: 2, ..Payment::default() });
    world.turned(&arbiter).await;
    assert_eq!(actions(&arbiter), ["dispute.refused", "case.opened"]);
    assert!(arbiter.metrics().text().contains("code=\"clock\""));
}

#[tokio::test]
async fn a_node_that_lags_does_not_say_who_is_not_the_payer() {
    let world = World::begin().await;
    let chain = world.chain.clone().expect("a chain");
    // The account is younger than the node's newest block.
    let found = chain.accounts.lock().expect("no panic").remove(&account()).expect("there");
    *chain.lag_s.lock().expect("no panic") = 600;
    world.dispute(&Payment::default());
    let arbiter = world.open();
    let case = world.first_case(&arbiter).await;
    assert_eq!(case.payer, PayerCheck::Unconfirmed);
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open());
    *chain.lag_s.lock().expect("no panic") = 0;
    chain.accounts.lock().expect("no panic").insert(account(), found);
    world.turned(&arbiter).await;
    assert_eq!(arbiter.case(1).expect("a case").payer, PayerCheck::Confirmed);
}
