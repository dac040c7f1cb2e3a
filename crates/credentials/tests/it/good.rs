//! Honest tokens are taken, and read as they are meant.

use aep2_credentials::{AgentKey, Attestation, Holder, Kind, Subject};
use alloy_primitives::{Address, B256};

use crate::support::{NOW, World, vector, vectors};

fn address() -> Address {
    vector("/address").parse().expect("an address")
}

#[tokio::test]
async fn tokens_of_another_library_are_taken_whatever_they_are_signed_with() {
    let world = World::new().await;
    for name in ["es256", "eddsa", "ed25519", "rs256", "ps256", "typeInFull", "audiences"] {
        let token = vector(&format!("/good/{name}"));
        let attestation = world.attestations.verify(&token).await;
        let attestation = attestation.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(attestation.kind, Kind::Kyc, "{name}");
        let expected = Subject::Account { chain_id: Some(8453), address: address() };
        assert_eq!(attestation.subject, expected, "{name}");
        assert_eq!(attestation.issuer, "https://kyc.example", "{name}");
        assert_eq!(
            (attestation.issued_at_s, attestation.expires_at_s),
            (NOW - 86_400, NOW + 30 * 86_400)
        );
    }
    assert_eq!(world.server.asked_at_all(), 1, "keys are fetched once");
}

#[tokio::test]
async fn what_policies_need_is_read_and_the_evidence_is_the_tokens_hash() {
    let world = World::new().await;
    let token = vector("/good/nationalities");
    let attestation = world.attestations.verify(&token).await.expect("a good token");
    let countries: Vec<_> = attestation.countries().map(|country| country.to_string()).collect();
    assert_eq!(countries, ["DE", "US", "GB"]);
    assert_eq!(attestation.level.as_deref(), Some("full"));
    assert_eq!(attestation.token_id, "4b2c1c2e-0001-4d53-9c5e-000000000001");
    // `printf %s "$token" | sha256sum`, by another implementation than the crate's.
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    assert_eq!(attestation.evidence, B256::from_slice(digest.as_ref()));

    let business = world.attestations.verify(&vector("/good/business")).await.expect("good");
    assert_eq!((business.kind, business.level), (Kind::Kyb, None));
}

#[tokio::test]
async fn a_status_is_read_where_the_token_says_it_is() {
    let world = World::new().await;
    let attestation = world.attestations.verify(&vector("/good/withStatus")).await.expect("good");
    let status = attestation.status.expect("a status");
    assert_eq!((status.uri.as_str(), status.index), ("https://kyc.example/lists/1", 3));
}

#[tokio::test]
async fn an_attestation_is_the_same_after_it_was_stored() {
    let world = World::with(|settings| settings.issuers[2].unverified_principals = true).await;
    for path in ["/good/withStatus", "/good/nationalities", "/kyapay/good/kya"] {
        let attestation = world.attestations.verify(&vector(path)).await.expect("good");
        let stored = serde_json::to_string(&attestation).expect("JSON");
        let read: Attestation = serde_json::from_str(&stored).expect("our own");
        assert_eq!(read, attestation);
    }
}

#[tokio::test]
async fn an_agent_is_named_by_the_key_that_signs_its_mandates() {
    let world = World::with(|settings| {
        settings.issuers[0].kinds.push(Kind::Kya);
    })
    .await;
    let token = vector("/good/agent");
    let key: AgentKey = vector("/agent").parse().expect("a key");
    assert_eq!(key.x, B256::repeat_byte(0x0e));
    assert_eq!(key.y, B256::repeat_byte(0x2d));
    let holder = Holder { agent: Some(key), ..Holder::default() };
    let attestation = world.attestations.verify_for(&token, &holder).await.expect("its own");
    assert_eq!(attestation.subject, Subject::Agent(key));
    assert_eq!(attestation.subject.to_string(), vector("/agent"));
}

#[test]
fn the_vectors_are_of_the_time_that_the_tests_believe() {
    assert_eq!(vectors()["now"], NOW);
}
