//! Cards and a request that were written once, for other implementations to read.

use aep2_cards::{
    card::Card,
    error::CardError,
    keys::{HolderKey, HolderPublicKey, RootPublicKey, RootPublicKeys},
    proof::{self, Request, WINDOW_S},
    restrictions::Restrictions,
    token::CardToken,
};
use aep2_mandate::units::UnixTime;
use alloy_primitives::hex;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vectors {
    root_key: Root,
    cards: Vec<Good>,
    refused: Vec<Refused>,
    request: Signed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Root {
    id: u32,
    public_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Good {
    about: String,
    card: CardToken,
    id: String,
    holder: Option<HolderPublicKey>,
    blocks: Vec<Block>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Block {
    revocation_id: String,
    restrictions: Restrictions,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Refused {
    about: String,
    card: CardToken,
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Signed {
    holder_seed: String,
    method: String,
    authority: String,
    path: String,
    query: Option<String>,
    body: String,
    created: u64,
    nonce: String,
    card: CardToken,
    headers: BTreeMap<String, String>,
}

fn vectors() -> (Vectors, RootPublicKeys) {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../vectors/cards.json")).expect("the vectors");
    let root = RootPublicKey::from_hex(vectors.root_key.id, &vectors.root_key.public_key);
    (vectors, root.expect("a key").into())
}

#[test]
fn cards_that_were_written_once_say_the_same_for_ever() {
    let (vectors, roots) = vectors();
    assert!(vectors.cards.len() >= 3);
    for Good { about, card, id, holder, blocks } in vectors.cards {
        let read = Card::parse(&card, &roots).unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!((read.id().as_str(), read.holder()), (id.as_str(), holder), "{about}");
        let found: Vec<_> = read
            .blocks()
            .iter()
            .map(|block| (block.revocation_id.to_string(), block.restrictions.clone()))
            .collect();
        let expected: Vec<_> =
            blocks.into_iter().map(|block| (block.revocation_id, block.restrictions)).collect();
        assert_eq!(found, expected, "{about}");
    }
}

#[test]
fn cards_that_were_refused_once_are_refused_for_the_same_reason() {
    let (vectors, roots) = vectors();
    assert!(vectors.refused.len() >= 3);
    for Refused { about, card, code } in vectors.refused {
        let found = Card::parse(&card, &roots).as_ref().err().map(CardError::code);
        assert_eq!(found, Some(code.as_str()), "{about}");
    }
}

#[test]
fn a_request_that_was_signed_once_has_the_same_headers() {
    let (Vectors { request, .. }, _) = vectors();
    let seed = hex::decode_to_array(&request.holder_seed).expect("a seed");
    let key = HolderKey::from_seed(&seed);
    let asked = Request {
        method: &request.method,
        authority: &request.authority,
        path: &request.path,
        query: request.query.as_deref(),
        body: request.body.as_bytes(),
    };
    let created = UnixTime::new(request.created).expect("a time");
    let mut headers = HeaderMap::new();
    proof::sign(&asked, &request.card, &key, created, &request.nonce).insert_into(&mut headers);

    let mut expected = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = HeaderName::try_from(name).expect("a name");
        expected.insert(name, HeaderValue::try_from(value).expect("a value"));
    }
    assert_eq!(headers, expected);
    let holder = key.public();
    let proof = proof::verify(&asked, &expected, &holder, created, WINDOW_S).expect("a proof");
    assert_eq!(proof.nonce, request.nonce);
}
