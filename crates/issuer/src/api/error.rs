//! Errors as callers see them.
//!
//! ```json
//! { "error": { "code": "budget_exceeded", "message": "…" } }
//! ```

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::error::{Code, IssuerError, Refusal};

/// An error's body.
#[derive(Serialize)]
struct Envelope {
    error: Body,
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { code, message } = self;
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Envelope { error: Body { code: code.name(), message } };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match code {
            Code::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Code::RateExceeded => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
            }
            Code::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl IntoResponse for IssuerError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => refusal.into_response(),
            other => {
                let code = other.code();
                // What went wrong inside is for the log: it may name files.
                tracing::error!(error = %other, "a request failed");
                let message = "something went wrong here; the operator's log says what";
                Refusal::new(code, message).into_response()
            }
        }
    }
}
