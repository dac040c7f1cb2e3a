//! What others are shown: the JSON of the HTTP API, and proofs that anyone can check.

use aep2_ledger::{BatchNumber, MandateHash};
use aep2_mandate::field;
use aep2_processor::{
    Processor,
    view::{MandateState, MandateStatus, ViewError},
};
use aep2_tests::{
    payers::{capture, payee, payee_address},
    world::{World, eventually},
};
use alloy::primitives::B256;
use serde_json::json;

fn status(processor: &Processor, mandate: B256) -> MandateStatus {
    processor.mandate(MandateHash::from_bytes(mandate)).expect("read").expect("known")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_and_its_account_are_shown_whole() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let signed = world.mandate(&payer, 100, 3);
    let acceptance = processor.accept(signed.clone()).await.expect("accepted");
    let id = acceptance.mandate_id;
    let shown = status(&processor, id.to_bytes());
    let json = serde_json::to_value(&shown).expect("json");
    let receipt = &acceptance.receipt;
    assert_eq!(
        json,
        json!({
            "mandateId": id.to_string(),
            "path": "proved",
            "mandate": signed.mandate,
            "account": payer.account.get(),
            "status": "queued",
            "due": "100",
            "acceptedAt": shown.accepted_at.get(),
            "settleBy": receipt.message.settle_by.get(),
            "receipt": receipt,
        })
    );
    let captured = processor.capture(capture(world.id(), id.to_bytes(), 7, &payee(1))).await;
    let json = serde_json::to_value(status(&processor, id.to_bytes())).expect("json");
    assert_eq!(json["due"], "7");
    assert_eq!(json["capture"]["amount"], "7");
    assert_eq!(json["capture"]["receipt"], json!(captured.expect("captured").receipt));
    assert_eq!(processor.mandate(MandateHash::from_bytes(B256::ZERO)).expect("read"), None);

    let account = processor.account(payer.account).expect("read").expect("known");
    let json = serde_json::to_value(&account).expect("json");
    assert_eq!(json["account"], payer.account.get());
    assert_eq!(json["owner"], payer.address().to_string());
    assert_eq!(json["processor"], world.processor.address().to_string());
    assert_eq!(json["keyHash"], B256::from(field::to_be_bytes(&signed.key.hash())).to_string());
    assert_eq!(json["served"], true);
    assert_eq!(
        json["purses"],
        json!([{
            "token": world.token().to_string(),
            "balance": "1000",
            "pendingWithdrawal": "0",
            "withdrawalExecutableFrom": null,
            "debitable": "1000",
            "reserved": "7",
            "free": "993",
        }])
    );
    let text = json.to_string();
    assert!(!text.contains(&id.to_string()), "an account never hands out an id to chain to");
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_processor_is_and_whether_it_serves() {
    let world = World::new().await;
    let processor = world.start(world.config()).await;
    let json = serde_json::to_value(processor.identity()).expect("json");
    assert_eq!(json["chainId"], 31_337);
    assert_eq!(json["wallet"], world.id().address.to_string());
    assert_eq!(json["processor"], world.processor.address().to_string());
    assert_eq!(json["settleWithinS"], 600);
    assert_eq!(json["tokens"], json!([{ "token": world.token().to_string(), "amountMin": "1" }]));
    assert_eq!(json["shapes"], json!(["1x4-capture"]));
    assert_eq!(json["captures"], true);

    assert!(processor.readiness().ready);
    world.clock.advance(601 + 60);
    let readiness = processor.readiness();
    assert!(!readiness.ready && readiness.disk_writable);
    assert!(readiness.obstacles[0].contains("seconds old"), "{:?}", readiness.obstacles);
    processor.shutdown().await;
    assert!(processor.readiness().stopping);
}

/// The whole way: accepted, captured less, settled, and shown to have been so by what is on chain.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_settled_is_proved_against_the_chain() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let mut config = world.config();
    config.windows.capture_within_s = 1;
    config.windows.age_s_max = 2;
    let processor = world.start(config).await;
    let mandates = [3, 4, 200].map(|nonce| world.mandate(&payer, 100, nonce));
    let ids = mandates.each_ref().map(|signed| world.id_of(signed));
    for mandate in mandates.clone() {
        processor.accept(mandate).await.expect("accepted");
    }
    let refused = processor.inclusion_proof(ids[0]).await;
    assert!(matches!(refused, Err(ViewError::NotSettled { .. })), "{refused:?}");
    let asked = capture(world.id(), ids[1].to_bytes(), 0, &payee(1));
    processor.capture(asked).await.expect("captured");
    eventually("all are settled", async || {
        ids.iter().all(|id| {
            matches!(status(&processor, id.to_bytes()).state, MandateState::Settled { .. })
        })
    })
    .await;

    for (mandate, paid) in mandates.iter().zip([100, 0, 100]) {
        let inclusion = processor.inclusion_proof(world.id_of(mandate)).await.expect("a proof");
        let MandateState::Settled { batch, transaction, block, amount, .. } =
            status(&processor, inclusion.mandate_id.to_bytes()).state
        else {
            panic!("it is settled");
        };
        assert_eq!((batch, amount.get()), (Some(inclusion.batch), paid));
        assert_eq!((transaction, block), (Some(inclusion.transaction), inclusion.block));
        let on_chain = world.settled_by(inclusion.transaction).await;
        assert_eq!((on_chain.batch_id, on_chain.block), (inclusion.batch_id, inclusion.block));
        let batch = &on_chain.batch;
        let settled = batch.check_inclusion(&world.deployment, &mandate.mandate, &inclusion.proof);
        let settled = settled.expect("it holds against what the chain settled");
        assert_eq!((settled.id, settled.captured.get()), (inclusion.mandate_id, paid));
        assert_eq!(inclusion.captured.get(), paid);
        let again = processor.inclusion_proof(inclusion.mandate_id).await.expect("a proof");
        assert_eq!(again, inclusion);
    }
    let paid = world.holds(payee_address(1)).await;
    assert_eq!(paid, 200);

    let newest = processor.batches(None, 10).expect("read");
    let first = processor.batch(BatchNumber::new(1)).expect("read").expect("known");
    let json = serde_json::to_value(&first).expect("json");
    assert!(json["step"] == "confirmed" || json["step"] == "final", "{json}");
    assert_eq!(json["batch"], 1);
    assert_eq!(json["shape"], "1x4-capture");
    assert_eq!(
        json["mandates"].as_array().map(Vec::len),
        json["count"].as_u64().map(|n| n as usize)
    );
    assert_eq!(newest.last().map(|batch| batch.batch), Some(first.batch));
    assert_eq!(processor.batches(Some(first.batch), 10).expect("read"), vec![]);
    assert_eq!(processor.batch(BatchNumber::new(1_000)).expect("read"), None);
    assert!(processor.audit().expect("read").findings.is_empty());
    processor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_proof_of_what_is_unknown_or_signed_directly() {
    let world = World::new().await;
    let payer = world.payer(0, 1_000).await;
    let processor = world.start(world.config()).await;
    let unknown = world.id_of(&world.mandate(&payer, 1, 0));
    let refused = processor.inclusion_proof(unknown).await.expect_err("not accepted");
    assert_eq!(refused.code(), "unknown_mandate");
    processor.shutdown().await;
}
