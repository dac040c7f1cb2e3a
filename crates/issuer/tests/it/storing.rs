//! That what is stored is stolen, altered, or lost with the process.

use std::{fs, path::Path};

use aep2_audit_log::{Start, verify};
use aep2_issuer::{Issuer, IssuerConfig, IssuerError};
use aep2_vault::{Kek, Vault};

use crate::support::{World, code, in_all};

/// All bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => bytes.extend(bytes_below(&path)),
            false => bytes.extend(fs::read(&path).expect("a file")),
        }
    }
    bytes
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_stolen_store_without_the_key_signs_nothing() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    world.pay(&card, 1).await.expect("paid");
    let World { issuer, directory, clock, kek, .. } = world;
    drop(issuer);

    let stolen = Vault::new(Kek::random().expect("random bytes"));
    let opened = Issuer::open(directory.path(), stolen, clock.clone(), IssuerConfig::default());
    assert!(matches!(opened.map(|_| ()), Err(IssuerError::Vault(_))));
    // It was not changed by the try, and opens with its own key.
    crate::support::open(directory.path(), &kek, &clock);
}

#[tokio::test]
async fn no_token_and_no_card_is_in_the_store() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    world.pay(&card, 1).await.expect("paid");
    let zone = aep2_issuer::Zone::utc();
    let (_, token) = world.issuer.create_owner("Bob".to_owned(), zone).await.expect("an owner");
    let World { issuer, directory, .. } = world;
    drop(issuer);
    let stored = bytes_below(directory.path());
    assert!(has(&stored, b"Bob"), "the search finds what is there");
    let (card, token) = (card.expose(), token.reveal());
    for secret in [card, &card[9..], token, token.trim_start_matches("aep2owner_")] {
        assert!(!has(&stored, secret.as_bytes()), "a secret is stored");
    }
}

#[tokio::test]
async fn every_answer_has_its_line_and_one_altered_byte_is_found() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let before = world.issuer.verify_log().expect("whole").expect("begun").to.number.get();
    world.pay(&card, 60).await.expect("within the budget");
    assert_eq!(code(world.pay(&card, 41).await), "budget_exceeded");
    let after = world.issuer.verify_log().expect("whole").expect("begun").to.number.get();
    assert_eq!(after - before, 2);

    let mut lines = Vec::new();
    world.issuer.export_log(&mut lines).expect("exported");
    let text = String::from_utf8(lines.clone()).expect("text");
    for action in ["owner.created", "card.created", "payment.issued", "payment.refused"] {
        assert!(text.contains(&format!("\"{action}\"")), "{action} is not told");
    }
    assert!(text.contains("budget_exceeded") && !text.contains(card.expose()));
    let whole = verify(&lines[..], Start::Beginning, &[]).expect("whole");
    let kept = world.issuer.verify_log().expect("whole").expect("begun");
    assert_eq!(whole.to, kept.to);
    let altered = |what: &str| {
        let mut lines = lines.clone();
        lines[text.find(what).expect("it is there")] ^= 1;
        verify(&lines[..], Start::Beginning, &[])
    };
    assert!(altered("payment.issued").is_err(), "the next line names another hash");
    // Nothing follows the last line: the hash that the store, or whoever kept it, has for it differs.
    assert!(altered("payment.refused").map_or(true, |last| last.to != kept.to));
}

#[tokio::test]
async fn a_second_process_does_not_issue_from_the_same_store() {
    let world = World::begin().await;
    let vault = Vault::new(Kek::random().expect("random bytes"));
    let second =
        Issuer::open(world.directory.path(), vault, world.clock.clone(), IssuerConfig::default());
    assert!(matches!(second.map(|_| ()), Err(IssuerError::Open(_))));
}
