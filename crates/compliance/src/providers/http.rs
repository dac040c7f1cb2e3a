//! Any service that answers our question over HTTP: what an operator buys stands behind a few lines of
//! its own. `docs/compliance.md` has the question, the answer, and how both are signed.
//!
//! Both sides know a secret. The question's signature keeps a service that is paid by the question from
//! answering anybody; the answer's keeps whoever is in between from clearing somebody. It covers the
//! question's number, so that an answer cannot be given again.

use std::time::Duration;

use aep2_mandate::units::UnixTime;
use alloy_primitives::{B256, hex};
use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use url::{Host, Url};

use crate::{
    provider::{Finding, Provider, Unavailable},
    rules::later,
    subject::{Subject, SubjectKind},
    verdict::{Outcome, Reason},
};

/// The header of question and answer that holds the signature, hexadecimal.
pub const SIGNATURE_HEADER: &str = "aep2-signature";
/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// The shortest secret, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// A question.
#[derive(Serialize)]
struct Question<'a> {
    version: u8,
    /// Another one each time.
    id: B256,
    subject: &'a Subject,
    /// When it is asked, in unix seconds.
    at: u64,
}

/// An answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// The question's number.
    id: B256,
    outcome: Outcome,
    reason: Reason,
    /// Until when it holds, in unix seconds.
    valid_until: u64,
    /// What the service found, by a name that stays the same. Of a clear answer there need be none.
    #[serde(default)]
    reference: Option<String>,
}

/// Why a service cannot be asked.
#[derive(Debug, Error)]
pub enum HttpProviderError {
    /// Whoever is in between would read who pays whom.
    #[error("{0} is neither https nor on this machine")]
    NotPrivate(Url),
    /// It could be guessed.
    #[error("the secret has {0} bytes, and at least {SECRET_BYTES_MIN} are needed")]
    ShortSecret(usize),
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// A service that is asked.
pub struct HttpProvider {
    name: String,
    url: Url,
    secret: Vec<u8>,
    valid_s_max: u64,
    client: reqwest::Client,
}

impl HttpProvider {
    /// This service. An answer counts for `valid_s_max` seconds at most, whatever it says.
    ///
    /// # Errors
    /// When the address is not private, or the secret too short.
    pub fn new(
        name: String,
        url: Url,
        secret: Vec<u8>,
        valid_s_max: u64,
        answer_within: Duration,
    ) -> Result<Self, HttpProviderError> {
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(HttpProviderError::NotPrivate(url));
        }
        if secret.len() < SECRET_BYTES_MIN {
            return Err(HttpProviderError::ShortSecret(secret.len()));
        }
        // An answer from elsewhere is not the service's.
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(answer_within);
        // A proxy of the environment has no business between two programs of one machine.
        let client = if is_here { client.no_proxy() } else { client }.build()?;
        Ok(Self { name, url, secret, valid_s_max, client })
    }

    async fn ask(&self, body: Vec<u8>) -> Result<Vec<u8>, Unavailable> {
        let signature = sign(&self.secret, &[&body]);
        let asking = self
            .client
            .post(self.url.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        // Without the address: it may hold a key.
        let away = |error: reqwest::Error| Unavailable::from_error(&error.without_url());
        let mut answer = asking.send().await.map_err(away)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(Unavailable(format!("it answers {}", answer.status())));
        }
        let signature = answer.headers().get(SIGNATURE_HEADER).cloned();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Unavailable(format!("its answer is over {ANSWER_BYTES_MAX} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        let signature = signature.and_then(|value| hex::decode(value.as_bytes()).ok());
        let mut mac = mac(&self.secret);
        mac.update(&bytes);
        let holds = signature.is_some_and(|signature| mac.verify_slice(&signature).is_ok());
        if !holds {
            return Err(Unavailable("its answer is not signed with the secret".to_owned()));
        }
        Ok(bytes)
    }
}

fn mac(secret: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length.
    Hmac::new_from_slice(secret).expect("HMAC takes any key")
}

/// The signature of question or answer: HMAC-SHA256 of its bytes, hexadecimal.
pub fn sign(secret: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = mac(secret);
    parts.iter().for_each(|part| mac.update(part));
    hex::encode(mac.finalize().into_bytes())
}

#[async_trait]
impl Provider for HttpProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn knows(&self, _kind: SubjectKind) -> bool {
        true
    }

    async fn check(&self, subject: &Subject, now: UnixTime) -> Result<Finding, Unavailable> {
        let id = B256::from(rand::random::<[u8; 32]>());
        let question = Question { version: 1, id, subject, at: now.get() };
        let body = serde_json::to_vec(&question).map_err(|e| Unavailable::from_error(&e))?;
        let document = self.ask(body).await?;
        let answer: Answer = serde_json::from_slice(&document)
            // Without the error's text: it quotes the answer, which may be personal.
            .map_err(|_| Unavailable("its answer is not of the form that was agreed".to_owned()))?;
        if answer.id != id {
            return Err(Unavailable("its answer is to another question".to_owned()));
        }
        let Answer { outcome, reason, valid_until, reference, .. } = answer;
        if (outcome == Outcome::Clear) != (reason == Reason::Compliant) {
            return Err(Unavailable(
                "its outcome and its reason contradict one another".to_owned(),
            ));
        }
        if outcome != Outcome::Clear && reference.is_none() {
            return Err(Unavailable("its answer does not name what it found".to_owned()));
        }
        let valid_until = UnixTime::new(valid_until).unwrap_or(UnixTime::MAX);
        if valid_until <= now {
            return Err(Unavailable("its answer is over already".to_owned()));
        }
        let valid_until = valid_until.min(later(now, self.valid_s_max));
        let entry = reference.map(|own| B256::from_slice(&Sha256::digest(own.as_bytes())));
        let entry = entry.unwrap_or_default();
        Ok(Finding { outcome, reason, entry, valid_until, document })
    }
}
