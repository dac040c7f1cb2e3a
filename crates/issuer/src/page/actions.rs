//! What owners do on the page. Each form has the session's secret in it.

use axum::{
    Form,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::str::FromStr;

use crate::{
    api::Context,
    audit::Actor,
    error::{Code, IssuerError, Refusal},
    ids::{ApprovalId, CardId, WalletId},
    records::CardState,
    sessions::Session,
};

#[derive(Deserialize)]
pub(super) struct Action<T> {
    form: String,
    #[serde(rename = "do")]
    what: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OfApproval {
    Approve,
    Refuse,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OfCard {
    Freeze,
    Unfreeze,
    Revoke,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OfWallet {
    Freeze,
    Unfreeze,
}

/// The session of a form that is its own.
fn session<T: DeserializeOwned>(
    context: &Context,
    headers: &HeaderMap,
    action: &Action<T>,
) -> Result<Session, Refusal> {
    let session = context.sessions().of(headers, context.issuer().now());
    let session = session
        .ok_or_else(|| Refusal::new(Code::Unauthorized, "your session has ended; log in again"))?;
    if session.made(&action.form) {
        Ok(session)
    } else {
        Err(Refusal::new(Code::Forged, "the form is not this session's; open the page again"))
    }
}

fn named<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| Refusal::new(Code::Malformed, format!("{error}")))
}

fn home() -> Response {
    Redirect::to("/").into_response()
}

/// `POST /approvals/{id}`.
pub(super) async fn decide(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(action): Form<Action<OfApproval>>,
) -> Result<Response, IssuerError> {
    let owner = session(&context, &headers, &action)?.owner;
    let id: ApprovalId = named(&id)?;
    let approved = matches!(action.what, OfApproval::Approve);
    context.issuer().decide(owner, Actor::Owner(owner), id, approved).await?;
    Ok(home())
}

/// `POST /cards/{id}`.
pub(super) async fn card(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(action): Form<Action<OfCard>>,
) -> Result<Response, IssuerError> {
    let owner = session(&context, &headers, &action)?.owner;
    let id: CardId = named(&id)?;
    let state = match action.what {
        OfCard::Freeze => CardState::Frozen,
        OfCard::Unfreeze => CardState::Active,
        OfCard::Revoke => CardState::Revoked,
    };
    context.issuer().set_card_state(owner, Actor::Owner(owner), id, state).await?;
    Ok(home())
}

/// `POST /wallets/{id}`.
pub(super) async fn wallet(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(action): Form<Action<OfWallet>>,
) -> Result<Response, IssuerError> {
    let owner = session(&context, &headers, &action)?.owner;
    let id: WalletId = named(&id)?;
    let frozen = matches!(action.what, OfWallet::Freeze);
    context.issuer().freeze_wallet(owner, Actor::Owner(owner), id, frozen).await?;
    Ok(home())
}
