//! Refunds over HTTP, as payees and payers ask for them.

use aep2_mandate::{
    typed_data::{
        self,
        refund::{Refund, SignedRefund},
    },
    units::Ceiling,
};
use aep2_processor_client::{ProcessorError, lookup::Lookup, refunds::RefundStep};
use aep2_tests::{payers::payee, settling::is_settled, world::eventually};
use alloy::primitives::{Address, B256};
use serde_json::json;

use super::{
    schema::Document,
    shop::{Shop, json as to_json},
};

fn refund(shop: &Shop, mandate: B256, id: u8, amount: u128) -> SignedRefund {
    let wallet = shop.world.id();
    let refund = Refund {
        mandate_id: mandate,
        token: shop.world.token(),
        amount: Ceiling::new(amount).expect("an amount"),
        refund_id: B256::repeat_byte(id),
        at: shop.world.clock.now(),
    };
    let domain = typed_data::domain(wallet.chain_id, wallet.address);
    SignedRefund::sign(refund, &payee(1), &domain).expect("signed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_is_announced_shown_and_answered_as_documented() {
    let shop = Shop::with("", |config| {
        config.windows.age_s_max = 1;
        config.windows.capture_within_s = 0;
    })
    .await;
    let document = Document(shop.get("/openapi.json").await.body);
    let mandate = shop.mandate(1_000, 0);
    shop.pay(&mandate).await;
    let id = shop.world.id_of(&mandate).to_bytes();
    let path = format!("/v1/mandates/{id}/refunds");
    eventually("it is settled", || async {
        is_settled(&shop.processor, shop.world.id_of(&mandate))
    })
    .await;
    let ask = async |refund: &SignedRefund, status: u16| {
        let answer = shop.post(&path, to_json(refund)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        document.check("/v1/mandates/{id}/refunds", "post", status, &answer.body);
        answer
    };
    let asked = refund(&shop, id, 1, 600);
    let announced = ask(&asked, 200).await.body;
    assert_eq!(announced["status"], "announced");
    assert_eq!(announced["refund"], to_json(&asked));
    assert_eq!(ask(&asked, 200).await.body, announced, "the same again");
    assert_eq!(ask(&refund(&shop, id, 1, 599), 409).await.code(), "refund_conflict");
    assert_eq!(ask(&refund(&shop, id, 2, 401), 422).await.code(), "above_settled");
    let other = refund(&shop, B256::repeat_byte(7), 1, 1);
    assert_eq!(ask(&other, 400).await.code(), "malformed", "another mandate than the address");
    let unknown = format!("/v1/mandates/{}/refunds", B256::repeat_byte(7));
    assert_eq!(shop.post(&unknown, to_json(&other)).await.code(), "unknown_mandate");

    let shown = shop.get(&format!("/v1/mandates/{id}")).await;
    document.check("/v1/mandates/{id}", "get", 200, &shown.body);
    assert_eq!(shown.body["refunds"], json!([announced]));

    // As a payee's or payer's program asks.
    let base = format!("http://{}", shop.address).parse().expect("an address");
    let lookup = Lookup::new(shop.client.clone(), base);
    let wallet = shop.world.id();
    let found = lookup.paid(id, wallet.chain_id, wallet.address).await.expect("an answer");
    let found = found.expect("known");
    assert_eq!(found.settled().map(|paid| paid.get()), Some(1_000));
    assert_eq!(found.account, shop.payer.account);
    assert_eq!(found.refunds.len(), 1);
    assert_eq!(found.refunds[0].status, RefundStep::Announced);
    assert_eq!(lookup.announce(&asked).await.expect("the same"), found.refunds[0]);
    // Held against another wallet, the answer is about another mandate.
    let lie = lookup.paid(id, wallet.chain_id, Address::repeat_byte(1)).await;
    assert!(matches!(lie, Err(ProcessorError::InvalidAnswer(_))), "{lie:?}");
    shop.close().await;
}
