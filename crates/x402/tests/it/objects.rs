//! x402's objects against the examples in x402's own specification, version 2.

use aep2_mandate::units::ChainId;
use aep2_x402::{
    ExtensionsJson, Network, PaymentRequired, SettleResponse, SupportedResponse, VerifyResponse,
    headers::{self, PAYMENT_REQUIRED},
    offer::offers,
    terms::{self, TermsError},
};
use alloy_primitives::Address;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// The header of the specification of the HTTP transport, as it stands there.
const SPEC_PAYMENT_REQUIRED: &str = "eyJ4NDAyVmVyc2lvbiI6MiwiZXJyb3IiOiJQQVlNRU5ULVNJR05BVFVSRSBo\
    ZWFkZXIgaXMgcmVxdWlyZWQiLCJyZXNvdXJjZSI6eyJ1cmwiOiJodHRwczovL2FwaS5leGFtcGxlLmNvbS9wcmVtaXVt\
    LWRhdGEiLCJkZXNjcmlwdGlvbiI6IkFjY2VzcyB0byBwcmVtaXVtIG1hcmtldCBkYXRhIiwibWltZVR5cGUiOiJhcHBs\
    aWNhdGlvbi9qc29uIn0sImFjY2VwdHMiOlt7InNjaGVtZSI6ImV4YWN0IiwibmV0d29yayI6ImVpcDE1NTo4NDUzMiIs\
    ImFtb3VudCI6IjEwMDAwIiwiYXNzZXQiOiIweDAzNkNiRDUzODQyYzU0MjY2MzRlNzkyOTU0MWVDMjMxOGYzZENGN2Ui\
    LCJwYXlUbyI6IjB4MjA5NjkzQmM2YWZjMEM1MzI4YkEzNkZhRjAzQzUxNEVGMzEyMjg3QyIsIm1heFRpbWVvdXRTZWNv\
    bmRzIjo2MCwiZXh0cmEiOnsibmFtZSI6IlVTREMiLCJ2ZXJzaW9uIjoiMiJ9fV19";

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(example: &Value) {
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), *example);
}

#[test]
fn the_specifications_payment_required_header_reads() {
    let mut header = HeaderMap::new();
    header.insert(PAYMENT_REQUIRED, HeaderValue::from_static(SPEC_PAYMENT_REQUIRED));
    let required: PaymentRequired = headers::read(&header, &PAYMENT_REQUIRED).unwrap().unwrap();
    let resource = required.resource.as_ref().unwrap();
    assert_eq!(resource.url, "https://api.example.com/premium-data");
    assert_eq!(required.accepts.len(), 1);
    assert!(offers(&required).is_empty(), "another scheme's terms are passed over");
    // What is written is what was read.
    assert_eq!(headers::write(&required).unwrap(), {
        let text = headers::text(&header, &PAYMENT_REQUIRED).unwrap().unwrap();
        let value: PaymentRequired = serde_json::from_slice(&text).unwrap();
        headers::write(&value).unwrap()
    });
    let text = headers::text(&header, &PAYMENT_REQUIRED).unwrap().unwrap();
    let original: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(serde_json::to_value(&required).unwrap(), original);
}

#[test]
fn the_specifications_answers_round_trip() {
    round_trip::<SettleResponse>(&json!({
        "success": true,
        "transaction": "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
        "network": "eip155:84532",
        "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66"
    }));
    round_trip::<SettleResponse>(&json!({
        "success": false,
        "errorReason": "insufficient_funds",
        "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66",
        "transaction": "",
        "network": "eip155:84532"
    }));
    round_trip::<VerifyResponse>(&json!({
        "isValid": true,
        "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66"
    }));
    round_trip::<VerifyResponse>(&json!({
        "isValid": false,
        "invalidReason": "insufficient_funds",
        "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66"
    }));
    round_trip::<SupportedResponse>(&json!({
        "kinds": [
            {"x402Version": 2, "scheme": "exact", "network": "eip155:84532"},
            {"x402Version": 2, "scheme": "exact", "network": "eip155:8453"}
        ],
        "extensions": [],
        "signers": {
            "eip155:*": ["0x1234567890abcdef1234567890abcdef12345678"],
            "solana:*": ["CKPKJWNdJEqa81x7CkZ14BVPiY6y16Sxs7owznqtWYp5"]
        }
    }));
}

fn aep2_entry() -> Value {
    json!({
        "scheme": "aep2",
        "network": "eip155:31337",
        "amount": "10000",
        "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
        "maxTimeoutSeconds": 60,
        "extra": {
            "wallet": "0xaCBfD706D60018a3fc4B913D02A738F9A570124D",
            "processor": "0xc77a9ef0850A3Ca47201549F001540668B9364dc",
            "settleWithinSeconds": 600,
            "name": "AEP2DebitWallet",
            "version": "1",
            "capture": "metered",
            "order": "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
        }
    })
}

fn required(accepts: Vec<Value>) -> PaymentRequired {
    serde_json::from_value(json!({
        "x402Version": 2, "resource": {"url": "https://a.example/"}, "accepts": accepts
    }))
    .unwrap()
}

#[test]
fn terms_of_the_scheme_are_found_among_others_and_written_back_as_they_came() {
    let mut entry = aep2_entry();
    entry["extra"]["theirs"] = json!({"a": [1, 2]});
    entry["note"] = json!("kept");
    let strange = json!({"scheme": 7});
    let other = json!({"scheme": "exact", "network": "solana:x"});
    let found = offers(&required(vec![strange, other, json!(null), entry.clone()]));
    let [Ok(offer)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(serde_json::from_str::<Value>(offer.written.get()).unwrap(), entry);
    assert!(offer.terms.extra.order.is_some());
    let intent = offer.without_order().unwrap();
    entry["extra"].as_object_mut().unwrap().remove("order");
    assert_eq!(serde_json::from_str::<Value>(intent.written.get()).unwrap(), entry);
    assert!(intent.terms.extra.order.is_none());
    // Terms as they are understood are written as they were, too, but for what is not understood.
    let known = serde_json::to_value(&offer.terms).unwrap();
    assert_eq!(known, aep2_entry());
}

#[test]
fn terms_that_are_not_exact_about_money_are_not_read() {
    let changes: [(&str, Value); 14] = [
        ("/amount", json!(10000)),
        ("/amount", json!("010000")),
        ("/amount", json!("0x2710")),
        ("/amount", json!("1e4")),
        ("/amount", json!("0")),
        ("/amount", json!("79228162514264337593543950336")),
        ("/asset", json!("036CbD53842c5426634e7929541eC2318f3dCF7e")),
        ("/asset", json!("USD")),
        ("/payTo", json!("merchant")),
        ("/extra/wallet", json!("0x00")),
        ("/extra/processor", json!(null)),
        ("/extra/capture", json!("some")),
        ("/extra/settleWithinSeconds", json!(-1)),
        ("/extra/order", json!("0x00")),
    ];
    for (pointer, value) in changes {
        let mut entry = aep2_entry();
        *entry.pointer_mut(pointer).unwrap() = value.clone();
        let found = offers(&required(vec![entry]));
        assert!(matches!(&found[..], [Err(_)]), "{pointer} {value}: {found:?}");
    }
    let text = aep2_entry().to_string().replacen('{', "{\"amount\":\"1\",", 1);
    let required: PaymentRequired =
        serde_json::from_str(&format!("{{\"x402Version\":2,\"accepts\":[{text}]}}")).unwrap();
    assert!(matches!(&offers(&required)[..], [Err(_)]), "an amount twice");
}

#[test]
fn terms_that_pay_nobody_sell_nothing() {
    let wallet = aep2_entry()["extra"]["wallet"].clone();
    let token = aep2_entry()["asset"].clone();
    for payee in [json!(Address::ZERO), wallet, token] {
        let mut entry = aep2_entry();
        entry["payTo"] = payee.clone();
        let found = offers(&required(vec![entry]));
        let [Ok(offer)] = &found[..] else { panic!("{found:?}") };
        let refused = terms::purchase(&offer.terms, "GET", "https://a.example/");
        assert!(matches!(refused, Err(TermsError::LostPayee(_))), "{payee}: {refused:?}");
    }
}

#[test]
fn malformed_disputes_are_malformed_terms() {
    let disputes = json!({
        "arbiter": "0xc77a9ef0850A3Ca47201549F001540668B9364dc", "windowSeconds": 60,
        "rulingSeconds": 120, "reasons": ["other", "overcharge"], "silenceRefunds": true
    });
    let with = |disputes: Value| {
        let mut entry = aep2_entry();
        entry["extra"]["disputes"] = disputes;
        offers(&required(vec![entry]))
    };
    let found = with(disputes.clone());
    let [Ok(offer)] = &found[..] else { panic!("{found:?}") };
    let read = offer.terms.extra.disputes.as_ref().unwrap();
    assert_eq!((read.window_seconds(), read.ruling_seconds()), (60, 120));
    assert_eq!(serde_json::to_value(read).unwrap(), disputes, "it goes back as it came");
    for (field, value) in [("reasons", json!([])), ("windowSeconds", json!(0)), ("memo", json!(""))]
    {
        let mut malformed = disputes.clone();
        malformed[field] = value;
        let found = with(malformed);
        assert!(matches!(&found[..], [Err(_)]), "{field}: {found:?}");
    }
    for other in [json!(null), json!([]), json!({})] {
        assert!(matches!(&with(other)[..], [Err(_)]));
    }
}

#[test]
fn networks_are_evm_chains_in_one_spelling() {
    assert_eq!(terms::network(ChainId::new(8453)).to_string(), "eip155:8453");
    assert_eq!(terms::chain(&Network::new("eip155", "8453")), Ok(ChainId::new(8453)));
    for network in ["solana:8453", "eip155:08453", "eip155:", "eip155:0x1", "EIP155:1", "eip155:*"]
    {
        assert!(terms::chain(&network.parse().unwrap()).is_err(), "{network}");
    }
}

#[test]
fn empty_extensions_are_left_out() {
    assert_eq!(serde_json::to_value(ExtensionsJson::default()).unwrap(), json!({}));
    let settled = SettleResponse::refused(Network::new("eip155", "1"), "code", "words");
    assert_eq!(
        serde_json::to_value(settled).unwrap(),
        json!({"success": false, "errorReason": "code", "errorMessage": "words",
               "transaction": "", "network": "eip155:1"})
    );
}
