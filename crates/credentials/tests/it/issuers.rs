//! Several issuers, each with its own keys and its own say.

use crate::support::{World, vector};

#[tokio::test]
async fn two_issuers_keys_of_one_name_are_not_mixed_up() {
    let world = World::new().await;
    // Both publish a key `key-es256`. Each's tokens are verified by its own, in either order.
    for _ in 0..2 {
        assert_eq!(world.refusal(&vector("/good/otherIssuer")).await, None);
        assert_eq!(world.refusal(&vector("/good/es256")).await, None);
        let refusal = world.refusal(&vector("/refused/otherIssuersKey")).await;
        assert_eq!(refusal, Some("credential_signature"), "the other's key in this one's name");
    }
}

#[tokio::test]
async fn an_issuer_attests_only_what_the_settings_let_it() {
    let world = World::with(|settings| {
        settings.issuers[0].kinds = vec![aep2_credentials::Kind::Kyc];
    })
    .await;
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    assert_eq!(world.refusal(&vector("/good/business")).await, Some("credential_kind"));
}

#[tokio::test]
async fn an_issuer_that_is_away_stops_no_other() {
    let world = World::new().await;
    world.server.answers("/issuer", crate::support::Answer::Nothing);
    assert_eq!(world.refusal(&vector("/good/es256")).await, Some("credential_keys_unavailable"));
    assert_eq!(world.refusal(&vector("/good/otherIssuer")).await, None);
}
