//! Somebody takes all the room, for a long time; or what has to be kept gives way.

use aep2_evidence::{EvidenceError, EvidenceLimits, KeyFrom, Usage};
use aep2_journal::{JournalError, keys};
use aep2_mandate::{typed_data::dispute::EVIDENCE_MAX, units::UnixTime};
use serde_json::json;

use crate::support::{Family, LIMITS, World, dispute_id, open, raw};

#[test]
fn what_one_party_may_name_leaves_places_for_all_that_the_other_may() {
    // The agent and then its owner name as many as they may, and the payee answers each.
    let most = EvidenceLimits::default().dispute_pieces_max;
    assert_eq!(usize::try_from(most).expect("fits"), 4 * EVIDENCE_MAX);
}

#[tokio::test]
async fn nobody_fills_more_than_their_share_however_many_disputes_they_open() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put_by(dispute, 9, &[dispute; 1_000]).await.expect("taken");
    }
    let full =
        |refused| matches!(refused, Err(EvidenceError::ShareFull { most: 3_000, least: 200 }));
    assert!(full(world.put_by(4, 9, &[4; 201]).await));
    // The other party of the same dispute has room of its own.
    world.put_by(3, 8, &[8; 200]).await.expect("taken");
    // And a little is heard of each dispute, as long as there is any room.
    world.put_by(4, 9, &[4; 150]).await.expect("taken");
    assert!(full(world.put_by(4, 9, &[5; 51]).await));
    world.put_by(4, 9, &[5; 50]).await.expect("taken");
    assert!(matches!(world.put_by(5, 9, &[6; 101]).await, Err(EvidenceError::Full { .. })));
}

/// What one party may hand in is in a room that others fill too: its account's answers.
#[tokio::test]
async fn what_has_ended_gives_way_in_a_share_before_anybody_is_refused_there() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put_by(dispute, 9, &[dispute; 1_000]).await.expect("taken");
    }
    let until = UnixTime::new(world.clock.now().get() + 10_000).expect("fits");
    world.store.keep_until(dispute_id(1), until).await.expect("kept");
    world.clock.advance(499);
    assert!(matches!(world.put_by(4, 9, &[4; 400]).await, Err(EvidenceError::ShareFull { .. })));
    world.clock.advance(1);
    world.put_by(4, 9, &[4; 400]).await.expect("there is room in all, and now in the share");
    world.get(1, &[1; 1_000]).expect("somebody wants it kept");
    assert!(matches!(world.get(2, &[2; 1_000]), Err(EvidenceError::Destroyed { .. })));
    world.get(3, &[3; 1_000]).expect("there is room enough");
    // What gave way is not counted any more, nor looked for again.
    world.put_by(4, 9, &[5; 600]).await.expect("taken");
    world.put_by(5, 9, &[6; 1_000]).await.expect("the third gives way");
    assert!(matches!(world.get(3, &[3; 1_000]), Err(EvidenceError::Destroyed { .. })));
    assert!(matches!(world.put_by(6, 9, &[7; 500]).await, Err(EvidenceError::ShareFull { .. })));
    assert_eq!(world.store.usage().expect("reads"), Usage { pieces: 4, bytes: 3_000 });
}

/// Format 2 had no ends of shares.
#[tokio::test]
async fn in_a_store_of_the_format_before_what_has_ended_gives_way_too() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put_by(dispute, 9, &[dispute; 1_000]).await.expect("taken");
    }
    let World { directory, clock, store } = world;
    drop(store);
    let journal = raw(directory.path());
    let changed = journal.submit(|tx| {
        for (key, _) in tx.scan(Family("share_ends"), &[], None)? {
            tx.delete(Family("share_ends"), key);
        }
        tx.put(Family(keys::FAMILY), keys::FORMAT.to_vec(), 2_u32.to_be_bytes().to_vec());
        Ok::<_, JournalError>(())
    });
    changed.wait().expect("written");
    drop(journal);
    let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
    let world = World { directory, clock, store };
    world.clock.advance(500);
    world.put_by(4, 9, &[4; 400]).await.expect("the first gives way");
    assert!(matches!(world.get(1, &[1; 1_000]), Err(EvidenceError::Destroyed { .. })));
}

#[tokio::test]
async fn a_share_is_free_again_once_what_was_in_it_is_destroyed() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put_by(dispute, 9, &[dispute; 1_000]).await.expect("taken");
    }
    world.clock.advance(1_001);
    world.store.forget().expect("done");
    for dispute in 4..=6 {
        world.put_by(dispute, 9, &[dispute; 1_000]).await.expect("taken");
    }
}

#[tokio::test]
async fn what_has_ended_gives_way_and_what_is_open_does_not() {
    let world = World::begin();
    for dispute in 1..=2 {
        world.put(dispute, &[dispute; 1_000]).await.expect("taken");
        world.clock.advance(100);
    }
    world.clock.advance(299);
    // One second before the first ends.
    world.put(3, &[3; 1_000]).await.expect("taken");
    assert!(matches!(world.put(4, &[4; 600]).await, Err(EvidenceError::Full { .. })));
    world.clock.advance(1);
    world.put(4, &[4; 600]).await.expect("the first has ended");
    assert!(matches!(world.get(1, &[1; 1_000]), Err(EvidenceError::Destroyed { .. })));
    for dispute in 2..=3 {
        world.get(dispute, &[dispute; 1_000]).expect("there is room enough now");
    }
    assert_eq!(world.store.usage().expect("reads"), Usage { pieces: 3, bytes: 2_600 });
    assert!(matches!(world.put(5, &[5; 1_000]).await, Err(EvidenceError::Full { .. })));
    world.get(2, &[2; 1_000]).expect("nothing is thrown out in vain");
}

#[tokio::test]
async fn what_somebody_wants_kept_does_not_give_way() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put(dispute, &[dispute; 1_000]).await.expect("taken");
    }
    world.store.set_legal_hold(dispute_id(1), true).await.expect("held");
    let until = UnixTime::new(world.clock.now().get() + 10_000).expect("fits");
    world.store.keep_until(dispute_id(2), until).await.expect("kept");
    world.clock.advance(600);
    world.put(4, &[4; 1_000]).await.expect("the third gives way");
    assert!(matches!(world.get(3, &[3; 1_000]), Err(EvidenceError::Destroyed { .. })));
    assert!(matches!(world.put(5, &[5; 1_000]).await, Err(EvidenceError::Full { .. })));
    world.get(1, &[1; 1_000]).expect("kept");
    world.get(2, &[2; 1_000]).expect("kept");
}

#[tokio::test]
async fn a_store_of_the_first_format_is_read_and_nothing_in_it_gives_way() {
    let world = World::begin();
    world.put(1, &[1; 1_000]).await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);
    // As format 1 had it: no shares, no ends.
    let journal = raw(directory.path());
    let kept_until = clock.now().get() + LIMITS.kept_s_min;
    let before = json!({
        "usage": { "pieces": 1, "bytes": 1_000 }, "destroyedAt": null,
        "retention": { "kept_until": kept_until, "legal_hold": false },
    });
    let changed = journal.submit(move |tx| {
        let id = dispute_id(1).to_vec();
        tx.put(Family("disputes"), id.clone(), before.to_string().into_bytes());
        for family in [Family("ends"), Family("share_ends")] {
            for (key, _) in tx.scan(family, &[], None)? {
                tx.delete(family, key);
            }
        }
        tx.delete(Family("shares"), id);
        tx.put(Family(keys::FAMILY), keys::FORMAT.to_vec(), 1_u32.to_be_bytes().to_vec());
        Ok::<_, JournalError>(())
    });
    changed.wait().expect("written");
    drop(journal);

    let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
    let world = World { directory, clock, store };
    world.get(1, &[1; 1_000]).expect("there");
    world.clock.advance(600);
    for dispute in 2..=3 {
        world.put(dispute, &[dispute; 1_000]).await.expect("taken");
    }
    assert!(matches!(world.put(4, &[4; 600]).await, Err(EvidenceError::Full { .. })));
    world.clock.advance(401);
    world.put(4, &[4; 600]).await.expect("it was kept long enough");
}
