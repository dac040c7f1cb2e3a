//! Attested identities: nobody's, somebody else's, revoked, expired, of a country that is not served.

use std::{
    collections::BTreeSet,
    io::Write,
    sync::{Arc, Mutex},
};

use aep2_compliance::{
    Compliance, ComplianceError, Parts, Payment,
    admission::NotAdmitted,
    export::Format,
    presenting::Presenting,
    provider::{Provider, Providers},
    providers::{AttestedIdentity, PresentedBook},
    rules::{Rules, WhenAway},
    subject::Subject,
    verdict::Reason,
};
use aep2_credentials::{Attestations, Clock as CredentialClock, CredentialSettings, Kind};
use aep2_mandate::{
    eddsa::SecretKey,
    field,
    units::{ChainId, UnixTime},
};
use alloy_primitives::{Address, B256, hex};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::{Router, extract::State, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{DAY_S, PAYEE, World, requirement, until_holds};

const CHAIN: u64 = 8_453;

/// An issuer of attestations, which publishes a status list.
struct Issuer {
    key: Ed25519KeyPair,
    /// What its list says of the entry 0.
    status: Arc<Mutex<String>>,
    url: String,
}

impl Issuer {
    async fn new() -> Self {
        let status = Arc::new(Mutex::new(String::new()));
        let answer =
            async |State(status): State<Arc<Mutex<String>>>| status.lock().unwrap().clone();
        let router = Router::new().route("/list", get(answer)).with_state(Arc::clone(&status));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key: Ed25519KeyPair::generate().unwrap(), status, url }
    }

    fn keys(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1", "use": "sig" }] })
            .to_string()
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({ "alg": "EdDSA", "kid": "1", "typ": typ });
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }

    /// An attestation about this subject.
    fn attest(&self, now: u64, subject: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": "https://kyc.example", "aud": "https://pay.example", "kind": "kyc",
            "jti": format!("{subject}-{now}"), "sub": subject, "iat": now, "exp": now + 30 * DAY_S,
            "country": "DE",
        });
        change(&mut claims);
        self.sign("aep2-attestation+jwt", &claims)
    }

    /// Publishes what its list says: 0 valid, 1 revoked.
    fn publish(&self, now: u64, status: u8) {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[status]).unwrap();
        let list = URL_SAFE_NO_PAD.encode(encoder.finish().unwrap());
        let claims = json!({
            "sub": format!("{}/list", self.url), "iat": now, "exp": now + 30 * DAY_S, "ttl": 60,
            "status_list": { "bits": 8, "lst": list },
        });
        *self.status.lock().unwrap() = self.sign("statuslist+jwt", &claims);
    }
}

/// Compliance that asks for an attested identity of payees and agents.
fn open(world: &World, issuer: &Issuer) -> Compliance {
    let keys = world.path().join("keys.json");
    std::fs::write(&keys, issuer.keys()).unwrap();
    let settings: CredentialSettings = toml::from_str(&format!(
        "[[issuers]]\nissuer = \"https://kyc.example\"\njwks_file = {keys:?}\n\
         audience = \"https://pay.example\"\nkinds = [\"kyc\"]\nstatus_origins = [\"{}\"]\n\
         [fetch]\nallow_loopback_http = true\n",
        issuer.url
    ))
    .unwrap();
    let clock = world.clock.clone();
    let attestations =
        Attestations::new(&settings, CredentialClock::new(move || clock.now().get())).unwrap();
    let presented = PresentedBook::default();
    let identity = AttestedIdentity {
        name: "kyc".to_owned(),
        attestations: attestations.clone(),
        presented: presented.clone(),
        kinds: vec![Kind::Kyc],
        issuers: None,
        countries_refused: BTreeSet::from(["KP".to_owned()]),
        recheck_s: 3_600,
    };
    let asked = || vec![requirement(&["kyc"], WhenAway::Closed)];
    let parts = Parts {
        providers: Providers::new([Arc::new(identity) as Arc<dyn Provider>]),
        rules: Rules { payee: asked(), agent: asked(), ..Rules::default() },
        presenting: Some(Presenting { attestations, presented, chain_id: ChainId::new(CHAIN) }),
        ..world.parts()
    };
    Compliance::open(&world.path().join("store"), parts).unwrap()
}

fn begin(world: &World, compliance: &Compliance) -> tokio::task::JoinHandle<()> {
    tokio::spawn(compliance.clone().run(Arc::clone(&world.notes) as _))
}

fn account(address: Address) -> String {
    format!("eip155:{CHAIN}:{}", address.to_string().to_lowercase())
}

/// A mandate key, as tokens name it and as accounts do.
fn agent() -> (String, B256) {
    let key = SecretKey::from_seed([7; 32]).public();
    let [x, y] = [key.x(), key.y()].map(|own| hex::encode(field::to_be_bytes(&own)));
    (format!("aep2:key:0x{x}{y}"), B256::new(field::to_be_bytes(&key.hash())))
}

fn payment(world: &World) -> Payment {
    Payment { key_hash: None, ..world.payment(1) }
}

fn reason_of(compliance: &Compliance, subject: Subject) -> Option<Reason> {
    let standing = compliance.standing(&subject).unwrap()?;
    Some(standing.decision.reason())
}

#[tokio::test]
async fn who_was_not_checked_is_refused_and_a_token_serves_whom_it_speaks_of() {
    let (world, issuer) = (World::new(), Issuer::new().await);
    let compliance = open(&world, &issuer);
    let task = begin(&world, &compliance);
    let now = world.clock.now().get();
    let refused = || compliance.admit(&payment(&world)) == Err(NotAdmitted::Refused);
    until_holds("refused", refused).await;
    assert_eq!(reason_of(&compliance, Subject::Payee(PAYEE)), Some(Reason::KycMissing));

    // Somebody else's, of another chain, by nobody, and altered.
    let other = issuer.attest(now, &account(Address::repeat_byte(0x99)), |_| ());
    compliance.present(&other).await.unwrap();
    let elsewhere = format!("eip155:1:{}", PAYEE.to_string().to_lowercase());
    let stranger = Issuer::new().await;
    let good = issuer.attest(now, &account(PAYEE), |_| ());
    for wrong in [
        issuer.attest(now, &elsewhere, |_| ()),
        stranger.attest(now, &account(PAYEE), |_| ()),
        issuer.attest(now, &account(PAYEE), |own| own["aud"] = json!("https://other.example")),
        format!("{}A{}", &good[..40], &good[41..]),
    ] {
        let presented = compliance.present(&wrong).await;
        assert!(matches!(presented, Err(ComplianceError::Refused { .. })), "{presented:?}");
    }
    assert!(refused(), "none of that is the payee's");

    let taken = compliance.present(&good).await.unwrap();
    assert_eq!(taken.subjects, [Subject::Payer(PAYEE), Subject::Payee(PAYEE)]);
    until_holds("served", || compliance.admit(&payment(&world)).is_ok()).await;
    // It is there after a restart, and nothing is kept twice.
    let records = || compliance.records((UnixTime::MIN, UnixTime::MAX), Format::Jsonl).unwrap();
    let presented = records().matches("evidence.presented").count();
    compliance.present(&good).await.unwrap();
    assert_eq!(records().matches("evidence.presented").count(), presented);
    task.abort();
    let _ = task.await;
    drop(compliance);
    let compliance = open(&world, &issuer);
    let _task = begin(&world, &compliance);
    let standing = compliance.screen(Subject::Payee(PAYEE)).await.unwrap();
    assert_eq!(standing.decision.reason(), Reason::Compliant);
}

#[tokio::test]
async fn an_agents_key_is_attested_by_its_coordinates() {
    let (world, issuer) = (World::new(), Issuer::new().await);
    let compliance = open(&world, &issuer);
    let (name, key_hash) = agent();
    let token = issuer.attest(world.clock.now().get(), &name, |_| ());
    let taken = compliance.present(&token).await.unwrap();
    assert_eq!(taken.subjects, [Subject::Agent(key_hash)]);
    let standing = compliance.screen(Subject::Agent(key_hash)).await.unwrap();
    assert_eq!(standing.decision.reason(), Reason::Compliant);
}

#[tokio::test]
async fn a_revoked_an_expired_and_a_refused_countrys_attestation_serve_nobody() {
    let (world, issuer) = (World::new(), Issuer::new().await);
    let compliance = open(&world, &issuer);
    let payee = Subject::Payee(PAYEE);
    let now = world.clock.now().get();
    issuer.publish(now, 0);
    let uri = format!("{}/list", issuer.url);
    let token = issuer.attest(now, &account(PAYEE), |own| {
        own["status"] = json!({ "status_list": { "idx": 0, "uri": uri } });
    });
    compliance.present(&token).await.unwrap();
    let reason = async || compliance.screen(payee).await.unwrap().decision.reason();
    assert_eq!(reason().await, Reason::Compliant);
    issuer.publish(now, 1);
    world.clock.advance(120);
    assert_eq!(reason().await, Reason::AttestationRevoked);

    let other = Address::repeat_byte(0x51);
    let token = issuer.attest(now, &account(other), |_| ());
    compliance.present(&token).await.unwrap();
    world.clock.advance(i64::try_from(31 * DAY_S).unwrap());
    let standing = compliance.screen(Subject::Payee(other)).await.unwrap();
    assert_eq!(standing.decision.reason(), Reason::KycExpired);

    let third = Address::repeat_byte(0x52);
    let now = world.clock.now().get();
    let token = issuer.attest(now, &account(third), |own| own["nationalities"] = json!(["KP"]));
    compliance.present(&token).await.unwrap();
    let clean = issuer.attest(now + 1, &account(third), |_| ());
    compliance.present(&clean).await.unwrap();
    let standing = compliance.screen(Subject::Payee(third)).await.unwrap();
    assert_eq!(standing.decision.reason(), Reason::JurisdictionBlocked, "whatever else is shown");
}

#[tokio::test]
async fn whoever_presents_without_end_fills_nothing() {
    let (world, issuer) = (World::new(), Issuer::new().await);
    let compliance = open(&world, &issuer);
    let now = world.clock.now().get();
    for number in 0..30 {
        let token = issuer.attest(now, &account(PAYEE), |own| {
            own["jti"] = json!(format!("token {number}"));
            own["exp"] = json!(now + DAY_S);
        });
        let _ = compliance.present(&token).await;
    }
    let all = (UnixTime::MIN, UnixTime::MAX);
    let records = compliance.records(all, Format::Jsonl).unwrap();
    assert!(records.matches("evidence.presented").count() <= 2 * 16, "{records}");
}
