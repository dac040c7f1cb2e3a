//! Asking an issuer over HTTP, each request with the proof of the card's holder.

use std::time::Duration;

use aep2_cards::{
    host::Host,
    proof::{self, Request},
};
use aep2_mandate::{
    clock::Clock,
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{AccountId, ChainId, UnixTime},
    wire::Strict,
};
use aep2_x402::{Requirements, purchase::Venue, terms::WireAddress};
use alloy_primitives::B256;
use http::{Method, StatusCode, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use thiserror::Error;
use url::Url;

use super::file::CardFile;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How often an issuer is asked in all, where it does not answer.
const ATTEMPTS: u32 = 4;
/// Between the first two; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);

/// Why an issuer issued nothing.
#[derive(Debug, Error)]
pub enum IssuerError {
    /// The card's owner has to decide first. Buy the same again afterwards.
    #[error("the card's owner has to approve this: {}", .0.url.as_ref().map_or("ask the owner", Url::as_str))]
    Approval(Box<Approval>),
    /// It refused.
    #[error("the issuer refused (status {status}): {code}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its stable code.
        code: String,
        /// Its message.
        message: String,
    },
    /// It did not answer.
    #[error("the issuer does not answer: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// It answered something else than what it was asked for. Nothing of it is used.
    #[error("the issuer's answer cannot be used: {0}")]
    Answer(String),
}

/// A question to a card's owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name.
    pub id: String,
    /// Why the owner is asked, as the issuer's code.
    pub reason: String,
    /// How far it is.
    pub state: String,
    /// Until when it can be decided, and used.
    pub expires: UnixTime,
    /// Where the owner decides.
    pub url: Option<Url>,
}

/// Where a card's money is, by its issuer's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaysFrom {
    /// The account that pays. None where its owner has not opened it yet.
    pub account: Option<AccountId>,
    /// The processor's address on the net.
    pub processor_url: Url,
    /// The chain.
    pub chain_id: ChainId,
    /// The wallet contract.
    pub wallet: WireAddress,
    /// The processor, by the address that signs its receipts.
    pub processor: WireAddress,
}

impl PaysFrom {
    /// Where payments count.
    pub fn venue(&self) -> Venue {
        Venue { chain: self.chain_id, wallet: self.wallet.0, processor: self.processor.0 }
    }
}

/// A request for a payment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked<'a> {
    /// The same again gets the same payment.
    pub(crate) request_key: B256,
    pub(crate) method: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) terms: &'a Requirements,
}

/// A payment that was issued.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Issued {
    pub(crate) mandate_id: Strict<B256>,
    pub(crate) payment: IssuedPayment,
}

/// What is read of it: the terms and the resource are known here.
#[derive(Debug, Deserialize)]
pub(crate) struct IssuedPayment {
    pub(crate) payload: SignedMandate,
}

impl Issued {
    pub(crate) fn id(&self) -> Option<MandateId> {
        MandateId::from_bytes(self.mandate_id.0)
    }
}

/// An issuer, and the card that it is asked with.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    card: CardFile,
    http: reqwest::Client,
    clock: Clock,
}

impl Issuer {
    pub(crate) fn new(card: CardFile, http: reqwest::Client, clock: Clock) -> Self {
        Self { card, http, clock }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What the issuer says of the card, as it says it.
    pub(crate) async fn report(&self) -> Result<Box<RawValue>, IssuerError> {
        let (status, body) = self.call(Method::GET, "v1/card", Vec::new()).await?;
        read(status, &body)
    }

    /// Where the card's money is.
    pub(crate) async fn pays_from(&self) -> Result<PaysFrom, IssuerError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Report {
            pays_from: Option<PaysFrom>,
        }

        let report = self.report().await?;
        let report: Report = serde_json::from_str(report.get()).map_err(unreadable)?;
        report.pays_from.ok_or_else(|| IssuerError::Answer("the card has no wallet".to_owned()))
    }

    /// Asks for a payment, again with the same key where there is no answer.
    pub(crate) async fn issue(&self, asked: &Asked<'_>) -> Result<Issued, IssuerError> {
        #[derive(Deserialize)]
        struct Waits {
            approval: Approval,
        }

        let body = serde_json::to_vec(asked).map_err(unreadable)?;
        let (status, body) = self.call(Method::POST, "v1/issue", body).await?;
        if status == StatusCode::ACCEPTED {
            let Waits { approval } = read(status, &body)?;
            return Err(IssuerError::Approval(Box::new(approval)));
        }
        read(status, &body)
    }

    /// Hands over a receipt, so that the next mandates may follow this one's.
    pub(crate) async fn receipt(&self, receipt: &SignedReceipt) -> Result<(), IssuerError> {
        #[derive(Serialize)]
        struct Receipts<'a> {
            receipts: [&'a SignedReceipt; 1],
        }

        let body = serde_json::to_vec(&Receipts { receipts: [receipt] }).map_err(unreadable)?;
        let (status, body) = self.call(Method::POST, "v1/receipts", body).await?;
        if status.is_success() { Ok(()) } else { Err(refused(status, &body)) }
    }

    /// One request until it is answered. Each attempt is signed anew: a proof counts once.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), IssuerError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let last = attempt >= ATTEMPTS;
            match self.once(method.clone(), path, body.clone()).await {
                Ok((status, _)) if !last && passes(status) => {}
                Ok(answer) => return Ok(answer),
                Err(error @ IssuerError::Unreachable(_)) if last => return Err(error),
                Err(IssuerError::Unreachable(_)) => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Vec<u8>), IssuerError> {
        let url = at(self.card.issuer(), path)?;
        let authority = Host::of(&url).ok_or_else(|| IssuerError::Answer(format!("{url}")))?;
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        let signed = Request {
            method: method.as_str(),
            authority: authority.as_str(),
            path: url.path(),
            query: url.query(),
            body: &body,
        };
        let headers = request.headers_mut();
        match self.card.key() {
            Some(key) => {
                let (now, nonce) = (self.clock.now(), proof::random_nonce());
                let proof = proof::sign(&signed, self.card.card(), key, now, &nonce);
                proof.insert_into(headers);
            }
            None => {
                let card = proof::authorization(self.card.card());
                headers.insert(http::header::AUTHORIZATION, card);
            }
        }
        if !body.is_empty() {
            let json = http::HeaderValue::from_static("application/json");
            headers.insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.into());
        }
        let mut response = self.http.execute(request).await.map_err(IssuerError::Unreachable)?;
        let (status, mut read) = (response.status(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(IssuerError::Unreachable)? {
            if read.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(IssuerError::Answer(format!("more than {ANSWER_BYTES_MAX} bytes")));
            }
            read.extend_from_slice(&chunk);
        }
        Ok((status, read))
    }
}

/// An address below the issuer's, which may have a path of its own.
fn at(base: &Url, path: &str) -> Result<Url, IssuerError> {
    let mut base = base.clone();
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    base.join(path).map_err(|error| IssuerError::Answer(error.to_string()))
}

/// Statuses that the same request, a moment later, may change.
fn passes(status: StatusCode) -> bool {
    use StatusCode as S;
    matches!(
        status,
        S::INTERNAL_SERVER_ERROR | S::BAD_GATEWAY | S::SERVICE_UNAVAILABLE | S::GATEWAY_TIMEOUT
    )
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, IssuerError> {
    if !status.is_success() {
        return Err(refused(status, body));
    }
    serde_json::from_slice(body).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> IssuerError {
    IssuerError::Answer(error.to_string())
}

fn refused(status: StatusCode, body: &[u8]) -> IssuerError {
    #[derive(Deserialize)]
    struct Envelope {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        code: String,
        message: String,
    }

    let said = serde_json::from_slice(body).ok();
    let said = said.map(|Envelope { error: Said { code, message } }| (code, message));
    let (code, message) = said.unwrap_or_default();
    IssuerError::Refused { status: status.as_u16(), code, message }
}
