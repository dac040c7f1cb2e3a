//! Disputes at a processor: opening one, answering it, ruling on it, and reading what there is.
//!
//! Payers, payees and arbiters use the same calls. Each is idempotent: the same message gets the same
//! answer, so whoever hears nothing sends it again. Reading takes a signed
//! [`Access`](aep2_mandate::typed_data::access::Access) by one of the parties; posting takes the message's
//! own signature, and evidence the hash that a party signed.

use std::time::Duration;

use aep2_mandate::{
    typed_data::{
        access::SignedAccess,
        dispute::{Evidence, SignedDispute, SignedDisputeAnswer},
        ruling::SignedRuling,
    },
    units::UnixTime,
};
use alloy_primitives::{B256, keccak256};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use crate::{
    call::{RetryPolicy, at, call_within, refusal, time_at},
    dispute_view::DisputeView,
    error::ProcessorError,
};

/// The scheme of the header `Authorization` that a signed access travels in.
pub const ACCESS_SCHEME: &str = "AEP2";
/// The longest dispute that is read, in bytes: its words may take six bytes for each of theirs.
const DISPUTE_BYTES_MAX: usize = 256 << 10;
/// The longest list that is read, in bytes.
const LIST_BYTES_MAX: usize = 8 << 20;
/// How long a piece of evidence may take.
const EVIDENCE_WITHIN: Duration = Duration::from_secs(30);

/// Asks a processor about disputes.
#[derive(Clone, Debug)]
pub struct DisputesClient {
    http: reqwest::Client,
    base: Url,
    retry: RetryPolicy,
}

/// Some of the disputes that concern whoever asked, in the order of their numbers.
#[derive(Clone, Debug)]
pub struct DisputePage {
    /// The disputes. One that cannot be read stops nobody from reading the others.
    pub disputes: Vec<Result<DisputeView, UnreadableDispute>>,
    /// What to ask after next, which may be beyond the last of these; nothing at the end.
    pub next: Option<u64>,
}

/// A dispute in a list that is not what it should be.
#[derive(Clone, Debug)]
pub struct UnreadableDispute {
    /// Its number, where that can be read.
    pub number: Option<u64>,
    /// What is wrong with it.
    pub reason: String,
}

impl DisputesClient {
    /// The processor whose interface is at `base`.
    pub fn new(http: reqwest::Client, base: Url, retry: RetryPolicy) -> Self {
        Self { http, base, retry }
    }

    /// The disputes after number `after` that concern whoever signed the access, at most `limit`. The
    /// access is about nothing: its `about` is zero.
    ///
    /// # Errors
    /// When the processor does not answer, refuses, or answers no list.
    pub async fn list(
        &self,
        access: &SignedAccess,
        after: u64,
        limit: u32,
    ) -> Result<DisputePage, ProcessorError> {
        #[derive(Deserialize)]
        struct Page {
            disputes: Vec<Value>,
            next: Option<u64>,
        }
        let mut url = at(&self.base, "v1/disputes");
        url.query_pairs_mut()
            .append_pair("after", &after.to_string())
            .append_pair("limit", &limit.to_string());
        let request = self.http.get(url).header(header::AUTHORIZATION, authorization(access)?);
        let Page { disputes, next } =
            read(call_within(request, self.retry, LIST_BYTES_MAX).await?)?;
        let view = |value: Value| {
            let number = value.get("number").and_then(Value::as_u64);
            serde_json::from_value(value)
                .map_err(|error| UnreadableDispute { number, reason: error.to_string() })
        };
        Ok(DisputePage { disputes: disputes.into_iter().map(view).collect(), next })
    }

    /// The dispute about a mandate; nothing where there is none that concerns whoever signed the access.
    ///
    /// # Errors
    /// When the processor does not answer, refuses, or answers no dispute.
    pub async fn get(
        &self,
        access: &SignedAccess,
        mandate_id: B256,
    ) -> Result<Option<DisputeView>, ProcessorError> {
        let url = at(&self.base, &format!("v1/disputes/{mandate_id}"));
        let request = self.http.get(url).header(header::AUTHORIZATION, authorization(access)?);
        let (status, answer) = call_within(request, self.retry, DISPUTE_BYTES_MAX).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status => read((status, answer)).map(Some),
        }
    }

    /// The bytes of a piece of evidence, which are the ones that were signed for; nothing where the
    /// processor does not have them.
    ///
    /// # Errors
    /// When the processor does not answer, refuses, or answers other bytes.
    pub async fn evidence(
        &self,
        access: &SignedAccess,
        mandate_id: B256,
        piece: &Evidence,
    ) -> Result<Option<Bytes>, ProcessorError> {
        let url = at(&self.base, &format!("v1/disputes/{mandate_id}/evidence/{}", piece.hash));
        let request = self.http.get(url).header(header::AUTHORIZATION, authorization(access)?);
        let most = usize::try_from(piece.size).unwrap_or(usize::MAX);
        // A refusal is longer than some pieces are.
        let (status, bytes) = call_within(request, self.slow(), most.max(4_096)).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if !status.is_success() => Err(refusal(status, &bytes)),
            _ if piece.is(&bytes) => Ok(Some(bytes)),
            _ => Err(ProcessorError::InvalidAnswer(format!(
                "the evidence {} is other bytes than were signed for",
                piece.hash
            ))),
        }
    }

    /// Opens a dispute.
    ///
    /// # Errors
    /// When the processor does not answer, refuses, or answers no dispute.
    pub async fn open(&self, dispute: &SignedDispute) -> Result<DisputeView, ProcessorError> {
        self.post("v1/disputes", dispute).await
    }

    /// Answers the dispute about a mandate, as its payee.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn answer(
        &self,
        mandate_id: B256,
        answer: &SignedDisputeAnswer,
    ) -> Result<DisputeView, ProcessorError> {
        self.post(&format!("v1/disputes/{mandate_id}/answer"), answer).await
    }

    /// Rules on the dispute about a mandate, as its arbiter.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn rule(&self, ruling: &SignedRuling) -> Result<DisputeView, ProcessorError> {
        self.post(&format!("v1/disputes/{}/ruling", ruling.message.mandate_id), ruling).await
    }

    /// Hands in the bytes of a piece of evidence that a party to the dispute signed for. Whoever says who it is does
    /// not wait for strangers.
    ///
    /// # Errors
    /// When the processor does not answer, or refuses.
    pub async fn put_evidence(
        &self,
        access: &SignedAccess,
        mandate_id: B256,
        bytes: impl Into<Bytes>,
    ) -> Result<(), ProcessorError> {
        let bytes = bytes.into();
        let hash = keccak256(&bytes);
        let url = at(&self.base, &format!("v1/disputes/{mandate_id}/evidence/{hash}"));
        let kind = (header::CONTENT_TYPE, "application/octet-stream");
        let request = self.http.post(url).header(kind.0, kind.1).body(bytes);
        let request = request.header(header::AUTHORIZATION, authorization(access)?);
        let (status, answer) = call_within(request, self.slow(), DISPUTE_BYTES_MAX).await?;
        if status.is_success() { Ok(()) } else { Err(refusal(status, &answer)) }
    }

    /// The time by the processor's clock, to the second; nothing where it does not say.
    pub async fn time(&self) -> Option<UnixTime> {
        time_at(&self.http, at(&self.base, "healthz")).await
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<DisputeView, ProcessorError> {
        let request = self.http.post(at(&self.base, path)).json(body);
        read(call_within(request, self.retry, DISPUTE_BYTES_MAX).await?)
    }

    fn slow(&self) -> RetryPolicy {
        RetryPolicy { timeout: self.retry.timeout.max(EVIDENCE_WITHIN), ..self.retry }
    }
}

/// A signed access as the header `Authorization` has it: `AEP2`, a space, and the JSON in base64url.
///
/// # Errors
/// It can always be written; serde may refuse all the same.
pub fn authorization(access: &SignedAccess) -> Result<String, ProcessorError> {
    let json = serde_json::to_vec(access);
    let json = json.map_err(|error| ProcessorError::InvalidAnswer(error.to_string()))?;
    Ok(format!("{ACCESS_SCHEME} {}", URL_SAFE_NO_PAD.encode(json)))
}

fn read<T: DeserializeOwned>((status, answer): (StatusCode, Bytes)) -> Result<T, ProcessorError> {
    if !status.is_success() {
        return Err(refusal(status, &answer));
    }
    serde_json::from_slice(&answer)
        .map_err(|error| ProcessorError::InvalidAnswer(error.to_string()))
}
