//! Cards with something in them that cards do not have are refused, whatever it would have said.

use aep2_cards::{
    card::Card,
    error::CardError,
    keys::{RootKey, RootPublicKeys},
    limits::{BLOCKS_MAX, BYTES_MAX, PREFIX},
    restrictions::Restrictions,
    token::CardToken,
};
use biscuit_auth::{
    Algorithm, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair, PrivateKey,
    builder::{Scope, Term, fact, int, string},
    format::schema,
};
use prost::Message;

use crate::support::{agent, bearer, biscuit, bound, bytes, root, roots, token};

/// What becomes of the agent's card with a block of this source.
fn with(source: &str) -> Result<(), CardError> {
    let block = BlockBuilder::new().code(source).expect("Datalog");
    appended(block)
}

fn appended(block: BlockBuilder) -> Result<(), CardError> {
    parse(&biscuit(&bound()).append(block).expect("anybody can append"))
}

fn parse(biscuit: &Biscuit) -> Result<(), CardError> {
    Card::parse(&token(&biscuit.to_vec().expect("bytes")), &roots()).map(drop)
}

/// What becomes of a card whose first block is of this source, by the issuer's own key.
fn minted(build: impl FnOnce(BiscuitBuilder) -> BiscuitBuilder) -> Result<(), CardError> {
    let key = PrivateKey::from_bytes(&[1; 32], Algorithm::Ed25519).expect("a key");
    let builder = build(Biscuit::builder().root_key_id(7));
    parse(&builder.build(&KeyPair::from(&key)).expect("a Biscuit"))
}

fn code(source: &str) -> impl FnOnce(BiscuitBuilder) -> BiscuitBuilder {
    move |builder| builder.code(source).expect("Datalog")
}

#[test]
fn a_block_has_nothing_but_facts() {
    let refused = Err(CardError::NotOnlyFacts { block: 1 });
    assert_eq!(with(""), Ok(()), "an empty block does no harm");
    assert_eq!(with("check if true;"), refused);
    assert_eq!(with("check all card($id), $id == \"card-1\";"), refused);
    assert_eq!(with("reject if card(\"other\");"), refused);
    assert_eq!(
        with("restrict(\"{}\"); check if time($time), $time < 2026-12-01T00:00:00Z;"),
        refused
    );
    assert_eq!(with("bearer(true) <- card($id);"), refused);
    assert_eq!(with("holder($id) <- card($id) trusting authority, previous;"), refused);
    for scope in [Scope::Authority, Scope::Previous, Scope::PublicKey(KeyPair::new().public())] {
        assert_eq!(appended(BlockBuilder::new().scope(scope)), refused);
    }
    let context = BlockBuilder::new().context("what a stranger had to say".to_owned());
    assert_eq!(appended(context), refused);
}

#[test]
fn a_block_of_a_third_party_is_refused() {
    let third = KeyPair::new();
    let card = biscuit(&bound());
    let block = BlockBuilder::new().fact("restrict(\"{}\")").expect("a fact");
    let request = card.third_party_request().expect("a request");
    let block = request.create_block(&third.private(), block).expect("a block");
    let card = card.append_third_party(third.public(), block).expect("anybody can append");
    assert_eq!(parse(&card), Err(CardError::NotOnlyFacts { block: 1 }));

    // The signature alone, on a block of the version that facts have.
    let mut signed = schema::Biscuit::decode(&*bytes(&restricted())).expect("protobuf");
    signed.blocks[0].external_signature = Some(schema::ExternalSignature {
        signature: vec![0; 64],
        public_key: third.public().to_proto(),
    });
    let found = Card::inspect(&token(&signed.encode_to_vec())).map(drop);
    assert_eq!(found, Err(CardError::NotOnlyFacts { block: 1 }));
}

#[test]
fn a_fact_that_is_not_known_is_refused() {
    let refused = Err(CardError::UnknownFact { block: 1 });
    assert_eq!(with("restrict(\"{}\");"), Ok(()));
    for fact in [
        "widen(\"{}\");",
        "right(\"read\");",
        "bearer(true);",
        "card(\"card-2\");",
        "holder(\"aa\");",
        "holder(\"aa\", \"bb\", \"cc\");",
        "restrict(\"{}\", \"{}\");",
        "restrict(1);",
        "restrict(true);",
        "restrict(null);",
        "restrict([\"{}\"]);",
        "restrict({\"a\": \"{}\"});",
        "restrict(hex:7b7d);",
        "restrict(2026-12-01T00:00:00Z);",
        "restrict(\"{}\"); widen(\"{}\");",
    ] {
        let found = with(fact);
        // Null, arrays and maps make it a block of a newer version.
        let newer = found == Err(CardError::NotOnlyFacts { block: 1 });
        assert!(found == refused || newer, "{fact}: {found:?}");
    }
    let none = BlockBuilder::new().fact(fact::<Term>("restrict", &[]));
    assert_eq!(appended(none.expect("a fact")), refused);
    let set = fact("restrict", &[biscuit_auth::builder::set([int(1)].into())]);
    assert_eq!(appended(BlockBuilder::new().fact(set).expect("a fact")), refused);
}

#[test]
fn a_fact_that_is_there_twice_is_refused() {
    let refused = Err(CardError::RepeatedFact { block: 1 });
    assert_eq!(with("restrict(\"{}\"); restrict(\"{}\");"), refused);
    assert_eq!(with("restrict(\"{\\\"payments\\\":1}\"); restrict(\"{}\");"), refused);
    assert_eq!(with("holder(\"aa\", \"bb\"); holder(\"aa\", \"cc\");"), refused);
}

#[test]
fn the_issuers_block_says_which_card_it_is_and_who_holds_it() {
    let holder = format!("holder(\"{}\")", agent().public());
    assert_eq!(minted(code(&format!("card(\"a\"); {holder};"))), Ok(()));
    assert_eq!(minted(code("card(\"a\"); bearer(true);")), Ok(()));

    for (source, error) in [
        ("card(\"a\");".to_owned(), CardError::Incomplete),
        (format!("{holder};"), CardError::Incomplete),
        (String::new(), CardError::Incomplete),
        ("card(\"a\"); bearer(false);".to_owned(), CardError::UnknownFact { block: 0 }),
        (format!("card(\"a\"); {holder}; bearer(true);"), CardError::RepeatedFact { block: 0 }),
        (format!("card(\"a\"); card(\"b\"); {holder};"), CardError::RepeatedFact { block: 0 }),
        (
            "card(\"a\"); bearer(true); restrict(\"{}\");".to_owned(),
            CardError::UnknownFact { block: 0 },
        ),
        (
            "card(\"a\"); bearer(true); check if true;".to_owned(),
            CardError::NotOnlyFacts { block: 0 },
        ),
        ("card(\"a b\"); bearer(true);".to_owned(), CardError::Id),
        ("card(\"\"); bearer(true);".to_owned(), CardError::Id),
    ] {
        assert_eq!(minted(code(&source)), Err(error), "{source}");
    }
    let no_key = minted(code("card(\"a\"); holder(\"00\");"));
    assert!(matches!(no_key, Err(CardError::Holder { block: 0, .. })), "{no_key:?}");
    // The neutral element: anybody can sign for it.
    let weak = format!("card(\"a\"); holder(\"01{}\");", "00".repeat(31));
    let weak = minted(code(&weak));
    assert!(matches!(weak, Err(CardError::Holder { block: 0, .. })), "{weak:?}");
}

#[test]
fn a_card_of_another_root_key_is_worth_nothing() {
    let forger = RootKey::from_seed(7, &[9; 32]).expect("a key");
    let id = "card-1".parse().expect("an id");
    let forged = Card::mint(&forger, &id, aep2_cards::card::Holder::Bearer).expect("a card");
    assert_eq!(Card::parse(&forged, &roots()), Err(CardError::Signature));
    assert_eq!(Card::parse(&bound(), &forger.public().into()), Err(CardError::Signature));
    assert_eq!(Card::parse(&bound(), &RootPublicKeys::default()), Err(CardError::UnknownRootKey));

    // The number of the key is not signed; with another, another key is looked up.
    let mut other: schema::Biscuit = schema::Biscuit::decode(&*bytes(&bound())).expect("protobuf");
    other.root_key_id = Some(8);
    let renamed = token(&other.encode_to_vec());
    assert_eq!(Card::parse(&renamed, &roots()), Err(CardError::UnknownRootKey));
    other.root_key_id = None;
    assert_eq!(
        Card::parse(&token(&other.encode_to_vec()), &roots()),
        Err(CardError::UnknownRootKey)
    );
}

#[test]
fn cards_of_an_older_root_key_are_taken_while_it_is_among_those_that_are() {
    let newer = RootKey::from_seed(8, &[10; 32]).expect("a key");
    let id = "card-2".parse().expect("an id");
    let card = Card::mint(&newer, &id, aep2_cards::card::Holder::Bearer).expect("a card");
    let both = RootPublicKeys::new([root().public(), newer.public()]);
    assert!(Card::parse(&bound(), &both).is_ok());
    assert!(Card::parse(&card, &both).is_ok());
    assert_eq!(Card::parse(&bound(), &newer.public().into()), Err(CardError::UnknownRootKey));
}

#[test]
fn no_part_of_a_card_can_be_cut_off_or_changed() {
    let narrow = restricted();
    let whole = bytes(&narrow);
    for length in 0..whole.len() {
        assert!(Card::parse(&token(&whole[..length]), &roots()).is_err(), "cut at {length}");
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1;
        let found = Card::parse(&token(&changed), &roots());
        assert!(found.is_err(), "byte {index} changed: {found:?}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(Card::parse(&token(&longer), &roots()).is_err());
}

fn restricted() -> CardToken {
    let payments = Restrictions { payments: Some(1), ..Restrictions::default() };
    bearer().narrow(&payments, None).expect("narrower")
}

#[test]
fn a_block_cannot_be_taken_off() {
    let mut narrow: schema::Biscuit =
        schema::Biscuit::decode(&*bytes(&restricted())).expect("protobuf");
    narrow.blocks.clear();
    let wide = token(&narrow.encode_to_vec());
    assert!(Card::inspect(&wide).is_ok(), "it looks like a card");
    assert_eq!(Card::parse(&wide, &roots()), Err(CardError::Signature));
}

#[test]
fn a_field_that_is_not_known_is_refused_and_not_passed_over() {
    // Field 15, a number: after all others, so that the rest reads as before.
    let unknown = [0x78, 0x01];
    let outside = [bytes(&bound()), unknown.to_vec()].concat();
    assert!(matches!(Card::parse(&token(&outside), &roots()), Err(CardError::Format(_))));

    let block = facts_only().encode_to_vec();
    assert_eq!(raw(block.clone()), Ok(()));
    let inside = raw([block, unknown.to_vec()].concat());
    assert!(matches!(inside, Err(CardError::Format(_))), "{inside:?}");
}

/// A block without facts.
fn facts_only() -> schema::Block {
    schema::Block { version: Some(3), ..schema::Block::default() }
}

/// What becomes of the agent's card with a block of these bytes.
fn raw(block: Vec<u8>) -> Result<(), CardError> {
    let card = biscuit(&bound());
    let appended = card.container().append_serialized(&KeyPair::new(), block, None);
    let bytes = appended.and_then(|card| Ok(card.to_vec()?)).expect("bytes");
    Card::parse(&token(&bytes), &roots()).map(drop)
}

/// Each part of a block alone, in a block of the version that facts have.
#[test]
fn no_part_of_a_block_hides_behind_a_version() {
    let predicate = || schema::Predicate { name: 0, terms: Vec::new() };
    let rule = || schema::Rule {
        head: predicate(),
        body: Vec::new(),
        expressions: Vec::new(),
        scope: Vec::new(),
    };
    let check = schema::Check { queries: vec![rule()], kind: None };
    let scope = schema::Scope { content: Some(schema::scope::Content::ScopeType(0)) };
    for block in [
        schema::Block { rules: vec![rule()], ..facts_only() },
        schema::Block { checks: vec![check], ..facts_only() },
        schema::Block { scope: vec![scope], ..facts_only() },
        schema::Block { public_keys: vec![KeyPair::new().public().to_proto()], ..facts_only() },
        schema::Block { context: Some(String::new()), ..facts_only() },
        schema::Block { version: Some(6), ..facts_only() },
        schema::Block { version: None, ..facts_only() },
    ] {
        let found = raw(block.encode_to_vec());
        assert_eq!(found, Err(CardError::NotOnlyFacts { block: 1 }), "{block:?}");
    }
    // A fact whose name is no symbol of this card.
    let nameless = schema::Predicate { name: 99_999, terms: Vec::new() };
    let block = schema::Block { facts: vec![schema::Fact { predicate: nameless }], ..facts_only() };
    assert_eq!(raw(block.encode_to_vec()), Err(CardError::UnknownFact { block: 1 }));
}

#[test]
fn a_block_whose_key_is_of_another_kind_is_refused() {
    let other = KeyPair::new_with_algorithm(Algorithm::Secp256r1);
    let card = biscuit(&bound()).append_with_keypair(&other, BlockBuilder::new());
    let found = parse(&card.expect("anybody can append"));
    assert!(matches!(found, Err(CardError::Format(_))), "{found:?}");
}

#[test]
fn nine_blocks_are_refused_however_they_were_appended() {
    let mut card = biscuit(&bound());
    for _ in 1..BLOCKS_MAX {
        card = card.append(BlockBuilder::new()).expect("anybody can append");
    }
    assert_eq!(parse(&card), Ok(()));
    let card = card.append(BlockBuilder::new()).expect("anybody can append");
    assert_eq!(parse(&card), Err(CardError::TooManyBlocks));
}

#[test]
fn five_kibibytes_are_refused_before_they_are_read() {
    let long = BlockBuilder::new().fact(fact("restrict", &[string(&" ".repeat(5 * 1024))]));
    let card = biscuit(&bound()).append(long.expect("a fact")).expect("anybody can append");
    let bytes = card.to_vec().expect("bytes");
    assert!(bytes.len() > BYTES_MAX);
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(text.parse::<CardToken>(), Err(CardError::TooLong));
}

#[test]
fn a_sealed_card_is_a_card_and_stays_as_it_is() {
    let sealed = biscuit(&bound()).seal().expect("sealed").to_vec().expect("bytes");
    let sealed = token(&sealed);
    assert!(Card::parse(&sealed, &roots()).is_ok());
    assert_eq!(sealed.narrow(&Restrictions::default(), None), Err(CardError::Sealed));
}

#[test]
fn a_cards_text_has_one_spelling() {
    let text = bound().expose().to_owned();
    assert!(text.starts_with("aep2card_"));
    for wrong in [
        String::new(),
        "aep2card_".to_uppercase(),
        text.replace("aep2card_", ""),
        text.replace("aep2card_", "aep2Card_"),
        format!("{text}="),
        format!(" {text}"),
        format!("{text}\n"),
        text.replacen('_', "_+", 1),
    ] {
        assert_eq!(wrong.parse::<CardToken>(), Err(CardError::Text), "{wrong}");
    }
}

#[test]
fn a_card_is_not_shown_by_accident() {
    let card = bound();
    let shown = format!("{card:?} {:?}", Some(&card));
    assert_eq!(shown, "aep2card_… Some(aep2card_…)");
    let key = agent();
    assert!(!format!("{key:?} {:?}", root()).contains(&"02".repeat(8)));
}
