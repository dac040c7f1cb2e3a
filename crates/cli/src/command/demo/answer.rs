//! What the processor answers to what it must refuse.

use reqwest::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::outcome::Refusal;

/// The native interface's errors.
#[derive(Deserialize)]
struct Envelope {
    error: Said,
}

#[derive(Deserialize)]
struct Said {
    code: String,
    message: String,
}

/// What an answer says of an attempt that must be refused.
pub(super) async fn refused(
    attempt: &str,
    expected: &str,
    answer: Response,
) -> anyhow::Result<Refusal> {
    let status = answer.status();
    let body: Value = answer.json().await?;
    let (code, message) = match serde_json::from_value::<Envelope>(body.clone()) {
        Ok(Envelope { error }) => (error.code, error.message),
        Err(_) => (status.to_string(), json!(body).to_string()),
    };
    Ok(Refusal { attempt: attempt.to_owned(), expected: expected.to_owned(), code, message })
}
