//! What owners do on the chain: they change their terms.

use aep2_chain::wallet::units::KeyHash;
use aep2_mandate::eddsa::SecretKey;
use aep2_tests::{
    payers::Payer,
    settling::{accept_all, all_settled, audited},
    world::{DELAY_SECONDS, World, eventually},
};

/// From when a change is due until it is applied nothing is accepted. Nobody has to wait for its
/// owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_due_is_applied_and_the_account_goes_on() {
    let world = World::new().await;
    let (ann, bob) = (world.payer(0, 1_000).await, world.payer(1, 0).await);
    let processor = world.start(world.when_full()).await;
    let new = Payer { seed: [0x77; 32], ..ann.clone() };
    for payer in [&ann, &bob] {
        let key_hash = KeyHash::of(&SecretKey::from_seed(new.seed).public());
        world.send(&payer.key, &world.id().rotate_key(payer.account, key_hash)).await;
    }
    world.ready(&processor).await;
    world.travel(DELAY_SECONDS);
    world.ready(&processor).await;
    let refused = processor.accept(world.mandate(&ann, 10, 0)).await.expect_err("due, or applied");
    assert!(["change_pending", "unknown_key"].contains(&refused.code()), "{refused}");
    let pending = |payer: &Payer| {
        processor.account(payer.account).expect("reads").expect("known").pending_change.is_some()
    };
    eventually("applied", async || !pending(&ann)).await;
    assert!(pending(&bob), "nobody pays for changes of empty accounts");
    let ids = accept_all(&processor, [world.mandate(&new, 10, 0)]).await;
    world.travel(120);
    all_settled(&processor, &ids).await;
    audited(&processor);
    world.stop(processor).await;
}
