//! A processor by its own interface: `POST /v1/mandates` and `POST /v1/mandates/{id}/capture`.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::{
        capture::{SignedCapture, SignedCaptureReceipt},
        receipt::SignedReceipt,
    },
    units::UnixTime,
};
use aep2_x402::{Requirements, preimage::Preimage};
use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;

use crate::{
    call::{RetryPolicy, at, post, refusal, time_at},
    client::ProcessorClient,
    error::ProcessorError,
};

/// A processor at a URL.
#[derive(Clone, Debug)]
pub struct NativeClient {
    http: reqwest::Client,
    base: Url,
    retry: RetryPolicy,
}

/// What `POST /v1/mandates` takes.
#[derive(Serialize)]
struct HandedIn<'a> {
    #[serde(flatten)]
    mandate: &'a SignedMandate,
    #[serde(skip_serializing_if = "Option::is_none")]
    terms: Option<&'a Preimage>,
}

/// What a processor must be told of the terms: what `ref` was made of, where they agree to disputes.
fn preimage(terms: &Requirements, resource: &str) -> Option<Preimage> {
    let disputes = terms.extra.disputes.clone()?;
    Some(Preimage {
        method: terms.extra.method.clone()?,
        resource: resource.to_owned(),
        order: terms.extra.order,
        disputes: Some(disputes),
    })
}

/// What `POST /v1/mandates` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    #[serde(rename = "mandateId")]
    _mandate_id: MandateId,
    receipt: SignedReceipt,
}

/// What `POST /v1/mandates/{id}/capture` answers.
#[derive(Debug, Deserialize)]
struct Captured {
    receipt: SignedCaptureReceipt,
}

impl NativeClient {
    /// The processor whose interface is at `base`, as in `http://127.0.0.1:4020/`.
    pub fn new(http: reqwest::Client, base: Url, retry: RetryPolicy) -> Self {
        Self { http, base, retry }
    }

    /// Hands in a mandate, with what its `ref` was made of where the processor must know.
    ///
    /// # Errors
    /// See [`ProcessorError`].
    pub async fn hand_in(
        &self,
        mandate: &SignedMandate,
        terms: Option<&Preimage>,
    ) -> Result<SignedReceipt, ProcessorError> {
        let accepted: Accepted = self.call("v1/mandates", &HandedIn { mandate, terms }).await?;
        Ok(accepted.receipt)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ProcessorError> {
        let invalid = |message: String| ProcessorError::InvalidAnswer(message);
        let body = serde_json::to_vec(body).map_err(|error| invalid(error.to_string()))?;
        let (status, answer) = post(&self.http, at(&self.base, path), body, self.retry).await?;
        if !status.is_success() {
            return Err(refusal(status, &answer));
        }
        serde_json::from_slice(&answer).map_err(|error| invalid(error.to_string()))
    }
}

#[async_trait]
impl ProcessorClient for NativeClient {
    async fn settle(
        &self,
        mandate: &SignedMandate,
        terms: &Requirements,
        resource: &str,
    ) -> Result<SignedReceipt, ProcessorError> {
        let preimage = preimage(terms, resource);
        self.hand_in(mandate, preimage.as_ref()).await
    }

    async fn capture(
        &self,
        capture: &SignedCapture,
    ) -> Result<SignedCaptureReceipt, ProcessorError> {
        let path = format!("v1/mandates/{}/capture", capture.message.mandate_id);
        let captured: Captured = self.call(&path, capture).await?;
        Ok(captured.receipt)
    }

    async fn time(&self) -> Option<UnixTime> {
        time_at(&self.http, at(&self.base, "healthz")).await
    }
}
