//! The owner's page: cards, budgets as bars, requests to decide, what was paid.
//!
//! HTML that is made here, and no build step. It works without its script, which only brings the figures
//! up to date. An owner logs in with its token, and has a session: a cookie that scripts cannot read and
//! that other sites' forms do not send. Each form has the session's own secret in it besides.

mod actions;
mod assets;
mod home;
mod layout;
mod login;
mod security;
mod show;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::api::Context;

pub(crate) use self::security::never_cached;

/// The page's addresses.
pub(crate) fn routes(context: &Context) -> Router<Context> {
    Router::new()
        .route("/", get(home::home))
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/approvals/{id}", get(home::approval).post(actions::decide))
        .route("/cards/{id}", post(actions::card))
        .route("/wallets/{id}", post(actions::wallet))
        .layer(middleware::from_fn_with_state(context.clone(), security::guard))
        .merge(assets::routes())
}
