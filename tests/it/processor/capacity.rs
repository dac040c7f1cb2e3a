//! More is offered than can be settled: what is promised is kept, and what cannot be is refused.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aep2_ledger::MandateHash;
use aep2_processor::{
    Parts, Processor, ProcessorConfig,
    accept::AcceptError,
    fail_point::{FailPoint, FailPointHook, Moment},
};
use aep2_tests::{
    settling::{all_settled, audited, settled_batches},
    world::World,
};
use alloy::providers::Provider;

/// How long each proof takes at least: much longer than it takes to make, however busy the machine is.
const PROOF: Duration = Duration::from_secs(1);

/// A slow prover.
struct Slow;

impl FailPointHook for Slow {
    fn reached(&self, point: FailPoint, moment: Moment) {
        if (point, moment) == (FailPoint::Prove, Moment::Before) {
            tokio::task::block_in_place(|| std::thread::sleep(PROOF));
        }
    }
}

/// Promises of a minute. Each segment holds one mandate that follows none.
fn config(world: &World) -> ProcessorConfig {
    let mut config = world.at_once();
    config.acceptance.within_capacity = true;
    config.acceptance.settle_within_s = 60;
    config.windows.due_margin_s = 10;
    config
}

/// Dust: mandates that follow no others, each of which takes a proof of its own. What is not refused for
/// it would be promised and not kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_beyond_capacity_is_refused_and_what_was_promised_is_kept() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000_000).await;
    let parts = Parts { hook: Arc::new(Slow), ..world.parts() };
    let processor = Processor::start(parts, config(&world)).await.expect("started");
    world.ready(&processor).await;

    // Ten times what can be proved, for eight seconds.
    let started = Instant::now();
    let (mut promised, mut refused, mut nonce) = (Vec::<MandateHash>::new(), 0, 0);
    while started.elapsed() < Duration::from_secs(8) {
        let mandate = world.mandate(&payer, 1, nonce);
        nonce += 1;
        match processor.accept(mandate).await {
            Ok(accepted) => promised.push(accepted.mandate_id.into()),
            Err(error) => {
                assert_eq!(error.code(), "over_capacity", "{error}");
                assert!(error.retry_after_s().is_some_and(|seconds| (1..=60).contains(&seconds)));
                refused += 1;
            }
        }
        tokio::time::sleep(PROOF / 10).await;
    }
    assert!(promised.len() > 10, "only {} were promised", promised.len());
    assert!(refused > 10, "only {refused} were refused: it was no burst");

    settled_in_time(&world, &processor, &promised).await;
    assert_eq!(settled_batches(&processor).len(), promised.len(), "each had a batch");
    // It takes up again what it can.
    let again = processor.accept(world.mandate(&payer, 1, 10_000)).await;
    all_settled(&processor, &[again.expect("accepted").mandate_id.into()]).await;
    audited(&processor);
    world.stop(processor).await;
}

/// By when each was promised, and when its block came.
async fn settled_in_time(world: &World, processor: &Processor, promised: &[MandateHash]) {
    let everything = tokio::time::timeout(Duration::from_secs(120), async {
        while !promised.iter().all(|own| aep2_tests::settling::is_settled(processor, *own)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    everything.await.expect("all are settled");
    for mandate in promised {
        let view = processor.mandate(*mandate).expect("reads").expect("known");
        let aep2_processor::view::MandateState::Settled { block, .. } = view.state else {
            panic!("it is settled");
        };
        let block = world.chain.provider().get_block_by_number(block.into()).await;
        let time = block.expect("answers").expect("a block").header.timestamp;
        assert!(time <= view.settle_by.get(), "promised by {}, settled at {time}", view.settle_by);
    }
}

/// With capacity not looked at, the same burst breaks its promises: what the test above shows is the
/// doing of that.
#[tokio::test(flavor = "multi_thread")]
async fn without_looking_at_capacity_a_burst_is_promised_whole() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000_000).await;
    let parts = Parts { hook: Arc::new(Slow), ..world.parts() };
    let mut config = config(&world);
    config.acceptance.within_capacity = false;
    let processor = Processor::start(parts, config).await.expect("started");
    world.ready(&processor).await;
    let many = (0..200).map(|nonce| world.mandate(&payer, 1, nonce)).collect();
    let answers = processor.accept_many(many).await;
    let refused: Vec<&AcceptError> = answers.iter().filter_map(|own| own.as_ref().err()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    world.stop(processor).await;
}
