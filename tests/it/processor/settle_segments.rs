//! Windows of several segments: proved one by one, settled by one transaction.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aep2_processor::{
    Parts, Processor, ProcessorConfig,
    fail_point::{FailPoint, FailPointHook, Moment},
    view::BatchStep,
};
use aep2_tests::{
    payers::payee_address,
    settling::{accept_all, all_settled, audited, batches, chain_of, settled_batches},
    world::{World, eventually},
};

/// Windows of at most three segments, each of which holds one chain of four.
fn three_segments(world: &World) -> ProcessorConfig {
    let mut config = world.when_full();
    config.windows.segments_max = 3;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_settles_in_one_transaction_whatever_its_segments() {
    let world = World::new().await;
    let payers = [world.payer(0, 1_000).await, world.payer(1, 1_000).await];
    let processor = world.start(three_segments(&world)).await;
    let mut ids = Vec::new();
    for payer in &payers {
        ids.extend(accept_all(&processor, chain_of(&world, payer, 70, 0..4)).await);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(batches(&processor), [], "a third segment has room");
    ids.extend(accept_all(&processor, chain_of(&world, &payers[0], 70, 4..8)).await);
    all_settled(&processor, &ids).await;

    let settled = settled_batches(&processor);
    assert_eq!(settled.len(), 1, "{settled:?}");
    let [batch] = &batches(&processor)[..] else { panic!("one batch") };
    assert_eq!((batch.figures.segments_proved, batch.figures.segments), (Some(3), Some(3)));
    let BatchStep::Confirmed { transaction, .. } = batch.step else { panic!("confirmed") };
    let on_chain = world.settled_by(transaction).await;
    assert_eq!((on_chain.batch.segments.len(), on_chain.batch.count), (3, 12));
    assert_eq!(Some(on_chain.batch_id), batch.batch_id);
    assert_eq!(world.holds(payee_address(1)).await, 12 * 70);

    for id in ids {
        let id = aep2_mandate::mandate::MandateId::from_bytes(id.bytes()).expect("an id");
        let inclusion = processor.inclusion_proof(id).await.expect("a proof");
        let shown =
            on_chain.batch.check_inclusion(&world.deployment, &inclusion.mandate, &inclusion.proof);
        assert_eq!(shown.expect("it is shown").captured.get(), 70);
    }
    audited(&processor);
    world.stop(processor).await;
}

/// Counts the proofs that are begun, and panics before that of this number or a later one is stored.
struct Counting {
    proofs: AtomicUsize,
    panics_at: usize,
}

impl FailPointHook for Counting {
    fn reached(&self, point: FailPoint, moment: Moment) {
        match (point, moment) {
            (FailPoint::Prove, Moment::Before) => drop(self.proofs.fetch_add(1, Ordering::SeqCst)),
            (FailPoint::StoreSegment, Moment::Before) => {
                let proofs = self.proofs.load(Ordering::SeqCst);
                assert!(proofs < self.panics_at, "injected");
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proved_before_the_process_died_is_not_proved_again() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    let start = async |panics_at| {
        let hook = Arc::new(Counting { proofs: AtomicUsize::new(0), panics_at });
        loop {
            let parts = Parts { hook: hook.clone(), ..world.parts() };
            match Processor::start(parts, three_segments(&world)).await {
                Ok(processor) => break (processor, hook),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    // The third proof is made and lost, whenever it is made.
    let (processor, hook) = start(3).await;
    world.ready(&processor).await;
    let ids = accept_all(&processor, chain_of(&world, &ann, 7, 0..12)).await;
    eventually("two of three are stored, the third is lost", async || {
        hook.proofs.load(Ordering::SeqCst) >= 3
    })
    .await;
    world.stop(processor).await;

    let (processor, hook) = start(usize::MAX).await;
    world.ready(&processor).await;
    all_settled(&processor, &ids).await;
    assert_eq!(hook.proofs.load(Ordering::SeqCst), 1, "one was left to prove");
    assert_eq!(settled_batches(&processor).len(), 1);
    audited(&processor);
    world.stop(processor).await;
}
