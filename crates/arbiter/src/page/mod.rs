//! The judges' page: cases, what was said and shown in each, and the form to decide.
//!
//! A judge logs in with its token, and has a [session](aep2_page::sessions::Sessions). What parties said is text, whatever they wrote; links in it are not links, and
//! evidence is only downloaded. The script puts the session's key into forms; without it the page shows
//! everything and changes nothing.

mod actions;
mod case;
mod guard;
mod list;
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
        .route("/", get(list::list))
        .route("/login", post(login::login))
        .route("/logout", post(login::logout))
        .route("/cases/{number}", get(case::case))
        .route("/cases/{number}/decision", post(actions::decide))
        .route("/cases/{number}/rejection", post(actions::reject))
        .route("/cases/{number}/evidence/{hash}", get(actions::evidence))
        .layer(middleware::from_fn_with_state(context.clone(), guard::guard))
        .merge(assets::routes(include_str!("case.css"), ""))
}
