//! The page: requests to decide first, then cards, budgets, wallets, and what was paid.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use maud::html;

use super::{login, pages::PAGES, show};
use crate::{
    api::{Context, OwnersSession},
    error::{Code, IssuerError, Refusal},
    ids::ApprovalId,
    records::OwnerRecord,
    store::Source,
};

/// How many payments are shown.
const PAYMENTS: usize = 25;

/// `GET /`.
pub(super) async fn home(
    State(context): State<Context>,
    headers: HeaderMap,
) -> Result<Response, IssuerError> {
    let issuer = context.issuer();
    let Some(session) = login::session(&context, &headers)? else {
        return Ok(login::form(None).into_response());
    };
    let owner = owner(&context, &session)?;
    let zone = &owner.zone;
    let approvals = issuer.approvals(owner.id, true)?;
    let cards = issuer.card_reports(owner.id)?;
    let budgets = issuer.budget_reports(owner.id)?;
    let wallets = issuer.wallets(owner.id)?;
    let payments = issuer.payments(owner.id, None, PAYMENTS)?;
    let name = |card| cards.iter().find(|one| one.card.id == card).map(|one| &*one.card.name);
    let main = html! {
        @if !approvals.is_empty() {
            section data-still aria-labelledby="approvals" {
                h2 #approvals { "For you to decide " span .count { (approvals.len()) } }
                @for approval in &approvals {
                    (show::approval(approval, name(approval.card), zone))
                }
            }
        }
        section aria-labelledby="cards" {
            h2 #cards { "Cards" }
            @if cards.is_empty() {
                p .none { "There are none yet. " code { "aep2 issuer card create" } " makes one." }
            }
            div .grid { @for card in &cards { (show::card(card, &wallets, &budgets)) } }
        }
        @if !budgets.is_empty() {
            section aria-labelledby="budgets" {
                h2 #budgets { "Budgets that cards share" }
                div .grid { @for budget in &budgets { (show::budget(budget)) } }
            }
        }
        section aria-labelledby="wallets" {
            h2 #wallets { "Wallets" }
            @if wallets.is_empty() {
                p .none { "There are none yet. " code { "aep2 issuer wallet create" } " makes one." }
            }
            div .grid { @for wallet in &wallets { (show::wallet(wallet)) } }
        }
        section aria-labelledby="payments" {
            h2 #payments { "Payments" }
            (show::payments(&payments, &name, zone))
        }
    };
    Ok(PAGES.page("Cards", Some(&owner.name), main).into_response())
}

/// `GET /approvals/{id}`: where the link leads that an agent gets.
pub(super) async fn approval(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, IssuerError> {
    let issuer = context.issuer();
    let Some(session) = login::session(&context, &headers)? else {
        return Ok((StatusCode::UNAUTHORIZED, login::form(None)).into_response());
    };
    let owner = owner(&context, &session)?;
    let id: ApprovalId =
        id.parse().map_err(|error| Refusal::new(Code::Malformed, format!("{error}")))?;
    let approval = issuer.approval(owner.id, id)?;
    let cards = issuer.cards(owner.id)?;
    let card = cards.iter().find(|card| card.id == approval.card).map(|card| &*card.name);
    let main = html! {
        section .narrow {
            h1 { "A request of your agent's" }
            (show::approval(&approval, card, &owner.zone))
        }
    };
    Ok(PAGES.page("Request", Some(&owner.name), main).into_response())
}

fn owner(context: &Context, session: &OwnersSession) -> Result<OwnerRecord, IssuerError> {
    let owner = context.issuer().snapshot().record(session.holder.bytes())?;
    Ok(owner.ok_or_else(|| Refusal::new(Code::Unauthorized, "there is no such owner any more"))?)
}
