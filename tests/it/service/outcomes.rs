//! Outcomes: whoever reserved money for a mandate gets it back by them. So one that is said too early, or
//! of the wrong mandate, lets the same money be spent twice.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::outcome::{OutcomeStatus, SignedOutcome},
    units::Amount,
};
use aep2_tests::{
    payers::{capture, payee},
    settling::is_settled,
    world::eventually,
};
use alloy::primitives::B256;
use serde_json::{Value, json};

use super::{
    schema::Document,
    shop::{Shop, json as to_json},
};

/// How many blocks deep a block is final here.
const DEPTH: u64 = 4;

async fn shop() -> Shop {
    Shop::with("", |config| {
        config.windows.age_s_max = 1;
        config.windows.capture_within_s = 10;
        config.follower.depth_max = DEPTH;
    })
    .await
}

/// What became of mandates, by the server's answer.
async fn outcomes(shop: &Shop, ids: &[String]) -> Vec<Option<SignedOutcome>> {
    let answer = shop.post("/v1/outcomes", json!({ "mandateIds": ids })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    serde_json::from_value(answer.body["outcomes"].clone()).expect("outcomes")
}

/// The outcome of a mandate, once there is one: the processor's, and about this mandate.
async fn outcome(shop: &Shop, mandate: &SignedMandate) -> SignedOutcome {
    let id = shop.id_of(mandate);
    eventually("it has an outcome", || async {
        shop.world.mine(1);
        outcomes(shop, std::slice::from_ref(&id)).await[0].is_some()
    })
    .await;
    let found = outcomes(shop, std::slice::from_ref(&id)).await[0].expect("it has one");
    let venue = shop.world.id();
    let domain = aep2_mandate::typed_data::domain(venue.chain_id, venue.address);
    found.verify(&domain, shop.world.processor.address()).expect("the processor signed it");
    assert_eq!(found.message.mandate_id, shop.world.id_of(mandate).to_bytes());
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_said_when_nothing_can_change_it_and_not_before() {
    let shop = shop().await;
    let (full, part) = (shop.mandate(1_000, 0), shop.mandate(1_000, 1));
    for mandate in [&full, &part] {
        shop.pay(mandate).await;
    }
    let id = shop.world.id_of(&part);
    let taken = to_json(&capture(shop.world.id(), id.to_bytes(), 400, &payee(1)));
    shop.post(&format!("/v1/mandates/{}/capture", id.to_bytes()), taken).await;
    eventually("both are settled", || async {
        [&full, &part].iter().all(|one| is_settled(&shop.processor, shop.world.id_of(one)))
    })
    .await;
    // Settled, and still undone by a reorganisation: nothing is said.
    let ids = [shop.id_of(&full), shop.id_of(&part), B256::repeat_byte(9).to_string()];
    assert_eq!(outcomes(&shop, &ids).await, [None, None, None]);

    for (mandate, settled) in [(&full, 1_000), (&part, 400)] {
        let said = outcome(&shop, mandate).await.message;
        assert_eq!((said.status, said.settled.get()), (OutcomeStatus::Settled, settled));
        let shown = shop.get(&format!("/v1/mandates/{}", shop.id_of(mandate))).await.body;
        let batch = shop.get(&format!("/v1/batches/{}", shown["batch"])).await.body;
        assert_eq!(json!(said.batch_id), batch["batchId"]);
        assert_eq!(batch["step"], "final");
    }
    let unknown = outcomes(&shop, &ids).await.pop();
    assert_eq!(unknown, Some(None), "nobody handed it in here");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_has_an_outcome_once_its_time_cannot_be_taken_back() {
    let shop = shop().await;
    let mandate = shop.mandate(1_000, 0);
    shop.world.automine(false).await;
    assert_eq!(shop.pay(&mandate).await.status, 201);
    shop.world.travel(86_400);
    let said = outcome(&shop, &mandate).await.message;
    assert_eq!((said.status, said.settled), (OutcomeStatus::Expired, Amount::ZERO));
    assert_eq!(said.batch_id, B256::ZERO);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_outcomes_are_bounded_and_answered_as_documented() {
    let shop = shop().await;
    let document = Document(shop.get("/openapi.json").await.body);
    let ask = async |body: Value, status: u16| {
        let answer = shop.post("/v1/outcomes", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        document.check("/v1/outcomes", "post", status, &answer.body);
    };
    let id = B256::repeat_byte(9).to_string();
    ask(json!({ "mandateIds": [id] }), 200).await;
    ask(json!({ "mandateIds": vec![&id; 256] }), 200).await;
    ask(json!({ "mandateIds": vec![&id; 257] }), 413).await;
    ask(json!({ "mandateIds": [] }), 400).await;
    ask(json!({ "mandateIds": [&id[..65]] }), 400).await;
    ask(json!({ "mandateIds": [id], "more": 1 }), 400).await;
    shop.close().await;
}
