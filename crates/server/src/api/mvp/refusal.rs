//! Errors in the MVP's form.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;

/// The published MVP's codes. Their order is the one in which they are looked at: the first that applies is
/// the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = MvpCode)]
pub(in crate::api) enum Code {
    InvalidRequest,
    ExpiredMandate,
    InvalidSignature,
    DuplicateMandate,
    NonceUsed,
    InsufficientBalance,
    InternalError,
}

impl Code {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::InsufficientBalance => StatusCode::PAYMENT_REQUIRED,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// What went wrong, in the published MVP's form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MvpError)]
pub(in crate::api) struct Refusal {
    pub(super) error: Code,
    /// For people.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(error: Code, message: impl ToString) -> Self {
        Self { error, message: message.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.error.status(), Json(self)).into_response()
    }
}

/// An error of the server's own, in the MVP's form. Status and headers stay: what is worth another
/// try says so in both generations alike.
pub(in crate::api) fn as_mvp(response: Response) -> Response {
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
