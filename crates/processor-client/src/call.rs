//! One request to a processor, or to a facilitator: its answer bounded, and asked for again where
//! there is none.

use std::time::Duration;

use aep2_mandate::units::UnixTime;
use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use crate::error::ProcessorError;

/// How long a processor is waited for.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// For one answer.
    pub timeout: Duration,
    /// How often it is asked in all, where it does not answer.
    pub attempts: u32,
    /// Between two attempts; twice as long each time.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    /// 5 seconds for an answer, three attempts, 200 ms between the first two.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), attempts: 3, pause: Duration::from_millis(200) }
    }
}

/// How long the time is waited for.
const TIME_WITHIN: Duration = Duration::from_secs(3);

/// The longest answer that is read, in bytes. A receipt takes about 600, 256 outcomes 100,000, an inclusion
/// proof as much as its lane is long: 256 slots take 80,000.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// Posts a JSON body, again where there is no answer or the processor is busy.
///
/// # Errors
/// When there is no other answer after all attempts that `patience` allows, or one that is too long.
pub async fn post(
    http: &reqwest::Client,
    url: url::Url,
    body: Vec<u8>,
    retry: RetryPolicy,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let request = http.post(url).header(http::header::CONTENT_TYPE, "application/json").body(body);
    call(request, retry).await
}

/// Sends a request, again where there is no answer or the processor is busy.
pub(crate) async fn call(
    request: reqwest::RequestBuilder,
    retry: RetryPolicy,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    call_within(request, retry, ANSWER_BYTES_MAX).await
}

/// As [`call`], reading an answer of at most so many bytes.
pub(crate) async fn call_within(
    request: reqwest::RequestBuilder,
    retry: RetryPolicy,
    bytes_max: usize,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let mut pause = retry.pause;
    let mut attempt = 1;
    loop {
        let Some(now) = request.try_clone() else {
            return Err(ProcessorError::InvalidAnswer("the request is a stream".to_owned()));
        };
        let error = match call_once(now.timeout(retry.timeout), bytes_max).await {
            Ok((status, _)) if is_passing(status) => {
                ProcessorError::Unavailable(format!("status {status}"))
            }
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if attempt >= retry.attempts || !error.is_passing() {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

/// The time by the clock of whoever answers at `url`: the `Date` of its answer, whatever that is. None where there is
/// no answer, or no date.
pub(crate) async fn time_at(http: &reqwest::Client, url: url::Url) -> Option<UnixTime> {
    let asked = http.get(url).timeout(TIME_WITHIN).send().await.ok()?;
    let date = asked.headers().get(http::header::DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    let seconds = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    UnixTime::new(seconds).ok()
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
    bytes_max: usize,
) -> Result<(http::StatusCode, Bytes), ProcessorError> {
    let unavailable = |error: reqwest::Error| ProcessorError::Unavailable(with_causes(&error));
    let mut response = request.send().await.map_err(unavailable)?;
    let mut read = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if read.len() + chunk.len() > bytes_max {
            return Err(ProcessorError::InvalidAnswer(format!("more than {bytes_max} bytes")));
        }
        read.extend_from_slice(&chunk);
    }
    Ok((response.status(), read.freeze()))
}

/// An error with its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

/// The native interface's envelope of errors.
pub fn refusal(status: http::StatusCode, body: &[u8]) -> ProcessorError {
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
        Err(_) => ProcessorError::InvalidAnswer(format!("status {status} without a reason")),
    }
}

/// `path` under `base`, whether or not the base ends with a slash.
pub fn at(base: &url::Url, path: &str) -> url::Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
