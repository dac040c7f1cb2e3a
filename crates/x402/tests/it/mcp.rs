//! x402 over MCP, against the examples in its own specification; and what a call is.

use aep2_x402::{
    PaymentRequired,
    canonical::{CanonicalError, canonical},
    mcp::{self, Arguments, CallMeta, PaymentRequiredResult, ResultMeta, ServerName},
};
use serde_json::{Value, json, value::RawValue};
use url::Url;

/// The specification's payment: another scheme's, so of no shape that is known here.
type AnyPayment =
    x402_types::proto::v2::PaymentPayload<Box<RawValue>, serde_json::Map<String, Value>>;

fn required() -> Value {
    json!({
        "x402Version": 2,
        "error": "Payment required to access this resource",
        "resource": {
            "url": "mcp://tool/financial_analysis",
            "description": "Advanced financial analysis tool",
            "mimeType": "application/json"
        },
        "accepts": [{
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "10000",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "maxTimeoutSeconds": 60,
            "extra": {"name": "USDC", "version": "2"}
        }]
    })
}

/// As it stands in the specification, character by character.
const SPEC_TEXT: &str = r#"{"x402Version":2,"error":"Payment required to access this resource","resource":{"url":"mcp://tool/financial_analysis","description":"Advanced financial analysis tool","mimeType":"application/json"},"accepts":[{"scheme":"exact","network":"eip155:84532","amount":"10000","asset":"0x036CbD53842c5426634e7929541eC2318f3dCF7e","payTo":"0x209693Bc6afc0C5328bA36FaF03C514EF312287C","maxTimeoutSeconds":60,"extra":{"name":"USDC","version":"2"}}]}"#;

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(example: &Value) {
    let read: T = serde_json::from_str(&example.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), *example);
}

fn arguments(value: Value) -> Arguments {
    value.as_object().unwrap().clone()
}

#[test]
fn the_specifications_result_that_asks_reads_and_is_written() {
    let result = json!({
        "isError": true,
        "structuredContent": required(),
        "content": [{"type": "text", "text": SPEC_TEXT}]
    });
    round_trip::<PaymentRequiredResult>(&result);
    let content = &result["structuredContent"];
    for (structured, text) in [
        (Some(content), Some(SPEC_TEXT)),
        (Some(content), None),
        (None, Some(SPEC_TEXT)),
        // Content that asks for nothing is passed over.
        (Some(&Value::Null), Some(SPEC_TEXT)),
    ] {
        let read = mcp::required(structured, text).unwrap().unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), required());
        let asking = serde_json::to_value(PaymentRequiredResult::new(&read).unwrap()).unwrap();
        assert_eq!(asking["structuredContent"], result["structuredContent"]);
        let text = asking["content"][0]["text"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), required());
    }
    for nothing in [None, Some("it rains"), Some("{}"), Some(r#"{"x402Version":2}"#)] {
        assert!(mcp::required(Some(&json!({"rain": true})), nothing).unwrap().is_none());
    }
}

#[test]
fn the_specifications_metadata_round_trips() {
    round_trip::<CallMeta<AnyPayment>>(&json!({
        "x402/payment": {
            "x402Version": 2,
            "resource": required()["resource"],
            "accepted": required()["accepts"][0],
            "payload": {
                "signature": "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c",
                "authorization": {
                    "from": "0x857b06519E91e3A54538791bDbb0E22373e36b66",
                    "to": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
                    "value": "10000",
                    "validAfter": "1740672089",
                    "validBefore": "1740672154",
                    "nonce": "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
                }
            }
        }
    }));
    round_trip::<ResultMeta>(&json!({
        "x402/payment-response": {
            "success": true,
            "transaction": "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef",
            "network": "eip155:84532",
            "payer": "0x857b06519E91e3A54538791bDbb0E22373e36b66"
        }
    }));
}

#[test]
fn what_is_said_twice_or_of_a_wrong_type_is_refused() {
    let twice = SPEC_TEXT.replacen(r#""error":"#, r#""error":"x","error":"#, 1);
    assert!(mcp::required(None, Some(&twice)).is_err());
    let version = SPEC_TEXT.replacen(r#""x402Version":2"#, r#""x402Version":1"#, 1);
    assert!(mcp::required(None, Some(&version)).is_err());
    let mut typed = required();
    typed["accepts"] = json!({});
    assert!(mcp::required(Some(&typed), None).is_err());

    let settled = r#"{"success":true,"transaction":"","network":"eip155:1"}"#;
    let meta =
        format!(r#"{{"x402/payment-response":{settled},"x402/payment-response":{settled}}}"#);
    assert!(serde_json::from_str::<ResultMeta>(&meta).is_err());
    let meta = settled.replace("true", r#"true,"success":true"#);
    assert!(serde_json::from_str::<aep2_x402::SettleResponse>(&meta).is_err());
    for wrong in [json!(null), json!("paid"), json!({}), json!({"success": "yes"})] {
        let meta = arguments(json!({"x402/payment-response": wrong, "x402/payment": wrong}));
        assert!(mcp::settlement(&meta).is_err() && mcp::payment(&meta).is_err(), "{wrong}");
    }
    assert!(mcp::payment(&arguments(json!({"other": 1}))).unwrap().is_none());
}

/// The examples of RFC 8785, section 3.2.3 and appendix B.
#[test]
fn canonical_json_is_rfc_8785s() {
    let value = json!({
        "numbers": ["333333333.33333329".parse::<f64>().unwrap(), 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u{20ac}$\u{f}\nA'\u{42}\u{22}\u{5c}\\\"/",
        "literals": [null, true, false],
    });
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(canonical(&value).unwrap(), expected);

    let value = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
    let text = canonical(&serde_json::from_str(value).unwrap()).unwrap();
    let order = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
    let places: Vec<_> = order.iter().map(|name| text.find(name).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");

    for (bits, expected) in [
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    ] {
        assert_eq!(canonical(&json!(f64::from_bits(bits))).unwrap(), expected, "{bits:x}");
    }
    assert_eq!(canonical(&json!([1, 1.0, -5])).unwrap(), "[1,1,-5]");
}

#[test]
fn integers_that_programs_read_differently_have_no_spelling() {
    assert_eq!(canonical(&json!(9_007_199_254_740_991_u64)).unwrap(), "9007199254740991");
    assert_eq!(canonical(&json!(-9_007_199_254_740_991_i64)).unwrap(), "-9007199254740991");
    for large in [json!(9_007_199_254_740_992_u64), json!([{"a": i64::MIN}]), json!(u64::MAX)] {
        assert!(matches!(canonical(&large), Err(CanonicalError::Integer(_))), "{large}");
    }
}

/// The hashes were made by another implementation of Keccak-256, of `{"city":"Bern","days":3}` and
/// `{}`.
#[test]
fn a_call_is_its_server_its_tool_and_its_arguments() {
    let server: ServerName = "tools.example:8443".parse().unwrap();
    let call = |tool: &str, value: Value| {
        mcp::tool_resource(&server, tool, Some(&arguments(value))).unwrap()
    };
    let one = call("forecast", json!({"city": "Bern", "days": 3}));
    assert_eq!(
        one,
        "mcp://tools.example:8443/tools/forecast?arguments=\
         0x6e3af0737cc3e67b88a812d9fb528ea691c8b6861f94e31b8b45bd0957c1fd76"
    );
    let respelled: Value = serde_json::from_str(r#"{"days":3.0, "city":"\u0042ern"}"#).unwrap();
    assert_eq!(call("forecast", respelled), one);
    for other in [
        call("forecast", json!({"city": "Bern", "days": "3"})),
        call("forecast", json!({"city": "Bern", "days": 3, "x": null})),
        call("Forecast", json!({"city": "Bern", "days": 3})),
    ] {
        assert_ne!(other, one);
    }
    // Nothing is the same as no arguments, by whichever way it is said.
    let none = mcp::tool_resource(&server, "a/b c?é", None).unwrap();
    assert_eq!(none, call("a/b c?é", json!({})));
    assert_eq!(
        none,
        "mcp://tools.example:8443/tools/a%2Fb%20c%3F%C3%A9?arguments=\
         0xb48d38f93eaa084033fc5970bf96e559c33c4cdc07d889ab00b4d63f9590739d"
    );
    assert!(Url::parse(&none).is_ok());
}

#[test]
fn a_server_is_known_by_its_host() {
    let of =
        |url: &str| ServerName::try_from(&Url::parse(url).unwrap()).map(|name| name.to_string());
    assert_eq!(of("https://Tools.Example:443/mcp").unwrap(), "tools.example");
    assert_eq!(of("http://127.0.0.1:8090/mcp").unwrap(), "127.0.0.1:8090");
    assert_eq!(of("http://[::1]:8090/").unwrap(), "[::1]:8090");
    assert!(of("data:,x").is_err());
    for wrong in ["", "a/b", "a b", "a?b", "a#b", "Tools", "ä", &"a".repeat(256)] {
        assert!(wrong.parse::<ServerName>().is_err(), "{wrong:?}");
    }
}

#[test]
fn terms_that_are_written_are_the_terms_that_are_read() {
    let read: PaymentRequired = serde_json::from_str(SPEC_TEXT).unwrap();
    let asking = PaymentRequiredResult::new(&read).unwrap();
    assert_eq!(asking.content[0].text, asking.structured_content.get());
}
