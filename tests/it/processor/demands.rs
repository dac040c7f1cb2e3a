//! A payee that was paid demands its receipt all the same: the processor answers by itself, or the bond
//! pays a second time.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use aep2_ledger::MandateHash;
use aep2_mandate::{
    typed_data::{
        TypedData,
        receipt::{Receipt, SignedReceipt},
    },
    units::UnixTime,
};
use aep2_processor::{Parts, Processor, view::MandateState};
use aep2_tests::{
    payers::{Payer, capture, payee, payee_address},
    picky::{Manners, picky},
    settling::{all_settled, audited, batches, chain_of, settled_batches, state},
    world::{RESPONSE_SECONDS, World, eventually},
};
use alloy::primitives::{B256, U256};

/// Longer than a promise of these processors.
const BROKEN_S: u64 = 601;

async fn accept(
    world: &World,
    processor: &Processor,
    payer: &Payer,
    count: u64,
) -> (Vec<MandateHash>, Vec<SignedReceipt>) {
    let mut all = (Vec::new(), Vec::new());
    for mandate in chain_of(world, payer, 70, 0..count) {
        let accepted = processor.accept(mandate).await.expect("accepted");
        all.0.push(accepted.mandate_id.into());
        all.1.push(accepted.receipt);
    }
    all
}

/// Nothing was done by hand: what answers is the processor.
async fn answered(world: &World, receipts: &[SignedReceipt], shown: u128) {
    for receipt in receipts {
        eventually("it is answered", async || {
            world.paid(&receipt.message).await.shown.get() == shown
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_was_paid_is_answered_and_the_bond_stays() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.at_once()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 3).await;
    all_settled(&processor, &ids).await;
    world.travel(BROKEN_S);
    world.demand(&receipts[..2]).await;
    answered(&world, &receipts[..2], 70).await;
    // Also where it was away when it was demanded.
    world.stop(processor).await;
    world.demand(&receipts[2..]).await;
    let processor = world.start(world.at_once()).await;
    answered(&world, &receipts[2..], 70).await;

    world.let_the_response_window_pass();
    for receipt in &receipts {
        world.claim(&[receipt.message]).await;
        assert_eq!(world.paid(&receipt.message).await.claimed.get(), 0);
    }
    assert_eq!(world.bonded().await, 500);
    assert_eq!(world.holds(payee_address(1)).await, 3 * 70, "each is paid once");
    // Whoever demands what was paid pays for the answer.
    let forfeited = world.guarantee().ether(world.processor.address()).await.expect("an answer");
    assert!(forfeited > U256::ZERO);
    audited(&processor);
    world.stop(processor).await;
}

/// The receipt says 70, the payee signed that it takes 30, or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_payee_that_took_less_is_answered_with_its_own_word() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.config()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 2).await;
    for (id, amount) in ids.iter().zip([30, 0]) {
        let taken = capture(world.id(), id.bytes(), amount, &payee(1));
        processor.capture(taken).await.expect("captured");
    }
    world.travel(120);
    all_settled(&processor, &ids).await;
    world.travel(BROKEN_S);
    world.demand(&receipts).await;
    for (receipt, due) in receipts.iter().zip([30, 0]) {
        let digest = digest(&world, receipt);
        eventually("what is due is lowered", async || {
            let demand = world.guarantee().demand(digest).await.expect("an answer");
            demand.expect("a demand").due.get() == due
        })
        .await;
    }
    answered(&world, &receipts[..1], 30).await;
    world.let_the_response_window_pass();
    world.claim(&[receipts[0].message, receipts[1].message]).await;
    assert_eq!((world.bonded().await, world.holds(payee_address(1)).await), (500, 30));
    audited(&processor);
    world.stop(processor).await;
}

fn digest(world: &World, receipt: &SignedReceipt) -> B256 {
    receipt.message.digest(&world.id().eip712_domain())
}

/// What is late can be demanded, but not claimed yet: it settles with others, and is shown.
#[tokio::test(flavor = "multi_thread")]
async fn late_mandates_settle_together_though_they_are_demanded() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.config()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 4).await;
    world.stop(processor).await;
    world.travel(BROKEN_S);
    world.demand(&receipts).await;
    let processor = world.start_again(world.config()).await;
    all_settled(&processor, &ids).await;
    assert_eq!(
        settled_batches(&processor).iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        [4]
    );
    let until = receipts.iter().map(|receipt| receipt.message.settle_by.get()).min().expect("four");
    let valid = batches(&processor)[0].valid_until.get();
    assert!(valid <= until + RESPONSE_SECONDS, "no claim can revert it");
    answered(&world, &receipts, 70).await;
    world.let_the_response_window_pass();
    world.claim(&receipts.iter().map(|receipt| receipt.message).collect::<Vec<_>>()).await;
    assert_eq!((world.bonded().await, world.holds(payee_address(1)).await), (500, 4 * 70));
    audited(&processor);
    world.stop(processor).await;
}

/// It was away for longer than the response window: the bond has paid, and the mandate ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_receipt_ends_its_mandate_and_the_rest_settles() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.config()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 3).await;
    world.stop(processor).await;
    world.travel(BROKEN_S);
    world.demand(&receipts[1..2]).await;
    world.let_the_response_window_pass();
    world.claim(&[receipts[1].message]).await;
    let processor = world.start_again(world.config()).await;
    all_settled(&processor, &[ids[0], ids[2]]).await;
    assert!(matches!(state(&processor, ids[1]), MandateState::Failed { .. }));
    assert_eq!(world.bonded().await, 430);
    assert_eq!(world.holds(payee_address(1)).await, 3 * 70, "one of them from the bond");
    assert_eq!(world.balance(&ann).await, 1_000 - 2 * 70);
    audited(&processor);
    world.stop(processor).await;
}

/// Demands are answered together, and the node gives the logs of one block at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_gives_few_blocks_at_once_hides_no_demand() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.at_once()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 8).await;
    all_settled(&processor, &ids).await;
    world.stop(processor).await;
    world.travel(BROKEN_S);
    world.demand(&receipts).await;
    for _ in 0..400 {
        world.chain.mine().expect("a block");
    }
    let manners = Arc::new(Manners::default());
    manners.blocks_max.store(1, SeqCst);
    let before = world.head().await;
    let provider = picky(&world.chain.client(), Arc::clone(&manners));
    let processor = Processor::start(Parts { provider, ..world.parts() }, world.at_once()).await;
    let processor = processor.expect("started");
    answered(&world, &receipts, 70).await;
    assert!(manners.refused.load(SeqCst) > 0, "it was asked for more than it gives");
    let sent = world.transactions_since(before, world.id().guarantee().address).await;
    assert!((1..8).contains(&sent), "{sent} transactions for eight demands");
    audited(&processor);
    world.stop(processor).await;
}

/// The node says that nothing was demanded; after a start it says so no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hid_a_demand_hides_it_no_more_after_a_start() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let manners = Arc::new(Manners::default());
    let provider = || picky(&world.chain.client(), Arc::clone(&manners));
    let start = async || {
        let parts = Parts { provider: provider(), ..world.parts() };
        Processor::start(parts, world.at_once()).await.expect("started")
    };
    let processor = start().await;
    world.ready(&processor).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 1).await;
    all_settled(&processor, &ids).await;
    world.travel(BROKEN_S);
    manners.no_logs.store(true, SeqCst);
    world.demand(&receipts).await;
    world.ready(&processor).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(world.paid(&receipts[0].message).await.shown.get(), 0);
    world.stop(processor).await;
    manners.no_logs.store(false, SeqCst);
    let processor = start().await;
    answered(&world, &receipts, 70).await;
    world.stop(processor).await;
}

/// A receipt of a ledger that was lost, about a payment that the ledger has settled: only the transaction
/// that demands it tells what it says.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_the_ledger_does_not_have_is_answered_if_its_payment_was_settled() {
    let world = World::new().await;
    let ann = world.payer(0, 1_000).await;
    world.bond(500).await;
    let processor = world.start(world.at_once()).await;
    let (ids, receipts) = accept(&world, &processor, &ann, 1).await;
    all_settled(&processor, &ids).await;
    let own = receipts[0].message;
    let earlier = own.settle_by.get() - 3;
    let lost = Receipt { settle_by: UnixTime::new(earlier).expect("a time"), ..own };
    let domain = world.id().eip712_domain();
    let lost = SignedReceipt::sign(lost, &world.processor, &domain).expect("signed");
    world.travel(BROKEN_S);
    world.demand(&[lost]).await;
    answered(&world, &[lost], 70).await;
    audited(&processor);
    world.stop(processor).await;
}
