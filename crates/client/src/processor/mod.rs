//! Who gives receipts, as a payee sees it.
//!
//! Both calls are idempotent, so that whoever does not hear an answer asks again: the same mandate
//! gets the same receipt, the same capture the same answer.

pub mod facilitator;
pub mod lookup;
pub mod native;
pub mod queue;

use std::{fmt, time::Duration};

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::{SignedCapture, SignedCaptureReceipt},
        receipt::SignedReceipt,
    },
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use thiserror::Error;

pub use self::{facilitator::Facilitator, native::Native};
use crate::x402::Requirements;

/// Takes mandates, and promises to settle them.
///
/// What it answers is not believed here: the caller checks receipts, see [`crate::receipt`].
#[async_trait]
pub trait Processor: fmt::Debug + Send + Sync + 'static {
    /// Hands in a mandate that was given under `terms`, and gets its receipt.
    async fn settle(
        &self,
        mandate: &SignedMandate,
        terms: &Requirements,
    ) -> Result<SignedReceipt, ProcessorError>;

    /// Captures less than a mandate's amount.
    async fn capture(
        &self,
        capture: &SignedCapture,
    ) -> Result<SignedCaptureReceipt, ProcessorError>;
}

/// Why there is no answer to act on.
#[derive(Clone, Debug, Error)]
pub enum ProcessorError {
    /// The processor refuses: asking again will not help.
    #[error("{code}: {message}")]
    Refused {
        /// Its code, stable.
        code: String,
        /// Its words.
        message: String,
    },
    /// It did not answer, or not now. Whether it accepted is not known; asking again is safe, and
    /// tells.
    #[error("the processor does not answer: {0}")]
    Unavailable(String),
    /// It answered something that is no answer.
    #[error("the processor's answer makes no sense: {0}")]
    Nonsense(String),
}

impl ProcessorError {
    /// Whether asking again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// How long a processor is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one answer.
    pub answer: Duration,
    /// How often it is asked in all, where it does not answer.
    pub attempts: u32,
    /// Between two attempts; twice as long each time.
    pub pause: Duration,
}

impl Default for Patience {
    /// 5 seconds for an answer, three attempts, 200 ms between the first two.
    fn default() -> Self {
        Self { answer: Duration::from_secs(5), attempts: 3, pause: Duration::from_millis(200) }
    }
}

/// The longest answer that is read, in bytes. A receipt takes about 600.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Posts a JSON body.
pub(crate) async fn post(
    http: &reqwest::Client,
    url: url::Url,
    body: Vec<u8>,
    patience: Patience,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let request = http.post(url).header(http::header::CONTENT_TYPE, "application/json").body(body);
    call(request, patience).await
}

/// Sends a request, again where there is no answer or the processor is busy.
async fn call(
    request: reqwest::RequestBuilder,
    patience: Patience,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let mut pause = patience.pause;
    let mut attempt = 1;
    loop {
        let Some(now) = request.try_clone() else {
            return Err(ProcessorError::Nonsense("the request is a stream".to_owned()));
        };
        let error = match call_once(now.timeout(patience.answer)).await {
            Ok((status, _)) if is_passing(status) => {
                ProcessorError::Unavailable(format!("status {status}"))
            }
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if attempt >= patience.attempts || !error.is_passing() {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

/// Statuses that another attempt may change.
fn is_passing(status: http::StatusCode) -> bool {
    use http::StatusCode as S;
    matches!(
        status,
        S::TOO_MANY_REQUESTS
            | S::REQUEST_TIMEOUT
            | S::INTERNAL_SERVER_ERROR
            | S::BAD_GATEWAY
            | S::SERVICE_UNAVAILABLE
            | S::GATEWAY_TIMEOUT
    )
}

async fn call_once(
    request: reqwest::RequestBuilder,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let unavailable = |error: reqwest::Error| ProcessorError::Unavailable(words(&error));
    let mut response = request.send().await.map_err(unavailable)?;
    let mut read = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if read.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(ProcessorError::Nonsense(format!("more than {ANSWER_BYTES_MAX} bytes")));
        }
        read.extend_from_slice(&chunk);
    }
    Ok((response.status(), read.freeze()))
}

/// An error with its causes.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// The native interface's envelope of errors.
pub(crate) fn refusal(status: http::StatusCode, body: &[u8]) -> ProcessorError {
    #[derive(Deserialize)]
    struct Envelope {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
        message: String,
    }
    match serde_json::from_slice(body) {
        Ok(Envelope { error: Inner { code, message } }) => {
            ProcessorError::Refused { code, message }
        }
        Err(_) => ProcessorError::Nonsense(format!("status {status} without a reason")),
    }
}
