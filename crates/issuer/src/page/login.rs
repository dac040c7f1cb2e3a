//! Logging in and out.

use axum::{
    Form,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::pages::PAGES;
use crate::{
    api::{Context, OwnersSession},
    error::{Code, IssuerError},
    owners::OwnerToken,
};

/// The form, and what was wrong with the last try.
pub(super) fn form(problem: Option<&str>) -> Markup {
    let takes = html! {
        "Log in with your owner's token. It begins with " code { "aep2owner_" }
        "; whoever runs this service gave it to you."
    };
    PAGES.login("Your agents' cards", takes, problem)
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
    let secrets = context.sessions().begin(owner.id, token, issuer.now());
    let mut response = PAGES.entered(&secrets.key, "your cards").into_response();
    let is_over_tls = context.public_url().scheme() == "https";
    context.sessions().hand_over(&secrets, is_over_tls, &mut response);
    response
}

/// The session of a request, if it has one whose owner has the same token still.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn session(
    context: &Context,
    headers: &HeaderMap,
) -> Result<Option<OwnersSession>, IssuerError> {
    let issuer = context.issuer();
    let Some(session) = context.sessions().of(headers, issuer.now()) else { return Ok(None) };
    let is_current = issuer.is_token_of(&session.by, session.holder)?;
    Ok(is_current.then_some(session))
}

/// `POST /logout`.
pub(super) async fn logout(State(context): State<Context>, headers: HeaderMap) -> Response {
    context.sessions().end(&headers);
    let mut response = Redirect::to("/").into_response();
    context.sessions().take_back(&mut response);
    response
}
