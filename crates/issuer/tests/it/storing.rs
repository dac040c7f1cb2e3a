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
async fn what_an_agent_says_at_length_is_told_by_its_hash_and_stops_nothing() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let mut request = world.request(&card, 101);
    // Control characters take six bytes each as they are written.
    request.purpose = Some("\u{1}".repeat(5_000));
    assert_eq!(code(crate::support::issued(world.ask(request).await)), "budget_exceeded");
    let mut lines = Vec::new();
    world.issuer.export_log(&mut lines).expect("exported");
    let last = String::from_utf8(lines).expect("text").lines().last().map(str::to_owned);
    assert!(last.is_some_and(|last| last.contains("payment.refused") && last.contains("sha256")));
}

#[tokio::test]
async fn refusals_without_end_do_not_fill_the_disk() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(1)).await;
    let count = || world.issuer.verify_log().expect("whole").expect("begun").to.number.get();
    let before = count();
    for _ in 0..200 {
        assert_eq!(code(world.pay(&card, 2).await), "budget_exceeded");
    }
    assert!(count() - before <= 120, "two minutes' lines at most");
}

#[tokio::test]
async fn after_a_restored_backup_nothing_is_issued_before_its_owner_says_so() {
    let world = World::begin().await;
    let (_, card, _) = world.card(in_all(100)).await;
    let before = world.pay(&card, 1).await.expect("paid");
    assert_eq!(world.issuer.after_restore().await.expect("done"), 1);
    assert_eq!(code(world.pay(&card, 1).await), "wallet_frozen");
    let (owner, wallet) = (world.owner.id, world.wallet);
    let unfrozen = world.issuer.freeze_wallet(owner, world.actor(), wallet, false).await;
    unfrozen.expect("its owner decided");
    let after = world.pay(&card, 1).await.expect("paid");
    let word = |payment: &aep2_issuer::records::PaymentRecord| payment.mandate.mandate.nonce.word();
    assert_ne!(word(&before), word(&after), "nonces that may have been used are not used again");
}

#[tokio::test]
async fn a_second_process_does_not_issue_from_the_same_store() {
    let world = World::begin().await;
    let vault = Vault::new(Kek::random().expect("random bytes"));
    let second =
        Issuer::open(world.directory.path(), vault, world.clock.clone(), IssuerConfig::default());
    assert!(matches!(second.map(|_| ()), Err(IssuerError::Open(_))));
}
