//! Which address is answered by what.

use aep2_page::security;
use axum::{
    Router,
    extract::State,
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post, put},
};

use super::{agent, context::Context, owner};
use crate::{
    error::{Code, Refusal},
    page,
};

/// Everything that the issuer serves.
pub fn router(context: Context) -> Router {
    let agents = Router::new()
        .route("/v1/issue", post(agent::issue))
        .route("/v1/card", get(agent::show))
        .route("/v1/receipts", post(agent::receipts))
        .route("/v1/approvals/{id}", get(agent::approval));
    let owners = Router::new()
        .route("/v1/owner/wallets", get(owner::wallets).post(owner::create_wallet))
        .route("/v1/owner/wallets/{id}", patch(owner::change_wallet))
        .route("/v1/owner/cards", get(owner::cards).post(owner::create_card))
        .route("/v1/owner/cards/{id}", patch(owner::change_card))
        .route("/v1/owner/cards/{id}/blocks/{block}", delete(owner::revoke_block))
        .route("/v1/owner/budgets", get(owner::budgets).post(owner::create_budget))
        .route("/v1/owner/budgets/{id}", patch(owner::change_budget))
        .route("/v1/owner/hosts", get(owner::hosts))
        .route("/v1/owner/hosts/{host}", put(owner::set_host))
        .route("/v1/owner/approvals", get(owner::approvals))
        .route("/v1/owner/approvals/{id}", post(owner::decide))
        .route("/v1/owner/payments", get(owner::payments))
        .route("/v1/owner/log", get(owner::log));
    let operation =
        Router::new().route("/healthz", get(async || "alive\n")).route("/metrics", get(metrics));
    agents
        .merge(owners)
        .merge(operation)
        .merge(page::routes(&context))
        .fallback(async || {
            Refusal::new(
                Code::NotFound,
                "there is nothing at this address; docs/issuing.md lists what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            Refusal::new(Code::MethodNotAllowed, "this address takes other methods")
        })
        .layer(middleware::from_fn(security::never_cached))
        .with_state(context)
}

/// `GET /metrics`.
async fn metrics(State(context): State<Context>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], context.metrics().text()).into_response()
}
