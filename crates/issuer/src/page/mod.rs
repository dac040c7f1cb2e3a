//! The owner's page: cards, budgets as bars, requests to decide, what was paid.
//!
//! HTML that is made here, and no build step. An owner logs in with its token, and has a
//! [session](crate::sessions). The script brings the figures up to date, and puts the session's key into
//! forms; without it the page shows everything and changes nothing.

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
