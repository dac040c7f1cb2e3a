//! A thief has the store without its key; somebody writes to it.

use std::{fs, path::Path};

use aep2_evidence::{EvidenceError, KeyFrom};
use aep2_journal::JournalError;
use aep2_vault::{Kek, Vault, VaultError};
use alloy_primitives::keccak256;

use crate::support::{Family, World, dispute_id, open, raw};

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
async fn a_stolen_store_without_the_key_reads_nothing() {
    let world = World::begin();
    let secret = b"the customer's name is Erika Mustermann";
    let piece = world.put(1, secret).await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);
    let stored = bytes_below(&directory.path().join("store"));
    assert!(has(&stored, piece.media_type.as_bytes()), "the search finds what is there");
    assert!(!has(&stored, secret) && !has(&stored, &secret[24..]), "content lies open");

    let key = KeyFrom::Vault(Vault::new(Kek::random().expect("random bytes")));
    let opened = open(directory.path(), key, &clock);
    assert!(matches!(opened, Err(EvidenceError::WrongKey { source: VaultError::UnknownKek(_) })));
    // It was not changed by the try, and opens with its own key.
    let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
    let (_, bytes) = store.get(dispute_id(1), piece.hash).expect("given");
    assert_eq!(bytes, secret);
}

#[tokio::test]
async fn whoever_writes_the_store_cannot_put_one_piece_in_anothers_place() {
    let world = World::begin();
    let (mine, theirs) = (b"it was late", b"it was good");
    world.put(1, mine).await.expect("taken");
    world.put(2, theirs).await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);

    let journal = raw(directory.path());
    let key = |dispute, bytes: &[u8]| [dispute_id(dispute).0, keccak256(bytes).0].concat();
    let (from, to) = (key(2, theirs), key(1, mine));
    let moved = journal.submit(move |tx| {
        for family in ["keys", "contents"].map(Family) {
            let value = tx.get(family, &from)?.expect("there");
            tx.put(family, to.clone(), value);
        }
        Ok::<_, JournalError>(())
    });
    moved.wait().expect("written");
    drop(journal);

    // Told at the start where it is the first key that is tried, and else when the piece is asked for.
    match open(directory.path(), KeyFrom::BesideTheStore, &clock) {
        Err(EvidenceError::WrongKey { source: VaultError::Refused }) => {}
        Ok(store) => {
            let got = store.get(dispute_id(1), keccak256(mine));
            assert!(matches!(got, Err(EvidenceError::Vault(VaultError::Refused))));
        }
        Err(error) => panic!("{error}"),
    }
}
