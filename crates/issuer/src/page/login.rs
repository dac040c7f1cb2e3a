//! Logging in and out.

use axum::{
    Form,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::layout::page;
use crate::{
    api::Context,
    error::{Code, IssuerError},
    sessions::{COOKIE, LASTS_S},
};

/// The form, and what was wrong with the last try.
pub(super) fn form(problem: Option<&str>) -> Markup {
    let main = html! {
        section .narrow {
            h1 { "Your agents' cards" }
            p { "Log in with your owner's token. It begins with " code { "aep2owner_" }
                "; whoever runs this service gave it to you." }
            @if let Some(problem) = problem { p .problem role="alert" { (problem) } }
            form method="post" action="/login" {
                label for="token" { "Token" }
                input #token type="password" name="token" autocomplete="current-password" required autofocus;
                button .main type="submit" { "Log in" }
            }
        }
    };
    page("Log in", html! {}, main)
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
    let issuer = context.issuer();
    let owner = match issuer.owner_of(token.trim()) {
        Ok(owner) => owner,
        Err(IssuerError::Refused(refusal)) if refusal.code == Code::Unauthorized => {
            let form = form(Some("This is no owner's token."));
            return (StatusCode::UNAUTHORIZED, form).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let secret = context.sessions().begin(owner.id, issuer.now());
    let secure = if context.public_url().scheme() == "https" { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LASTS_S}{secure}");
    with_cookie(Redirect::to("/").into_response(), &cookie)
}

/// `POST /logout`.
pub(super) async fn logout(State(context): State<Context>, headers: HeaderMap) -> Response {
    context.sessions().end(&headers);
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    with_cookie(Redirect::to("/").into_response(), &cookie)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // It has nothing in it but letters, digits and punctuation.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
