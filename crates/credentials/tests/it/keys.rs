//! Issuers' keys: how they change, how often they are asked for, and issuers that misbehave.

use std::time::Duration;

use crate::support::{Answer, World, claims, jwks, sign, vector};

const TYPE: &str = "aep2-attestation+jwt";

#[tokio::test]
async fn a_new_key_is_taken_and_a_removed_one_refused_once_the_set_is_fetched_again() {
    let world = World::new().await;
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    world.server.answers("/issuer", Answer::ok(jwks("rotated")));

    // Within a minute nobody asks again.
    assert_eq!(world.refusal(&vector("/good/next")).await, Some("credential_key_unknown"));
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    assert_eq!(world.server.asked("/issuer"), 1);

    world.time.pass(60);
    assert_eq!(world.refusal(&vector("/good/next")).await, None);
    assert_eq!(world.refusal(&vector("/good/es256")).await, Some("credential_key_unknown"));
    assert_eq!(world.refusal(&vector("/good/eddsa")).await, None, "it is in both sets");
    assert_eq!(world.server.asked("/issuer"), 2);
}

#[tokio::test]
async fn a_removed_key_is_good_for_at_most_as_long_as_keys_are_fresh() {
    let world = World::new().await;
    world.server.answers("/issuer", say("cache-control: max-age=31536000\r\n", &jwks("issuer")));
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    world.server.answers("/issuer", Answer::ok(jwks("rotated")));
    world.time.pass(86_399);
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    world.time.pass(1);
    assert_eq!(world.refusal(&vector("/good/es256")).await, Some("credential_key_unknown"));
}

#[tokio::test]
async fn cache_control_says_how_long_keys_are_fresh_within_bounds() {
    for (header, fresh_s) in [
        ("", 3600),
        ("cache-control: public, max-age=600\r\n", 600),
        ("cache-control: max-age=1\r\n", 60),
        ("cache-control: no-store\r\n", 60),
        ("cache-control: max-age=99999999999999999999999\r\n", 3600),
        ("cache-control: max-age=864000\r\n", 86_400),
    ] {
        let world = World::new().await;
        world.server.answers("/issuer", say(header, &jwks("issuer")));
        let token = lasting();
        assert_eq!(world.refusal(&token).await, None);
        world.time.pass(fresh_s - 1);
        assert_eq!(world.refusal(&token).await, None);
        assert_eq!(world.server.asked("/issuer"), 1, "{header}");
        world.time.pass(1);
        assert_eq!(world.refusal(&token).await, None);
        assert_eq!(world.server.asked("/issuer"), 2, "{header}");
    }
}

#[tokio::test]
async fn a_stranger_with_many_unknown_keys_makes_us_ask_once_a_minute() {
    let world = World::new().await;
    let token = vector("/refused/unknownKid");
    for minute in 1..=3 {
        let flood = (0..200).map(|_| {
            let (attestations, token) = (world.attestations.clone(), token.clone());
            tokio::spawn(async move { attestations.verify(&token).await })
        });
        for answer in flood.collect::<Vec<_>>() {
            let refused = answer.await.expect("no panic").expect_err("unknown");
            assert_eq!(refused.code(), "credential_key_unknown");
        }
        assert_eq!(world.server.asked("/issuer"), minute);
        world.time.pass(60);
    }
}

#[tokio::test]
async fn a_stranger_who_hangs_up_does_not_stop_the_fetch_that_it_started() {
    let world = World::with(|settings| settings.fetch.timeout_ms = 5000).await;
    world
        .server
        .answers("/issuer", Answer::Late(Duration::from_millis(200), jwks("issuer").into()));
    let token = vector("/refused/unknownKid");
    let hung_up =
        tokio::time::timeout(Duration::from_millis(50), world.attestations.verify(&token));
    assert!(hung_up.await.is_err(), "it is still waiting");
    // Nobody may ask again for a minute; the one fetch must come to its end.
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    assert_eq!(world.server.asked("/issuer"), 1);
}

#[tokio::test]
async fn keys_are_used_for_a_while_when_the_issuer_is_down_and_then_no_more() {
    let world = World::new().await;
    let token = lasting();
    assert_eq!(world.refusal(&token).await, None);
    world.server.answers("/issuer", Answer::Nothing);
    world.time.pass(48 * 3600);
    assert_eq!(world.refusal(&token).await, None);
    assert_eq!(world.server.asked("/issuer"), 2, "it was asked first");
    world.time.pass(1);
    assert_eq!(world.refusal(&token).await, Some("credential_keys_unavailable"));
    world.server.answers("/issuer", Answer::ok(jwks("issuer")));
    world.time.pass(60);
    assert_eq!(world.refusal(&token).await, None, "it is back");
}

#[tokio::test]
async fn an_issuer_that_is_down_slow_or_talks_nonsense_makes_keys_unavailable_and_is_asked_seldom()
{
    let html = "<!doctype html><title>maintenance</title>";
    let twice = format!(r#"{{"keys":[],{}"#, &jwks("issuer")[1..]);
    let many = serde_json::json!({"keys": vec![serde_json::json!({"kty": "EC"}); 101]});
    let answers = [
        ("hangs up", Answer::Nothing),
        ("slow", Answer::Late(Duration::from_secs(30), jwks("issuer").into())),
        ("error", Answer::Say(500, String::new(), jwks("issuer").into())),
        ("moved", Answer::Say(302, "location: /other\r\n".to_owned(), Vec::new())),
        ("empty", Answer::ok("")),
        ("html", Answer::ok(html)),
        ("no keys", Answer::ok("{}")),
        ("keys are no array", Answer::ok(r#"{"keys":{}}"#)),
        ("cut off", Answer::ok(&jwks("issuer")[..300])),
        ("keys twice", Answer::ok(twice)),
        ("too many", Answer::ok(many.to_string())),
        ("endless", Answer::Endless),
        ("too large", Answer::ok(" ".repeat(257 << 10) + &jwks("issuer"))),
    ];
    for (name, answer) in answers {
        // Only who is slow must not be waited for.
        let timeout_ms = if name == "slow" { 100 } else { 5000 };
        let world = World::with(|settings| settings.fetch.timeout_ms = timeout_ms).await;
        world.server.answers("/issuer", answer);
        for _ in 0..3 {
            let refusal = world.refusal(&vector("/good/es256")).await;
            assert_eq!(refusal, Some("credential_keys_unavailable"), "{name}");
        }
        assert_eq!(world.server.asked("/issuer"), 1, "{name}");
        assert_eq!(world.server.asked("/other"), 0, "no redirect is followed");
    }
}

#[tokio::test]
async fn nonsense_does_not_replace_good_keys() {
    let world = World::new().await;
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    world.server.answers("/issuer", Answer::ok("<html>"));
    world.time.pass(7200);
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    assert_eq!(world.server.asked("/issuer"), 2);
}

#[tokio::test]
async fn an_issuer_that_publishes_no_keys_any_more_is_believed() {
    let world = World::new().await;
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    world.server.answers("/issuer", Answer::ok(r#"{"keys":[]}"#));
    world.time.pass(3600);
    assert_eq!(world.refusal(&vector("/good/es256")).await, Some("credential_key_unknown"));
}

#[tokio::test]
async fn keys_are_kept_fresh_in_the_background_before_anybody_must_wait() {
    let world = World::new().await;
    world.attestations.refresh().await;
    assert_eq!(world.server.asked_at_all(), 3, "all issuers");
    world.time.pass(3600 - 121);
    world.attestations.refresh().await;
    assert_eq!(world.server.asked_at_all(), 3, "not yet");
    world.time.pass(2);
    world.attestations.refresh().await;
    assert_eq!(world.server.asked_at_all(), 6);
}

#[tokio::test]
async fn keys_in_a_file_are_read_anew_while_the_program_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, jwks("issuer")).expect("written");
    let world = World::with(|settings| {
        settings.issuers[0].jwks_url = None;
        settings.issuers[0].jwks_file = Some(file.clone());
    })
    .await;
    assert_eq!(world.refusal(&vector("/good/es256")).await, None);
    std::fs::write(&file, jwks("rotated")).expect("written");
    world.time.pass(60);
    assert_eq!(world.refusal(&vector("/good/next")).await, None);
    assert_eq!(world.refusal(&vector("/good/es256")).await, Some("credential_key_unknown"));
    std::fs::remove_file(&file).expect("removed");
    world.time.pass(60);
    assert_eq!(world.refusal(&vector("/good/next")).await, None, "for a while without the file");
}

#[tokio::test]
async fn private_addresses_and_names_that_lead_there_are_not_asked() {
    let server = crate::support::Server::start().await;
    server.answers("/issuer", Answer::ok(jwks("issuer")));
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    // `https`, so that only the address can be what is wrong.
    let world = World::with(|settings| {
        let url = format!("https://localhost:{port}/issuer");
        settings.issuers[0].jwks_url = Some(url.parse().expect("an address"));
        settings.fetch.allow_loopback_http = false;
        settings.issuers.truncate(1);
    })
    .await;
    let refusal = world.refusal(&vector("/good/es256")).await;
    assert_eq!(refusal, Some("credential_keys_unavailable"));
    assert_eq!(server.connections(), 0, "not even a connection");
    // Told that private addresses are good, it connects: that was what kept it away.
    let world = World::with(|settings| {
        let url = format!("https://localhost:{port}/issuer");
        settings.issuers[0].jwks_url = Some(url.parse().expect("an address"));
        settings.fetch.allow_private_addresses = true;
    })
    .await;
    world.refusal(&vector("/good/es256")).await.expect("the server speaks no TLS");
    assert!(server.connections() > 0);
}

/// A token that is valid for longer than keys are kept.
fn lasting() -> String {
    let mut claims = claims();
    claims["exp"] = (claims["iat"].as_u64().expect("a time") + 360 * 86_400).into();
    sign(TYPE, &claims)
}

fn say(headers: &str, body: &str) -> Answer {
    Answer::Say(200, headers.to_owned(), body.into())
}
