//! Key-encryption keys that are missing, wrong, readable by others, or replaced.

use std::{fs, os::unix::fs::PermissionsExt};

use aep2_evidence::{EvidenceError, KEY_FILE, KeyFrom};
use aep2_mandate::clock::Clock;
use aep2_vault::{KekSettings, SourceError, VaultError, VaultSettings};

use crate::support::{World, dispute_id, named, open};

#[tokio::test]
async fn a_key_file_is_made_once_for_its_owner_alone() {
    let world = World::begin();
    let path = world.directory.path().join(KEY_FILE);
    let mode = fs::metadata(&path).expect("a key file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let key = fs::read(&path).expect("reads");
    world.put(1, b"a letter").await.expect("taken");
    let world = world.again();
    assert_eq!(fs::read(&path).expect("reads"), key);
    assert_eq!(world.get(1, b"a letter").expect("given"), b"a letter");

    let World { directory, clock, store } = world;
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    let opened = open(directory.path(), KeyFrom::BesideTheStore, &clock);
    assert!(matches!(opened, Err(EvidenceError::KeyFile(SourceError::Permissions { .. }))));
}

#[tokio::test]
async fn a_key_file_that_is_gone_is_told_and_no_other_is_made_for_it() {
    let world = World::begin();
    world.put(1, b"a letter").await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);
    let (path, away) = (directory.path().join(KEY_FILE), directory.path().join("away"));
    fs::rename(&path, &away).expect("moved");
    for _ in 0..2 {
        let opened = open(directory.path(), KeyFrom::BesideTheStore, &clock);
        assert!(matches!(opened, Err(EvidenceError::KeyFileMissing(_))));
        assert!(!path.exists());
    }
    fs::rename(&away, &path).expect("moved");
    let store = open(directory.path(), KeyFrom::BesideTheStore, &clock).expect("opens");
    assert_eq!(store.list(dispute_id(1)).expect("reads").len(), 1);
}

#[test]
fn a_first_start_that_was_killed_while_the_key_was_written_is_made_up_for() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("kek.new"), "0123").expect("half a key");
    open(directory.path(), KeyFrom::BesideTheStore, &Clock::system()).expect("opens");
    assert!(directory.path().join(KEY_FILE).exists());
    assert!(!directory.path().join("kek.new").exists());
}

#[tokio::test]
async fn the_key_is_replaced_by_one_that_is_kept_elsewhere() {
    let world = World::begin();
    world.put(1, b"a letter").await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let newest = elsewhere.path().join("kek");
    aep2_vault::generate(&newest).expect("a key");
    let old =
        KekSettings { kek_file: Some(directory.path().join(KEY_FILE)), ..KekSettings::default() };
    let only_new = VaultSettings { kek_file: Some(newest), ..VaultSettings::default() };
    let both = VaultSettings { previous: vec![old], ..only_new.clone() };
    let key = |settings: &VaultSettings| KeyFrom::settings(settings).expect("keys");
    assert!(matches!(key(&VaultSettings::default()), KeyFrom::BesideTheStore));

    // Without the old one, before its pieces were wrapped anew.
    let refused = open(directory.path(), key(&only_new), &clock);
    assert!(matches!(refused, Err(EvidenceError::WrongKey { source: VaultError::UnknownKek(_) })));
    let store = open(directory.path(), key(&both), &clock).expect("opens");
    let second = b"another".to_vec();
    let world = World { directory, clock, store };
    world.put(2, &second).await.expect("taken");
    let World { directory, clock, store } = world;
    drop(store);
    // One piece of two is wrapped by the new one already: that is not enough.
    let refused = open(directory.path(), key(&only_new), &clock);
    assert!(matches!(refused, Err(EvidenceError::WrongKey { .. })));
    let store = open(directory.path(), key(&both), &clock).expect("opens");
    assert_eq!(store.rewrap().expect("wrapped"), 1);
    assert_eq!(store.rewrap().expect("wrapped"), 0, "a second time there is nothing to do");
    drop(store);

    let store = open(directory.path(), key(&only_new), &clock).expect("opens");
    for (dispute, bytes) in [(1, &b"a letter"[..]), (2, &second)] {
        let (_, given) = store.get(dispute_id(dispute), named(bytes).hash).expect("given");
        assert_eq!(given, bytes);
    }
    drop(store);
    let old = open(directory.path(), KeyFrom::BesideTheStore, &clock);
    assert!(matches!(old, Err(EvidenceError::WrongKey { .. })), "the old key opens it no more");
}
