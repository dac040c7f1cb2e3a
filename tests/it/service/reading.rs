//! What is shown of a mandate from its acceptance to its proof: as the document says, and true.

use aep2_mandate::inclusion::InclusionProof;
use aep2_tests::{
    payers::{capture, payee},
    world::eventually,
};
use serde_json::Value;

use super::{
    schema::Document,
    shop::{Shop, json},
};

/// Settles soon after a mandate was captured, which may take its time on a busy machine.
async fn quick() -> Shop {
    Shop::with("", |config| {
        config.windows.age_s_max = 1;
        config.windows.capture_within_s = 10;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_the_document_says() {
    let shop = quick().await;
    let document = Document(shop.get("/openapi.json").await.body);
    let fits = |path: &str, method: &str, status: u16, body: &Value| {
        document.check(path, method, status, body);
    };
    for (path, address) in [("/", "/"), ("/healthz", "/healthz"), ("/readyz", "/readyz")] {
        let answer = shop.get(address).await;
        fits(path, "get", 200, &answer.body);
    }

    let mandate = shop.mandate(1_000, 0);
    let accepted = shop.pay(&mandate).await;
    fits("/v1/mandates", "post", 201, &accepted.body);
    let id = shop.world.id_of(&mandate);
    let taken = json(&capture(shop.world.id(), id.to_bytes(), 400, &payee(1)));
    let taken = shop.post(&format!("/v1/mandates/{}/capture", id.to_bytes()), taken).await;
    fits("/v1/mandates/{id}/capture", "post", 200, &taken.body);
    fits("/v1/mandates", "post", 200, &shop.pay(&mandate).await.body);
    fits("/v1/mandates", "post", 400, &shop.post("/v1/mandates", "{}").await.body);
    let other = shop.mandate(1_000, 1);
    let many = serde_json::json!({ "mandates": [json(&other), {}] });
    let answers = shop.post("/v1/mandates/batch", many).await;
    fits("/v1/mandates/batch", "post", 200, &answers.body);

    let address = format!("/v1/mandates/{}", id.to_bytes());
    fits("/v1/mandates/{id}", "get", 200, &shop.get(&address).await.body);
    let account = format!("/v1/accounts/{}", shop.payer.account);
    fits("/v1/accounts/{id}", "get", 200, &shop.get(&account).await.body);
    let early = shop.get(&format!("{address}/proof")).await;
    if early.status != 200 {
        assert_eq!((early.status.as_u16(), early.code()), (409, "not_settled"));
        fits("/v1/mandates/{id}/proof", "get", 409, &early.body);
    }

    eventually("it is settled", || async {
        let shown = shop.get(&address).await.body;
        fits("/v1/mandates/{id}", "get", 200, &shown);
        let page = shop.get("/v1/batches?limit=5").await.body;
        fits("/v1/batches", "get", 200, &page);
        shown["status"] == "settled"
    })
    .await;
    let shown = shop.get(&address).await.body;
    assert_eq!(shown["amount"], "400");
    let batch = shop.get(&format!("/v1/batches/{}", shown["batch"])).await.body;
    fits("/v1/batches/{id}", "get", 200, &batch);
    assert_eq!(batch["transaction"], shown["transaction"]);
    let members = batch["mandates"].as_array().unwrap();
    assert!(members.iter().any(|own| own["mandateId"] == shown["mandateId"]));

    // The proof holds against what the chain says, not what the server says.
    let proof = shop.get(&format!("{address}/proof")).await.body;
    fits("/v1/mandates/{id}/proof", "get", 200, &proof);
    let inclusion: InclusionProof = serde_json::from_value(proof["proof"].clone()).unwrap();
    let transaction = shown["transaction"].as_str().unwrap().parse().unwrap();
    let on_chain = shop.world.settled_by(transaction).await;
    let deployment = &shop.world.deployment;
    let settled = on_chain.batch.check_inclusion(deployment, &mandate.mandate, &inclusion).unwrap();
    assert_eq!((settled.id, settled.captured.get()), (id, 400));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_hands_out_an_id_to_follow() {
    let shop = Shop::open().await;
    let mandate = shop.mandate(1_000, 0);
    shop.pay(&mandate).await;
    let id = shop.id_of(&mandate);
    for address in [format!("/v1/accounts/{}", shop.payer.account), "/".to_owned()] {
        let shown = shop.get(&address).await;
        assert_eq!(shown.status, 200);
        assert!(!shown.body.to_string().contains(&id[2..]), "{address} names a mandate");
    }
    shop.close().await;
}
