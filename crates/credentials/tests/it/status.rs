//! Status lists: what they say, and what happens when they say nothing.

use std::time::Duration;

use aep2_credentials::{Attestation, CredentialError, Status};
use serde_json::{Value, json};

use crate::support::{Answer, NOW, World, claims, packed, sign, sign_as};

const LIST: &str = "statuslist+jwt";

/// An attestation whose status is this entry of the list at `/list`.
async fn attested(world: &World, index: u64) -> Attestation {
    let mut claims = claims();
    claims["status"] = json!({"status_list": {"idx": index, "uri": uri(world)}});
    let token = sign("aep2-attestation+jwt", &claims);
    world.attestations.verify(&token).await.expect("a good token")
}

fn uri(world: &World) -> String {
    format!("{}/list", world.server.url)
}

/// A list of one byte for each status.
fn list(world: &World, statuses: &[u8]) -> Value {
    json!({
        "sub": uri(world), "iat": NOW - 60, "exp": NOW + 86_400, "ttl": 600,
        "status_list": {"bits": 8, "lst": packed(statuses)},
    })
}

async fn status(world: &World, index: u64) -> Result<Status, CredentialError> {
    world.attestations.status(&attested(world, index).await).await
}

#[tokio::test]
async fn a_revoked_attestation_is_seen_when_the_list_is_asked_again() {
    let world = World::new().await;
    let attestation = attested(&world, 1).await;
    let ask = || world.attestations.status(&attestation);
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &[0, 0, 0]))));
    assert_eq!(ask().await, Ok(Status::Valid));
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &[0, 1, 0]))));
    world.time.pass(599);
    assert_eq!(ask().await, Ok(Status::Valid), "the list says: ask after 600 seconds");
    assert_eq!(world.server.asked("/list"), 1);
    world.time.pass(1);
    assert_eq!(ask().await, Ok(Status::Revoked));
    assert_eq!(world.server.asked("/list"), 2);
}

#[tokio::test]
async fn each_value_has_its_meaning_and_an_unknown_one_is_not_valid() {
    let world = World::new().await;
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &[0, 1, 2, 3, 255]))));
    let expected =
        [Status::Valid, Status::Revoked, Status::Suspended, Status::Suspended, Status::Suspended];
    for (index, expected) in expected.into_iter().enumerate() {
        assert_eq!(status(&world, index as u64).await, Ok(expected), "{index}");
    }
    assert_eq!(world.server.asked("/list"), 1, "one list for all");
}

#[tokio::test]
async fn an_entry_that_is_not_there_refuses_the_attestation() {
    let world = World::new().await;
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &[0, 0]))));
    assert_eq!(status(&world, 1).await, Ok(Status::Valid));
    for index in [2, u64::MAX / 8, u64::MAX] {
        assert_eq!(status(&world, index).await, Err(CredentialError::StatusIndex), "{index}");
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_had_leaves_the_status_unknown_and_is_asked_for_seldom() {
    let changed = |world: &World, name: &str, value: Value| {
        let mut list = list(world, &[0, 0]);
        list[name] = value;
        Answer::ok(sign(LIST, &list))
    };
    let cases = [
        ("not there", None),
        ("hangs up", Some(Answer::Nothing)),
        ("slow", Some(Answer::Late(Duration::from_secs(30), Vec::new()))),
        ("endless", Some(Answer::Endless)),
        ("moved", Some(Answer::Say(302, "location: /issuer\r\n".to_owned(), Vec::new()))),
        ("nonsense", Some(Answer::ok("<html>"))),
    ];
    for (name, answer) in cases {
        // Only who is slow must not be waited for.
        let timeout_ms = if name == "slow" { 2000 } else { 5000 };
        let world = World::with(|settings| settings.fetch.timeout_ms = timeout_ms).await;
        if let Some(answer) = answer {
            world.server.answers("/list", answer);
        }
        for _ in 0..3 {
            assert_eq!(status(&world, 0).await, Ok(Status::Unknown), "{name}");
        }
        assert_eq!(world.server.asked("/list"), 1, "{name}");
    }
    let world = World::new().await;
    world.server.answers("/list", Answer::ok(sign_as("holder", LIST, &list(&world, &[0, 0]))));
    assert_eq!(status(&world, 0).await, Ok(Status::Unknown), "signed by somebody else");
    for (name, value) in [
        ("sub", json!("https://kyc.example/another")),
        ("iss", json!("https://other.example")),
        ("exp", json!(NOW)),
        ("iat", json!(NOW + 61)),
        ("iat", Value::Null),
        ("status_list", json!({"bits": 3, "lst": packed(&[0])})),
        ("status_list", json!({"bits": 8, "lst": "AAAA"})),
        ("status_list", json!({"bits": 8})),
        // A gigabyte would be as small; this is one byte more than is read.
        ("status_list", json!({"bits": 8, "lst": packed(&vec![0; (4 << 20) + 1])})),
    ] {
        let world = World::new().await;
        world.server.answers("/list", changed(&world, name, value.clone()));
        assert_eq!(status(&world, 0).await, Ok(Status::Unknown), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_list_as_large_as_is_read_is_read() {
    let world = World::new().await;
    let statuses = vec![0; 4 << 20];
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &statuses))));
    assert_eq!(status(&world, (4 << 20) - 1).await, Ok(Status::Valid));
}

#[tokio::test]
async fn an_attestation_is_no_status_list() {
    let world = World::new().await;
    let token = sign("aep2-attestation+jwt", &list(&world, &[0]));
    world.server.answers("/list", Answer::ok(token));
    assert_eq!(status(&world, 0).await, Ok(Status::Unknown));
}

#[tokio::test]
async fn a_list_is_not_believed_longer_than_it_says_however_it_is_kept() {
    let world = World::new().await;
    let mut list = list(&world, &[0]);
    list["ttl"] = json!(31_536_000);
    list["exp"] = json!(NOW + 100);
    world.server.answers("/list", Answer::ok(sign(LIST, &list)));
    assert_eq!(status(&world, 0).await, Ok(Status::Valid));
    world.time.pass(99);
    assert_eq!(status(&world, 0).await, Ok(Status::Valid));
    world.time.pass(1);
    assert_eq!(status(&world, 0).await, Ok(Status::Unknown));

    // And without an end of its own, not longer than the settings say.
    let world = World::new().await;
    let mut list = self::list(&world, &[0]);
    list["ttl"] = json!(31_536_000);
    list["exp"] = json!(NOW + 31_536_000);
    world.server.answers("/list", Answer::ok(sign(LIST, &list)));
    assert_eq!(status(&world, 0).await, Ok(Status::Valid));
    world.server.answers("/list", Answer::Nothing);
    world.time.pass(12 * 3600 - 1);
    assert_eq!(status(&world, 0).await, Ok(Status::Valid));
    world.time.pass(1);
    assert_eq!(status(&world, 0).await, Ok(Status::Unknown));
}

#[tokio::test]
async fn who_was_revoked_stays_so_while_the_list_is_away() {
    let world = World::new().await;
    world.server.answers("/list", Answer::ok(sign(LIST, &list(&world, &[1, 2, 0]))));
    assert_eq!(status(&world, 0).await, Ok(Status::Revoked));
    world.server.answers("/list", Answer::Nothing);
    world.time.pass(700);
    assert_eq!(status(&world, 0).await, Ok(Status::Revoked));
    assert_eq!(status(&world, 1).await, Ok(Status::Suspended));
    assert_eq!(status(&world, 2).await, Ok(Status::Unknown));
}

#[tokio::test]
async fn an_older_list_does_not_undo_a_newer_one() {
    let world = World::new().await;
    let older = sign(LIST, &list(&world, &[0]));
    let mut newer = list(&world, &[1]);
    newer["iat"] = json!(NOW - 30);
    world.server.answers("/list", Answer::ok(sign(LIST, &newer)));
    assert_eq!(status(&world, 0).await, Ok(Status::Revoked));
    world.server.answers("/list", Answer::ok(older));
    world.time.pass(700);
    assert_eq!(status(&world, 0).await, Ok(Status::Revoked));
    assert_eq!(world.server.asked("/list"), 2);
}

#[tokio::test]
async fn a_token_without_a_status_holds_until_it_expires_or_is_refused_where_one_must_be() {
    let world = World::new().await;
    let token = sign("aep2-attestation+jwt", &claims());
    let attestation = world.attestations.verify(&token).await.expect("good");
    assert_eq!(world.attestations.status(&attestation).await, Ok(Status::Valid));
    world.time.pass(31 * 86_400);
    let expired = world.attestations.status(&attestation).await;
    assert_eq!(expired, Err(CredentialError::Expired));

    let strict = World::with(|settings| settings.issuers[0].status_required = true).await;
    assert_eq!(strict.refusal(&token).await, Some("credential_status_missing"));
}

#[tokio::test]
async fn an_attestation_of_an_issuer_who_left_the_settings_is_refused() {
    let world = World::new().await;
    let attestation = attested(&world, 0).await;
    let without = World::with(|settings| {
        settings.issuers.remove(0);
    })
    .await;
    let status = without.attestations.status(&attestation).await;
    assert_eq!(status, Err(CredentialError::UnknownIssuer));
}

#[tokio::test]
async fn lists_are_looked_for_only_where_the_issuer_may_have_them() {
    let world = World::new().await;
    let foreign = World::new().await;
    let mut attestation = attested(&world, 0).await;
    attestation.status.as_mut().expect("a status").uri = uri(&foreign).parse().expect("a URL");
    let status = world.attestations.status(&attestation).await;
    assert_eq!(status, Err(CredentialError::StatusUnusable));
    assert_eq!(foreign.server.asked_at_all(), 0);
}
