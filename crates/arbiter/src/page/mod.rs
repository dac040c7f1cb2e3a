//! The judges' page: cases, what was said and shown in each, and the form to decide.
//!
//! HTML that is made here, and no build step. A judge logs in with its token, and has a
//! [session](crate::sessions). What parties said is text, whatever they wrote; links in it are not links, and
//! evidence is only downloaded. The script puts the session's key into forms; without it the page shows
//! everything and changes nothing.

mod actions;
mod assets;
mod case;
mod layout;
mod list;
mod login;
mod security;
mod show;

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
        .layer(middleware::from_fn_with_state(context.clone(), security::guard))
        .merge(assets::routes())
}
