//! The scheme `exact`: transfers, sent at once.
//!
//! `success` means that the transfer is in a block. Once only: the same payment again is refused, since
//! payees that remember nothing take a success for leave to serve.

use aep2_exact::{ExactError, ExactFacilitator, Settled};
use aep2_x402::{Network, SettleResponse, SupportedKind};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::reason::{RejectReason, parse, valid};

/// The scheme's name.
const SCHEME: &str = "exact";

/// Whether a request is about a payment of this scheme.
pub(super) fn is_meant(text: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        payment_payload: Payload,
    }
    #[derive(Deserialize)]
    struct Payload {
        accepted: Accepted,
    }
    #[derive(Deserialize)]
    struct Accepted {
        scheme: String,
    }
    serde_json::from_slice(text)
        .is_ok_and(|request: Request| request.payment_payload.accepted.scheme == SCHEME)
}

/// What `GET /supported` says of it. Names and versions of tokens are the payee's to say.
pub(super) fn kind(network: &Network) -> SupportedKind {
    SupportedKind {
        x402_version: 2,
        scheme: SCHEME.to_owned(),
        network: network.to_string(),
        extra: None,
    }
}

pub(super) async fn verify(exact: &ExactFacilitator, text: &[u8]) -> Response {
    let payer = match parse(text) {
        Ok(request) => exact.verify(&request).await.map_err(RejectReason::from),
        Err(reason) => Err(reason),
    };
    match payer {
        Ok(payer) => valid(Some(payer.to_checksum(None))),
        Err(reason) => reason.invalid(None),
    }
}

pub(super) async fn settle(exact: &ExactFacilitator, network: Network, text: &[u8]) -> Response {
    let settled = match parse(text) {
        Ok(request) => exact.settle(request).await.map_err(RejectReason::from),
        Err(reason) => Err(reason),
    };
    match settled {
        Ok(Settled { payer, transaction }) => {
            Json(SettleResponse::on_chain(network, payer, transaction)).into_response()
        }
        Err(reason) => reason.refused(network, None),
    }
}

impl From<ExactError> for RejectReason {
    fn from(error: ExactError) -> Self {
        let message = error.to_string();
        let (status, code) = match error {
            ExactError::Refused { code, .. } => (StatusCode::OK, code),
            ExactError::InProgress => (StatusCode::SERVICE_UNAVAILABLE, "settlement_in_progress"),
            ExactError::Busy => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            ExactError::Failed(_) => (StatusCode::SERVICE_UNAVAILABLE, "unexpected_settle_error"),
        };
        Self { status, code, message }
    }
}
