//! Why a payment is not taken, as x402's answers say it.

use aep2_x402::{Network, SettleResponse, VerifyResponse};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use crate::api::error::{ApiError, Code};

/// Why a payment is not taken.
#[derive(Debug)]
pub(super) struct RejectReason {
    /// The answer's status: 200 unless the request cannot be read or is worth another try.
    pub(super) status: StatusCode,
    /// For software: `invalidReason`, `errorReason`.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
}

impl RejectReason {
    /// The payee's terms and the payment do not fit together, or not this processor.
    pub(super) fn terms(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            code: "invalid_payment_requirements",
            message: message.into(),
        }
    }

    /// The answer of `POST /verify`.
    pub(super) fn invalid(self, payer: Option<String>) -> Response {
        let body = VerifyResponse {
            is_valid: false,
            invalid_reason: Some(self.code.to_owned()),
            invalid_message: Some(self.message),
            payer,
        };
        (self.status, Json(body)).into_response()
    }

    /// The answer of `POST /settle`.
    pub(super) fn refused(self, network: Network, payer: Option<String>) -> Response {
        let refused = SettleResponse::refused(network, self.code, self.message);
        (self.status, Json(SettleResponse { payer, ..refused })).into_response()
    }
}

impl From<ApiError> for RejectReason {
    /// What is worth another try keeps its status: clients of x402 know nothing else to tell it by.
    fn from(error: ApiError) -> Self {
        let passes = error.code.passes() || error.code == Code::Internal;
        let status = if passes { error.code.status() } else { StatusCode::OK };
        Self { status, code: error.code.name(), message: error.message.into_owned() }
    }
}

/// The answer of `POST /verify` where nothing speaks against the payment.
pub(super) fn valid(payer: Option<String>) -> Response {
    let body =
        VerifyResponse { is_valid: true, invalid_reason: None, invalid_message: None, payer };
    Json(body).into_response()
}

/// The request, or what is wrong with it in x402's terms.
pub(super) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, RejectReason> {
    serde_json::from_slice(text).map_err(|error| RejectReason {
        status: StatusCode::BAD_REQUEST,
        code: "invalid_payload",
        message: error.to_string(),
    })
}
