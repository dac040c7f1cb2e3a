//! A processor by the published MVP's interface: `POST /enqueue`.
//!
//! The MVP refuses a mandate that comes twice, so whoever gets no answer cannot simply ask again. Here
//! the receipt of a request that was not answered is looked up by the mandate's digest, with
//! `GET /v1/mandates/{digest}`: which this project's processors answer, and the MVP's do not.

use aep2_mandate::{typed_data::direct::SignedDirectMandate, units::UnixTime};
use aep2_x402::mvp::{ErrorResponse, Receipt};
use alloy_primitives::B256;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    call::{RetryPolicy, at, call, post, refusal},
    error::ProcessorError,
};

/// The code of a mandate that was enqueued before.
const DUPLICATE: &str = "DUPLICATE_MANDATE";

/// A processor, asked by the MVP's interface.
#[derive(Clone, Debug)]
pub struct MvpClient {
    http: reqwest::Client,
    base: Url,
    retry: RetryPolicy,
}

/// What `POST /enqueue` answers.
#[derive(Deserialize)]
struct Enqueued {
    receipt: Receipt,
}

/// What `GET /v1/mandates/{digest}` answers, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    accepted_at: UnixTime,
    receipt: Receipt,
}

impl MvpClient {
    /// The processor whose interface is at `base`: `/enqueue` is below it.
    pub fn new(http: reqwest::Client, base: Url, retry: RetryPolicy) -> Self {
        Self { http, base, retry }
    }

    /// Hands in a mandate that was not handed in before, and gets its receipt. What it answers is not
    /// believed here: the caller checks it.
    ///
    /// Where an attempt is not answered and the next finds the mandate enqueued, the attempt did that
    /// if the processor says that it accepted it no earlier than `since`, by a clock that may differ
    /// by `skew_s` seconds.
    ///
    /// # Errors
    /// `DUPLICATE_MANDATE` among others, when it was handed in before.
    pub async fn enqueue(
        &self,
        mandate: &SignedDirectMandate,
        digest: B256,
        since: UnixTime,
        skew_s: u64,
    ) -> Result<Receipt, ProcessorError> {
        let body = serde_json::to_vec(mandate).map_err(invalid)?;
        let once = RetryPolicy { attempts: 1, ..self.retry };
        let mut pause = self.retry.pause;
        let mut attempt = 1;
        loop {
            let asked = post(&self.http, at(&self.base, "enqueue"), body.clone(), once).await;
            let unanswered = match asked.and_then(read::<Enqueued>) {
                Ok(enqueued) => return Ok(enqueued.receipt),
                Err(ProcessorError::Refused { code, .. }) if code == DUPLICATE && attempt > 1 => {
                    return self.enqueued_since(digest, since, skew_s).await;
                }
                Err(error) if !error.is_passing() || attempt >= self.retry.attempts => {
                    return Err(error);
                }
                Err(error) => error,
            };
            tracing::debug!(%digest, error = %unanswered, "a mandate is handed in again");
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn enqueued_since(
        &self,
        digest: B256,
        since: UnixTime,
        skew_s: u64,
    ) -> Result<Receipt, ProcessorError> {
        let url = at(&self.base, &format!("v1/mandates/{digest}"));
        let known: Known = call(self.http.get(url), self.retry).await.and_then(read)?;
        if known.accepted_at.checked_add(skew_s).is_some_and(|latest| latest < since) {
            return Err(ProcessorError::Refused {
                code: DUPLICATE.to_owned(),
                message: format!("the mandate was enqueued at {}", known.accepted_at),
            });
        }
        Ok(known.receipt)
    }
}

fn read<T: DeserializeOwned>(
    (status, answer): (http::StatusCode, bytes::Bytes),
) -> Result<T, ProcessorError> {
    if status.is_success() {
        return serde_json::from_slice(&answer).map_err(invalid);
    }
    match serde_json::from_slice(&answer) {
        Ok(ErrorResponse { error: code, message }) => {
            Err(ProcessorError::Refused { code, message })
        }
        Err(_) => Err(refusal(status, &answer)),
    }
}

fn invalid(error: serde_json::Error) -> ProcessorError {
    ProcessorError::InvalidAnswer(error.to_string())
}
