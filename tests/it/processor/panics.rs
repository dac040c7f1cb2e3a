//! A part of the processor panics: that is an alarm and the processor's failure, and the next process
//! goes on from what is on disk.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aep2_processor::{
    Event, Parts, Processor, TaskPanicked,
    fail_point::{FailPoint, FailPointHook, Moment},
};
use aep2_tests::{
    settling::{accept_all, all_settled, audited, chain_of},
    world::{LONG, World, eventually},
};

/// Panics at a fail point, once it is armed.
struct PanicAt {
    point: FailPoint,
    armed: AtomicBool,
}

impl FailPointHook for PanicAt {
    fn reached(&self, point: FailPoint, moment: Moment) {
        let here = (point, moment) == (self.point, Moment::Before);
        assert!(!(here && self.armed.load(Ordering::SeqCst)), "injected");
    }
}

async fn a_panic_is_the_processors_failure(point: FailPoint, task: &'static str) {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let hook = Arc::new(PanicAt { point, armed: AtomicBool::new(false) });
    let parts = Parts { hook: hook.clone(), ..world.parts() };
    let processor = Processor::start(parts, world.when_full()).await.expect("started");
    world.ready(&processor).await;
    let mut events = processor.events();
    hook.armed.store(true, Ordering::SeqCst);
    // They fill a shape: they are sealed, proved, and settled in a block.
    let ids = accept_all(&processor, chain_of(&world, &ann, 70, 0..4)).await;
    let failure = tokio::time::timeout(LONG, processor.failed()).await.expect("it fails");
    assert_eq!(failure, TaskPanicked { task, message: "injected".to_owned() });

    eventually("it is told", async || {
        std::iter::from_fn(|| events.try_recv().ok())
            .any(|event| event == Event::TaskPanicked { task })
    })
    .await;
    let metrics = processor.metrics().encode().expect("text");
    assert!(metrics.contains("aep2_alarm{cause=\"task_panicked\"} 1"), "{metrics}");
    assert!(!processor.readiness().ready);
    // Whoever asks later is told the same.
    assert_eq!(processor.failed().await, failure);

    world.stop(processor).await;
    let processor = world.start_again(world.when_full()).await;
    all_settled(&processor, &ids).await;
    audited(&processor);
    world.stop(processor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_following_is_the_processors_failure() {
    a_panic_is_the_processors_failure(FailPoint::ApplyBlocks, "chain_sync").await;
}

/// It seals on a thread of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_sealing_is_the_processors_failure() {
    a_panic_is_the_processors_failure(FailPoint::Seal, "batch_scheduler").await;
}

/// One batch's panic holds up no other part: the batch is taken up again.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_a_batch_is_contained() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let hook = Arc::new(PanicAt { point: FailPoint::StoreProof, armed: AtomicBool::new(true) });
    let parts = Parts { hook: hook.clone(), ..world.parts() };
    let processor = Processor::start(parts, world.when_full()).await.expect("started");
    world.ready(&processor).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 70, 0..4)).await;
    eventually("an alarm", async || {
        let metrics = processor.metrics().encode().expect("text");
        metrics.contains("aep2_alarm{cause=\"batch_stuck\"} 1")
    })
    .await;
    hook.armed.store(false, Ordering::SeqCst);
    all_settled(&processor, &ids).await;
    audited(&processor);
    world.stop(processor).await;
}
