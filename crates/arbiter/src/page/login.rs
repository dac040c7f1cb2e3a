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
    api::{Context, is_judge},
    sessions::{COOKIE, LASTS_S, Secrets, Session},
};

/// The form, and what was wrong with the last try.
pub(super) fn form(problem: Option<&str>) -> Markup {
    let main = html! {
        section .narrow {
            h1 { "Disputes to decide" }
            p { "Log in with your judge's token. It begins with " code { "aep2_judge_" } "." }
            @if let Some(problem) = problem { p .problem role="alert" { (problem) } }
            form method="post" action="/login" {
                label for="token" { "Token" }
                input #token type="password" name="token" autocomplete="current-password" required autofocus;
                button .main type="submit" { "Log in" }
            }
        }
    };
    page("Log in", None, main)
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
    let Secrets { cookie, key } = context.sessions().begin(judge, context.arbiter().now());
    let secure = if context.is_behind_tls() { "; Secure" } else { "" };
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
                p { "To decide anything, let this page run its script: it keeps the key that forms need \
                     where no other program on this machine gets it." }
            }
            p { a href="/" { "Go to the cases" } }
        }
    };
    page("Logged in", None, main)
}

/// The session of a request, if it has one.
pub(super) fn session(context: &Context, headers: &HeaderMap) -> Option<Session> {
    context.sessions().of(headers, context.arbiter().now())
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
