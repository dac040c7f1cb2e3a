//! A server with a payer who has money.

use std::{net::SocketAddr, time::Duration};

use aep2_evidence::{EvidenceLimits, EvidenceStore, KeyFrom};
use aep2_mandate::mandate::SignedMandate;
use aep2_processor::{Processor, ProcessorConfig};
use aep2_server::{Beside, Server, Settings};
use aep2_tests::{payers::Payer, world::World};
use alloy::transports::http::reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::exact;

/// How long to wait for what comes soon, on a machine that is busy.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// What the payer has, base units.
pub(crate) const FUNDS: u128 = 1_000_000;

pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) payer: Payer,
    pub(crate) processor: Processor,
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) client: Client,
    _evidence: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: alloy::transports::http::reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The error's code.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_else(|| panic!("no error: {self:?}"))
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with("", |_| {}).await
    }

    /// With settings of the file, and of the processor.
    pub(crate) async fn with(settings: &str, set: impl FnOnce(&mut ProcessorConfig)) -> Self {
        let world = World::new().await;
        let payer = world.payer(0, FUNDS).await;
        let mut config = world.config();
        set(&mut config);
        let processor = world.start(config).await;
        let mut settings = Settings::parse(settings).unwrap();
        settings.http.listen = ([127, 0, 0, 1], 0).into();
        let exact = settings.exact.enabled.then(|| exact::facilitator(&world, &settings));
        let folder = TempDir::new().unwrap();
        let (limits, clock) = (EvidenceLimits::default(), world.clock.clone());
        let evidence =
            EvidenceStore::open(folder.path(), KeyFrom::BesideTheStore, limits, clock).unwrap();
        let beside = Beside { exact, compliance: None, evidence: Some(evidence) };
        let server = Server::start(processor.clone(), beside, &settings).await.unwrap();
        let address = server.address();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { world, payer, processor, server, address, client, _evidence: folder }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a body as JSON.
    pub(crate) async fn post(&self, path: &str, body: impl ToString) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header("content-type", "application/json").body(body.to_string());
        self.send(request).await
    }

    /// Sends a mandate.
    pub(crate) async fn pay(&self, mandate: &SignedMandate) -> Answer {
        self.post("/v1/mandates", json(mandate)).await
    }

    /// A mandate of the payer's, to payee 1.
    pub(crate) fn mandate(&self, amount: u128, nonce: u64) -> SignedMandate {
        self.world.mandate(&self.payer, amount, nonce)
    }

    pub(crate) fn id_of(&self, mandate: &SignedMandate) -> String {
        self.world.id_of(mandate).to_bytes().to_string()
    }

    pub(crate) async fn close(self) {
        self.server.stop().await;
        self.world.stop(self.processor).await;
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}
