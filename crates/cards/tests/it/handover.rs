//! A card changes hands by the signature of who holds it, and by no other.

use aep2_cards::{
    card::Card, error::CardError, handover::Handover, keys::HolderKey, restrictions::Restrictions,
    token::CardToken,
};
use alloy_primitives::hex;
use biscuit_auth::{
    BlockBuilder,
    builder::{fact, string},
};

use crate::support::{
    agent, bearer, biscuit, bound, payment, restrictions, roots, sub_agent, thief, token,
};

const REFUSED: Result<(), CardError> = Err(CardError::Handover { block: 1 });

fn parse(card: &CardToken) -> Result<(), CardError> {
    Card::parse(card, &roots()).map(drop)
}

/// A block with facts as a stranger writes them.
fn append(card: &CardToken, holder: Option<(&str, &str)>, restrict: Option<&str>) -> CardToken {
    let mut block = BlockBuilder::new();
    if let Some(restrict) = restrict {
        block = block.fact(fact("restrict", &[string(restrict)])).expect("a fact");
    }
    if let Some((to, signature)) = holder {
        block = block.fact(fact("holder", &[string(to), string(signature)])).expect("a fact");
    }
    token(&biscuit(card).append(block).expect("anybody can append").to_vec().expect("bytes"))
}

/// What must be signed, as the format's description says it.
fn message(card: &CardToken, to: &HolderKey, restrict: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let before = Card::inspect(card).expect("a card").blocks.pop().expect("blocks").revocation_id;
    let mut message = b"aep2-card-holder-v1\0".to_vec();
    message.extend(before.as_bytes());
    message.extend(to.public().to_bytes());
    message.extend(Sha256::digest(restrict));
    message
}

fn signed(by: &HolderKey, message: &[u8]) -> String {
    hex::encode(by.sign(message))
}

#[test]
fn the_signature_is_over_what_the_format_says() {
    let (card, to) = (bound(), sub_agent());
    let signature = signed(&agent(), &message(&card, &to, "{\"payments\":1}"));
    let own = append(&card, Some((&to.public().to_string(), &signature)), Some("{\"payments\":1}"));
    assert!(Card::parse(&own, &roots()).is_ok_and(|card| card.holder() == Some(to.public())));
}

#[test]
fn a_thief_of_the_text_cannot_make_the_card_its_own() {
    let (card, thief) = (bound(), thief());
    let name = thief.public().to_string();
    let message = message(&card, &thief, "");
    for signature in [
        signed(&thief, &message),
        signed(&sub_agent(), &message),
        signed(&agent(), b"something else that the holder signed"),
        "00".repeat(64),
        String::new(),
        "zz".repeat(64),
        signed(&agent(), &message).to_uppercase(),
    ] {
        assert_eq!(parse(&append(&card, Some((&name, &signature)), None)), REFUSED);
    }
    let narrow =
        card.narrow(&Restrictions::default(), Some(Handover { to: thief.public(), by: &thief }));
    assert_eq!(narrow.map(drop), REFUSED, "and the tool does not pretend");
}

#[test]
fn a_handover_is_for_one_key_after_one_block() {
    let (card, to) = (bound(), sub_agent());
    let (name, signature) = (to.public().to_string(), signed(&agent(), &message(&card, &to, "")));
    assert_eq!(parse(&append(&card, Some((&name, &signature)), None)), Ok(()));

    let thief = thief().public().to_string();
    assert_eq!(parse(&append(&card, Some((&thief, &signature)), None)), REFUSED);
    let later = append(&card, None, Some("{\"payments\":1}"));
    let elsewhere = append(&later, Some((&name, &signature)), None);
    assert_eq!(parse(&elsewhere), Err(CardError::Handover { block: 2 }));
    let another = Card::mint(
        &crate::support::root(),
        &"card-1".parse().expect("an id"),
        aep2_cards::card::Holder::Key(agent().public()),
    );
    let another = another.expect("a card like the first");
    assert_eq!(parse(&append(&another, Some((&name, &signature)), None)), REFUSED);
}

/// The sub-agent has the signature that makes the card its own, and found the wider card.
#[test]
fn the_new_holder_cannot_leave_out_what_it_was_handed_with() {
    let (card, to) = (bound(), sub_agent());
    let handover = Handover { to: to.public(), by: &agent() };
    let narrow = card
        .narrow(&restrictions(r#"{"hosts":["other.example"]}"#), Some(handover))
        .expect("narrower");
    let read = Card::parse(&narrow, &roots()).expect("a card");
    assert!(read.allows(&payment()).is_err());

    let source = biscuit(&narrow).print_block_source(1).expect("a block");
    let signature = source.rsplit('"').nth(1).expect("the signature stands last");
    let name = to.public().to_string();
    assert_eq!(signature.len(), 128);
    let same = Some("{\"hosts\":[\"other.example\"]}");
    assert_eq!(parse(&append(&card, Some((&name, signature)), same)), Ok(()));
    assert_eq!(parse(&append(&card, Some((&name, signature)), None)), REFUSED);
    let wider = Some("{\"hosts\":[\"other.example\",\"shop.example\"]}");
    assert_eq!(parse(&append(&card, Some((&name, signature)), wider)), REFUSED);
}

/// The sub-agent found the wider card, and appends what was handed to it again and again.
#[test]
fn a_handover_that_is_repeated_is_the_same_one() {
    let (card, to) = (bound(), sub_agent());
    let (name, signature) = (to.public().to_string(), signed(&agent(), &message(&card, &to, "")));
    let last = |card: &CardToken| {
        let card = Card::parse(card, &roots()).expect("a card");
        card.blocks().last().expect("blocks").revocation_id
    };
    let again = || append(&card, Some((&name, &signature)), None);
    let (first, second) = (again(), again());
    assert_ne!(first.expose(), second.expose(), "they are two Biscuits");
    assert_eq!(last(&first), last(&second), "and one card: one budget, and revoked together");

    // What is handed over with other restrictions, to another key or after another block is another.
    let hand = |card: &CardToken, restrict: &str, to: &HolderKey, by: &HolderKey| {
        let handover = Handover { to: to.public(), by };
        last(&card.narrow(&restrictions(restrict), Some(handover)).expect("handed on"))
    };
    let names = [
        last(&first),
        hand(&card, "{\"payments\":1}", &to, &agent()),
        hand(&card, "{}", &thief(), &agent()),
        hand(&first, "{}", &to, &to),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{index}");
    }
}

#[test]
fn only_the_holder_of_now_hands_on() {
    let handover = Handover { to: sub_agent().public(), by: &agent() };
    let card = bound().narrow(&Restrictions::default(), Some(handover)).expect("handed on");
    let back = |by: &HolderKey| {
        let handover = Handover { to: thief().public(), by };
        card.narrow(&Restrictions::default(), Some(handover)).map(drop)
    };
    assert_eq!(back(&agent()), Err(CardError::Handover { block: 2 }));
    assert_eq!(back(&sub_agent()), Ok(()));
}

#[test]
fn a_bearer_card_is_bound_by_who_has_it_to_a_key_that_it_has() {
    let (card, to) = (bearer(), sub_agent());
    assert!(Card::parse(&card, &roots()).is_ok_and(|card| card.holder().is_none()));
    let bind = |by: &HolderKey| {
        card.narrow(&Restrictions::default(), Some(Handover { to: to.public(), by }))
    };
    assert_eq!(bind(&agent()).map(drop), REFUSED);
    let bound = bind(&to).expect("bound");
    assert!(Card::parse(&bound, &roots()).is_ok_and(|card| card.holder() == Some(to.public())));

    // From here on it takes the holder's signature; its own is not enough for the thief.
    let thief = thief();
    let own = signed(&thief, &message(&bound, &thief, ""));
    let stolen = append(&bound, Some((&thief.public().to_string(), &own)), None);
    assert_eq!(parse(&stolen), Err(CardError::Handover { block: 2 }));
}

#[test]
fn a_bound_card_never_becomes_anybodys_again() {
    let block = BlockBuilder::new().fact("bearer(true)").expect("a fact");
    let freed = biscuit(&bound()).append(block).expect("anybody can append");
    assert_eq!(
        parse(&token(&freed.to_vec().expect("bytes"))),
        Err(CardError::UnknownFact { block: 1 })
    );
    let none = signed(&agent(), &message(&bound(), &agent(), ""));
    for no_key in [String::new(), "00".repeat(32), format!("01{}", "00".repeat(31))] {
        let found = parse(&append(&bound(), Some((&no_key, &none)), None));
        assert!(matches!(found, Err(CardError::Holder { block: 1, .. })), "{no_key}: {found:?}");
    }
    let upper = agent().public().to_string().to_uppercase();
    let found = parse(&append(&bound(), Some((&upper, &none)), None));
    assert!(matches!(found, Err(CardError::Holder { block: 1, .. })), "{found:?}");
}
