//! KYAPay's tokens.

use aep2_credentials::{Holder, Kind, Subject, Verification};

use crate::support::{World, vector, vectors};

/// Each vector that is refused, and its code.
const REFUSED: &[(&str, &str)] = &[
    ("payment", "credential_payment_token"),
    ("bearer", "credential_unbound"),
    ("sandbox", "credential_environment"),
    ("notVerified", "credential_principal_not_verified"),
    ("verifiedInWords", "credential_claim"),
    ("noPrincipal", "credential_claim_missing"),
    ("noAgent", "credential_claim_missing"),
    ("idIsNoUuid", "credential_claim"),
    ("twoAudiences", "credential_claim"),
    ("ourKindOnTop", "credential_type"),
];

#[tokio::test]
async fn a_kya_token_says_who_the_agent_is_and_nothing_personal_of_who_is_behind_it() {
    let world = World::new().await;
    for name in ["kya", "olderSpelling", "withPayment"] {
        let token = vector(&format!("/kyapay/good/{name}"));
        let attestation = world.attestations.verify(&token).await;
        let attestation = attestation.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(attestation.kind, Kind::Kya);
        let stored = serde_json::to_string(&attestation).expect("JSON");
        for personal in ["principal@", "Mary", "platform@", "192.0.2.7", "123456789012"] {
            assert!(!stored.contains(personal), "{name}: {personal}");
        }
        let agent = attestation.agent.expect("an agent");
        assert_eq!(
            (agent.name.as_str(), agent.account.as_str()),
            ("Acme Agent", "bb713104-c14e-460f-9b7c-f8140fa9bea4")
        );
        let platform = agent.platform.expect("a platform");
        assert_eq!((platform.id.as_str(), platform.verification.verified), ("d3306fc0", true));
        let principal = Verification {
            verified: true,
            verifier: Some("https://verifier.example".to_owned()),
            id: Some("a23c1fe4".to_owned()),
        };
        assert_eq!(agent.principal, principal);
        assert_eq!(agent.environment.as_deref(), Some("production"));
    }
}

#[tokio::test]
async fn a_kya_token_is_good_only_for_who_shows_the_key_that_it_names() {
    let world = World::new().await;
    let token = vector("/kyapay/good/kya");
    let key = vector("/holderThumbprint").parse().expect("a thumbprint");
    let keys = [key];
    let shown = Holder { keys: &keys, ..Holder::default() };
    let attestation = world.attestations.verify_for(&token, &shown).await.expect("the agent");
    assert_eq!(attestation.subject, Subject::Holder(key));
    let refused = world.attestations.verify_for(&token, &Holder::default()).await;
    assert_eq!(refused.expect_err("a thief").code(), "credential_not_confirmed");
}

#[tokio::test]
async fn a_kya_token_may_name_the_mandate_key_instead() {
    let world = World::new().await;
    let agent = vector("/agent").parse().expect("a key");
    let holder = Holder { agent: Some(agent), ..Holder::default() };
    let token = vector("/kyapay/good/forOurAgent");
    assert!(world.attestations.verify_for(&token, &holder).await.is_ok());
}

#[tokio::test]
async fn payments_bearers_sandboxes_and_unchecked_principals_are_refused() {
    let world = World::new().await;
    let refused = vectors()["kyapay"]["refused"].clone();
    assert_eq!(refused.as_object().expect("vectors").len(), REFUSED.len(), "none is forgotten");
    for (name, code) in REFUSED {
        let refusal = world.refusal(&vector(&format!("/kyapay/refused/{name}"))).await;
        assert_eq!(refusal, Some(*code), "{name}");
    }
}

#[tokio::test]
async fn settings_may_take_unchecked_principals_and_sandboxes() {
    let world = World::with(|settings| {
        settings.issuers[2].unverified_principals = true;
        settings.issuers[2].environments = vec!["sandbox".to_owned()];
    })
    .await;
    assert_eq!(world.refusal(&vector("/kyapay/refused/sandbox")).await, None);
    assert_eq!(world.refusal(&vector("/kyapay/good/kya")).await, Some("credential_environment"));
}
