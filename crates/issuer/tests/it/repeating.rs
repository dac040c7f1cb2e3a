//! That a request that is sent again is paid twice.

use aep2_issuer::Issue;

use crate::support::{ATTACKER, World, code, in_all, issued, narrowed, random};

#[tokio::test]
async fn the_same_request_gets_the_same_payment_however_often_and_over_a_restart() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let request = world.request(&card, 60);
    let first = issued(world.ask(request.clone()).await).expect("within the budget");
    let world = world.again();
    for _ in 0..3 {
        match world.ask(request.clone()).await {
            Issue::Issued { payment, again } => {
                assert!(again);
                assert_eq!(payment.mandate, first.mandate);
            }
            other => panic!("{other:?}"),
        }
    }
    world.pay(&card, 40).await.expect("it was counted once");
}

#[tokio::test]
async fn a_request_key_is_good_for_one_request() {
    let world = World::begin().await;
    let (_, card, holder) = world.card(in_all(100)).await;
    let request = world.request(&card, 10);
    issued(world.ask(request.clone()).await).expect("within the budget");

    let mut dearer = request.clone();
    dearer.purchase.amount = aep2_mandate::units::Ceiling::new(11).expect("an amount");
    let mut elsewhere = request.clone();
    elsewhere.purchase.payee = ATTACKER;
    let mut another_order = request.clone();
    another_order.order = Some(random());
    let mut intent = request.clone();
    intent.order = None;
    // A sub-agent that learns the key of its superior's request does not get its payment.
    let (narrow, _) = narrowed(&card, &holder, &in_all(100));
    let mut of_another = request.clone();
    of_another.card = world.issuer.card(&narrow).expect("a card of this issuer");
    for other in [dearer, elsewhere, another_order, intent, of_another] {
        assert_eq!(code(issued(world.ask(other).await)), "request_key_conflict");
    }
    // Another card has request keys of its own.
    let (_, other, _) = world.card(in_all(100)).await;
    let mut same_key = world.request(&other, 10);
    same_key.request_key = request.request_key;
    issued(world.ask(same_key).await).expect("a purchase of its own");
}

#[tokio::test]
async fn a_frozen_card_does_not_get_what_was_issued_before() {
    let world = World::begin().await;
    let (record, card, _) = world.card(in_all(100)).await;
    let request = world.request(&card, 10);
    let payment = issued(world.ask(request.clone()).await).expect("within the budget");
    let frozen = aep2_issuer::records::CardState::Frozen;
    let outstanding =
        world.issuer.set_card_state(world.owner.id, world.actor(), record.id, frozen).await;
    let outstanding = outstanding.expect("the card is frozen");
    assert_eq!(outstanding.len(), 1, "the freeze says what is signed and not taken back");
    assert_eq!(outstanding[0].id, payment.id);
    assert_eq!(code(issued(world.ask(request).await)), "card_frozen");
}
