//! What agents ask: `Authorization: AEP2-Card …`, and the signature of the card's holder.

use std::time::Instant;

use aep2_mandate::{typed_data::receipt::SignedReceipt, units::UnixTime, wire::Strict};
use aep2_x402::{
    ExtensionsJson, PaymentPayload, Requirements, ResourceInfo, X402Version2,
    agreement::{self, Agreeable},
    offer::Offer,
    terms::CaptureMode,
};
use alloy_primitives::B256;
use axum::{
    Json,
    body::Bytes,
    extract::{Path, Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{authentication::card, body, context::Context};
use crate::{
    error::{Code, IssuerError, Refusal},
    ids::ApprovalId,
    issue::{Issue, IssueRequest, card_hash, narrowings, usable},
    records::ApprovalRecord,
    subject::Subject,
};

/// The most characters of what an agent says that a payment is for.
const PURPOSE_MAX: usize = 500;
/// The longest method, in bytes: those of HTTP, and `tools/call`.
const METHOD_MAX: usize = 32;
/// The longest address of what is bought, in bytes.
const RESOURCE_MAX: usize = 2_048;

/// A request of an agent, read and known to be its card's holder's.
async fn received(
    context: &Context,
    request: Request,
) -> Result<(Parts, Bytes, aep2_cards::card::VerifiedCard), Refusal> {
    let (parts, body) = request.into_parts();
    let body = body::read(body).await?;
    let card = card(context, &parts, &body)?;
    Ok((parts, body, card))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssueBody {
    /// The request's own key, of the agent's making: the same again gets the same payment.
    request_key: Strict<B256>,
    /// The method of what is bought, as the payment is bound to it.
    method: String,
    /// The address of what is bought, likewise.
    resource: String,
    /// The payee's terms as they came: an entry of `accepts`, for the scheme `aep2`.
    terms: Box<RawValue>,
    /// What it is for, in the agent's words: its owner reads them.
    #[serde(default)]
    purpose: Option<String>,
}

/// `POST /v1/issue`: a payment for these terms.
///
/// 201 with the payment, as x402 has it, ready to be sent; 200 where the same request was answered
/// before. 202 where the card's owner has to decide first: ask again with the same terms. A refusal has
/// a code, and is in the owner's log.
pub(super) async fn issue(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, IssuerError> {
    let began = Instant::now();
    let (parts, body, card) = received(&context, request).await?;
    let IssueBody { request_key, method, resource, terms, purpose } =
        body::json(&parts.headers, &body)?;
    let malformed = |message: String| Refusal::new(Code::Malformed, message);
    let offer = Offer::read(&terms).map_err(|error| malformed(format!("terms: {}", error.0)))?;
    let subject =
        Subject::of(&resource).map_err(|error| malformed(format!("resource: {error}")))?;
    let is_method = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'-' | b'_');
    if method.len() > METHOD_MAX || method.is_empty() || !method.bytes().all(is_method) {
        return Err(malformed(format!("method: up to {METHOD_MAX} letters, as in GET")).into());
    }
    if resource.len() > RESOURCE_MAX {
        return Err(malformed(format!("resource: at most {RESOURCE_MAX} bytes")).into());
    }
    if purpose.as_ref().is_some_and(|words| words.chars().count() > PURPOSE_MAX) {
        return Err(malformed(format!("purpose: at most {PURPOSE_MAX} characters")).into());
    }
    let issuer = context.issuer();
    // A card names no arbiters yet: terms that agree to disputes are not signed for.
    let agreeable =
        Agreeable { settle_within_s_max: issuer.config().settle_within_s_max, arbiters: &[] };
    let purchase = agreement::agree(&offer.terms, &method, &resource, agreeable);
    let purchase =
        purchase.map_err(|error| Refusal::new(Code::TermsNotPayable, error.to_string()))?;
    let asked = IssueRequest {
        card,
        request_key: request_key.0,
        purchase,
        order: offer.terms.extra.order.map(|order| order.0),
        metered: offer.terms.extra.capture == CaptureMode::Metered,
        subject,
        purpose,
        deadline: deadline(&context, &offer.terms),
    };
    let answer = issuer.issue(asked).await?;
    context.metrics().issued(&answer, began.elapsed());
    Ok(answered(&context, answer, terms, resource))
}

fn deadline(context: &Context, terms: &Requirements) -> UnixTime {
    let issuer = context.issuer();
    agreement::deadline(terms, issuer.now(), issuer.config().deadline_margin_s)
}

fn answered(context: &Context, answer: Issue, terms: Box<RawValue>, resource: String) -> Response {
    match answer {
        Issue::Issued { payment, again } => {
            let status = if again { StatusCode::OK } else { StatusCode::CREATED };
            let mandate_id = payment.id;
            let payload = PaymentPayload {
                accepted: terms,
                payload: *payment.mandate,
                resource: Some(ResourceInfo { url: resource, description: None, mime_type: None }),
                x402_version: X402Version2,
                extensions: ExtensionsJson::default(),
            };
            (status, Json(json!({ "mandateId": mandate_id, "payment": payload }))).into_response()
        }
        Issue::Asked(approval) => {
            let body = json!({ "approval": asked(context, &approval) });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Issue::Refused(refusal) => refusal.into_response(),
    }
}

/// An approval, as the agent that asked sees it.
fn asked(context: &Context, approval: &ApprovalRecord) -> serde_json::Value {
    let url = context.public_url().join(&format!("approvals/{}", approval.id));
    json!({
        "id": approval.id, "reason": approval.reason, "state": approval.state,
        "expires": approval.expires, "url": url.map(String::from).ok(),
    })
}

/// `GET /v1/approvals/{id}`: how far it is. Only for the card that asked.
pub(super) async fn approval(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, IssuerError> {
    let (_, _, card) = received(&context, request).await?;
    let id: ApprovalId =
        id.parse().map_err(|error| Refusal::new(Code::Malformed, format!("{error}")))?;
    let issuer = context.issuer();
    let (owner, record) = usable(&issuer.snapshot(), &card)?;
    let approval = issuer.approval(owner.id, id)?;
    if approval.card_hash.0 != card_hash(record.id, &narrowings(&card)) {
        return Err(Refusal::new(Code::NotFound, "the card did not ask for it").into());
    }
    Ok(Json(json!({ "approval": asked(&context, &approval) })).into_response())
}

/// `GET /v1/card`: what the card may do, what of it is used, and where it pays.
pub(super) async fn show(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, IssuerError> {
    let (_, _, card) = received(&context, request).await?;
    let issuer = context.issuer();
    let (owner, record) = usable(&issuer.snapshot(), &card)?;
    let narrowings = narrowings(&card);
    // What the owner allows is for the card itself: who has a narrower one sees what narrowed it.
    let report = match narrowings.is_empty() {
        true => issuer.card_reports(owner.id)?.into_iter().find(|one| one.card.id == record.id),
        false => None,
    };
    let wallet = issuer.wallets(owner.id)?.into_iter().find(|one| one.id == record.wallet);
    let wallet = wallet.map(|wallet| {
        json!({
            "account": wallet.account, "processorUrl": wallet.processor_url,
            "chainId": wallet.chain_id, "wallet": wallet.wallet, "processor": wallet.processor,
            "frozen": wallet.frozen,
        })
    });
    let blocks: Vec<_> = narrowings.iter().map(|(_, restrictions)| restrictions).collect();
    Ok(Json(json!({ "card": report, "narrowedBy": blocks, "paysFrom": wallet })).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipts {
    receipts: Vec<SignedReceipt>,
}

/// `POST /v1/receipts`: receipts that payees gave for payments, so that the next mandates may follow these.
pub(super) async fn receipts(
    State(context): State<Context>,
    request: Request,
) -> Result<Response, IssuerError> {
    let (parts, body, card) = received(&context, request).await?;
    usable(&context.issuer().snapshot(), &card)?;
    let Receipts { receipts } = body::json(&parts.headers, &body)?;
    for receipt in &receipts {
        context.issuer().take_receipt(receipt)?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
