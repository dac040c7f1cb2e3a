//! What several tests need: the vectors, a server that misbehaves as it is told, a clock that is
//! moved, settings, a signer.

use std::{
    collections::HashMap,
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aep2_credentials::{Attestations, Clock, CredentialError, CredentialSettings};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The time of all vectors.
pub(crate) const NOW: u64 = 4_000_000_000;

/// The file of vectors.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../fixtures/vectors.json")).expect("our own vectors")
}

/// The text at this path of the vectors.
pub(crate) fn vector(path: &str) -> String {
    let vectors = vectors();
    let text = vectors.pointer(path).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no vector {path}")).to_owned()
}

/// The set of keys of this name.
pub(crate) fn jwks(name: &str) -> String {
    vectors()["jwks"][name].to_string()
}

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicU64>);

impl Time {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = Arc::clone(&self.0);
        Clock::new(move || time.load(Ordering::SeqCst))
    }
}

/// How a server answers.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With this status, these headers and this body.
    Say(u16, String, Vec<u8>),
    /// The same, after a while.
    Late(Duration, Vec<u8>),
    /// With zeros, without an end.
    Endless,
    /// By hanging up.
    Nothing,
}

impl Answer {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Say(200, String::new(), body.into())
    }
}

/// A server on this machine that counts what it is asked.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
    connections: Arc<AtomicU64>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = Self {
            url,
            answers: Arc::default(),
            asked: Arc::default(),
            connections: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        server
    }

    pub(crate) fn answers(&self, path: &str, answer: Answer) {
        self.answers.lock().expect("no panic").insert(path.to_owned(), answer);
    }

    /// How often this path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().expect("no panic").get(path).copied().unwrap_or_default()
    }

    /// How often anything was asked for.
    pub(crate) fn asked_at_all(&self) -> usize {
        self.asked.lock().expect("no panic").values().sum()
    }

    /// How often anybody connected, whether they asked for something or not.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut request = Vec::new();
        let mut chunk = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut chunk).await {
                Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
                _ => return,
            }
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        *self.asked.lock().expect("no panic").entry(path.clone()).or_default() += 1;
        let answer = self.answers.lock().expect("no panic").get(&path).cloned();
        let (status, headers, body) = match answer {
            None => (404, String::new(), Vec::new()),
            Some(Answer::Say(status, headers, body)) => (status, headers, body),
            Some(Answer::Late(after, body)) => {
                tokio::time::sleep(after).await;
                (200, String::new(), body)
            }
            Some(Answer::Nothing) => return,
            Some(Answer::Endless) => {
                let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while sent.is_ok() {
                    sent = stream.write_all(&[b' '; 65536]).await;
                }
                return;
            }
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&body).await;
        let _ = stream.shutdown().await;
    }
}

/// The issuers of the vectors, with their keys on this server: the settings' text.
pub(crate) fn settings_text(url: &str) -> String {
    format!(
        r#"
        [[issuers]]
        issuer = "https://kyc.example"
        jwks_url = "{url}/issuer"
        audience = "https://pay.example"
        kinds = ["kyc", "kyb"]
        chains = [8453, 1]

        [[issuers]]
        issuer = "https://other.example"
        jwks_url = "{url}/other"
        audience = "https://pay.example"
        kinds = ["kyc"]

        [[issuers]]
        issuer = "https://kyapay.example"
        jwks_url = "{url}/kyapay"
        audience = "7434230d-0861-46f2-9c2c-a6ee33d07f17"
        kinds = ["kya"]
        subjects = ["agent", "holder"]
        types = ["kya+jwt", "kya-pay+jwt"]

        [fetch]
        timeout_ms = 5000
        allow_loopback_http = true
        "#
    )
}

pub(crate) fn settings(url: &str) -> CredentialSettings {
    toml::from_str(&settings_text(url)).expect("our own settings")
}

/// A server with all issuers' keys, and attestations by them.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) time: Time,
    pub(crate) attestations: Attestations,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With settings that differ.
    pub(crate) async fn with(change: impl FnOnce(&mut CredentialSettings)) -> Self {
        let server = Server::start().await;
        for name in ["issuer", "other", "kyapay"] {
            server.answers(&format!("/{name}"), Answer::ok(jwks(name)));
        }
        let mut settings = settings(&server.url);
        change(&mut settings);
        let time = Time::new();
        let attestations = Attestations::new(&settings, time.clock()).expect("good settings");
        Self { server, time, attestations }
    }

    /// The code with which a token is refused. None when it is taken.
    pub(crate) async fn refusal(&self, token: &str) -> Option<&'static str> {
        self.attestations.verify(token).await.err().map(|error| error.code())
    }

    /// The refusal of the vector at this path.
    pub(crate) async fn refused(&self, path: &str) -> Option<CredentialError> {
        self.attestations.verify(&vector(path)).await.err()
    }
}

/// Signs tokens with the first issuer's Ed25519 key, whatever they say.
pub(crate) fn sign(typ: &str, claims: &Value) -> String {
    sign_as("eddsa", typ, claims)
}

/// Signs tokens with the Ed25519 key of this name.
pub(crate) fn sign_as(name: &str, typ: &str, claims: &Value) -> String {
    let key = key_pair(name);
    let header = json!({"alg": "EdDSA", "kid": format!("key-{name}"), "typ": typ});
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// The Ed25519 key of this name, from the file of the tests' private keys.
pub(crate) fn key_pair(name: &str) -> Ed25519KeyPair {
    let keys: Value = serde_json::from_str(include_str!("../fixtures/keys.json")).expect("keys");
    let member = |member: &str| {
        let text = keys[name][member].as_str().expect("an Ed25519 key");
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    };
    Ed25519KeyPair::from_seed_and_public_key(&member("d"), &member("x")).expect("a key")
}

/// The claims of an attestation by the first issuer.
pub(crate) fn claims() -> Value {
    json!({
        "iss": "https://kyc.example", "aud": "https://pay.example", "kind": "kyc", "jti": "1",
        "sub": format!("eip155:8453:{}", vector("/address")),
        "iat": NOW - 60, "exp": NOW + 30 * 86_400,
    })
}

/// A status list of one byte for each status, as `lst` has it.
pub(crate) fn packed(statuses: &[u8]) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(statuses).expect("memory");
    URL_SAFE_NO_PAD.encode(encoder.finish().expect("memory"))
}
