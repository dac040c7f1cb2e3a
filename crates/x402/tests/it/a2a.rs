//! x402 over A2A, against the examples in its own specification.

use aep2_x402::a2a::{self, ErrorCode, Message};
use serde_json::{Map, Value, json, value::RawValue};

/// The specification's payment: another scheme's, so of no shape that is known here.
type AnyPayment = x402_types::proto::v2::PaymentPayload<Box<RawValue>, Map<String, Value>>;

fn terms() -> Value {
    json!({
        "scheme": "exact",
        "network": "eip155:8453",
        "amount": "48240000",
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bda02913",
        "payTo": "0xServerWalletAddressHere",
        "maxTimeoutSeconds": 600,
        "extra": {"name": "USD Coin", "version": "2"}
    })
}

fn resource() -> Value {
    json!({
        "url": "https://api.example.com/generate-image",
        "description": "Generate an image",
        "mimeType": "image/png"
    })
}

fn required() -> Value {
    json!({
        "x402.payment.status": "payment-required",
        "x402.payment.required": {
            "x402Version": 2,
            "error": "Payment required to access this resource",
            "resource": resource(),
            "accepts": [terms()]
        }
    })
}

fn submitted() -> Value {
    json!({
        "x402.payment.status": "payment-submitted",
        "x402.payment.payload": {
            "x402Version": 2,
            "resource": resource(),
            "accepted": terms(),
            "payload": {
                "signature": "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c",
                "authorization": {
                    "from": "0x857b06519E91e3A54538791bDbb0E22373e36b66",
                    "to": "0xServerWalletAddressHere",
                    "value": "48240000",
                    "validAfter": "1740672089",
                    "validBefore": "1740672154",
                    "nonce": "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
                }
            }
        }
    })
}

fn completed() -> Value {
    json!({
        "x402.payment.status": "payment-completed",
        "x402.payment.receipts": [{
            "success": true,
            "transaction": "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
            "network": "eip155:8453",
            "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66"
        }]
    })
}

fn failed() -> Value {
    json!({
        "x402.payment.status": "payment-failed",
        "x402.payment.error": "EXPIRED_PAYMENT",
        "x402.payment.receipts": [{
            "success": false,
            "errorReason": "Payment authorization was submitted after its 'validBefore' timestamp.",
            "network": "eip155:8453",
            "transaction": ""
        }]
    })
}

fn read(metadata: &str) -> serde_json::Result<Option<Message<AnyPayment>>> {
    Message::read(metadata)
}

fn refused(metadata: &Value) -> String {
    read(&metadata.to_string()).unwrap_err().to_string()
}

#[test]
fn the_specifications_messages_round_trip() {
    let examples = [
        required(),
        submitted(),
        completed(),
        failed(),
        json!({"x402.payment.status": "payment-verified"}),
        json!({"x402.payment.status": "payment-rejected"}),
        // As a part of another protocol's objects.
        json!({"x402.payment.status": "payment-required"}),
        json!({"x402.payment.status": "payment-submitted"}),
    ];
    for example in examples {
        let message = read(&example.to_string()).unwrap().unwrap();
        assert_eq!(serde_json::to_value(&message).unwrap(), example);
    }
    let Some(Message::Failed { error, receipts }) = read(&failed().to_string()).unwrap() else {
        panic!("not failed");
    };
    assert_eq!((error, receipts.len()), (Some(ErrorCode::ExpiredPayment), 1));
}

#[test]
fn other_extensions_keys_stand_beside_and_messages_without_payments_say_nothing() {
    let mut metadata = required();
    metadata["traceparent"] = json!("00-1-2-01");
    assert!(matches!(read(&metadata.to_string()).unwrap(), Some(Message::Required(Some(_)))));
    assert!(read(r#"{"traceparent":"00-1-2-01"}"#).unwrap().is_none());
    assert!(read("{}").unwrap().is_none());
}

#[test]
fn what_is_unknown_said_twice_or_of_a_wrong_type_is_refused() {
    let unknown = refused(&json!({"x402.payment.status": "payment-pending"}));
    assert!(unknown.contains("payment-pending"), "{unknown}");
    for status in [json!(1), json!(["payment-required"])] {
        refused(&json!({"x402.payment.status": status}));
    }
    let mut code = failed();
    code["x402.payment.error"] = json!("NO_LUCK");
    assert!(refused(&code).contains("NO_LUCK"));
    let mut receipts = completed();
    receipts["x402.payment.receipts"] = receipts["x402.payment.receipts"][0].clone();
    refused(&receipts);
    for key in ["x402.payment.status", "x402.payment.required"] {
        let once = required().to_string();
        let twice = once.replacen('{', &format!(r#"{{"{key}":{},"#, required()[key]), 1);
        assert!(read(&twice).unwrap_err().to_string().contains("duplicate field"), "{key}");
    }
    assert!(read("payment-required").is_err());
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let with = |mut message: Value, key: &str, from: Value| {
        message[key] = from[key].clone();
        refused(&message)
    };
    with(completed(), "x402.payment.required", required());
    with(required(), "x402.payment.payload", submitted());
    with(completed(), "x402.payment.error", failed());
    // A status that its own receipts contradict.
    with(completed(), "x402.payment.receipts", failed());
    with(failed(), "x402.payment.receipts", completed());
    let mut none = completed();
    none["x402.payment.receipts"] = json!([]);
    refused(&none);
    none.as_object_mut().unwrap().remove("x402.payment.receipts");
    refused(&none);
    // A failure, then a success: completed.
    let mut history = completed();
    let receipts = history["x402.payment.receipts"].as_array_mut().unwrap();
    receipts.insert(0, failed()["x402.payment.receipts"][0].clone());
    assert!(matches!(
        read(&history.to_string()).unwrap(),
        Some(Message::Completed { receipts }) if receipts.len() == 2
    ));
}

#[test]
fn this_protocols_codes_have_the_extensions_names() {
    for (code, name) in [
        ("insufficient_funds", "INSUFFICIENT_FUNDS"),
        ("bad_signature", "INVALID_SIGNATURE"),
        ("order_expired", "EXPIRED_PAYMENT"),
        ("deadline_too_near", "EXPIRED_PAYMENT"),
        ("nonce_spent", "DUPLICATE_NONCE"),
        ("nonce_conflict", "DUPLICATE_NONCE"),
        ("terms_mismatch", "INVALID_AMOUNT"),
        ("ref_mismatch", "SETTLEMENT_FAILED"),
        ("anything else", "SETTLEMENT_FAILED"),
    ] {
        assert_eq!(serde_json::to_value(ErrorCode::of(code)).unwrap(), name, "{code}");
    }
}

#[test]
fn the_extension_has_the_specifications_names() {
    assert_eq!(a2a::EXTENSION, "https://github.com/google-a2a/a2a-x402/v0.1");
    assert_eq!(a2a::EXTENSIONS_HEADER.as_str(), "x-a2a-extensions");
    let card = json!({"uri": a2a::EXTENSION_V0_2, "required": true});
    assert!(card["uri"].as_str().unwrap().ends_with("/v0.2"));
}
