//! What is refused, and with which code: every token of the vectors' `refused`.

use crate::support::{Answer, NOW, World, claims, jwks, sign, vector, vectors};

/// Each vector, and its code.
const REFUSED: &[(&str, &str)] = &[
    // Forged.
    ("wrongKey", "credential_signature"),
    ("changedClaims", "credential_signature"),
    ("changedHeader", "credential_key_unknown"),
    ("noSignature", "credential_signature"),
    ("none", "credential_algorithm"),
    ("noneWithKid", "credential_algorithm"),
    ("noneInCapitals", "credential_algorithm"),
    ("hmacWithPem", "credential_algorithm"),
    ("hmacWithJwk", "credential_algorithm"),
    ("hmacWithPoint", "credential_algorithm"),
    ("embeddedJwk", "credential_brought_key"),
    ("embeddedJwkUnderAKnownName", "credential_brought_key"),
    ("certificates", "credential_brought_key"),
    ("certificatesElsewhere", "credential_brought_key"),
    ("critical", "credential_critical"),
    ("criticalB64", "credential_critical"),
    ("unencoded", "credential_critical"),
    ("noKid", "credential_malformed"),
    ("unknownKid", "credential_key_unknown"),
    ("algorithmOfAnotherKey", "credential_key_unknown"),
    ("pssUnderThePkcsKey", "credential_key_unknown"),
    ("weakRsa", "credential_key_unknown"),
    ("encryptionKey", "credential_key_unknown"),
    // Of another kind, or no token.
    ("anotherType", "credential_type"),
    ("noType", "credential_type"),
    ("twiceInTheClaims", "credential_malformed"),
    ("twiceInTheHeader", "credential_malformed"),
    ("padded", "credential_malformed"),
    ("twoParts", "credential_malformed"),
    ("fourParts", "credential_malformed"),
    ("lineBreak", "credential_malformed"),
    ("arrayOfClaims", "credential_malformed"),
    // Somebody else's.
    ("unknownIssuer", "credential_issuer_unknown"),
    ("issuerWithSlash", "credential_issuer_unknown"),
    ("noIssuer", "credential_claim_missing"),
    ("otherIssuersKey", "credential_signature"),
    ("otherAudience", "credential_audience"),
    ("audienceInPart", "credential_audience"),
    ("noAudience", "credential_claim_missing"),
    ("audienceOfNumbers", "credential_claim"),
    // At another time.
    ("expired", "credential_expired"),
    ("notYetValid", "credential_not_yet_valid"),
    ("issuedInTheFuture", "credential_not_yet_valid"),
    ("tooLong", "credential_lifetime"),
    ("expiresBeforeItIsIssued", "credential_claim"),
    ("noExpiry", "credential_claim_missing"),
    ("noIssueTime", "credential_claim_missing"),
    ("expiryAsText", "credential_claim"),
    ("expiryBeyondNumbers", "credential_claim"),
    ("negativeExpiry", "credential_claim"),
    // Without what it needs.
    ("noId", "credential_claim_missing"),
    ("emptyId", "credential_claim"),
    ("noKind", "credential_claim_missing"),
    ("unknownKind", "credential_claim"),
    ("kindNotAllowed", "credential_kind"),
    ("countryInWords", "credential_claim"),
    ("noSubject", "credential_claim_missing"),
    ("unbound", "credential_unbound"),
    ("everyChain", "credential_claim"),
    ("chainWithZero", "credential_claim"),
    ("wrongChecksum", "credential_claim"),
    ("capitalNamespace", "credential_claim"),
    ("shortAgentKey", "credential_claim"),
    ("agentKeyInCapitals", "credential_claim"),
    ("twoSubjects", "credential_claim"),
    ("holderAsOwnSubject", "credential_claim"),
    ("chainNotAllowed", "credential_subject_not_allowed"),
    ("unknownConfirmation", "credential_claim"),
    ("secretInConfirmation", "credential_claim"),
    ("twoConfirmations", "credential_claim"),
    ("unknownStatusMechanism", "credential_status_unusable"),
    ("statusElsewhere", "credential_status_unusable"),
    ("statusWithoutIndex", "credential_claim"),
];

#[tokio::test]
async fn every_forged_foreign_untimely_or_unbound_token_is_refused_with_its_code() {
    let world = World::new().await;
    assert_eq!(
        world.refusal(&vector("/good/es256")).await,
        None,
        "the tokens differ from this one"
    );
    for (name, code) in REFUSED {
        let refusal = world.refusal(&vector(&format!("/refused/{name}"))).await;
        assert_eq!(refusal, Some(*code), "{name}");
    }
}

#[test]
fn no_vector_is_forgotten() {
    let vectors = vectors();
    let mut named: Vec<_> = REFUSED.iter().map(|(name, _)| *name).collect();
    let mut made: Vec<_> = vectors["refused"].as_object().expect("vectors").keys().collect();
    named.sort_unstable();
    made.sort_unstable();
    assert_eq!(named, made);
}

#[tokio::test]
async fn a_token_that_says_where_its_key_is_makes_nobody_go_there() {
    let world = World::new().await;
    world.server.answers("/attacker", Answer::ok(jwks("issuer")));
    let url = format!("{}/attacker", world.server.url);
    // The header is read before anything is asked: no signature is needed to show it.
    for name in ["jku", "x5u"] {
        let header = serde_json::json!({
            "alg": "ES256", "kid": "key-attacker", "typ": "aep2-attestation+jwt", name: url,
        });
        let token = replace_header(&vector("/good/es256"), &header);
        assert_eq!(world.refusal(&token).await, Some("credential_brought_key"), "{name}");
    }
    assert_eq!(world.server.asked_at_all(), 0);
}

#[tokio::test]
async fn a_token_by_nobody_we_know_makes_no_request() {
    let world = World::new().await;
    for name in
        ["unknownIssuer", "issuerWithSlash", "noIssuer", "none", "hmacWithPem", "anotherType"]
    {
        world.refused(&format!("/refused/{name}")).await.expect("refused");
    }
    assert_eq!(world.server.asked_at_all(), 0);
}

#[tokio::test]
async fn a_token_longer_than_16_kib_is_not_read() {
    let world = World::new().await;
    let mut claims = claims();
    claims["padding"] = "x".repeat(11_500).into();
    let long = sign("aep2-attestation+jwt", &claims);
    assert!(long.len() < 16 << 10);
    assert_eq!(world.refusal(&long).await, None);
    claims["padding"] = "x".repeat(12_500).into();
    let longer = sign("aep2-attestation+jwt", &claims);
    assert!(longer.len() > 16 << 10);
    assert_eq!(world.refusal(&longer).await, Some("credential_too_large"));
}

#[tokio::test]
async fn clocks_may_differ_by_as_much_as_is_set_and_not_more() {
    let world = World::new().await;
    let token = |iat: u64, exp: u64| {
        let mut claims = claims();
        claims["iat"] = iat.into();
        claims["exp"] = exp.into();
        sign("aep2-attestation+jwt", &claims)
    };
    assert_eq!(world.refusal(&token(NOW + 60, NOW + 100)).await, None);
    assert_eq!(world.refusal(&token(NOW + 61, NOW + 100)).await, Some("credential_not_yet_valid"));
    assert_eq!(world.refusal(&token(NOW - 100, NOW - 59)).await, None);
    assert_eq!(world.refusal(&token(NOW - 100, NOW - 60)).await, Some("credential_expired"));
    let year = 366 * 86_400;
    assert_eq!(world.refusal(&token(NOW - 9, NOW - 9 + year)).await, None);
    assert_eq!(world.refusal(&token(NOW - 9, NOW - 8 + year)).await, Some("credential_lifetime"));
}

#[tokio::test]
async fn an_issuer_signs_only_with_the_algorithms_that_it_is_allowed() {
    let world = World::with(|settings| {
        settings.issuers[0].algorithms = vec![aep2_credentials::Algorithm::EdDsa];
    })
    .await;
    assert_eq!(world.refusal(&vector("/good/eddsa")).await, None);
    for name in ["es256", "rs256", "ps256"] {
        let refusal = world.refusal(&vector(&format!("/good/{name}"))).await;
        assert_eq!(refusal, Some("credential_algorithm"), "{name}");
    }
}

fn replace_header(token: &str, header: &serde_json::Value) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let (_, rest) = token.split_once('.').expect("a token");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}
