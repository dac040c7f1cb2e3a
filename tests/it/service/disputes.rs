//! Sales that can be disputed, over HTTP: a payer that pays, objects and is heard; payees that would rather
//! not be disputed; who may read.

use aep2_ledger::MandateHash;
use aep2_mandate::{
    typed_data::{
        Signed,
        access::Access,
        dispute::{Dispute, DisputeAnswer, Evidence, Reason},
        keyed::{AnySigned, KeySigned},
    },
    units::UnixTime,
};
use aep2_payee::{
    Payee,
    settings::{DisputeSettings, PayeeSettings},
};
use aep2_payer::PayError;
use aep2_tests::{
    disputes::{RULING_S, WINDOW_S, arbiter},
    payers::{payee, payee_address},
    settling::all_settled,
    stand_in::serve,
    world::eventually,
};
use alloy::{
    primitives::{Address, B256, keccak256},
    signers::local::PrivateKeySigner,
};
use axum::Router;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{
    shop::{FUNDS, Shop, json},
    street::{Street, header, processor_url},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_that_got_nothing_objects_is_heard_and_pays_what_was_ruled() {
    let street = Street::open().await;
    let client = street.client("ann", &[arbiter(1).address()]);
    let answer = client.get(street.joke()).await.unwrap();
    let payment = answer.payment.unwrap();
    let receipt = payment.receipt.unwrap().message;
    assert_eq!(receipt.arbiter, arbiter(1).address());
    assert_eq!(answer.response.text().await.unwrap(), "a joke for 700");
    let told = street.told.lock().unwrap().clone();
    assert_eq!(told, [json!("aep2_mandates_accepted_total 1")], "accepted before its payee saw it");

    let Shop { world, payer, .. } = &street.shop;
    let (id, paper) = (payment.id.to_bytes(), b"an empty page".as_slice());
    let dispute = world.dispute(&payment.mandate, Reason::ServiceNotDelivered, &[paper]);
    let signed = world.disputed_by_key(payer, dispute.clone());
    let opened = street.shop.post("/v1/disputes", json(&signed)).await;
    assert_eq!(
        (opened.status.as_u16(), &opened.body["status"]),
        (201, &json!("open")),
        "{opened:?}"
    );
    let again = street.shop.post("/v1/disputes", json(&signed)).await;
    assert_eq!((again.status.as_u16(), again.body), (200, opened.body));

    // Evidence: what was named, byte for byte.
    let at = format!("/v1/disputes/{id}/evidence");
    let hand_in = async |bytes: &'static [u8]| {
        let at = format!("{at}/{}", keccak256(bytes));
        street.shop.send(street.shop.request(Method::POST, &at).body(bytes)).await
    };
    assert_eq!(hand_in(b"another page").await.code(), "evidence_not_named");
    assert_eq!(hand_in(paper).await.status, 200);
    assert_eq!(hand_in(paper).await.status, 200, "again");
    let named = format!("{at}/{}", keccak256(paper));
    let other = street.shop.request(Method::POST, &named).body(b"an empty pag3".as_slice());
    assert_eq!(street.shop.send(other).await.code(), "evidence_not_named");
    let long =
        street.shop.request(Method::POST, &named).body(b"an empty page, and more".as_slice());
    assert_eq!(street.shop.send(long).await.status, 413, "no more is read than was signed for");

    let answer = world.answered_by(&payee(1), &dispute, 700);
    let answered = street.shop.post(&format!("/v1/disputes/{id}/answer"), json(&answer)).await;
    assert_eq!(answered.body["answer"], json(&answer), "{answered:?}");

    // The arbiter finds it, reads all of it, and rules.
    let all = street.signed(&arbiter(1), street.access(B256::ZERO));
    let listed = street.read("/v1/disputes", &all).await;
    assert_eq!(
        (&listed.body["disputes"][0]["number"], &listed.body["next"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(street.read("/v1/disputes?after=1", &all).await.body["disputes"], json!([]));
    let shown = &listed.body["disputes"][0];
    assert_eq!(
        shown["terms"]["disputes"]["arbiter"],
        json!(arbiter(1).address().to_checksum(None))
    );
    let hash = shown["evidence"][0].as_str().unwrap();
    let kept = street.read(&format!("{at}/{hash}"), &all).await;
    assert_eq!(kept.body, Value::String("an empty page".to_owned()));
    assert_eq!(kept.headers["content-disposition"], "attachment");
    let ruling = world.ruled_by(&arbiter(1), id, 100);
    let ruled = street.shop.post(&format!("/v1/disputes/{id}/ruling"), json(&ruling)).await;
    assert_eq!((&ruled.body["status"], &ruled.body["due"]), (&json!("ruled"), &json!("100")));
    all_settled(&street.shop.processor, &[MandateHash::from_bytes(id)]).await;
    assert_eq!(world.holds(payee_address(1)).await, 100);
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_signs_nothing_where_somebody_decides_whom_it_does_not_accept() {
    let street = Street::open().await;
    for arbiters in [vec![], vec![arbiter(2).address()]] {
        let client = street.client("ann", &arbiters);
        let refused = client.get(street.joke()).await.unwrap_err();
        assert!(matches!(refused, PayError::Disputes { .. }), "{refused}");
    }
    assert_eq!((street.served.get(), street.told.lock().unwrap().len()), (0, 0));
    street.shop.close().await;
}

/// Nothing is sent to a payee of which the processor has not promised that it can be disputed.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_processor_refuses_never_reaches_its_payee() {
    let street = Street::open().await;
    let client = street.client("ann", &[arbiter(1).address()]);
    let Shop { world, payer, processor, .. } = &street.shop;
    // Everything else of the account is promised.
    let all = world.mandate(payer, FUNDS - 600, 77);
    processor.accept(all).await.unwrap();
    let refused = client.get(street.joke()).await.unwrap_err();
    let PayError::RefusedByProcessor { code, .. } = &refused else { panic!("{refused}") };
    assert_eq!(code, "insufficient_funds");
    assert_eq!((street.served.get(), street.told.lock().unwrap().len()), (0, 0));
    street.shop.close().await;
}

/// The processor has the mandate already, from somebody who did not say that it can be disputed.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_without_the_arbiter_keeps_the_payment_from_its_payee() {
    let street = Street::open().await;
    let processor = street.shop.processor.clone();
    // A processor that forgets what it is told of disputes, in front of the real one.
    let forgetful = Router::new().route(
        "/v1/mandates",
        axum::routing::post(async move |body: String| {
            let mut told: Value = serde_json::from_str(&body).unwrap();
            told.as_object_mut().unwrap().remove("terms");
            let signed = serde_json::from_value(told).unwrap();
            let signed: aep2_mandate::mandate::SignedMandate = signed;
            let accepted = processor.accept(signed).await.unwrap();
            axum::Json(json!({ "mandateId": accepted.mandate_id, "receipt": accepted.receipt }))
        }),
    );
    let url = serve(forgetful).await;
    let client = street.client_of("bob", &[arbiter(1).address()], url);
    let refused = client.get(street.joke()).await.unwrap_err();
    assert!(matches!(refused, PayError::NotHandedIn { .. }), "{refused}");
    assert!(refused.to_string().contains("no arbiter"), "{refused}");
    assert_eq!((street.served.get(), street.told.lock().unwrap().len()), (0, 0));
    street.shop.close().await;
}

/// The processor was started anew with other settings than those that the payee's terms were made from.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_paid_is_served_though_the_processor_promises_for_longer_than_the_terms_say() {
    let street = Street::open_with(|config| config.settle_within_s = 400).await;
    let served = street.client("ann", &[arbiter(1).address()]).get(street.joke()).await.unwrap();
    assert!(served.payment.unwrap().receipt.is_ok(), "the receipt is believed");
    assert_eq!((street.served.get(), street.told.lock().unwrap().len()), (1, 1));
    street.shop.close().await;
}

/// A payer reads what its payee's answer names, and wants it not to arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_payee_hands_in_what_it_named_whatever_its_payer_does_about_it() {
    let street = Street::open().await;
    let Shop { world, payer, processor, .. } = &street.shop;
    let sale = world.sale(payer, 70, 0);
    processor.accept(sale.clone()).await.unwrap();
    // It names the payee's bytes as its own, with another size.
    let paper = b"the joke as it was told".as_slice();
    let lie = Evidence { size: 1, ..Evidence::of(paper, "text/plain").unwrap() };
    let dispute =
        Dispute { evidence: vec![lie], ..world.dispute(&sale.signed, Reason::Other, &[]) };
    processor.open_dispute(world.disputed_by_key(payer, dispute.clone())).await.unwrap();
    let answer = world.answered_by(&payee(1), &dispute, 70);
    let named = vec![Evidence::of(paper, "text/plain").unwrap()];
    let answer = DisputeAnswer { evidence: named, ..answer.message };
    let domain = world.id().eip712_domain();
    let signed = Signed::sign(answer, &payee(1), &domain).unwrap();
    let id = world.id_of(&sale.signed);
    processor.answer_dispute(MandateHash::from(id), signed).await.unwrap();

    // And it holds the places of those who do not say who they are.
    let path = format!("/v1/disputes/{}/evidence/{}", id.to_bytes(), keccak256(paper));
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut stream = tokio::net::TcpStream::connect(street.shop.address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-length: 23\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let hand_in = |key: Option<&PrivateKeySigner>| {
        let request = street.shop.request(Method::POST, &path).body(paper);
        match key {
            Some(key) => {
                let access = street.signed(key, street.access(id.to_bytes()));
                request.header("authorization", header(&access))
            }
            None => request,
        }
    };
    eventually("both places are taken", async || {
        street.shop.send(hand_in(None)).await.status == 429
    })
    .await;
    // Nobody becomes a party by saying so.
    assert_eq!(street.shop.send(hand_in(Some(&payee(2)))).await.status, 429);
    assert_eq!(street.shop.send(hand_in(Some(&payee(1)))).await.status, 200);
    let shown = processor.dispute(MandateHash::from(id)).unwrap();
    assert!(shown.is_some());
    drop(slow);
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_a_dispute_whom_it_does_not_concern_nor_with_an_access_that_is_not_good() {
    let street = Street::open().await;
    let Shop { world, payer, processor, .. } = &street.shop;
    let sale = world.sale(payer, 70, 0);
    processor.accept(sale.clone()).await.unwrap();
    let dispute = world.dispute(&sale.signed, Reason::Other, &[b"a page"]);
    processor.open_dispute(world.disputed_by_key(payer, dispute)).await.unwrap();
    let id = world.id_of(&sale.signed).to_bytes();
    let paths = [
        format!("/v1/disputes/{id}"),
        format!("/v1/disputes/{id}/evidence/{}", B256::repeat_byte(1)),
    ];
    let domain = world.id().eip712_domain();
    for path in &paths[..1] {
        let by_key = KeySigned::sign(street.access(id), &payer.secret(), &domain);
        for reader in [
            AnySigned::ByKey(by_key),
            street.signed(&payer.key, street.access(id)),
            street.signed(&payee(1), street.access(id)),
            street.signed(&arbiter(1), street.access(B256::ZERO)),
        ] {
            assert_eq!(street.read(path, &reader).await.status, 200, "{path}");
        }
    }
    let stranger = street.signed(&arbiter(2), street.access(B256::ZERO));
    for path in &paths {
        assert_eq!(street.read(path, &stranger).await.code(), "unknown_dispute");
        assert_eq!(street.shop.get(path).await.code(), "unauthorized");
    }
    let listed = street.read("/v1/disputes", &stranger).await;
    assert_eq!(listed.body["disputes"], json!([]));

    let good = street.access(id);
    let mut forged = street.signed(&arbiter(1), good);
    if let AnySigned::ByAddress(signed) = &mut forged {
        signed.message.until = UnixTime::new(good.until.get() + 1).unwrap();
    }
    let elsewhere = Access { processor: Address::repeat_byte(9), ..good };
    let about = Access { about: B256::repeat_byte(9), ..good };
    let over = Access { until: UnixTime::new(world.clock.now().get() - 1).unwrap(), ..good };
    let long = Access { until: world.later(3_700), ..good };
    for access in [elsewhere, about, over, long].map(|own| street.signed(&arbiter(1), own)) {
        let refused = street.read(&paths[0], &access).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "unauthorized"), "{access:?}");
    }
    let signed_otherwise = street.read(&paths[0], &forged).await;
    assert_eq!(signed_otherwise.code(), "unknown_dispute", "it is somebody else's signature");
    for header in ["AEP2", "AEP2 !", "Bearer e30", "AEP2 e30"] {
        let request = street.shop.request(Method::GET, &paths[0]).header("authorization", header);
        assert_eq!(street.shop.send(request).await.code(), "unauthorized", "{header}");
    }
    street.shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payee_whose_processor_holds_nothing_for_so_long_does_not_start() {
    let street = Street::open().await;
    let settings = |seconds| PayeeSettings {
        processor: processor_url(&street.shop),
        address: Some(payee_address(1).into()),
        disputes: Some(DisputeSettings {
            arbiter: arbiter(1).address().into(),
            window_s: seconds,
            ruling_s: RULING_S,
            reasons: None,
            silence_refunds: false,
        }),
        ..PayeeSettings::default()
    };
    let connect = async |seconds| {
        let http = reqwest::Client::new();
        Payee::connect(&settings(seconds), street.payee.clone(), None, None, 1, http)
            .await
            .map(drop)
    };
    connect(WINDOW_S).await.unwrap();
    let refused = connect(100_000).await.unwrap_err().to_string();
    assert!(refused.contains("disputesWithinS"), "{refused}");
    street.shop.close().await;
}
