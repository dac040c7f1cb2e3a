//! A processor as an x402 facilitator: `POST /settle`, with the receipt under `extra`.
//!
//! x402 has no call for a capture: it is made by the processor's own interface, at the same place.

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::{SignedCapture, SignedCaptureReceipt},
        receipt::SignedReceipt,
    },
    units::UnixTime,
};
use aep2_x402::{
    ExtensionsJson, FacilitatorRequest, PaymentPayload, Requirements, ResourceInfo, SettleResponse,
    X402Version2,
};
use async_trait::async_trait;
use url::Url;

use crate::{
    call::{RetryPolicy, at, post, refusal},
    client::ProcessorClient,
    error::ProcessorError,
    native::NativeClient,
};

/// A facilitator at a URL.
#[derive(Clone, Debug)]
pub struct FacilitatorClient {
    http: reqwest::Client,
    base: Url,
    retry: RetryPolicy,
    native: NativeClient,
}

impl FacilitatorClient {
    /// The facilitator at `base`: `/settle` is below it.
    pub fn new(http: reqwest::Client, base: Url, retry: RetryPolicy) -> Self {
        let native = NativeClient::new(http.clone(), base.clone(), retry);
        Self { http, base, retry, native }
    }
}

#[async_trait]
impl ProcessorClient for FacilitatorClient {
    async fn settle(
        &self,
        mandate: &SignedMandate,
        terms: &Requirements,
        resource: &str,
    ) -> Result<SignedReceipt, ProcessorError> {
        let invalid =
            |message: &dyn std::fmt::Display| ProcessorError::InvalidAnswer(message.to_string());
        let request = FacilitatorRequest {
            x402_version: X402Version2,
            payment_payload: PaymentPayload {
                accepted: terms.clone(),
                payload: mandate.clone(),
                resource: Some(ResourceInfo {
                    url: resource.to_owned(),
                    description: None,
                    mime_type: None,
                }),
                x402_version: X402Version2,
                extensions: ExtensionsJson::default(),
            },
            payment_requirements: terms.clone(),
        };
        let body = serde_json::to_vec(&request).map_err(|error| invalid(&error))?;
        let (status, answer) = post(&self.http, at(&self.base, "settle"), body, self.retry).await?;
        // A refusal is an answer of the same shape, whatever its status.
        let Ok(settled) = serde_json::from_slice::<SettleResponse>(&answer) else {
            return Err(refusal(status, &answer));
        };
        if !settled.success {
            return Err(ProcessorError::Refused {
                code: settled.error_reason.unwrap_or_else(|| "refused".to_owned()),
                message: settled.error_message.unwrap_or_default(),
            });
        }
        let receipt = settled.extra.and_then(|extra| extra.receipt);
        receipt.ok_or_else(|| invalid(&"accepted, without a receipt under extra"))
    }

    async fn capture(
        &self,
        capture: &SignedCapture,
    ) -> Result<SignedCaptureReceipt, ProcessorError> {
        self.native.capture(capture).await
    }

    async fn time(&self) -> Option<UnixTime> {
        self.native.time().await
    }
}
