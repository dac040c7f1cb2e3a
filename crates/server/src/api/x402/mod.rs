//! x402's facilitator: `GET /supported`, `POST /verify`, `POST /settle`. A payment is of the scheme
//! [`aep2`], or of [`exact`] where that is set up.
//!
//! A refusal is an answer of x402's shape with the status 200; only what cannot be read (400) and what
//! is worth another try (429, 500, 503) have a status of their own.

mod aep2;
mod exact;
mod reason;

use aep2_x402::{SupportedResponse, terms};
use axum::{
    Json,
    body::Bytes,
    extract::{Request, State},
    response::Response,
};

use super::{body, error::ApiError, schema, state::Api};

/// How many times as long as a mandate's body one of x402's may be: the terms are in it twice.
const ENVELOPE: usize = 4;

/// What this facilitator settles.
///
/// The scheme `aep2` on the wallet's chain, with what payees put into their terms; and `exact`, where the
/// operator has set it up.
#[utoipa::path(
    get, path = "/supported", tag = "x402",
    responses((status = 200, description = "x402's SupportedResponse", body = Object))
)]
pub(super) async fn supported(State(api): State<Api>) -> Json<SupportedResponse> {
    let identity = api.processor().identity();
    let network = terms::network(identity.chain_id);
    let mut kinds = vec![aep2::kind(&identity)];
    let mut signers = vec![identity.processor.to_checksum(None)];
    if let Some(exact) = api.exact() {
        kinds.push(exact::kind(&network));
        signers.push(exact.signer().to_checksum(None));
    }
    let signers = [(network, signers)].into();
    Json(SupportedResponse { kinds, extensions: Vec::new(), signers })
}

/// Whether a payment would be settled.
///
/// Checks everything that settling checks, the signature included, and promises nothing.
#[utoipa::path(
    post, path = "/verify", tag = "x402",
    request_body(content = Object, description = "x402's VerifyRequest, with a payload {mandate, key, signature}"),
    responses(
        (status = 200, description = "x402's VerifyResponse", body = Object),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn verify(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let text = read(&api, request).await?;
    match api.exact().filter(|_| exact::is_meant(&text)) {
        Some(facilitator) => Ok(exact::verify(facilitator, &text).await),
        None => aep2::verify(&api, &text).await,
    }
}

/// Settle a payment.
///
/// Accepts the mandate: `success` means that it is on disk and its amount reserved. `transaction` is
/// empty, since it is settled later, many with one transaction; the processor's receipt, its promise to
/// do so, is `extra.receipt`. The same mandate again gets the same receipt.
#[utoipa::path(
    post, path = "/settle", tag = "x402",
    request_body(content = Object, description = "x402's SettleRequest, with a payload {mandate, key, signature}"),
    responses(
        (status = 200, description = "x402's SettleResponse, with extra.receipt", body = Object),
        schema::BodyErrors, schema::ServiceErrors,
    )
)]
pub(super) async fn settle(State(api): State<Api>, request: Request) -> Result<Response, ApiError> {
    let network = terms::network(api.processor().identity().chain_id);
    let text = read(&api, request).await?;
    match api.exact().filter(|_| exact::is_meant(&text)) {
        Some(facilitator) => Ok(exact::settle(facilitator, network, &text).await),
        None => aep2::settle(&api, network, &text).await,
    }
}

/// The request's text.
async fn read(api: &Api, request: Request) -> Result<Bytes, ApiError> {
    let bytes_max = api.limits().mandate_bytes_max.saturating_mul(ENVELOPE);
    body::json(request, bytes_max, api.body_within()).await
}
