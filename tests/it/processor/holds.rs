//! Mandates that are held back: they settle when they are let go, and in time, whoever holds them.

use aep2_ledger::{Hold, HoldKind, MandateHash};
use aep2_mandate::units::UnixTime;
use aep2_processor::Processor;
use aep2_tests::{
    payers::payee_address,
    settling::{accept_all, all_settled, audited, chain_of, is_settled},
    world::World,
};

async fn hold(processor: &Processor, mandate: MandateHash, until: UnixTime) -> UnixTime {
    let hold = Hold { mandate, kind: HoldKind::Operator, until, by: "operator".into() };
    processor.hold(hold).await.expect("held").until
}

/// Has it be that time.
fn travel_to(world: &World, time: UnixTime) {
    world.travel(time.get().saturating_sub(world.clock.now().get()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_settles_when_it_is_let_go_and_others_do_not_wait_for_it() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    // A full shape closes a window, or time does.
    let processor = world.start(world.when_full()).await;
    let ids = accept_all(&processor, chain_of(&world, &payer, 70, 0..3)).await;
    let until = hold(&processor, ids[1], UnixTime::MAX).await;
    let shown = processor.mandate(ids[1]).expect("reads").expect("known");
    assert_eq!(shown.holds.iter().map(|hold| hold.until).collect::<Vec<_>>(), [until]);
    let windows = world.config().windows;
    let margin = windows.age_s_max + windows.due_margin_s;
    assert!(until.get() <= shown.settle_by.get() - margin, "until {until}, {}", shown.settle_by);

    // The chain is cut where it is held: what is before it and what is behind it settle.
    world.travel(windows.age_s_max + 1);
    all_settled(&processor, &[ids[0], ids[2]]).await;
    assert!(!is_settled(&processor, ids[1]));
    assert_eq!(world.holds(payee_address(1)).await, 140);

    world.stop(processor).await;
    let processor = world.start_again(world.at_once()).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!is_settled(&processor, ids[1]), "a restart lets nothing go");
    travel_to(&world, until);
    all_settled(&processor, &ids).await;
    assert_eq!(world.holds(payee_address(1)).await, 210);
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_everything_as_long_as_possible_breaks_no_promise() {
    let world = World::new().await;
    let payer = world.payer(0, 10_000).await;
    let processor = world.start(world.when_full()).await;
    let ids = accept_all(&processor, chain_of(&world, &payer, 5, 0..3)).await;
    let mut last = UnixTime::MIN;
    for id in &ids {
        last = last.max(hold(&processor, *id, UnixTime::MAX).await);
    }
    let settle_by = processor.mandate(ids[0]).expect("reads").expect("known").settle_by;
    travel_to(&world, last);
    let due = settle_by.get() - world.config().windows.due_margin_s;
    travel_to(&world, UnixTime::new(due).expect("a time"));
    all_settled(&processor, &ids).await;
    assert!(world.clock.now() < settle_by, "in time");
    audited(&processor);
    world.stop(processor).await;
}
