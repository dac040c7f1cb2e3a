//! What is signed beside mandates, and the direct path's mandates, against vectors of viem and ethers; and what
//! mandate keys sign of it, against circomlibjs and zk-kit.

use aep2_mandate::{
    eddsa::SecretKey,
    field,
    typed_data::{
        EcdsaSignature, RecoverError, Signed, SignerError, TypedData,
        access::{Access, SignedAccess},
        approval::Approval,
        capture::{Capture, CaptureReceipt, SignedCapture},
        direct::{
            DirectMandate, SignedDirectMandate, direct_receipt_message,
            recover_direct_receipt_signer, sign_direct_receipt,
        },
        dispute::{
            Dispute, DisputeAnswer, EVIDENCE_MAX, Evidence, Reason, SignedDispute, TEXT_BYTES_MAX,
        },
        domain,
        keyed::{AnySigned, AnySigner, KeySigned},
        log_head::LogHead,
        outcome::{Outcome, OutcomeStatus},
        receipt::Receipt,
        refund::Refund,
        ruling::Ruling,
    },
    units::ChainId,
    wire::FromNode,
};
use alloy_primitives::{Address, B256, U256, address, b256};
use alloy_signer_local::PrivateKeySigner;
use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::support::vectors;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    mandates: Vec<Good>,
    receipts: Vec<Good>,
    captures: Vec<Good>,
    capture_receipts: Vec<Good>,
    outcomes: Vec<Good>,
    rulings: Vec<Good>,
    refunds: Vec<Good>,
    approvals: Vec<Good>,
    log_heads: Vec<Good>,
    disputes: Vec<Good>,
    dispute_answers: Vec<Good>,
    accesses: Vec<Good>,
    negative: Vec<Bad>,
    by_key: Vec<GoodByKey>,
    by_key_negative: Vec<BadByKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Good {
    chain_id: u64,
    wallet: Address,
    message: Value,
    digest: B256,
    domain_separator: B256,
    type_hash: B256,
    struct_hash: B256,
    signer: Address,
    signature: String,
    private_key: B256,
}

impl Good {
    fn secret(&self) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&self.private_key).expect("a private key")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bad {
    kind: String,
    reason: String,
    chain_id: u64,
    wallet: Address,
    message: Value,
    signer: Address,
    signature: String,
}

/// A message that a mandate key signed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GoodByKey {
    kind: String,
    chain_id: u64,
    wallet: Address,
    message: Value,
    key: Value,
    signature: Value,
    digest: B256,
    field: B256,
    private_key: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BadByKey {
    kind: String,
    reason: String,
    chain_id: u64,
    wallet: Address,
    message: Value,
    key: Value,
    signature: Value,
}

/// Written again, `value` is what was read, but for the case of the addresses' letters.
fn assert_writes<T: Serialize + DeserializeOwned + PartialEq>(value: &T, wire: &Value) {
    let written = serde_json::to_value(value).expect("json");
    assert_eq!(written.to_string().to_lowercase(), wire.to_string().to_lowercase());
    assert!(serde_json::from_value::<T>(written).expect("read") == *value);
}

#[test]
fn owners_mandates_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    assert!(file.mandates.len() >= 200);
    for vector in &file.mandates {
        let wire = json!({ "mandate": vector.message, "payerSig": vector.signature });
        let signed = SignedDirectMandate::from_json(wire.to_string()).expect("well-formed");
        let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
        assert_eq!(domain.separator(), vector.domain_separator);
        assert_eq!(DirectMandate::type_hash(), vector.type_hash);
        assert_eq!(signed.message.struct_hash(), vector.struct_hash);
        assert_eq!(signed.verify_owner(&domain), Ok(vector.digest));
        assert_eq!(signed.message.owner, vector.signer);
        assert_writes(&signed, &wire);

        let ours = SignedDirectMandate::sign(signed.message, &vector.secret(), &domain);
        assert_eq!(ours.expect("signed"), signed, "the same bytes as viem's");
    }
}

/// Everything about one kind of message, signed by others and by us: its JSON, hashes, signer, bytes.
macro_rules! agrees {
    ($vectors:expr, $name:literal, $message:ty) => {
        for vector in &$vectors {
            let wire = json!({ $name: vector.message, "signature": vector.signature });
            let signed = <Signed<$message>>::from_json(wire.to_string()).expect("well-formed");
            let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
            assert_eq!(domain.separator(), vector.domain_separator);
            assert_eq!(<$message>::type_hash(), vector.type_hash);
            assert_eq!(signed.message.struct_hash(), vector.struct_hash);
            assert_eq!(signed.message.digest(&domain), vector.digest);
            assert_eq!(signed.signer(&domain), Ok(vector.signer));
            assert_eq!(signed.verify(&domain, vector.signer), Ok(()));
            assert_writes(&signed, &wire);

            let ours = Signed::sign(signed.message.clone(), &vector.secret(), &domain);
            assert_eq!(ours.expect("signed"), signed, "the same bytes as viem's");
        }
    };
}

#[test]
fn receipts_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    assert!(file.receipts.len() >= 200);
    agrees!(file.receipts, "receipt", Receipt);
}

#[test]
fn captures_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    assert!(file.captures.len() >= 50);
    agrees!(file.captures, "capture", Capture);
}

#[test]
fn receipts_of_captures_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    assert!(file.capture_receipts.len() >= 50);
    agrees!(file.capture_receipts, "receipt", CaptureReceipt);
}

#[test]
fn outcomes_rulings_refunds_approvals_and_log_heads_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    let File { outcomes, rulings, refunds, approvals, log_heads, .. } = &file;
    for vectors in [outcomes, rulings, refunds, approvals, log_heads] {
        assert!(vectors.len() >= 50);
    }
    agrees!(file.outcomes, "outcome", Outcome);
    agrees!(file.rulings, "ruling", Ruling);
    agrees!(file.refunds, "refund", Refund);
    agrees!(file.approvals, "approval", Approval);
    agrees!(file.log_heads, "logHead", LogHead);
}

#[test]
fn disputes_answers_and_accesses_agree_with_viem_and_ethers() {
    let file: File = vectors("eip712.json");
    let File { disputes, dispute_answers, accesses, .. } = &file;
    for vectors in [disputes, dispute_answers, accesses] {
        assert!(vectors.len() >= 50);
    }
    agrees!(file.disputes, "dispute", Dispute);
    agrees!(file.dispute_answers, "answer", DisputeAnswer);
    agrees!(file.accesses, "access", Access);

    // They reach the bounds.
    let texts = disputes.iter().filter_map(|vector| vector.message["text"].as_str());
    assert!(
        texts
            .into_iter()
            .any(|text| text.len() == TEXT_BYTES_MAX && text.chars().count() < TEXT_BYTES_MAX)
    );
    let pieces = |vector: &Good| vector.message["evidence"].as_array().map(Vec::len);
    assert!(disputes.iter().any(|vector| pieces(vector) == Some(EVIDENCE_MAX)));
    for reason in Reason::ALL {
        assert!(
            disputes.iter().any(|vector| vector.message["reason"] == reason.name()),
            "{reason:?}"
        );
    }
}

/// A message that a mandate key signed: its JSON, what is signed, the signer, and our own signature.
fn agrees_by_key<T>(vector: &GoodByKey)
where
    T: TypedData + FromNode + Serialize + Clone + PartialEq + std::fmt::Debug,
{
    let wire = json!({ T::NAME: vector.message, "key": vector.key, "signature": vector.signature });
    let signed = AnySigned::<T>::from_json(wire.to_string()).expect("well-formed");
    let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
    let digest = signed.message().digest(&domain);
    assert_eq!(digest, vector.digest);
    assert_eq!(field::to_be_bytes(&field::reduced_hash(digest)), vector.field.0);
    assert_writes(&signed, &wire);

    let secret = SecretKey::from_seed(vector.private_key.0);
    assert_eq!(signed.signer(&domain), Some(AnySigner::Key(secret.public())));
    let ours = KeySigned::sign(signed.message().clone(), &secret, &domain);
    assert_eq!(AnySigned::ByKey(ours), signed, "the same bytes as circomlibjs'");
}

#[test]
fn what_mandate_keys_sign_agrees_with_circomlibjs_and_zk_kit() {
    let file: File = vectors("eip712.json");
    assert!(file.by_key.len() >= 40);
    for vector in &file.by_key {
        match vector.kind.as_str() {
            "dispute" => agrees_by_key::<Dispute>(vector),
            "access" => agrees_by_key::<Access>(vector),
            kind => panic!("a kind that this test does not know: {kind}"),
        }
    }
    let reduced = file.by_key.iter().filter(|vector| vector.field != vector.digest).count();
    assert!(reduced > 0 && reduced < file.by_key.len(), "{reduced} digests are above the order");
}

/// Why a message with a mandate key's signature is refused: by the reader, or since nobody signed it.
fn refused_by_key<T: TypedData + FromNode>(vector: &BadByKey) -> Option<&'static str> {
    let wire = json!({ T::NAME: vector.message, "key": vector.key, "signature": vector.signature });
    let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
    match AnySigned::<T>::from_json(wire.to_string()) {
        Err(error) => Some(error.code()),
        Ok(signed) => signed.signer(&domain).is_none().then_some("nobody"),
    }
}

#[test]
fn what_a_mandate_key_did_not_sign_like_this_is_nobodys() {
    let file: File = vectors("eip712.json");
    assert!(file.by_key_negative.len() >= 60);
    for vector in &file.by_key_negative {
        let refused = match vector.kind.as_str() {
            "dispute" => refused_by_key::<Dispute>(vector),
            "access" => refused_by_key::<Access>(vector),
            kind => panic!("a kind that this test does not know: {kind}"),
        };
        let expected = match vector.reason.as_str() {
            "altered_message" | "other_chain" | "other_wallet" | "other_key"
            | "other_reduction" | "no_domain" => "nobody",
            "s_not_reduced" => "s_not_reduced",
            "key_small_order" => "key_small_order",
            "non_canonical" => "field_not_canonical",
            reason => panic!("a reason that this test does not know: {reason}"),
        };
        assert_eq!(refused, Some(expected), "{}, {}", vector.kind, vector.reason);
    }
}

/// What is thought of a message with some fields replaced.
fn changed<T: TypedData + FromNode>(good: &Value, field: &str, value: Value) -> &'static str {
    let mut message = good.clone();
    message[field] = value;
    let wire = json!({ T::NAME: message, "signature": format!("0x{}", "00".repeat(65)) });
    Signed::<T>::from_json(wire.to_string()).map_or_else(|error| error.code(), |_| "read")
}

#[test]
fn outcomes_with_a_defect_are_refused() {
    let zero = format!("0x{}", "00".repeat(32));
    let good = json!({
        "mandateId": zero, "status": 2, "settled": "0", "batchId": zero, "at": 1_790_000_000
    });
    let read = changed::<Outcome>;
    assert_eq!(read(&good, "status", json!(3)), "read");
    assert_eq!(read(&good, "status", json!(1)), "read", "settled at nothing, on the direct path");
    for other in [json!(0), json!(4), json!(256), json!("1"), json!(1.0), json!(-1), json!(null)] {
        assert_eq!(read(&good, "status", other), "status_malformed");
    }
    let batch = json!(format!("0x{}", "01".repeat(32)));
    assert_eq!(read(&good, "settled", json!("1")), "outcome_contradictory");
    assert_eq!(read(&good, "batchId", batch), "outcome_contradictory");
    assert_eq!(read(&good, "settled", json!(0)), "amount_malformed");
    assert_eq!(read(&good, "at", json!("1790000000")), "deadline_malformed");
    assert_eq!(read(&good, "memo", json!("")), "unknown_field");
    for (number, status) in
        [(1, OutcomeStatus::Settled), (2, OutcomeStatus::Failed), (3, OutcomeStatus::Expired)]
    {
        assert_eq!(OutcomeStatus::from_number(number), Some(status));
        assert_eq!(u64::from(status.number()), number);
    }
}

#[test]
fn rulings_refunds_approvals_and_log_heads_with_a_defect_are_refused() {
    let file: File = vectors("eip712.json");
    let ruling = &file.rulings[10].message;
    assert_eq!(changed::<Ruling>(ruling, "captured", json!("0")), "read");
    assert_eq!(changed::<Ruling>(ruling, "captured", json!(1)), "amount_malformed");
    assert_eq!(changed::<Ruling>(ruling, "evidence", json!("0x")), "hex_malformed");

    let refund = &file.refunds[10].message;
    assert_eq!(changed::<Refund>(refund, "amount", json!("1")), "read");
    assert_eq!(changed::<Refund>(refund, "amount", json!("0")), "amount_zero");
    assert_eq!(changed::<Refund>(refund, "token", json!("0x00")), "hex_malformed");

    let approval = &file.approvals[10].message;
    assert_eq!(changed::<Approval>(approval, "approved", json!(false)), "read");
    for other in [json!(1), json!("true"), json!(null)] {
        assert_eq!(changed::<Approval>(approval, "approved", other), "boolean_malformed");
    }
    assert_eq!(changed::<Approval>(approval, "memo", json!(true)), "unknown_field");

    let head = &file.log_heads[10].message;
    assert_eq!(changed::<LogHead>(head, "number", json!("0")), "read");
    assert_eq!(changed::<LogHead>(head, "number", json!(1)), "entry_malformed");
    assert_eq!(changed::<LogHead>(head, "number", json!("01")), "entry_malformed");
    assert_eq!(changed::<LogHead>(head, "number", json!("9007199254740992")), "entry_out_of_range");
    assert_eq!(changed::<LogHead>(head, "hash", json!("0x")), "hex_malformed");
}

/// A piece of evidence, whose hash is of this byte.
fn piece(byte: u8) -> Value {
    json!({ "hash": B256::repeat_byte(byte), "mediaType": "text/plain", "size": 1 })
}

/// So many pieces of evidence.
fn pieces(count: u8) -> Value {
    (1..=count).map(piece).collect()
}

fn good_dispute() -> Value {
    json!({
        "mandateId": B256::repeat_byte(0xff), "reason": "other", "text": "", "evidence": [piece(1)], "at": 1
    })
}

#[test]
fn disputes_with_a_defect_are_refused() {
    let good = good_dispute();
    let read = changed::<Dispute>;
    assert_eq!(read(&good, "at", json!(0)), "read");
    assert_eq!(read(&good, "memo", json!("")), "unknown_field");
    assert_eq!(read(&good, "mandateId", json!("0x")), "hex_malformed");
    for other in
        [json!("fraud"), json!("Other"), json!(""), json!(1), json!(null), json!(["other"])]
    {
        assert_eq!(read(&good, "reason", other), "reason_malformed");
    }

    // Bytes count, not characters.
    let longest = "é".repeat(TEXT_BYTES_MAX / 2);
    assert_eq!(read(&good, "text", json!(longest)), "read");
    assert_eq!(read(&good, "text", json!(format!("{longest}."))), "too_many");
    assert_eq!(read(&good, "text", json!("é".repeat(TEXT_BYTES_MAX))), "too_many");
    for other in [json!(1), json!(null), json!(["words"])] {
        assert_eq!(read(&good, "text", other), "text_malformed");
    }

    let file: File = vectors("eip712.json");
    let answer = &file.dispute_answers[30].message;
    assert_eq!(changed::<DisputeAnswer>(answer, "captured", json!("0")), "read");
    assert_eq!(changed::<DisputeAnswer>(answer, "captured", json!(0)), "amount_malformed");
    assert_eq!(changed::<DisputeAnswer>(answer, "evidence", pieces(9)), "too_many");
    assert_eq!(
        changed::<DisputeAnswer>(answer, "text", json!("é".repeat(TEXT_BYTES_MAX))),
        "too_many"
    );
    assert_eq!(changed::<DisputeAnswer>(answer, "reason", json!("other")), "unknown_field");

    let access = &file.accesses[30].message;
    assert_eq!(changed::<Access>(access, "about", json!("0x00")), "hex_malformed");
    assert_eq!(changed::<Access>(access, "until", json!(1_u64 << 40)), "deadline_out_of_range");
}

#[test]
fn evidence_with_a_defect_is_refused() {
    let read = |evidence: Value| changed::<Dispute>(&good_dispute(), "evidence", evidence);
    assert_eq!(read(json!([])), "read");
    assert_eq!(read(pieces(8)), "read");
    assert_eq!(read(pieces(9)), "too_many");
    for other in [json!(null), json!({}), piece(1), json!("")] {
        assert_eq!(read(other), "list_malformed");
    }
    // The same bytes under another name are the same bytes.
    let renamed = json!({ "hash": B256::repeat_byte(1), "mediaType": "image/png", "size": 1 });
    assert_eq!(read(json!([piece(1), piece(2), piece(1)])), "evidence_twice");
    assert_eq!(read(json!([piece(1), renamed])), "evidence_twice");

    for (field, value, expected) in [
        ("size", json!(1 << 20), "read"),
        ("size", json!((1 << 20) + 1), "too_many"),
        ("size", json!(-1), "number_malformed"),
        ("size", json!("1"), "number_malformed"),
        ("mediaType", json!("~".repeat(100)), "read"),
        ("mediaType", json!("~".repeat(101)), "too_many"),
        ("mediaType", json!(""), "media_type_malformed"),
        ("mediaType", json!("text/plain\r\nSet-Cookie: a=b"), "media_type_malformed"),
        ("mediaType", json!("text/plain\n"), "media_type_malformed"),
        ("mediaType", json!("text/pläin"), "media_type_malformed"),
        ("hash", json!("0x00"), "hex_malformed"),
        ("name", json!("log.txt"), "unknown_field"),
    ] {
        let mut piece = piece(1);
        piece[field] = value.clone();
        assert_eq!(read(json!([piece])), expected, "{field} {value}");
    }
}

#[test]
fn no_field_of_a_dispute_is_read_twice_nor_two_forms_at_once() {
    let file: File = vectors("eip712.json");
    let vector = &file.by_key[0];
    let (message, key, signature) = (&vector.message, &vector.key, &vector.signature);
    let by_address = &file.disputes[0].signature;
    let read =
        |text: String| SignedDispute::from_json(text).map_or_else(|error| error.code(), |_| "read");
    let good = format!(r#"{{"dispute":{message},"key":{key},"signature":{signature}}}"#);
    assert_eq!(read(good.clone()), "read");
    for (what, twice) in [
        ("reason", good.replacen(r#""reason":"#, r#""reason":"other","reason":"#, 1)),
        ("text", good.replacen(r#""text":"#, r#""text":"","text":"#, 1)),
        ("key", good.replacen(r#""key":"#, &format!(r#""key":{key},"key":"#), 1)),
        (
            "dispute",
            good.replacen(r#"{"dispute":"#, &format!(r#"{{"dispute":{message},"dispute":"#), 1),
        ),
    ] {
        assert_ne!(twice, good, "{what}");
        assert_eq!(read(twice), "duplicate_field", "{what}");
    }
    // An owner's signature beside a key, and a key's signature without one.
    let mixed = format!(r#"{{"dispute":{message},"key":{key},"signature":"{by_address}"}}"#);
    assert_eq!(read(mixed), "malformed");
    assert_eq!(
        read(format!(r#"{{"dispute":{message},"signature":{signature}}}"#)),
        "hex_malformed"
    );
    assert_eq!(read(format!(r#"{{"dispute":{message},"key":{key}}}"#)), "missing_field");

    let access = &file.accesses[0];
    let wire = json!({ "access": access.message, "signature": access.signature, "key": null });
    let read = SignedAccess::from_json(wire.to_string()).map_err(|error| error.code());
    assert_eq!(read.map(drop), Err("malformed"));
}

#[test]
fn evidence_is_the_bytes_and_nothing_else() {
    let evidence = Evidence::of(b"log", "text/plain").expect("evidence");
    assert!(evidence.is(b"log"));
    assert!(!evidence.is(b"log\n") && !evidence.is(b""));
    assert!(!Evidence { size: 4, ..evidence }.is(b"log"), "a size that is another");
    assert!(Evidence::of(&[0; 1 << 20], "a").is_ok());
    let code =
        |bytes: &[u8], media_type| Evidence::of(bytes, media_type).map_err(|error| error.code());
    assert_eq!(code(&[0; (1 << 20) + 1], "a"), Err("too_many"));
    assert_eq!(code(b"log", "text/plain\nX: y"), Err("media_type_malformed"));
    assert_eq!(code(b"log", ""), Err("media_type_malformed"));
}

#[test]
fn captures_with_a_defect_are_refused() {
    let good = json!({ "mandateId": format!("0x{}", "ff".repeat(32)), "amount": "900" });
    let read = |field: &str, value: Value| {
        let mut capture = good.clone();
        capture[field] = value;
        let wire = json!({ "capture": capture, "signature": format!("0x{}", "00".repeat(65)) });
        SignedCapture::from_json(wire.to_string()).map(drop).map_err(|error| error.code())
    };
    assert_eq!(read("amount", json!("0")), Ok(()), "0 voids");
    assert_eq!(read("amount", json!("79228162514264337593543950336")), Err("amount_out_of_range"));
    for malformed in [json!(900), json!("0900"), json!("-1"), json!("0x384"), json!(null)] {
        assert_eq!(read("amount", malformed), Err("amount_malformed"));
    }
    assert_eq!(read("mandateId", json!("0x00")), Err("hex_malformed"));
    assert_eq!(read("memo", json!("")), Err("unknown_field"));
}

/// What becomes of an altered message: refused when read, or when verified.
#[derive(Debug, PartialEq)]
enum Refusal {
    Read(&'static str),
    Verify(SignerError),
}

fn refused_as<T: TypedData + FromNode>(vector: &Bad) -> Option<Refusal> {
    let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
    let wire = json!({ T::NAME: vector.message, "signature": vector.signature });
    match Signed::<T>::from_json(wire.to_string()) {
        Err(error) => Some(Refusal::Read(error.code())),
        Ok(signed) => signed.verify(&domain, vector.signer).err().map(Refusal::Verify),
    }
}

fn refusal(vector: &Bad) -> Option<Refusal> {
    let domain = domain(ChainId::new(vector.chain_id), vector.wallet);
    let verified = match vector.kind.as_str() {
        "mandate" => {
            let wire = json!({ "mandate": vector.message, "payerSig": vector.signature });
            match SignedDirectMandate::from_json(wire.to_string()) {
                Err(error) => return Some(Refusal::Read(error.code())),
                Ok(signed) => {
                    assert_eq!(signed.message.owner, vector.signer);
                    signed.verify_owner(&domain).map(drop)
                }
            }
        }
        "receipt" => return refused_as::<Receipt>(vector),
        "capture" => return refused_as::<Capture>(vector),
        "captureReceipt" => return refused_as::<CaptureReceipt>(vector),
        "outcome" => return refused_as::<Outcome>(vector),
        "ruling" => return refused_as::<Ruling>(vector),
        "refund" => return refused_as::<Refund>(vector),
        "approval" => return refused_as::<Approval>(vector),
        "logHead" => return refused_as::<LogHead>(vector),
        "dispute" => return refused_as::<Dispute>(vector),
        "answer" => return refused_as::<DisputeAnswer>(vector),
        "access" => return refused_as::<Access>(vector),
        kind => panic!("a kind that this test does not know: {kind}"),
    };
    verified.err().map(Refusal::Verify)
}

#[test]
fn altered_messages_and_signatures_are_refused() {
    let file: File = vectors("eip712.json");
    assert!(file.negative.len() >= 1_000);
    for vector in &file.negative {
        let Bad { kind, reason, .. } = vector;
        let refusal = refusal(vector).unwrap_or_else(|| panic!("accepted: {kind}, {reason}"));
        let recover = |error| Refusal::Verify(SignerError::Recover(error));
        let as_expected = match reason.as_str() {
            "signature_length" => refusal == Refusal::Read("hex_malformed"),
            "high_s" => refusal == recover(RecoverError::HighS),
            "v_not_27_or_28" => {
                matches!(refusal, Refusal::Verify(SignerError::Recover(RecoverError::Parity(_))))
            }
            "r_zero" | "s_zero" | "r_out_of_range" => {
                refusal == recover(RecoverError::Unrecoverable)
            }
            "s_out_of_range" => refusal == recover(RecoverError::HighS),
            // With the other v, r may be the abscissa of no point at all.
            "v_flipped" | "other_key" | "altered_message" | "other_chain" | "other_wallet" => {
                matches!(refusal, Refusal::Verify(SignerError::OtherSigner { .. }))
                    || refusal == recover(RecoverError::Unrecoverable)
            }
            reason => panic!("a reason that this test does not know: {reason}"),
        };
        assert!(as_expected, "{kind}, {reason}: {refusal:?}");
    }
}

/// An owner's mandate in the MVP's JSON, with some fields replaced.
fn direct_mandate(fields: Value) -> Result<DirectMandate, &'static str> {
    let file: File = vectors("eip712.json");
    let mut message = file.mandates[20].message.clone();
    for (name, value) in fields.as_object().expect("an object") {
        message[name] = value.clone();
    }
    let wire = json!({ "mandate": message, "payerSig": file.mandates[20].signature });
    SignedDirectMandate::from_json(wire.to_string())
        .map(|signed| signed.message)
        .map_err(|error| error.code())
}

#[test]
fn owners_mandates_are_the_same_however_they_are_spelt() {
    let plain = direct_mandate(json!({ "amount": "255", "nonce": "0", "deadline": 16 }));
    assert!(plain.is_ok());
    for (amount, nonce, deadline) in [
        ("0255", "00", json!("16")),
        ("0xff", "0x0", json!("0x10")),
        ("0xFF", "0x00", json!("016")),
        ("0X00fF", &"0".repeat(300), json!(16)),
        (&format!("0x{}ff", "0".repeat(100)), "0", json!(16)),
    ] {
        let spelt = json!({ "amount": amount, "nonce": nonce, "deadline": deadline });
        assert_eq!(direct_mandate(spelt), plain, "{amount} {nonce} {deadline}");
    }

    let lower = json!({ "owner": format!("0x{}", "ab".repeat(20)) });
    let upper = json!({ "owner": format!("0x{}", "AB".repeat(20)) });
    assert_eq!(direct_mandate(lower.clone()), direct_mandate(upper));
    assert!(direct_mandate(lower).is_ok());
}

#[test]
fn owners_mandates_with_a_defect_are_refused() {
    for malformed in ["", "0x", "-1", "+1", " 1", "1.0", "1e3", "1_000", "0xg", "ff", "1n", "0b1"] {
        assert_eq!(direct_mandate(json!({ "amount": malformed })), Err("amount_malformed"));
        assert_eq!(direct_mandate(json!({ "nonce": malformed })), Err("nonce_malformed"));
        assert_eq!(direct_mandate(json!({ "deadline": malformed })), Err("deadline_malformed"));
    }
    for malformed in [json!(1), json!(null), json!(["1"])] {
        assert_eq!(direct_mandate(json!({ "amount": malformed })), Err("amount_malformed"));
    }
    for malformed in [json!(-1), json!(1.5), json!(1e30), json!(null)] {
        assert_eq!(direct_mandate(json!({ "deadline": malformed })), Err("deadline_malformed"));
    }
    let too_large = (U256::MAX.to_string(), format!("0x1{}", "0".repeat(64)));
    assert!(direct_mandate(json!({ "nonce": too_large.0 })).is_ok());
    assert_eq!(
        direct_mandate(json!({ "nonce": format!("{}0", too_large.0) })),
        Err("nonce_out_of_range")
    );
    assert_eq!(direct_mandate(json!({ "nonce": too_large.1 })), Err("nonce_out_of_range"));
    assert_eq!(direct_mandate(json!({ "ref": "0x00" })), Err("hex_malformed"));
    assert_eq!(direct_mandate(json!({ "memo": "" })), Err("unknown_field"));
}

/// Made with viem 2.57.20's `signMessage({ raw })`; ethers 6 signs the same bytes.
#[test]
fn direct_receipts_agree_with_viem() {
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a private key");
    let digest = b256!("65a3cca1c14024ee9985da8a333e5930ac08ec1ce18c34e574daefc5600a2040");
    for (deadline, message, signature) in [
        (
            U256::from(1_790_000_000),
            b256!("46a6ec62d17888149d53a1cd51953efb92d59759877e7a66a5d995b64f503882"),
            "0x425f0ff5a9b42f262f169f4ede2a284c4308342cdc5d0117b1c9b812895b3b5f\
             4849a70470ec32ac7931e58e410596b529b2d898a238b8a9940339c5134e49e61c",
        ),
        (
            U256::MAX,
            b256!("10f0a2894aaeaf87aac16439d0e0ed7ec472180823c0819b71ab0a6158c99c15"),
            "0x466fb557ed8ea804129a309e22a3eb37a0592254156f7be090db3b09d2258106\
             03e8d2c8b248801dfa586c8a0fdd08a4605728d7708a0f4090b4cb5cc2bb8fec1c",
        ),
    ] {
        assert_eq!(direct_receipt_message(digest, deadline), message);
        let ours = sign_direct_receipt(&signer, digest, deadline).expect("signed");
        assert_eq!(ours.to_string(), signature);
        assert_eq!(recover_direct_receipt_signer(&ours, digest, deadline), Ok(signer.address()));
        assert_eq!(signer.address(), address!("17c5185167401eD00cF5F5b2fc97D9BBfDb7D025"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// With any byte of a signature changed, it is no longer the signer's.
    #[test]
    fn every_byte_of_a_signature_counts(
        secret in 1..u64::MAX, digest: [u8; 32], at in 0usize..65, by in 1u8..,
    ) {
        let signer = PrivateKeySigner::from_bytes(&U256::from(secret).into()).expect("a key");
        let digest = B256::from(digest);
        let signature = EcdsaSignature::sign(&signer, &digest).expect("signed");
        prop_assert_eq!(signature.recover(&digest), Ok(signer.address()));
        let mut altered = *signature.as_bytes();
        altered[at] ^= by;
        let altered = EcdsaSignature::from_bytes(altered);
        prop_assert_ne!(altered.recover(&digest), Ok(signer.address()));
        prop_assert!(altered.verify(&digest, signer.address()).is_err());
    }
}
