//! A connection that stays open, with one request under way at a time.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{net::TcpStream, time::Instant};

/// A connection to the server.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

/// One request and what came of it.
pub(super) struct Post {
    pub(super) sent: Instant,
    pub(super) answered: Instant,
    pub(super) outcome: Outcome,
}

/// What came of a request.
pub(super) enum Outcome {
    /// The receipt, as it was received.
    Accepted(Bytes),
    /// Another answer.
    Refused(StatusCode, Bytes),
    /// No answer.
    Lost(String),
}

/// What is kept of an acceptance.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) mandate_id: String,
    pub(super) receipt: Value,
}

impl Outcome {
    /// The answer with the receipt, if there is one.
    pub(super) fn accepted(&self) -> Option<&Bytes> {
        match self {
            Self::Accepted(answer) => Some(answer),
            _ => None,
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// What is wrong, if it is.
    pub(super) fn words(&self) -> Option<String> {
        match self {
            Self::Accepted(_) => None,
            Self::Refused(status, body) => {
                Some(format!("{status}: {}", String::from_utf8_lossy(body)))
            }
            Self::Lost(reason) => Some(reason.clone()),
        }
    }
}

impl Receipt {
    /// The receipt in an answer.
    pub(super) fn read(answer: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Accepted<'a> {
            mandate_id: String,
            #[serde(borrow)]
            receipt: &'a RawValue,
        }

        let Accepted { mandate_id, receipt } =
            serde_json::from_slice(answer).context("an answer has no receipt")?;
        Ok(Self { mandate_id, receipt: serde_json::from_str(receipt.get())? })
    }
}

impl Connection {
    /// Connects.
    pub(super) async fn open(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await.context("the server cannot be reached")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What it ends with, the request that waits for it says too.
        tokio::spawn(connection);
        Ok(Self { sender, host: server.to_string() })
    }

    /// Sends a mandate.
    pub(super) async fn post(&mut self, mandate: Bytes) -> Post {
        let sent = Instant::now();
        let outcome = match self.send("POST", "/v1/mandates", mandate).await {
            Ok((StatusCode::CREATED | StatusCode::OK, body)) => Outcome::Accepted(body),
            Ok((status, body)) => Outcome::Refused(status, body),
            Err(error) => Outcome::Lost(format!("{error:#}")),
        };
        Post { sent, answered: Instant::now(), outcome }
    }

    /// Whether the server has a mandate and gives the same receipt for it.
    pub(super) async fn has(&mut self, receipt: &Receipt) -> anyhow::Result<bool> {
        let path = format!("/v1/mandates/{}", receipt.mandate_id);
        let (status, body) = self.send("GET", &path, Bytes::new()).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        ensure!(status == StatusCode::OK, "{path}: {status}: {}", String::from_utf8_lossy(&body));
        let found: Value = serde_json::from_slice(&body)?;
        Ok(found["receipt"] == receipt.receipt)
    }

    /// Asks for something.
    pub(super) async fn get(&mut self, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send("GET", path, Bytes::new()).await
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.host.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.sender.ready().await.context("the connection is closed")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        let status = answer.status();
        let body: Incoming = answer.into_body();
        Ok((status, body.collect().await.context("half an answer")?.to_bytes()))
    }
}
