//! A request is the holder's, once, as it was signed, and now.

use aep2_cards::{
    keys::HolderKey,
    proof::{
        self, NONCES_A_CARD_MAX, NonceRefused, Nonces, Proof, ProofError, Request, WINDOW_S,
        card_of, random_nonce, sign,
    },
    token::CardToken,
};
use aep2_mandate::units::UnixTime;
use http::{HeaderMap, HeaderValue};

use crate::support::{agent, bearer, bound, sub_agent, thief};

const NONCE: &str = "n0nce-0123456789_abc";
const BODY: &[u8] = br#"{"terms":{}}"#;

fn request() -> Request<'static> {
    Request {
        method: "POST",
        authority: "issuer.example",
        path: "/v1/issue",
        query: None,
        body: BODY,
    }
}

fn now() -> UnixTime {
    UnixTime::new(1_790_000_000).expect("a time")
}

fn later(seconds: u64) -> UnixTime {
    now().checked_add(seconds).expect("a time")
}

fn headers_of(request: &Request<'_>, card: &CardToken, key: &HolderKey, nonce: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    sign(request, card, key, now(), nonce).insert_into(&mut headers);
    headers
}

fn headers() -> HeaderMap {
    headers_of(&request(), &bound(), &agent(), NONCE)
}

fn verify(request: &Request<'_>, headers: &HeaderMap) -> Result<Proof, ProofError> {
    proof::verify(request, headers, &agent().public(), now(), WINDOW_S)
}

/// The same headers with one changed, if that changes anything.
fn changed(headers: &HeaderMap, name: &'static str, from: &str, to: &str) -> HeaderMap {
    let mut headers = headers.clone();
    let value = headers[name].to_str().expect("text");
    assert!(value.contains(from), "{from} in {value}");
    let value = HeaderValue::from_str(&value.replacen(from, to, 1)).expect("text");
    headers.insert(name, value);
    headers
}

/// Headers over other components and parameters, signed rightly by the holder.
fn signed(components: &[(&str, &str)], parameters: &str) -> HeaderMap {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut headers = headers();
    let names: Vec<_> = components.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let input = format!("({}){parameters}", names.join(" "));
    let mut base: String =
        components.iter().map(|(name, value)| format!("\"{name}\": {value}\n")).collect();
    base.push_str(&format!("\"@signature-params\": {input}"));
    let signature = STANDARD.encode(agent().sign(base.as_bytes()));
    let value = |text: String| HeaderValue::from_str(&text).expect("text");
    headers.insert("signature-input", value(format!("card={input}")));
    headers.insert("signature", value(format!("card=:{signature}:")));
    headers
}

fn components(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    vec![
        ("@method", "POST".to_owned()),
        ("@authority", "issuer.example".to_owned()),
        ("@path", "/v1/issue".to_owned()),
        ("content-digest", header("content-digest")),
        ("authorization", header("authorization")),
    ]
}

fn parameters() -> String {
    format!(
        ";created=1790000000;nonce=\"{NONCE}\";keyid=\"{}\";alg=\"ed25519\";tag=\"aep2-card\"",
        agent().public()
    )
}

#[test]
fn the_holders_request_is_taken_and_its_nonce_told() {
    // The card is minted anew each time, with a new key inside: one for the whole test.
    let headers = headers();
    let proof = verify(&request(), &headers).expect("signed");
    assert_eq!((proof.holder, proof.nonce.as_str()), (agent().public(), NONCE));
    assert_eq!((proof.created, proof.remember_until), (now(), later(WINDOW_S + 1)));
    assert!(card_of(&headers).is_ok());

    let query = Request { query: Some("a=b&c"), ..request() };
    let headers = headers_of(&query, &bound(), &agent(), &random_nonce());
    assert!(verify(&query, &headers).is_ok());
    let empty = Request { body: b"", method: "GET", ..request() };
    let headers = headers_of(&empty, &bound(), &agent(), &random_nonce());
    assert!(verify(&empty, &headers).is_ok());
}

#[test]
fn what_others_write_by_the_format_is_taken() {
    let headers = headers();
    let components = components(&headers);
    let components: Vec<_> =
        components.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The card in `signed` is another of the same id; take its own header.
    let signed = |components: &[(&str, &str)], parameters: &str| {
        let mut made = signed(components, parameters);
        made.insert("authorization", headers["authorization"].clone());
        made
    };
    assert!(verify(&request(), &signed(&components, &parameters())).is_ok());

    // Every component left out; and the order, and another one besides.
    for left_out in 0..components.len() {
        let mut fewer = components.clone();
        let (name, _) = fewer.remove(left_out);
        let found = verify(&request(), &signed(&fewer, &parameters()));
        assert!(matches!(found, Err(ProofError::Components(_))), "{name}: {found:?}");
    }
    let mut other = components.clone();
    other.swap(0, 1);
    let found = verify(&request(), &signed(&other, &parameters()));
    assert!(matches!(found, Err(ProofError::Components(_))), "{found:?}");
    let mut more = components.clone();
    more.push(("@scheme", "https"));
    let found = verify(&request(), &signed(&more, &parameters()));
    assert!(matches!(found, Err(ProofError::Components(_))), "{found:?}");

    // Every parameter left out or wrong; an unknown one.
    let all = parameters();
    for parameter in all.split(';').filter(|parameter| !parameter.is_empty()) {
        let fewer = all.replace(&format!(";{parameter}"), "");
        let found = verify(&request(), &signed(&components, &fewer));
        assert!(found.is_err(), "without {parameter}: {found:?}");
    }
    for (from, to) in [
        ("1790000000", "\"1790000000\""),
        ("1790000000", "1790000000.0"),
        ("1790000000", "-1"),
        (NONCE, "short"),
        (NONCE, "with spaces in it, and long"),
        ("ed25519", "hmac-sha256"),
        ("tag=\"aep2-card\"", "tag=\"web-bot-auth\""),
        (";created", ";expires=1790000060;created"),
        (";tag=", ";tag=aep2-card;tag="),
    ] {
        let wrong = all.replacen(from, to, 1);
        let found = verify(&request(), &signed(&components, &wrong));
        // The last is RFC 8941's rule for a parameter that is there twice: the later counts.
        let twice = from == ";tag=";
        assert!(twice || found.is_err(), "{to}: {found:?}");
    }
}

#[test]
fn the_holders_signature_for_another_purpose_may_stand_beside_it() {
    let headers = headers();
    let mut both = headers.clone();
    both.append(
        "signature-input",
        HeaderValue::from_static("other=(\"@method\");tag=\"web-bot-auth\""),
    );
    both.append("signature", HeaderValue::from_static("other=:AAAA:"));
    assert!(verify(&request(), &both).is_ok());

    let mut twice = headers.clone();
    twice.append("signature-input", HeaderValue::from_static("other=();tag=\"aep2-card\""));
    assert_eq!(verify(&request(), &twice), Err(ProofError::NoSignature));
}

#[test]
fn a_request_that_was_altered_is_not_the_holders() {
    let headers = headers();
    for (what, request) in [
        ("method", Request { method: "PUT", ..request() }),
        ("authority", Request { authority: "other.example", ..request() }),
        ("path", Request { path: "/v1/issue/", ..request() }),
    ] {
        assert_eq!(verify(&request, &headers), Err(ProofError::Signature), "{what}");
    }
    let queried = Request { query: Some("a=b"), ..request() };
    assert!(matches!(verify(&queried, &headers), Err(ProofError::Components(_))));
    let empty = Request { query: Some(""), ..request() };
    assert!(matches!(verify(&empty, &headers), Err(ProofError::Components(_))));

    let with_query = headers_of(&queried, &bound(), &agent(), NONCE);
    let other = Request { query: Some("a=c"), ..request() };
    assert_eq!(verify(&other, &with_query), Err(ProofError::Signature));
    assert!(matches!(verify(&request(), &with_query), Err(ProofError::Components(_))));
}

#[test]
fn a_body_that_was_altered_is_not_the_holders() {
    let other = Request { body: b"{\"terms\":{} }", ..request() };
    assert_eq!(verify(&other, &headers()), Err(ProofError::Body));

    // With a digest that fits, it is the signature that does not.
    let mut forged = headers();
    let digest = headers_of(&other, &bound(), &agent(), NONCE)["content-digest"].clone();
    forged.insert("content-digest", digest);
    assert_eq!(verify(&other, &forged), Err(ProofError::Signature));

    let mut without = headers();
    without.remove("content-digest");
    assert_eq!(verify(&request(), &without), Err(ProofError::Header("content-digest")));
}

#[test]
fn a_proof_for_one_card_is_none_for_another() {
    let mut other = headers();
    other.insert("authorization", proof::authorization(&bearer()));
    assert_eq!(verify(&request(), &other), Err(ProofError::Signature));

    let mut two = headers();
    two.append("authorization", proof::authorization(&bearer()));
    assert_eq!(verify(&request(), &two), Err(ProofError::Header("authorization")));
    assert_eq!(card_of(&two), Err(ProofError::Header("authorization")));
}

#[test]
fn another_keys_proof_is_not_the_holders() {
    let by_thief = headers_of(&request(), &bound(), &thief(), NONCE);
    assert_eq!(verify(&request(), &by_thief), Err(ProofError::NotTheHolder));

    let (thief, agent) = (thief().public().to_string(), agent().public().to_string());
    let renamed = changed(&by_thief, "signature-input", &thief, &agent);
    assert_eq!(verify(&request(), &renamed), Err(ProofError::Signature));
    let renamed = changed(&headers(), "signature-input", &agent, &thief);
    assert_eq!(verify(&request(), &renamed), Err(ProofError::NotTheHolder));

    let sub = proof::verify(&request(), &headers(), &sub_agent().public(), now(), WINDOW_S);
    assert_eq!(sub, Err(ProofError::NotTheHolder));
}

#[test]
fn a_proof_is_of_now() {
    let headers = headers();
    let at = |now| proof::verify(&request(), &headers, &agent().public(), now, WINDOW_S).map(drop);
    let earlier = |seconds| UnixTime::new(now().get() - seconds).expect("a time");
    assert_eq!(at(later(60)), Ok(()));
    assert_eq!(at(earlier(60)), Ok(()));
    for now in [later(61), earlier(61), later(86_400), UnixTime::MIN, UnixTime::MAX] {
        assert!(matches!(at(now), Err(ProofError::Time { .. })), "{now}");
    }
    let narrow = proof::verify(&request(), &headers, &agent().public(), later(6), 5);
    assert!(matches!(narrow, Err(ProofError::Time { .. })), "{narrow:?}");
    let fresher = changed(&headers, "signature-input", "1790000000", "1790000050");
    assert_eq!(verify(&request(), &fresher), Err(ProofError::Signature));
}

#[test]
fn a_proof_counts_once() {
    let (nonces, card) = (Nonces::default(), "card-1".parse().expect("an id"));
    let headers = headers();
    let take = |now| {
        let proof = proof::verify(&request(), &headers, &agent().public(), now, WINDOW_S);
        proof.map(|proof| nonces.take(&card, &proof, now))
    };
    assert_eq!(take(now()), Ok(Ok(())));
    assert_eq!(take(now()), Ok(Err(NonceRefused::Used)));
    assert_eq!(take(later(60)), Ok(Err(NonceRefused::Used)));
    let other = changed(&headers, "signature-input", NONCE, &random_nonce());
    assert_eq!(verify(&request(), &other), Err(ProofError::Signature), "and it is signed");
}

#[test]
fn a_nonce_is_remembered_for_as_long_as_its_proof_is_taken() {
    let (nonces, card) = (Nonces::default(), "card-1".parse().expect("an id"));
    let proof = |nonce: String, now: UnixTime| Proof {
        holder: agent().public(),
        nonce,
        created: now,
        remember_until: now.checked_add(WINDOW_S + 1).expect("a time"),
    };
    for number in 0..NONCES_A_CARD_MAX {
        assert_eq!(nonces.take(&card, &proof(format!("nonce-{number:016}"), now()), now()), Ok(()));
    }
    // Full: what was taken is known still, more is refused, another card is not concerned.
    let first = proof(format!("nonce-{:016}", 0), now());
    assert_eq!(nonces.take(&card, &first, later(60)), Err(NonceRefused::Used));
    let more = proof(random_nonce(), later(60));
    assert_eq!(nonces.take(&card, &more, later(60)), Err(NonceRefused::TooMany));
    assert_eq!(nonces.take(&"card-2".parse().expect("an id"), &more, later(60)), Ok(()));
    // Later the proofs are too old by themselves, and there is room again.
    assert_eq!(nonces.take(&card, &more, later(62)), Ok(()));
}

#[test]
fn headers_that_cannot_be_read_are_refused() {
    let headers = headers();
    for name in ["signature-input", "signature"] {
        let mut without = headers.clone();
        without.remove(name);
        assert_eq!(verify(&request(), &without), Err(ProofError::Header(name)));
        for wrong in ["card", "card=", "card=(", "=", "card=:AAAA", "\u{7f}"] {
            let mut wrong_one = headers.clone();
            let Ok(value) = HeaderValue::from_str(wrong) else { continue };
            wrong_one.insert(name, value);
            assert!(verify(&request(), &wrong_one).is_err(), "{name}: {wrong}");
        }
    }
    let short = changed(&headers, "signature", "card=:", "card=:AAAA");
    assert_eq!(verify(&request(), &short), Err(ProofError::Malformed("signature")));
    let bearer = changed(&headers, "authorization", "AEP2-Card ", "Bearer ");
    assert!(matches!(card_of(&bearer), Err(ProofError::Card(_))));
}
