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
    owners::OwnerToken,
    sessions::{COOKIE, LASTS_S, Secrets, Session},
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
    let token = OwnerToken::hash(token.trim());
    let Secrets { cookie, key } = context.sessions().begin(owner.id, token, issuer.now());
    let secure = if context.public_url().scheme() == "https" { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict; Max-Age={LASTS_S}{secure}");
    with_cookie(entered(&key).into_response(), &cookie)
}

/// The one page that has the session's key in it. The script keeps the key, and goes on to the start.
fn entered(key: &str) -> Markup {
    let main = html! {
        section .narrow data-key=(key) {
            h1 { "You are logged in" }
            noscript {
                p { "To decide or change anything, let this page run its script: it keeps the key that "
                    "forms need where no other program on this machine gets it." }
            }
            p { a href="/" { "Go to your cards" } }
        }
    };
    page("Logged in", html! {}, main)
}

/// The session of a request, if it has one whose owner has the same token still.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn session(
    context: &Context,
    headers: &HeaderMap,
) -> Result<Option<Session>, IssuerError> {
    let issuer = context.issuer();
    let Some(session) = context.sessions().of(headers, issuer.now()) else { return Ok(None) };
    let is_current = issuer.is_token_of(&session.token, session.owner)?;
    Ok(is_current.then_some(session))
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
