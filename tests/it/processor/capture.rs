//! What captures must never get wrong: whose word counts, that there is one, and that the payee can
//! show it.

use aep2_ledger::MandateHash;
use aep2_mandate::typed_data;
use aep2_processor::{
    Event, Processor,
    capture::{CaptureAcceptance, CaptureError},
};
use aep2_tests::{
    payers::{Payer, capture, payee},
    world::{World, eventually},
};
use alloy::primitives::B256;
use futures::future::join_all;

fn code(answer: Result<CaptureAcceptance, CaptureError>) -> &'static str {
    match answer {
        Ok(_) => "captured",
        Err(error) => error.code(),
    }
}

async fn accepted(world: &World, processor: &Processor, payer: &Payer, nonce: u64) -> B256 {
    let mandate = world.mandate(payer, 100, nonce);
    processor.accept(mandate).await.expect("accepted").mandate_id.to_bytes()
}

fn reserved(world: &World, processor: &Processor, payer: &Payer) -> u128 {
    let account = processor.account(payer.account).expect("read").expect("known");
    let purse = account.purses.iter().find(|purse| purse.token == world.token());
    purse.map_or(0, |purse| purse.reserved.get())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_frees_the_rest_and_is_shown_to_anyone() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let id = accepted(&world, &processor, &payer, 0).await;
    let mut events = processor.events();
    let asked = capture(world.id(), id, 30, &payee(1));
    let before = world.clock.now();
    let captured = processor.capture(asked).await.expect("captured");
    assert!(!captured.again);
    let domain = typed_data::domain(world.id().chain_id, world.id().address);
    captured.receipt.verify(&domain, world.processor.address()).expect("the processor's");
    let receipt = captured.receipt.message;
    assert_eq!((receipt.mandate_id, receipt.amount.get()), (id, 30));
    assert!((before..=world.clock.now()).contains(&receipt.issued_at));
    assert_eq!(reserved(&world, &processor, &payer), 30);
    let told = events.recv().await.expect("told");
    assert_eq!(
        told,
        Event::Captured { mandate: MandateHash::from_bytes(id), amount: receipt.amount }
    );

    // The same again, also after a restart: the same bytes.
    let again = processor.capture(asked).await.expect("captured");
    assert!(again.again && again.receipt == captured.receipt);
    world.stop(processor).await;
    let processor = world.start(world.config()).await;
    world.clock.advance(5);
    let again = processor.capture(asked).await.expect("captured");
    assert!(again.again && again.receipt == captured.receipt);
    let status = processor.mandate(MandateHash::from_bytes(id)).expect("read").expect("known");
    assert_eq!(status.capture.expect("captured").receipt, captured.receipt);
    assert_eq!(status.due.get(), 30);
    processor.shutdown().await;
}

/// A capture that is wrong in every way is mended one way after the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_reason_of_the_stated_order_is_the_answer() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.windows.capture_within_s = 0;
    config.windows.age_s_max = 3_600;
    config.acceptance.settle_within_s = 100;
    config.windows.age_s_max = 0;
    config.windows.due_margin_s = 1;
    let processor = world.start(config).await;
    let id = accepted(&world, &processor, &payer, 0).await;
    let unknown = B256::repeat_byte(0x0f);
    let ask = async |id, amount, number| {
        code(processor.capture(capture(world.id(), id, amount, &payee(number))).await)
    };
    eventually("it is in a batch", async || {
        let status = processor.mandate(MandateHash::from_bytes(id)).expect("read");
        !matches!(status.expect("known").state, aep2_processor::view::MandateState::Queued)
    })
    .await;
    assert_eq!(ask(unknown, 101, 2).await, "unknown_mandate");
    assert_eq!(ask(id, 101, 2).await, "bad_signature", "not the payee");
    assert_eq!(ask(id, 101, 1).await, "above_ceiling");
    assert_eq!(ask(id, 99, 1).await, "too_late");
    assert_eq!(ask(id, 100, 1).await, "too_late", "also what it pays anyway");
    processor.shutdown().await;
    assert_eq!(ask(id, 100, 1).await, "not_ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_capture_stands_however_many_ask_at_once() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let id = accepted(&world, &processor, &payer, 0).await;
    let asking = (0..24).map(|index| {
        let asked = capture(world.id(), id, 10 + index % 3, &payee(1));
        let processor = processor.clone();
        tokio::spawn(async move { (asked.message.amount, processor.capture(asked).await) })
    });
    let answers = join_all(asking.collect::<Vec<_>>()).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("no panic")).collect();
    let captured: Vec<_> = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).collect();
    assert_eq!(captured.len(), 8, "those that asked for the amount that stands");
    assert!(captured.iter().all(|own| own.receipt == captured[0].receipt));
    assert_eq!(captured.iter().filter(|own| !own.again).count(), 1);
    for (asked, answer) in answers {
        if asked != captured_amount(&processor, id) {
            assert_eq!(code(answer), "capture_conflict");
        }
    }
    processor.shutdown().await;
}

fn captured_amount(processor: &Processor, id: B256) -> aep2_mandate::units::Amount {
    let status = processor.mandate(MandateHash::from_bytes(id)).expect("read").expect("known");
    status.capture.expect("captured").amount
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_captured_for_another_mandate_wallet_or_chain() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let [first, second] = [
        accepted(&world, &processor, &payer, 0).await,
        accepted(&world, &processor, &payer, 1).await,
    ];
    let mut moved = capture(world.id(), first, 10, &payee(1));
    moved.message.mandate_id = second;
    assert_eq!(code(processor.capture(moved).await), "bad_signature");
    let mut raised = capture(world.id(), first, 10, &payee(1));
    raised.message.amount = aep2_mandate::units::Amount::new(11).expect("an amount");
    assert_eq!(code(processor.capture(raised).await), "bad_signature");
    let elsewhere = aep2_chain::wallet::WalletId {
        address: alloy::primitives::Address::repeat_byte(1),
        ..world.id()
    };
    let other = capture(elsewhere, first, 10, &payee(1));
    assert_eq!(code(processor.capture(other).await), "bad_signature");
    assert_eq!(reserved(&world, &processor, &payer), 200);
    // 0 voids.
    let void = capture(world.id(), first, 0, &payee(1));
    assert_eq!(code(processor.capture(void).await), "captured");
    assert_eq!(reserved(&world, &processor, &payer), 100);
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_mandates_are_captured_alike() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let mandate = payer.sign_directly(world.id(), world.payment(100, 7));
    let digest = processor.accept_direct(mandate).await.expect("accepted").receipt.mandate_digest;
    let captured = processor.capture(capture(world.id(), digest, 40, &payee(1))).await;
    assert_eq!(captured.expect("captured").receipt.message.mandate_id, digest);
    assert_eq!(reserved(&world, &processor, &payer), 40);
    processor.shutdown().await;
}
