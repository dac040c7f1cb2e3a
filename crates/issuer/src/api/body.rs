//! Reading a request's body: bounded in size and time before it is looked at.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error::{Code, Refusal};

/// The longest body that is read, in bytes. Terms take about 1,000, restrictions with long lists more.
const BYTES_MAX: usize = 64 * 1024;
/// How long a body may take to arrive.
const WITHIN: Duration = Duration::from_secs(10);

/// The body.
///
/// # Errors
/// When it is too long, or does not arrive.
pub(super) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let read = timeout(WITHIN, to_bytes(body, BYTES_MAX)).await;
    let read =
        read.map_err(|_| Refusal::new(Code::Malformed, "the body did not arrive in time"))?;
    read.map_err(|_| {
        Refusal::new(
            Code::TooLarge,
            format!("the body is longer than {BYTES_MAX} bytes, or was cut"),
        )
    })
}

/// The JSON in a body that is declared as such.
///
/// # Errors
/// When it is something else.
pub(super) fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let message = "send JSON, with the header Content-Type: application/json";
        return Err(Refusal::new(Code::UnsupportedMediaType, message));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::new(Code::Malformed, error.to_string()))
}
