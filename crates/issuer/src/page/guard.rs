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

/// Takes those that name this service and, where they change something, come from its own pages.
pub(super) async fn guard(
    State(context): State<Context>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(forged) = security::check(&request, |host| context.is_host(host)) {
        return Refusal::new(Code::Forged, forged.to_string()).into_response();
    }
    let mut response = next.run(request).await;
    security::protect(&mut response);
    response
}
