//! What owners ask: with their token, `Authorization: Bearer aep2owner_…`.

use std::collections::BTreeSet;

use aep2_cards::{
    host::Host, keys::HolderPublicKey, restrictions::Restrictions, revocation::RevocationId,
};
use aep2_mandate::{
    eddsa::PublicKey,
    typed_data::approval::SignedApproval,
    units::{AccountId, ChainId},
};
use aep2_processor_client::{ProcessorError, lookup::Lookup};
use aep2_x402::{purchase::Venue, terms::WireAddress};
use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{authentication::owner, body, context::Context};
use crate::{
    audit::Actor,
    error::{Code, IssuerError, Refusal},
    ids::{ApprovalId, BudgetId, CardId, OwnerId, WalletId},
    owners::{CardChange, NewBudget, NewCard, NewWallet},
    records::{CardState, Limit, PaymentRecord, Subscription, WalletRecord},
};

type Answer = Result<Response, IssuerError>;

/// A wallet as its owner sees it. Its key, sealed or not, is nobody's business.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WalletView {
    id: WalletId,
    name: String,
    account: Option<AccountId>,
    processor_url: Url,
    chain_id: ChainId,
    wallet: WireAddress,
    processor: WireAddress,
    public_key: PublicKey,
    key_hash: String,
    frozen: bool,
}

impl From<WalletRecord> for WalletView {
    fn from(wallet: WalletRecord) -> Self {
        Self {
            id: wallet.id,
            name: wallet.name,
            account: wallet.account,
            processor_url: wallet.processor_url,
            chain_id: wallet.chain_id,
            wallet: wallet.wallet,
            processor: wallet.processor,
            public_key: wallet.public_key,
            key_hash: wallet.key_hash.0.to_string(),
            frozen: wallet.frozen,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WalletBody {
    name: String,
    processor_url: Url,
}

/// `POST /v1/owner/wallets`: a wallet with a new key. The processor at the address says where it is.
pub(super) async fn create_wallet(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let WalletBody { name, processor_url } = body::json(&headers, &body::read(body).await?)?;
    let allowed = context.issuer().config().processors.as_ref();
    if allowed.is_some_and(|allowed| !allowed.contains(&processor_url)) {
        let message = "the operator of this service does not list this processor";
        return Err(Refusal::new(Code::Conflict, message).into());
    }
    let lookup = Lookup::new(context.http().clone(), processor_url.clone());
    let identity = lookup.identity().await.map_err(|error| unasked(&error))?;
    let venue: Venue = identity.venue();
    let new = NewWallet { name, processor_url, venue };
    let actor = Actor::Owner(owner.id);
    let wallet = context.issuer().create_wallet(owner.id, actor, new).await?;
    let body = json!({ "wallet": WalletView::from(wallet) });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

fn unasked(error: &ProcessorError) -> Refusal {
    Refusal::new(Code::Conflict, format!("the processor cannot be asked: {error}"))
}

/// `GET /v1/owner/wallets`.
pub(super) async fn wallets(State(context): State<Context>, headers: HeaderMap) -> Answer {
    let owner = owner(&context, &headers)?;
    let wallets = context.issuer().wallets(owner.id)?;
    let wallets: Vec<WalletView> = wallets.into_iter().map(WalletView::from).collect();
    Ok(Json(json!({ "wallets": wallets })).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WalletPatch {
    #[serde(default)]
    account: Option<AccountId>,
    #[serde(default)]
    frozen: Option<bool>,
}

/// `PATCH /v1/owner/wallets/{id}`: its account on chain; frozen or not. The answer to a freeze lists what
/// was signed and may still be settled.
pub(super) async fn change_wallet(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let id: WalletId = named(&id)?;
    let patch: WalletPatch = body::json(&headers, &body::read(body).await?)?;
    let (issuer, actor) = (context.issuer(), || Actor::Owner(owner.id));
    if let Some(account) = patch.account {
        check_account(&context, owner.id, id, account).await?;
        issuer.set_account(owner.id, actor(), id, account).await?;
    }
    let outstanding = match patch.frozen {
        Some(frozen) => issuer.freeze_wallet(owner.id, actor(), id, frozen).await?,
        None => Vec::new(),
    };
    let wallet = issuer.wallets(owner.id)?.into_iter().find(|wallet| wallet.id == id);
    let wallet = wallet.map(WalletView::from);
    Ok(Json(json!({ "wallet": wallet, "outstanding": views(outstanding) })).into_response())
}

/// Whether an account has the wallet's key, by its processor's word. One that the processor does not know
/// yet may be right.
async fn check_account(
    context: &Context,
    owner: OwnerId,
    id: WalletId,
    account: AccountId,
) -> Result<(), IssuerError> {
    let wallets = context.issuer().wallets(owner)?;
    let Some(wallet) = wallets.into_iter().find(|wallet| wallet.id == id) else { return Ok(()) };
    let lookup = Lookup::new(context.http().clone(), wallet.processor_url);
    let known = lookup.account(account).await.map_err(|error| unasked(&error))?;
    if known.is_some_and(|known| known.key_hash != wallet.key_hash) {
        let message = format!("account {account} has another mandate key than this wallet");
        return Err(Refusal::new(Code::Conflict, message).into());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CardBody {
    name: String,
    wallet: WalletId,
    #[serde(default)]
    budget: Option<BudgetId>,
    #[serde(default)]
    restrictions: Restrictions,
    #[serde(default)]
    subscription: Option<Subscription>,
    /// The agent's Ed25519 key.
    #[serde(default)]
    holder: Option<HolderPublicKey>,
    /// Whether whoever has the card may use it. Has to be said.
    #[serde(default)]
    bearer: bool,
}

/// `POST /v1/owner/cards`: a card, and where it is used. It is shown this once.
pub(super) async fn create_card(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let body: CardBody = body::json(&headers, &body::read(body).await?)?;
    if body.holder.is_some() == body.bearer {
        let message = "say who may use the card: `holder`, the agent's key, or `bearer`: true";
        return Err(Refusal::new(Code::Malformed, message).into());
    }
    let CardBody { name, wallet, budget, restrictions, subscription, holder, bearer: _ } = body;
    let new = NewCard { name, wallet, budget, restrictions, subscription, holder };
    let (card, token) = context.issuer().create_card(owner.id, Actor::Owner(owner.id), new).await?;
    let issuer = context.public_url();
    let body = json!({ "card": card, "token": token.expose(), "issuer": issuer });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// `GET /v1/owner/cards`: with what of their limits is used.
pub(super) async fn cards(State(context): State<Context>, headers: HeaderMap) -> Answer {
    let owner = owner(&context, &headers)?;
    Ok(Json(json!({ "cards": context.issuer().card_reports(owner.id)? })).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CardPatch {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    restrictions: Option<Restrictions>,
    /// `null` takes the card out of its budget.
    #[serde(default, deserialize_with = "said")]
    budget: Option<Option<BudgetId>>,
    #[serde(default)]
    state: Option<CardState>,
}

/// A field that is there says something, `null` too.
fn said<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `PATCH /v1/owner/cards/{id}`: its name, what it may do, its budget, its state. The answer lists what
/// was signed and may still be settled.
pub(super) async fn change_card(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let id: CardId = named(&id)?;
    let CardPatch { name, restrictions, budget, state } =
        body::json(&headers, &body::read(body).await?)?;
    let (issuer, actor) = (context.issuer(), || Actor::Owner(owner.id));
    // What stops the card comes first, and what lets it go on last: in between it never pays more than
    // before or after.
    let stops = state.filter(|state| *state != CardState::Active);
    let goes_on = state.filter(|state| *state == CardState::Active);
    let mut outstanding = match stops {
        Some(state) => issuer.set_card_state(owner.id, actor(), id, state).await?,
        None => Vec::new(),
    };
    if name.is_some() || restrictions.is_some() || budget.is_some() {
        let change = CardChange { name, restrictions, budget };
        issuer.change_card(owner.id, actor(), id, change).await?;
    }
    if let Some(state) = goes_on {
        outstanding = issuer.set_card_state(owner.id, actor(), id, state).await?;
    }
    let card = issuer.cards(owner.id)?.into_iter().find(|card| card.id == id);
    Ok(Json(json!({ "card": card, "outstanding": views(outstanding) })).into_response())
}

/// `DELETE /v1/owner/cards/{id}/blocks/{block}`: no card that was made of this one is good any more.
pub(super) async fn revoke_block(
    State(context): State<Context>,
    Path((id, block)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let (id, block): (CardId, RevocationId) = (named(&id)?, named(&block)?);
    context.issuer().revoke_block(owner.id, Actor::Owner(owner.id), id, block).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BudgetBody {
    name: String,
    #[serde(default)]
    parent: Option<BudgetId>,
    limits: Vec<Limit>,
}

/// `POST /v1/owner/budgets`: a budget that cards may share.
pub(super) async fn create_budget(
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let BudgetBody { name, parent, limits } = body::json(&headers, &body::read(body).await?)?;
    let new = NewBudget { name, parent, limits };
    let budget = context.issuer().create_budget(owner.id, Actor::Owner(owner.id), new).await?;
    Ok((StatusCode::CREATED, Json(json!({ "budget": budget }))).into_response())
}

/// `GET /v1/owner/budgets`: with what of their limits is used.
pub(super) async fn budgets(State(context): State<Context>, headers: HeaderMap) -> Answer {
    let owner = owner(&context, &headers)?;
    Ok(Json(json!({ "budgets": context.issuer().budget_reports(owner.id)? })).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BudgetPatch {
    limits: Vec<Limit>,
}

/// `PATCH /v1/owner/budgets/{id}`: other limits.
pub(super) async fn change_budget(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let id: BudgetId = named(&id)?;
    let BudgetPatch { limits } = body::json(&headers, &body::read(body).await?)?;
    let actor = Actor::Owner(owner.id);
    let budget = context.issuer().change_budget(owner.id, actor, id, limits).await?;
    Ok(Json(json!({ "budget": budget })).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HostBody {
    payees: BTreeSet<WireAddress>,
}

/// `PUT /v1/owner/hosts/{host}`: who is paid there; nobody forgets the host.
pub(super) async fn set_host(
    State(context): State<Context>,
    Path(host): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let host: Host = named(&host)?;
    let HostBody { payees } = body::json(&headers, &body::read(body).await?)?;
    context.issuer().set_host(owner.id, Actor::Owner(owner.id), host, payees).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /v1/owner/hosts`.
pub(super) async fn hosts(State(context): State<Context>, headers: HeaderMap) -> Answer {
    let owner = owner(&context, &headers)?;
    Ok(Json(json!({ "hosts": context.issuer().hosts(owner.id)? })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    all: bool,
}

/// `GET /v1/owner/approvals`: those that wait; `?all=true` for all.
pub(super) async fn approvals(
    State(context): State<Context>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let approvals = context.issuer().approvals(owner.id, !which.all)?;
    Ok(Json(json!({ "approvals": approvals })).into_response())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Decision {
    Token(Said),
    Signed(Box<SignedApproval>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    approved: bool,
}

/// `POST /v1/owner/approvals/{id}`: `{"approved": true}`, or the account owner's signed `Approval`.
pub(super) async fn decide(
    State(context): State<Context>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let owner = owner(&context, &headers)?;
    let id: ApprovalId = named(&id)?;
    let issuer = context.issuer();
    let decided = match body::json(&headers, &body::read(body).await?)? {
        Decision::Token(Said { approved }) => {
            issuer.decide(owner.id, Actor::Owner(owner.id), id, approved).await?
        }
        Decision::Signed(signed) => {
            let account_owner = account_owner(&context, owner.id, id).await?;
            issuer.decide_signed(owner.id, id, &signed, account_owner).await?
        }
    };
    Ok(Json(json!({ "approval": decided })).into_response())
}

/// Who owns the account that an approval is about, by its processor's word.
async fn account_owner(
    context: &Context,
    owner: OwnerId,
    id: ApprovalId,
) -> Result<alloy_primitives::Address, IssuerError> {
    let issuer = context.issuer();
    let approval = issuer.approval(owner, id)?;
    let card = issuer.cards(owner)?.into_iter().find(|card| card.id == approval.card);
    let wallet = issuer.wallets(owner)?;
    let wallet =
        wallet.into_iter().find(|one| card.as_ref().is_some_and(|card| card.wallet == one.id));
    let unknown = || Refusal::new(Code::NoAccount, "the card's wallet has no account yet");
    let (url, account) = wallet
        .and_then(|wallet| Some((wallet.processor_url.clone(), wallet.account?)))
        .ok_or_else(unknown)?;
    let lookup = Lookup::new(context.http().clone(), url);
    let status = lookup.account(account).await.map_err(|error| unasked(&error))?;
    Ok(status.ok_or_else(unknown)?.owner.0)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    before: Option<u64>,
    #[serde(default = "page_length")]
    limit: usize,
}

fn page_length() -> usize {
    50
}

/// `GET /v1/owner/payments?before=NUMBER&limit=50`: the newest first.
pub(super) async fn payments(
    State(context): State<Context>,
    Query(Page { before, limit }): Query<Page>,
    headers: HeaderMap,
) -> Answer {
    let owner = owner(&context, &headers)?;
    if !(1..=500).contains(&limit) {
        return Err(Refusal::new(Code::Malformed, "limit: from 1 to 500").into());
    }
    let payments = context.issuer().payments(owner.id, before, limit)?;
    Ok(Json(json!({ "payments": views(payments) })).into_response())
}

/// Payments as their owner sees them: without the signature, which is as good as the money.
fn views(payments: Vec<PaymentRecord>) -> Vec<serde_json::Value> {
    let view = |payment: PaymentRecord| {
        json!({
            "mandateId": payment.id, "number": payment.number, "card": payment.card,
            "blocks": payment.blocks, "wallet": payment.wallet, "at": payment.at,
            "method": payment.method, "resource": payment.resource, "host": payment.host,
            "mandate": payment.mandate.mandate, "approval": payment.approval,
            "state": payment.state,
        })
    };
    payments.into_iter().map(view).collect()
}

/// `GET /v1/owner/log`: the lines of the audit log that are about this owner's things are not told apart
/// from others', because the chain is one: an owner gets the log only where it is the only one.
pub(super) async fn log(State(context): State<Context>, headers: HeaderMap) -> Answer {
    let owner = owner(&context, &headers)?;
    if context.issuer().owners()?.iter().any(|other| other.id != owner.id) {
        let message = "several owners share this issuer's log; its operator exports it";
        return Err(Refusal::new(Code::Conflict, message).into());
    }
    let mut lines = Vec::new();
    let exported = context.issuer().export_log(&mut lines);
    exported.map_err(|error| IssuerError::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response())
}

/// A name in the address.
fn named<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| Refusal::new(Code::Malformed, format!("{error}")))
}
