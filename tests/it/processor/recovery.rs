//! Stopped and started again in the middle of a batch's life.

use aep2_processor::view::BatchStep;
use aep2_tests::{
    payers::payee_address,
    settling::{accept_all, all_settled, audited, batches, chain_of, is_settled, settled_batches},
    world::{World, eventually},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_on_its_way_is_looked_up_and_not_sent_twice() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.when_full()).await;
    world.automine(false).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 70, 0..4)).await;
    eventually("submitted", async || {
        batches(&processor).first().is_some_and(|batch| batch.step == BatchStep::Submitted)
    })
    .await;
    let waiting = || async {
        let status: serde_json::Value =
            world.chain.client().request_noparams("txpool_status").await.expect("answers");
        status["pending"].as_str().expect("a number").to_owned()
    };
    eventually("in the pool", async || waiting().await == "0x1").await;
    world.stop(processor).await;
    let processor = world.start_again(world.when_full()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(waiting().await, "0x1");
    world.chain.mine().expect("a block");
    all_settled(&processor, &ids).await;
    assert_eq!(settled_batches(&processor).len(), 1);
    assert_eq!(world.holds(payee_address(1)).await, 4 * 70);
    audited(&processor);
    world.stop(processor).await;
}

/// The transaction falls out of the chain, and is sent again by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_reorganisation_undid_settles_again_and_once() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let processor = world.start(world.at_once()).await;
    world.mine(4);
    let ids = accept_all(&processor, [world.mandate(&ann, 70, 0)]).await;
    all_settled(&processor, &ids).await;
    let before = settled_batches(&processor);
    for depth in [1, 3] {
        let mut events = processor.events();
        world.chain.reorganise(depth).expect("reorganised");
        assert_eq!(world.holds(payee_address(1)).await, 0, "it fell out");
        eventually("it was seen", async || {
            std::iter::from_fn(|| events.try_recv().ok())
                .any(|event| matches!(event, aep2_processor::Event::ReorgedOut { .. }))
        })
        .await;
        eventually("settled again", async || {
            is_settled(&processor, ids[0]) && world.holds(payee_address(1)).await == 70
        })
        .await;
        world.mine(2);
    }
    assert_eq!(settled_batches(&processor), before, "the same batch");
    assert_eq!(world.balance(&ann).await, 930);
    audited(&processor);
    world.stop(processor).await;
}

/// What ended long ago is forgotten; what may still be undone is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_senders_journal_does_not_grow_for_ever() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let mut config = world.at_once();
    config.follower.depth_max = 4;
    let processor = world.start(config.clone()).await;
    for nonce in 0..3 {
        let ids = accept_all(&processor, [world.mandate(&ann, 10, nonce)]).await;
        all_settled(&processor, &ids).await;
    }
    let entries = |ledger: &aep2_ledger::Ledger| {
        ledger.transactions(world.processor.address()).expect("reads").len()
    };
    world.mine(8);
    world.ready(&processor).await;
    eventually("all are final", async || {
        batches(&processor).iter().all(|batch| matches!(batch.step, BatchStep::Final { .. }))
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    world.stop(processor).await;
    let mut config = aep2_ledger::LedgerConfig::new(
        world.id().chain_id,
        world.id().address,
        world.processor.address(),
    );
    config.undo_blocks = 4;
    let ledger = loop {
        match aep2_ledger::Ledger::open(world.ledger(), config.clone()) {
            Ok(ledger) => break ledger,
            Err(aep2_ledger::OpenError::Journal(aep2_ledger::JournalOpenError::InUse {
                ..
            })) => {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(entries(&ledger), 1, "the newest tells which nonces were taken");
}
