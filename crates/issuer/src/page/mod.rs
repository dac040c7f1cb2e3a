//! The owner's page: cards, budgets as bars, requests to decide, what was paid.
//!
//! An owner logs in with its token, and has a [session](aep2_page::sessions::Sessions); another token of the
//! owner's ends it. The script brings the figures up to date, and puts the session's key into forms; without
//! it the page shows everything and changes nothing.

mod actions;
mod guard;
mod home;
mod login;
mod pages;
mod show;

use aep2_page::assets;
use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::api::Context;

/// The page's addresses.
pub(crate) fn routes(context: &Context) -> Router<Context> {
    Router::new()
        .route("/", get(home::home))
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/approvals/{id}", get(home::approval).post(actions::decide))
        .route("/cards/{id}", post(actions::card))
        .route("/wallets/{id}", post(actions::wallet))
        .layer(middleware::from_fn_with_state(context.clone(), guard::guard))
        .merge(assets::routes("", include_str!("refresh.js")))
}
