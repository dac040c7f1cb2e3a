//! Mandates and their wire form, against vectors of zk-kit, circomlibjs and viem.

use aep2_mandate::{
    eddsa::SecretKey,
    field::Fr,
    mandate::{Domain, Mandate, MandateId, Prev, SignedMandate, VerifyError},
    signer::{MandateTerms, Signer},
    units::{AccountId, Ceiling, ChainId, Nonce, UnixTime},
    wire::{Defect, WireError},
};
use alloy_primitives::{Address, B256};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{bytes32, element, vectors};

#[derive(Deserialize)]
struct File {
    positive: Vec<Good>,
    negative: Vec<Bad>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Good {
    chain_id: u64,
    wallet: Address,
    domain: String,
    mandate: Value,
    id: String,
    key: Value,
    signature: Value,
    private_key: String,
}

impl Good {
    fn body(&self) -> Value {
        json!({ "mandate": self.mandate, "key": self.key, "signature": self.signature })
    }

    fn read(&self) -> SignedMandate {
        SignedMandate::from_json(self.body().to_string()).expect("well-formed")
    }

    fn domain(&self, token: Address) -> Domain {
        Domain::new(ChainId::new(self.chain_id), self.wallet, token)
    }
}

#[derive(Deserialize)]
struct Bad {
    reason: String,
    detail: String,
    text: String,
}

fn terms(mandate: &Mandate) -> MandateTerms {
    let Mandate { account, token, payee, amount, nonce, deadline, reference, prev: _ } = *mandate;
    MandateTerms { account, token, payee, amount, nonce, deadline, reference }
}

#[test]
fn what_other_libraries_signed_is_read_and_verified() {
    let file: File = vectors("mandates.json");
    assert!(file.positive.len() >= 200);
    for vector in &file.positive {
        let signed = vector.read();
        let domain = vector.domain(signed.mandate.token);
        assert_eq!(domain.element(), element(&vector.domain));
        assert_eq!(signed.verify(&domain), Ok(vector.id.parse().expect("an id")));
        assert_eq!(signed.mandate.id(&domain).element(), element(&vector.id));

        // Written again it is the same, but for the case of the addresses' letters.
        let ours = serde_json::to_value(&signed).expect("a value");
        assert_eq!(ours.to_string().to_lowercase(), vector.body().to_string().to_lowercase());
        assert_eq!(serde_json::from_value::<SignedMandate>(ours).ok(), Some(signed));
    }
}

/// Each vector's chain is signed once more, mandate by mandate, by this crate's signer.
#[test]
fn what_is_signed_here_is_what_other_libraries_sign() {
    let file: File = vectors("mandates.json");
    let mut previous = None;
    let mut chained = 0;
    for vector in &file.positive {
        let theirs = vector.read();
        let secret = SecretKey::from_seed(bytes32(&vector.private_key));
        let signer = Signer::new(secret, ChainId::new(vector.chain_id), vector.wallet);
        // Where a new chain begins, `previous` is another key's.
        let ours = signer.sign(terms(&theirs.mandate), previous.as_ref());
        assert_eq!(ours, theirs);
        chained += usize::from(!ours.mandate.prev.is_start());
        previous = Some(ours.released_to_payee());
    }
    assert!(chained >= 100, "only {chained} mandates follow another");
}

#[test]
fn every_defect_is_told_by_its_name() {
    let file: File = vectors("mandates.json");
    assert!(file.negative.len() >= 200);
    for Bad { reason, detail, text } in &file.negative {
        let error = SignedMandate::from_json(text)
            .expect_err(&format!("{reason}, {detail}: this was read: {text}"));
        assert_eq!(error.code(), reason, "{detail}: {error}");

        let by_serde = serde_json::from_str::<SignedMandate>(text)
            .expect_err(&format!("{reason}, {detail}: serde read this: {text}"));
        if let Defect::Json(message) = &error.defect {
            assert_eq!(by_serde.to_string(), *message);
        } else {
            assert_eq!(by_serde.to_string(), error.to_string());
        }
    }
}

/// A well-formed body, to be spoilt.
fn body() -> Value {
    let file: File = vectors("mandates.json");
    file.positive[0].body()
}

fn code_and_field(body: &Value) -> (&'static str, String) {
    let error = SignedMandate::from_json(body.to_string()).expect_err("a defect");
    (error.code(), error.field)
}

#[test]
fn errors_name_the_field() {
    let spoil = |pointer: &str, value: Value| {
        let mut body = body();
        *body.pointer_mut(pointer).expect("a field") = value;
        code_and_field(&body)
    };
    let named = |code, field: &str| (code, field.to_owned());
    assert_eq!(spoil("/mandate/nonce", json!("007")), named("nonce_malformed", "mandate.nonce"));
    assert_eq!(spoil("/signature/r8/x", json!("0x")), named("hex_malformed", "signature.r8.x"));
    assert_eq!(spoil("/signature/r8", json!({})), named("missing_field", "signature.r8.x"));
    assert_eq!(spoil("/key/x", json!(format!("0x{:064}", 5))), named("key_off_curve", "key"));
    let s_max = format!("0x{}", "f".repeat(64));
    assert_eq!(spoil("/signature/s", json!(s_max)), named("s_not_reduced", "signature.s"));

    let mut extra = body();
    extra["mandate"]["memo"] = json!({ "deep": [[[{}]]] });
    assert_eq!(code_and_field(&extra), named("unknown_field", "mandate.memo"));
}

#[test]
fn numbers_of_any_length_are_numbers() {
    let account = |text: &str| {
        let whole = body().to_string();
        let account = body()["mandate"]["account"].to_string();
        let text = whole.replace(&format!("\"account\":{account}"), &format!("\"account\":{text}"));
        SignedMandate::from_json(text).map_err(|error| error.code())
    };
    for large in ["4294967296", "18446744073709551615", "18446744073709551616", &"9".repeat(60)] {
        assert_eq!(account(large).err(), Some("account_out_of_range"), "{large}");
    }
    for misspelt in ["1.0", "1e0", "-1", "-18446744073709551616", "-0", "1.5"] {
        assert_eq!(account(misspelt).err(), Some("account_malformed"), "{misspelt}");
    }
}

/// When several things are wrong the order is: the JSON, fields unknown or repeated in the order
/// of the text, fields missing, contents in the order of the type.
#[test]
fn the_first_of_several_defects_is_told() {
    let code = |text: &str| SignedMandate::from_json(text).expect_err("a defect").code();
    assert_eq!(code(r#"{"memo":1,"key":1"#), "malformed");
    assert_eq!(code(r#"{"key":1,"memo":1,"key":1}"#), "unknown_field");
    assert_eq!(code(r#"{"key":1,"key":1,"memo":1}"#), "duplicate_field");
    assert_eq!(code(r#"{"key":1}"#), "missing_field");
    assert_eq!(code(r#"{"key":{"x":1},"signature":{"s":1},"mandate":1}"#), "malformed");
    let mut several = body();
    several["mandate"]["account"] = json!(0);
    several["mandate"]["amount"] = json!("0");
    several["key"]["x"] = json!("0x");
    assert_eq!(code(&several.to_string()), "account_out_of_range");
}

#[test]
fn messages_stay_short_whatever_is_sent() {
    let long = "é".repeat(100_000);
    for (pointer, value) in [
        ("/mandate/amount", json!(long)),
        ("/mandate/token", json!(long)),
        ("/mandate/account", json!(long)),
        ("/mandate", json!(long)),
        ("/key", json!({ &long: 1 })),
    ] {
        let mut body = body();
        *body.pointer_mut(pointer).expect("a field") = value;
        let message = SignedMandate::from_json(body.to_string()).expect_err("a defect").to_string();
        assert!(message.len() < 400, "{pointer}: {} bytes", message.len());
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let nested = "{\"mandate\":".repeat(100_000);
    let error = SignedMandate::from_json(&nested).expect_err("a defect");
    assert_eq!(error.code(), "malformed");
    let lists = format!("{{\"mandate\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(SignedMandate::from_json(lists).is_err());
}

#[test]
fn another_tokens_domain_is_told_apart_from_a_bad_signature() {
    let file: File = vectors("mandates.json");
    let vector = &file.positive[0];
    let signed = vector.read();
    let token = signed.mandate.token;
    let other = Address::repeat_byte(7);
    assert_eq!(
        signed.verify(&vector.domain(other)),
        Err(VerifyError::OtherToken { mandate: token, domain: other })
    );
    let other_wallet = Domain::new(ChainId::new(vector.chain_id), other, token);
    assert_eq!(signed.verify(&other_wallet), Err(VerifyError::BadSignature));
}

#[test]
fn ids_have_one_spelling() {
    let zero = format!("0x{:064}", 0);
    assert_eq!(zero.parse::<MandateId>().map(|id| id.to_string()), Ok(zero.clone()));
    let order = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
    let defect = |text: &str| text.parse::<MandateId>().map_err(|error: WireError| error.code());
    assert_eq!(defect(order), Err("field_not_canonical"));
    assert_eq!(defect(&zero[2..]), Err("hex_malformed"));
    assert_eq!(defect(&zero[..65]), Err("hex_malformed"));
    assert_eq!(MandateId::from_bytes(B256::repeat_byte(0xff)), None);
}

fn any_mandate() -> impl Strategy<Value = Mandate> {
    let numbers = (
        1..=u32::MAX,
        1..=(1u128 << 96) - 1,
        any::<u64>(),
        0..1u64 << 40,
        prop_oneof![Just(0), any::<u64>()],
    );
    (numbers, any::<[u8; 20]>(), any::<[u8; 20]>(), any::<[u8; 32]>()).prop_map(
        |((account, amount, nonce, deadline, prev), token, payee, reference)| Mandate {
            account: AccountId::new(account).expect("in range"),
            token: token.into(),
            payee: payee.into(),
            amount: Ceiling::new(amount).expect("in range"),
            nonce: Nonce::new(nonce),
            deadline: UnixTime::new(deadline).expect("in range"),
            reference: reference.into(),
            prev: Prev::from_element(-Fr::from(prev)),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn json_and_back(mandate in any_mandate(), seed: [u8; 32]) {
        let text = serde_json::to_string(&mandate).expect("json");
        prop_assert_eq!(&serde_json::from_str::<Mandate>(&text).expect("read"), &mandate);

        let secret = SecretKey::from_seed(seed);
        let domain = Domain::new(ChainId::new(1), Address::ZERO, mandate.token);
        let signature = secret.sign(mandate.id(&domain).element());
        let signed = SignedMandate { mandate, key: secret.public(), signature };
        let text = serde_json::to_vec(&signed).expect("json");
        let read = SignedMandate::from_json(&text).expect("read");
        prop_assert_eq!(&read, &signed);
        prop_assert!(read.verify(&domain).is_ok());
    }

    /// Another value in any one field, or in any part of the domain, is another id.
    #[test]
    fn the_id_covers_every_field(mandate in any_mandate(), other in any_mandate()) {
        let place = |mandate: &Mandate| Domain::new(ChainId::new(1), Address::ZERO, mandate.token);
        let id = mandate.id(&place(&mandate));
        let fields: [fn(&mut Mandate, &Mandate); 8] = [
            |mandate, other| mandate.account = other.account,
            |mandate, other| mandate.token = other.token,
            |mandate, other| mandate.payee = other.payee,
            |mandate, other| mandate.amount = other.amount,
            |mandate, other| mandate.nonce = other.nonce,
            |mandate, other| mandate.deadline = other.deadline,
            |mandate, other| mandate.reference = other.reference,
            |mandate, other| mandate.prev = other.prev,
        ];
        for change in fields {
            let mut changed = mandate.clone();
            change(&mut changed, &other);
            prop_assert_eq!(changed == mandate, changed.id(&place(&changed)) == id);
        }
        for elsewhere in [
            Domain::new(ChainId::new(2), Address::ZERO, mandate.token),
            Domain::new(ChainId::new(1), Address::repeat_byte(1), mandate.token),
        ] {
            prop_assert_ne!(mandate.id(&elsewhere), id);
        }
    }

    /// Neighbours in one packed element do not run into each other.
    #[test]
    fn packed_fields_do_not_overlap(mandate in any_mandate()) {
        let two_to = |exponent: u32| {
            (0..exponent).fold(Fr::from(1u64), |power, _| power + power)
        };
        let terms = Fr::from(mandate.nonce.bit())
            + two_to(7) * Fr::from(mandate.amount.get())
            + two_to(104) * Fr::from(mandate.deadline.get());
        prop_assert_eq!(mandate.terms(), terms);
        let account_word = two_to(57) * Fr::from(mandate.account.get()) + Fr::from(mandate.nonce.word());
        prop_assert_eq!(mandate.account_word(), account_word);
    }

    /// Whatever is sent, reading it ends in a value or an error.
    #[test]
    fn no_text_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at: usize, by: u8) {
        let _ = SignedMandate::from_json(&bytes);
        let mut spoilt = serde_json::to_vec(&json!({
            "mandate": { "account": 1, "amount": "1" }, "key": {}, "signature": {}
        })).expect("json");
        let at = at % spoilt.len();
        spoilt[at] ^= by;
        let _ = SignedMandate::from_json(&spoilt);
    }
}
