//! The published MVP's interface: `POST /enqueue` and `GET /health`, for software that was written
//! for it. Mandates are of the direct path and settle through `settleDirect`, in batches.
//!
//! The bodies, codes and their order are the MVP's; what is behind them is the processor that serves
//! everything else. `docs/mvp.md` says where the two differ.

pub(super) mod enqueue;
pub(super) mod health;
pub(super) mod schema;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::error::ApiError;

/// Where mandates are taken.
pub(super) const ENQUEUE: &str = "/enqueue";
/// What became of the last ones.
pub(super) const HEALTH: &str = "/health";

/// Whether an address is the MVP's.
pub(super) fn has(route: &str) -> bool {
    matches!(route, ENQUEUE | HEALTH)
}

/// The MVP's codes. Their order is the one in which they are looked at: the first that applies is
/// the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Code {
    InvalidRequest,
    ExpiredMandate,
    InvalidSignature,
    DuplicateMandate,
    NonceUsed,
    InsufficientBalance,
    InternalError,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::InsufficientBalance => StatusCode::PAYMENT_REQUIRED,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The body of an error.
#[derive(Debug, Serialize)]
struct Refusal {
    error: Code,
    message: String,
}

impl Refusal {
    fn new(error: Code, message: impl ToString) -> Self {
        Self { error, message: message.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.error.status(), Json(self)).into_response()
    }
}

/// An error of the server's own, in the MVP's words. Status and headers stay: what is worth another
/// try says so in both generations alike.
pub(super) fn in_its_words(response: Response) -> Response {
    let Some(ApiError { message, .. }) = response.extensions().get().cloned() else {
        return response;
    };
    let status = response.status();
    let is_the_callers = status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS;
    let error = if is_the_callers { Code::InvalidRequest } else { Code::InternalError };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    let said = Json(Refusal::new(error, message)).into_response();
    Response::from_parts(parts, said.into_body())
}
