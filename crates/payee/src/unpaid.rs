//! Answers to requests that are not served: what is asked for, and why a payment was refused.

use aep2_x402::{
    PaymentRequired, X402Version2,
    headers::{self, PAYMENT_REQUIRED},
    v1,
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{refusal::Refusal, sale::Sale, scheme::Offer, statement::Statement};

/// The answer in x402's words. An answer 402 carries `offers`.
pub(crate) fn answer(
    refusal: &Refusal,
    sale: &Sale,
    offers: impl FnOnce() -> serde_json::Result<Vec<Offer>>,
) -> Response {
    let status = refusal.status();
    let mut response = if status == StatusCode::PAYMENT_REQUIRED {
        offers().and_then(|offers| asking(refusal, sale, offers)).unwrap_or_else(|e| broken(&e))
    } else {
        let error = Inner { code: refusal.code(), message: refusal.to_string() };
        json(status, &Envelope { error })
    };
    let settled = refusal.settled(&sale.network());
    let said = settled.and_then(|settled| settled.headers().ok());
    let headers = response.headers_mut();
    headers.extend(said.into_iter().flatten());
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer 402: what is asked for in the header, and for clients of x402's first version in the
/// body.
///
/// Clients of other protocols read other members of that body, and as `error` a code, which to
/// x402's is words. They find them where the request came without a payment.
fn asking(refusal: &Refusal, sale: &Sale, offers: Vec<Offer>) -> serde_json::Result<Response> {
    let unpaid = matches!(refusal, Refusal::PaymentRequired);
    let (mut accepts, mut first_version) = (Vec::new(), Vec::new());
    let (mut error, mut others) = (refusal.to_string(), Vec::new());
    for offer in offers {
        match offer {
            Offer::X402 { requirements, first_version: same } => {
                accepts.push(requirements);
                first_version.push(*same);
            }
            Offer::Body { error: code, members } if unpaid => {
                error = code;
                others.extend(members);
            }
            Offer::Body { .. } => {}
        }
    }
    let request = sale.request();
    let required = PaymentRequired {
        x402_version: X402Version2,
        error: Some(refusal.to_string()),
        resource: Some(request.resource.clone()),
        accepts,
        extensions: Default::default(),
    };
    let first_version = v1::required(error, first_version);
    let mut response = json(refusal.status(), &Required { first_version, others });
    response.headers_mut().insert(PAYMENT_REQUIRED, headers::write(&required)?);
    Ok(response)
}

/// The body of an answer 402.
#[derive(Serialize)]
struct Required {
    #[serde(flatten)]
    first_version: v1::Required,
    #[serde(flatten, serialize_with = "as_members")]
    others: Vec<(&'static str, Box<RawValue>)>,
}

fn as_members<S: Serializer>(
    members: &[(&'static str, Box<RawValue>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
}

/// The native interface's envelope.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: String,
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => broken(&error),
    }
}

/// Something that always has JSON had none.
fn broken(error: &serde_json::Error) -> Response {
    tracing::error!(%error, "an answer could not be written");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
