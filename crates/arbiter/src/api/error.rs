//! Errors as judges' software reads them: `{"error": {"code": …, "message": …}}`.

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::error::ArbiterError;

/// An error on its way to a caller.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: &'static str,
    message: String,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new("malformed", message)
    }

    fn status(&self) -> StatusCode {
        match self.code {
            "malformed" => StatusCode::BAD_REQUEST,
            "unauthorized" => StatusCode::UNAUTHORIZED,
            "forbidden" | "forged" => StatusCode::FORBIDDEN,
            "not_found" => StatusCode::NOT_FOUND,
            "destroyed" => StatusCode::GONE,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            "internal" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::CONFLICT,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let message = match status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                // What went wrong inside is for the log: it may name files.
                tracing::error!(error = self.message, "a judge's request failed");
                "something went wrong here; the log of the dispute processor says what".to_owned()
            }
            _ => self.message,
        };
        (status, Json(json!({ "error": { "code": self.code, "message": message } })))
            .into_response()
    }
}

impl From<ArbiterError> for ApiError {
    fn from(error: ArbiterError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

macro_rules! malformed {
    ($($rejection:ty),+) => {
        $(impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                Self::malformed(rejection.body_text())
            }
        })+
    };
}
malformed!(JsonRejection, PathRejection, QueryRejection);
