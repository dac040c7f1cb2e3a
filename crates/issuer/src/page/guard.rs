//! Whose requests the page takes.

use aep2_page::security;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    api::Context,
    error::{Code, Refusal},
};

/// [`security::guard`], by the names that this service has.
pub(super) async fn guard(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    let is_host = |host: &str| context.is_host(host);
    let refuse =
        |forged: security::Forged| Refusal::new(Code::Forged, forged.to_string()).into_response();
    security::guard(request, next, is_host, refuse).await
}
