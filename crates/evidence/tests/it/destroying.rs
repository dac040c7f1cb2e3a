//! Evidence is destroyed too early, or not at all, or comes back.

use aep2_evidence::{EvidenceError, Forgotten, Usage};
use aep2_mandate::units::UnixTime;
use alloy_primitives::keccak256;

use crate::support::{World, dispute_id};

#[tokio::test]
async fn evidence_is_kept_as_long_as_it_must_be_counted_from_its_last_piece() {
    let world = World::begin();
    world.put(1, b"first").await.expect("taken");
    world.clock.advance(900);
    world.put(1, b"second").await.expect("taken");
    world.clock.advance(900);
    assert_eq!(world.store.forget().expect("done"), Forgotten::default());
    world.get(1, b"first").expect("kept with its dispute");
    world.clock.advance(200);
    let usage = Usage { pieces: 2, bytes: 11 };
    assert_eq!(world.store.forget().expect("done"), Forgotten { disputes: 1, usage });
    assert!(matches!(world.get(1, b"first"), Err(EvidenceError::Destroyed { .. })));
}

#[tokio::test]
async fn what_somebody_wants_kept_is_kept_whatever_its_age() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put(dispute, &[dispute; 10]).await.expect("taken");
    }
    world.store.set_legal_hold(dispute_id(1), true).await.expect("held");
    let later = UnixTime::new(world.clock.now().get() + 5_000).expect("fits");
    world.store.keep_until(dispute_id(2), later).await.expect("kept");
    // A shorter wish takes nothing back.
    let kept = world.store.keep_until(dispute_id(2), UnixTime::MIN).await.expect("kept");
    assert_eq!(kept.kept_until, later);
    world.clock.advance(1_001);
    assert_eq!(world.store.forget().expect("done").disputes, 1);
    let world = world.again();
    world.clock.advance(5_000);
    assert_eq!(world.store.forget().expect("done").disputes, 1);
    assert_eq!(world.get(1, &[1; 10]).expect("held"), [1; 10]);
    world.store.set_legal_hold(dispute_id(1), false).await.expect("let go");
    assert_eq!(world.store.forget().expect("done").disputes, 1);
    assert_eq!(world.store.usage().expect("reads"), Usage::default());
}

#[tokio::test]
async fn what_was_destroyed_stays_so_and_is_not_taken_again() {
    let world = World::begin();
    let piece = world.put(1, b"a letter").await.expect("taken");
    world.put(2, b"another").await.expect("taken");
    world.store.set_legal_hold(dispute_id(2), true).await.expect("held");
    world.clock.advance(1_001);
    assert_eq!(world.store.forget().expect("done").disputes, 1);
    let world = world.again();
    for bytes in [&b"a letter"[..], b"a second letter"] {
        assert!(matches!(
            world.put(1, bytes).await,
            Err(EvidenceError::Destroyed { dispute, .. }) if dispute == dispute_id(1)
        ));
    }
    assert!(matches!(
        world.store.get(dispute_id(1), piece.hash),
        Err(EvidenceError::Destroyed { .. })
    ));
    assert_eq!(world.store.list(dispute_id(1)).expect("reads"), []);
    let held = world.store.set_legal_hold(dispute_id(1), true).await;
    assert!(matches!(held, Err(EvidenceError::Destroyed { .. })), "there is nothing to hold");
    // Its neighbour is untouched, also by wrapping keys anew.
    assert_eq!(world.store.rewrap().expect("wrapped"), 0);
    assert_eq!(world.get(2, b"another").expect("kept"), b"another");
    assert_eq!(world.store.usage().expect("reads"), Usage { pieces: 1, bytes: 7 });
}

#[tokio::test]
async fn a_dispute_that_was_held_before_its_evidence_came_still_takes_it() {
    let world = World::begin();
    world.store.set_legal_hold(dispute_id(1), true).await.expect("held");
    world.store.set_legal_hold(dispute_id(1), false).await.expect("let go");
    assert_eq!(world.store.forget().expect("done"), Forgotten::default());
    let piece = world.put(1, b"a letter").await.expect("taken");
    assert_eq!(piece.hash, keccak256(b"a letter"));
}

#[tokio::test]
async fn what_was_destroyed_makes_room() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put(dispute, &[dispute; 1_000]).await.expect("taken");
    }
    assert!(matches!(world.put(4, &[4; 1_000]).await, Err(EvidenceError::Full { .. })));
    world.clock.advance(1_001);
    assert_eq!(world.store.forget().expect("done").usage, Usage { pieces: 3, bytes: 3_000 });
    world.put(4, &[4; 1_000]).await.expect("there is room");
}
