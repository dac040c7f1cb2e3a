//! Logging in and out.

use aep2_page::sessions::Session;
use axum::{
    Form,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::pages::PAGES;
use crate::api::{Context, is_judge};

/// The form, and what was wrong with the last try.
pub(super) fn form(problem: Option<&str>) -> Markup {
    let takes = html! {
        "Log in with your judge's token. It begins with " code { "aep2_judge_" } "."
    };
    PAGES.login("Disputes to decide", takes, problem)
}

#[derive(Deserialize)]
pub(super) struct Login {
    token: String,
}

/// `POST /login`.
pub(super) async fn login(
    State(context): State<Context>,
    Form(Login { token }): Form<Login>,
) -> Response {
    let Some(judge) = is_judge(&context, &token) else {
        let form = form(Some("This is no judge's token."));
        return (StatusCode::UNAUTHORIZED, form).into_response();
    };
    let secrets = context.sessions().begin(judge, (), context.arbiter().now());
    let mut response = PAGES.entered(&secrets.key, "the cases").into_response();
    context.sessions().hand_over(&secrets, context.is_behind_tls(), &mut response);
    response
}

/// The session of a request, if it has one.
pub(super) fn session(context: &Context, headers: &HeaderMap) -> Option<Session<String>> {
    context.sessions().of(headers, context.arbiter().now())
}

/// `POST /logout`.
pub(super) async fn logout(State(context): State<Context>, headers: HeaderMap) -> Response {
    context.sessions().end(&headers);
    let mut response = Redirect::to("/").into_response();
    context.sessions().take_back(&mut response);
    response
}
