//! That a store is opened by somebody else, or altered.

use aep2_arbiter::stored_log;
use alloy::signers::local::PrivateKeySigner;

use crate::support::{Payment, World};

#[tokio::test]
async fn another_keys_store_is_not_opened() {
    let world = World::begin().await;
    drop(world.open());
    let stranger = PrivateKeySigner::random();
    assert!(world.try_open(stranger, world.directory.path()).is_err());
    world.open();
}

#[tokio::test]
async fn the_log_is_read_beside_the_program_and_without_any_key() {
    let world = World::begin().await;
    let arbiter = world.open();
    world.dispute(&Payment::default());
    world.turned(&arbiter).await;
    let log = stored_log(world.directory.path()).expect("a log");
    let verified = log.verify(&[]).expect("whole").expect("entries");
    assert_eq!(verified.to, arbiter.verify_log().expect("whole").expect("entries").to);
    let empty = tempfile::tempdir().expect("a directory");
    assert!(stored_log(empty.path()).is_err());
}
