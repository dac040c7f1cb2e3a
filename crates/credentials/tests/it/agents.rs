//! Requests that agents sign.

use std::fmt::Write;

use aep2_credentials::{
    AgentRequest, AgentRequests, AgentSignature, Attestations, CredentialError, Holder,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use crate::support::{Answer, NOW, Server, Time, jwks, key_pair, settings, vector, vectors};

/// The key of RFC 9421, B.1.4, as the draft's directory has it.
const RFC_KEY: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs","use":"sig"}]}"#;

const DIRECTORY: &str = "/.well-known/http-message-signatures-directory";

struct World {
    server: Server,
    time: Time,
    agents: AgentRequests,
}

impl World {
    /// With an agent whose directory has the key `holder`, at a server of its own.
    async fn new() -> Self {
        let server = Server::start().await;
        let mut jwk = vectors()["jwks"]["issuer"]["keys"][1].clone();
        jwk["x"] = public("holder").into();
        jwk["kid"] = "under-any-name".into();
        server.answers(DIRECTORY, Answer::ok(json!({"keys": [jwk]}).to_string()));
        let mut settings = settings(&server.url);
        let agents = [
            json!({"agent": server.url}),
            json!({"agent": "https://signature-agent.test", "directory_url": format!("{}/rfc", server.url),
                   "lifetime_max_s": 4_000_000_000_u64}),
        ];
        let read = |agent| serde_json::from_value(agent).expect("good settings");
        settings.agents = agents.into_iter().map(read).collect();
        server.answers("/rfc", Answer::ok(RFC_KEY));
        let time = Time::new();
        let agents = AgentRequests::new(&settings, time.clock()).expect("good settings");
        Self { server, time, agents }
    }

    async fn verify(&self, headers: &HeaderMap) -> Result<AgentSignature, CredentialError> {
        self.agents.verify(&request(headers)).await
    }

    async fn refusal(&self, headers: &HeaderMap) -> &'static str {
        self.verify(headers).await.expect_err("refused").code()
    }
}

fn public(name: &str) -> String {
    let keys: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/keys.json")).expect("keys");
    keys[name]["x"].as_str().expect("a key").to_owned()
}

fn request(headers: &HeaderMap) -> AgentRequest<'_> {
    AgentRequest {
        method: "POST",
        authority: "pay.example",
        path: "/v1/mandates",
        query: Some("a=b"),
        headers,
    }
}

/// What a signature says of itself.
#[derive(Clone)]
struct Signing {
    agent: String,
    components: Vec<(String, String)>,
    parameters: String,
}

impl Signing {
    fn new(world: &World) -> Self {
        let agent = format!("\"{}\"", world.server.url);
        let component = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            components: vec![
                component("\"@authority\"", "pay.example"),
                component("\"@method\"", "POST"),
                component("\"@path\"", "/v1/mandates"),
                component("\"@query\"", "?a=b"),
                component("\"signature-agent\";key=\"sig1\"", &agent),
            ],
            agent: format!("sig1={agent}"),
            parameters: format!(
                ";created={};expires={};keyid=\"{}\";alg=\"ed25519\";nonce=\"n-1\";tag=\"web-bot-auth\"",
                NOW - 5,
                NOW + 55,
                vector("/holderThumbprint"),
            ),
        }
    }

    fn headers(&self) -> HeaderMap {
        let names: Vec<_> = self.components.iter().map(|(name, _)| name.as_str()).collect();
        let input = format!("({}){}", names.join(" "), self.parameters);
        let mut base = String::new();
        for (name, value) in &self.components {
            writeln!(base, "{name}: {value}").expect("memory");
        }
        write!(base, "\"@signature-params\": {input}").expect("memory");
        let signature = STANDARD.encode(key_pair("holder").sign(base.as_bytes()).as_ref());
        headers(&[
            ("signature-agent", &self.agent),
            ("signature-input", &format!("sig1={input}")),
            ("signature", &format!("sig1=:{signature}:")),
        ])
    }

    /// Without the component of this name.
    fn without(&self, name: &str) -> Self {
        let mut signing = self.clone();
        signing.components.retain(|(component, _)| !component.contains(name));
        signing
    }

    /// With other parameters.
    fn with(&self, from: &str, to: &str) -> Self {
        let mut signing = self.clone();
        assert!(signing.parameters.contains(from), "{from}");
        signing.parameters = signing.parameters.replace(from, to);
        signing
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_str(value).expect("a header");
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

#[tokio::test]
async fn a_request_that_a_named_agent_signed_is_recognised_and_says_what_was_signed() {
    let world = World::new().await;
    let signed = world.verify(&Signing::new(&world).headers()).await.expect("signed");
    assert_eq!(signed.agent.as_str().trim_end_matches('/'), world.server.url);
    assert_eq!(signed.key.to_string(), vector("/holderThumbprint"));
    assert!(signed.covers("@method") && signed.covers("@path") && !signed.covers("content-digest"));
    assert_eq!(
        (signed.nonce.as_deref(), signed.created_s, signed.expires_s),
        (Some("n-1"), NOW - 5, NOW + 55)
    );
}

#[tokio::test]
async fn the_drafts_own_vectors_verify() {
    let world = World::new().await;
    let input = r#"("@authority" "signature-agent";key="agent2");created=1735689600;keyid="poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";alg="ed25519";expires=4889289600;nonce="n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PVVLySrAWsv0hQtFioQb6E1YsauiA==";tag="web-bot-auth""#;
    let vector = [
        ("signature-agent", r#"agent2="https://signature-agent.test""#.to_owned()),
        ("signature-input", format!("sig2={input}")),
        ("signature", "sig2=:RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg==:".to_owned()),
    ];
    let lines = vector.each_ref().map(|(name, value)| (*name, value.as_str()));
    let headers = headers(&lines);
    let at = |authority| AgentRequest { authority, ..request(&headers) };
    let signed = world.agents.verify(&at("example.com")).await.expect("the draft's vector");
    assert_eq!(signed.agent.as_str(), "https://signature-agent.test/");
    let elsewhere = world.agents.verify(&at("pay.example")).await;
    assert_eq!(elsewhere.expect_err("signed for another"), CredentialError::Signature);
}

#[tokio::test]
async fn the_older_form_of_the_agents_header_verifies() {
    let world = World::new().await;
    let mut signing = Signing::new(&world);
    signing.agent = format!("\"{}\"", world.server.url);
    signing.components[4].0 = "\"signature-agent\"".to_owned();
    assert!(world.verify(&signing.headers()).await.is_ok());
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed() {
    let world = World::new().await;
    let headers = Signing::new(&world).headers();
    let honest = request(&headers);
    for changed in [
        AgentRequest { method: "GET", ..honest },
        AgentRequest { authority: "other.example", ..honest },
        AgentRequest { path: "/v1/other", ..honest },
        AgentRequest { query: Some("a=c"), ..honest },
        AgentRequest { query: None, ..honest },
    ] {
        let refused = world.agents.verify(&changed).await.expect_err("changed");
        assert_eq!(refused, CredentialError::Signature, "{changed:?}");
    }
}

#[tokio::test]
async fn a_signature_that_leaves_out_who_we_are_or_who_signs_is_refused() {
    let world = World::new().await;
    let signing = Signing::new(&world);
    for left_out in ["@authority", "signature-agent"] {
        let headers = signing.without(left_out).headers();
        assert_eq!(world.refusal(&headers).await, "agent_request_components", "{left_out}");
    }
    let enough = signing.without("@query").headers();
    assert!(!world.verify(&enough).await.expect("signed").covers("@query"));
}

#[tokio::test]
async fn components_that_stand_twice_or_are_not_known_are_refused() {
    let world = World::new().await;
    for (name, value) in [
        ("\"@method\"", "POST"),
        ("\"@status\"", "200"),
        ("\"x-missing\"", ""),
        ("\"Date\"", ""),
        ("\"signature-agent\";sf", ""),
        ("\"signature-agent\";key=\"sig1\";req", ""),
    ] {
        let mut signing = Signing::new(&world);
        signing.components.push((name.to_owned(), value.to_owned()));
        assert_eq!(world.refusal(&signing.headers()).await, "agent_request_components", "{name}");
    }
}

#[tokio::test]
async fn untimely_signatures_and_those_that_last_too_long_are_refused() {
    let world = World::new().await;
    let signing = Signing::new(&world);
    let created = format!("created={}", NOW - 5);
    let expires = format!("expires={}", NOW + 55);
    for (from, to, code) in [
        (&created, format!("created={}", NOW + 61), "credential_not_yet_valid"),
        (&created, format!("created={}", NOW + 56), "agent_request_parameter"),
        (&expires, format!("expires={}", NOW - 60), "credential_expired"),
        (&expires, format!("expires={}", NOW - 5 + 3601), "credential_lifetime"),
        (&expires, "expires=\"1\"".to_owned(), "agent_request_parameter"),
        (&expires, "until=1".to_owned(), "agent_request_parameter"),
        (&created, "at=1".to_owned(), "agent_request_parameter"),
    ] {
        assert_eq!(world.refusal(&signing.with(from, &to).headers()).await, code, "{to}");
    }
    let longest = format!("expires={}", NOW - 5 + 3600);
    let headers = signing.with(&expires, &longest).headers();
    assert!(world.verify(&headers).await.is_ok());
    world.time.pass(3600 - 5 + 60);
    assert_eq!(world.refusal(&headers).await, "credential_expired");
}

#[tokio::test]
async fn other_purposes_algorithms_and_keys_are_refused() {
    let world = World::new().await;
    let signing = Signing::new(&world);
    for (from, to, code) in [
        ("tag=\"web-bot-auth\"", "tag=\"another\"".to_owned(), "agent_request_unsigned"),
        ("alg=\"ed25519\"", "alg=\"hmac-sha256\"".to_owned(), "agent_request_parameter"),
        ("keyid=", "key=".to_owned(), "agent_request_parameter"),
        (&vector("/holderThumbprint"), vector("/thumbprints/key-eddsa"), "credential_key_unknown"),
        (&vector("/holderThumbprint"), "under-any-name".to_owned(), "agent_request_parameter"),
    ] {
        assert_eq!(world.refusal(&signing.with(from, &to).headers()).await, code, "{to}");
    }
}

#[tokio::test]
async fn a_key_is_good_only_for_the_agent_who_publishes_it() {
    let world = World::new().await;
    let mut signing = Signing::new(&world);
    // Signed by this agent's key, in the other's name.
    signing.agent = "sig1=\"https://signature-agent.test\"".to_owned();
    signing.components[4].1 = "\"https://signature-agent.test\"".to_owned();
    assert_eq!(world.refusal(&signing.headers()).await, "credential_key_unknown");
    assert_eq!(world.server.asked(DIRECTORY), 0);
}

#[tokio::test]
async fn nobody_is_asked_who_is_not_in_the_settings_and_no_keys_are_taken_from_the_request() {
    let world = World::new().await;
    let inline = format!(
        "\"data:application/http-message-signatures-directory+json;utf8,{}\"",
        jwks("rotated").replace('"', "%22")
    );
    let foreign = Server::start().await;
    for (agent, code) in [
        (format!("\"{}\"", foreign.url), "agent_unknown"),
        (inline, "agent_request_header"),
        (format!("\"{}/elsewhere\"", world.server.url), "agent_request_header"),
        (format!("\"{}\";type=jwks_uri", world.server.url), "agent_request_header"),
        ("\"nowhere\"".to_owned(), "agent_request_header"),
        ("17".to_owned(), "agent_request_header"),
    ] {
        let mut signing = Signing::new(&world);
        signing.agent = format!("sig1={agent}");
        signing.components[4].1.clone_from(&agent);
        assert_eq!(world.refusal(&signing.headers()).await, code, "{agent}");
    }
    assert_eq!(foreign.connections(), 0);
    assert_eq!(world.server.asked_at_all(), 0);
}

#[tokio::test]
async fn two_signatures_for_one_purpose_missing_headers_and_unreadable_ones_are_refused() {
    let world = World::new().await;
    let signed = Signing::new(&world).headers();
    for name in ["signature-input", "signature", "signature-agent"] {
        let mut missing = signed.clone();
        missing.remove(name);
        assert_eq!(world.refusal(&missing).await, "agent_request_header", "{name}");
        let mut broken = signed.clone();
        broken.insert(name, HeaderValue::from_static("sig1=("));
        assert_eq!(world.refusal(&broken).await, "agent_request_header", "{name}");
    }
    let mut two = signed.clone();
    let input = signed["signature-input"].to_str().expect("text").replace("sig1=(", "sig2=(");
    two.append("signature-input", HeaderValue::from_str(&input).expect("a header"));
    assert_eq!(world.refusal(&two).await, "agent_request_unsigned");
}

#[tokio::test]
async fn an_agents_signature_shows_the_key_that_a_kya_token_names() {
    let world = World::new().await;
    world.server.answers("/kyapay", Answer::ok(jwks("kyapay")));
    let settings = settings(&world.server.url);
    let attestations = Attestations::new(&settings, world.time.clock()).expect("good settings");
    let signed = world.verify(&Signing::new(&world).headers()).await.expect("signed");
    let holder = Holder { keys: &[signed.key], ..Holder::default() };
    let token = vector("/kyapay/good/kya");
    assert!(attestations.verify_for(&token, &holder).await.is_ok());
}
