//! Cards are narrowed by whoever holds them, and by nobody widened.

use aep2_cards::{
    card::Card,
    decision::{Denied, Verdict},
    error::CardError,
    handover::Handover,
    restrictions::Restrictions,
};

use crate::support::{agent, bound, payment, restrictions, roots, sub_agent};

#[test]
fn a_card_says_what_its_issuer_and_its_holders_wrote_into_it() {
    let shop = restrictions(r#"{"hosts":["shop.example"]}"#);
    let other = restrictions(r#"{"hosts":["other.example"],"payments":1}"#);
    let card = bound();
    let handover = Handover { to: sub_agent().public(), by: &agent() };
    let narrow = card.narrow(&shop, Some(handover)).expect("the holder hands it on");
    let narrower = narrow.narrow(&other, None).expect("narrowing needs no key");

    let read = Card::parse(&card, &roots()).expect("a card");
    assert_eq!((read.id().as_str(), read.holder()), ("card-1", Some(agent().public())));
    assert_eq!(read.allows(&payment()), Ok(Verdict::Pay));

    let read = Card::parse(&narrow, &roots()).expect("a card");
    assert_eq!((read.id().as_str(), read.holder()), ("card-1", Some(sub_agent().public())));
    assert_eq!(read.allows(&payment()), Ok(Verdict::Pay));

    let read = Card::parse(&narrower, &roots()).expect("a card");
    assert_eq!(read.allows(&payment()), Err(Denied::HostNotAllowed));
    let found: Vec<_> = read.blocks().iter().map(|block| block.restrictions.clone()).collect();
    assert_eq!(found, [Restrictions::default(), shop, other]);
    assert_eq!(Card::inspect(&narrower).map(|card| card.blocks), Ok(read.blocks().to_vec()));
}

#[test]
fn a_card_has_no_more_blocks_than_eight() {
    let mut card = bound();
    for _ in 1..8 {
        card = card.narrow(&Restrictions::default(), None).expect("up to eight");
    }
    assert!(Card::parse(&card, &roots()).is_ok_and(|card| card.blocks().len() == 8));
    assert_eq!(card.narrow(&Restrictions::default(), None), Err(CardError::TooManyBlocks));
}
