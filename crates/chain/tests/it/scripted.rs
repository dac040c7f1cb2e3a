//! A node that is a program: it answers requests as a model of a chain says, failures included.
//!
//! Everything it does follows from a seed and from the requests in their order, so a failure found
//! once is found again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use alloy::{
    providers::{Provider, ProviderBuilder},
    rpc::{
        client::RpcClient,
        json_rpc::{
            ErrorPayload, RequestPacket, Response, ResponsePacket, ResponsePayload,
            SerializedRequest,
        },
    },
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use serde_json::{Value, value::RawValue};

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The node answers with an error.
    Error { code: i64, message: String, data: Option<Value> },
    /// The whole message fails, after the node did what it asked for.
    Http(u16),
    /// No answer, ever.
    Silence,
}

impl Failure {
    pub(crate) fn error(code: i64, message: impl Into<String>) -> Self {
        Self::Error { code, message: message.into(), data: None }
    }
}

/// A model of a node.
pub(crate) trait Model: Send + 'static {
    /// A message with this many requests has come. May fail it before anything is done.
    fn message(&mut self, requests: usize) -> Result<(), Failure>;
    /// Answers one request of it.
    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Failure>;
}

/// A node that is a model.
pub(crate) struct Scripted<M> {
    model: Arc<Mutex<M>>,
    /// How long each message takes.
    latency: Duration,
}

impl<M> Clone for Scripted<M> {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), latency: self.latency }
    }
}

impl<M: Model> Scripted<M> {
    pub(crate) fn new(model: M) -> Self {
        Self { model: Arc::new(Mutex::new(model)), latency: Duration::from_millis(1) }
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, M> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn provider(&self) -> impl Provider + 'static {
        let client = RpcClient::new(self.clone(), true);
        ProviderBuilder::new().disable_recommended_fillers().connect_client(client)
    }

    async fn handle(self, packet: RequestPacket) -> Result<ResponsePacket, TransportError> {
        // Lets the caller give up before the node has heard of it, and after.
        tokio::time::sleep(self.latency).await;
        let answer = self.answer_all(&packet);
        tokio::time::sleep(self.latency).await;
        match answer {
            Ok(answer) => Ok(answer),
            Err(Failure::Http(status)) => {
                Err(TransportErrorKind::http_error(status, "scripted".into()))
            }
            Err(Failure::Silence) => std::future::pending().await,
            Err(Failure::Error { code, message, .. }) => {
                Err(TransportErrorKind::custom_str(&format!("{code}: {message}")))
            }
        }
    }

    fn answer_all(&self, packet: &RequestPacket) -> Result<ResponsePacket, Failure> {
        let mut model = self.model();
        match packet {
            RequestPacket::Single(request) => {
                model.message(1)?;
                answer_one(&mut *model, request).map(ResponsePacket::Single)
            }
            RequestPacket::Batch(requests) => {
                model.message(requests.len())?;
                let answers: Result<Vec<Response>, Failure> =
                    requests.iter().map(|request| answer_one(&mut *model, request)).collect();
                answers.map(ResponsePacket::Batch)
            }
        }
    }
}

fn answer_one<M: Model>(model: &mut M, request: &SerializedRequest) -> Result<Response, Failure> {
    let params: Value = request
        .params()
        .map_or(Value::Null, |params| serde_json::from_str(params.get()).expect("JSON"));
    let raw = |value: &Value| RawValue::from_string(value.to_string()).expect("JSON");
    let payload = match model.answer(request.method(), &params) {
        Ok(value) => ResponsePayload::Success(raw(&value)),
        Err(Failure::Error { code, message, data }) => ResponsePayload::Failure(ErrorPayload {
            code,
            message: message.into(),
            data: data.as_ref().map(raw),
        }),
        Err(failure) => return Err(failure),
    };
    Ok(Response { id: request.id().clone(), payload })
}

impl<M: Model> tower::Service<RequestPacket> for Scripted<M> {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        Box::pin(self.clone().handle(packet))
    }
}

/// Runs a test whose clock stands still while something happens, and jumps when nothing does.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(test)
}
