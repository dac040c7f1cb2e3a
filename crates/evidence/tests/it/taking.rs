//! Somebody hands in other bytes, too many of them, or fills the disk.

use aep2_evidence::{EvidenceError, MEDIA_TYPE_BYTES_MAX, Named, Usage};
use alloy_primitives::keccak256;

use crate::support::{LIMITS, World, dispute_id, named};

#[tokio::test]
async fn other_bytes_than_were_signed_are_not_taken() {
    let world = World::begin();
    let signed = named(b"it never answered");
    let other = b"it answered at 10!".to_vec();
    let refused = world.put_named(1, signed.clone(), &other[..17]).await;
    assert!(matches!(refused, Err(EvidenceError::OtherBytes { expected, .. })
        if expected == signed.hash));
    let refused = world.put_named(1, signed.clone(), &other).await;
    assert!(matches!(refused, Err(EvidenceError::OtherSize { expected: 17, size: 18 })));
    // The right bytes under a size that was not signed.
    let lie = Named { size: 18, ..signed.clone() };
    let refused = world.put_named(1, lie, b"it never answered").await;
    assert!(matches!(refused, Err(EvidenceError::OtherSize { expected: 18, size: 17 })));

    assert!(matches!(
        world.store.get(dispute_id(1), signed.hash),
        Err(EvidenceError::Unknown { .. })
    ));
    assert_eq!(world.store.usage().expect("reads"), Usage::default());
    assert_eq!(world.store.list(dispute_id(1)).expect("reads"), []);
}

#[tokio::test]
async fn what_was_taken_is_given_byte_for_byte_also_after_a_restart() {
    let world = World::begin();
    let (text, binary) = (b"it never answered".to_vec(), (0..=255).collect::<Vec<u8>>());
    let first = world.put(1, &text).await.expect("taken");
    world.put(1, &binary).await.expect("taken");
    let world = world.again();
    for bytes in [&text, &binary] {
        assert_eq!(world.get(1, bytes).expect("given"), *bytes);
    }
    let (piece, _) = world.store.get(dispute_id(1), keccak256(&text)).expect("given");
    assert_eq!(piece, first);
    assert_eq!((piece.size, &*piece.media_type), (17, "text/plain; charset=utf-8"));
    let hashes =
        world.store.list(dispute_id(1)).expect("reads").into_iter().map(|piece| piece.hash);
    let mut expected = [keccak256(&text), keccak256(&binary)];
    expected.sort();
    assert_eq!(hashes.collect::<Vec<_>>(), expected);
    assert_eq!(world.store.usage().expect("reads"), Usage { pieces: 2, bytes: 273 });
}

#[tokio::test]
async fn the_same_piece_again_takes_no_place_and_is_answered_alike() {
    let world = World::begin();
    let first = world.put(1, b"a letter").await.expect("taken");
    // A second party names another type for the same bytes.
    let html = Named { media_type: "text/html".to_owned(), ..named(b"a letter") };
    let again = world.put_named(1, html, b"a letter").await;
    assert_eq!(again.expect("the same"), first);
    let (one, two) = tokio::join!(world.put(1, b"at once"), world.put(1, b"at once"));
    assert_eq!(one.expect("taken"), two.expect("the same"));
    assert_eq!(world.store.usage().expect("reads"), Usage { pieces: 2, bytes: 15 });
}

#[tokio::test]
async fn one_disputes_piece_is_not_given_for_another() {
    let world = World::begin();
    world.put(1, b"of the first").await.expect("taken");
    assert!(matches!(world.get(2, b"of the first"), Err(EvidenceError::Unknown { .. })));
    assert_eq!(world.store.list(dispute_id(2)).expect("reads"), []);
    // Both may have the same bytes, each for itself.
    world.put(2, b"of the first").await.expect("taken");
    assert_eq!(world.store.usage().expect("reads").pieces, 2);
}

#[tokio::test]
async fn a_piece_that_is_too_large_or_empty_or_of_no_type_is_not_taken() {
    let world = World::begin();
    let most = vec![7; usize::try_from(LIMITS.piece_bytes_max).expect("fits")];
    let larger = [&most[..], &[7]].concat();
    world.put(1, &most).await.expect("as large as it may be");
    let refused = world.put(1, &larger).await;
    assert!(matches!(refused, Err(EvidenceError::TooLarge { size: 1_001, most: 1_000 })));
    assert!(matches!(world.put(1, b"").await, Err(EvidenceError::Empty)));
    let long = "a".repeat(MEDIA_TYPE_BYTES_MAX + 1);
    for media_type in ["", "text/plain\r\nSet-Cookie: a=b", "text/plané", &*long] {
        let named = Named { media_type: media_type.to_owned(), ..named(b"bytes") };
        let refused = world.put_named(1, named, b"bytes").await;
        assert!(matches!(refused, Err(EvidenceError::MediaType { .. })), "{media_type:?}");
    }
    assert_eq!(world.store.usage().expect("reads").pieces, 1);
}

#[tokio::test]
async fn a_dispute_that_is_full_takes_no_more_and_loses_nothing() {
    let world = World::begin();
    for index in 0..3u8 {
        world.put(1, &[index]).await.expect("taken");
    }
    let refused = world.put(1, b"one more").await;
    assert!(matches!(refused, Err(EvidenceError::DisputeFull { most: 3 })));
    for index in 0..3u8 {
        assert_eq!(world.get(1, &[index]).expect("kept"), [index]);
    }
    // The same again is no piece more, and another dispute has places of its own.
    world.put(1, &[0]).await.expect("the same");
    world.put(2, b"one more").await.expect("taken");
}

#[tokio::test]
async fn a_full_store_refuses_and_throws_nothing_out() {
    let world = World::begin();
    for dispute in 1..=3 {
        world.put(dispute, &[dispute; 1_000]).await.expect("taken");
    }
    let refused = world.put(4, &[4; 501]).await;
    assert!(matches!(refused, Err(EvidenceError::Full { used: 3_000, size: 501, most: 3_500 })));
    world.put(4, &[4; 500]).await.expect("what fits");
    for dispute in 1..=3 {
        assert_eq!(world.get(dispute, &[dispute; 1_000]).expect("kept"), [dispute; 1_000]);
    }
    // It is as full after a restart, and many at once do not get past the bound.
    let world = world.again();
    let store = &world.store;
    let puts = (0..20u8).map(|byte| {
        let (store, bytes, dispute) = (store.clone(), vec![byte, 100], world.disputed(byte));
        tokio::spawn(async move { store.put(dispute, named(&bytes), bytes).await })
    });
    for put in puts.collect::<Vec<_>>() {
        assert!(matches!(put.await.expect("ends"), Err(EvidenceError::Full { .. })));
    }
    assert_eq!(store.usage().expect("reads"), Usage { pieces: 4, bytes: 3_500 });
}
