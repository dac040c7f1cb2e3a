//! What owners do on the page.

use std::str::FromStr;

use axum::{
    Form,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::login;
use crate::{
    api::Context,
    audit::Actor,
    error::{Code, IssuerError, Refusal},
    ids::{ApprovalId, CardId, OwnerId, WalletId},
    records::CardState,
};

#[derive(Deserialize)]
pub(super) struct Action<T> {
    key: String,
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

/// Whose form it is: the session's that its cookie names, if the form has the session's key.
fn owner<T>(
    context: &Context,
    headers: &HeaderMap,
    action: &Action<T>,
) -> Result<OwnerId, IssuerError> {
    let session = login::session(context, headers)?
        .ok_or_else(|| Refusal::new(Code::Unauthorized, "your session has ended; log in again"))?;
    if session.has(&action.key) {
        return Ok(session.holder);
    }
    let message =
        "the form lacks this session's key: log in again, and let the page run its script";
    Err(Refusal::new(Code::Forged, message).into())
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
    let owner = owner(&context, &headers, &action)?;
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
    let owner = owner(&context, &headers, &action)?;
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
    let owner = owner(&context, &headers, &action)?;
    let id: WalletId = named(&id)?;
    let frozen = matches!(action.what, OfWallet::Freeze);
    context.issuer().freeze_wallet(owner, Actor::Owner(owner), id, frozen).await?;
    Ok(home())
}
