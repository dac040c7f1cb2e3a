//! Who asks: an agent by its card and a signature of the card's holder, an owner by its token.

use aep2_cards::{
    card::VerifiedCard,
    proof::{self, NonceRefused, ProofError, WINDOW_S},
};
use axum::{
    body::Bytes,
    http::{HeaderMap, header, request::Parts},
};

use super::context::Context;
use crate::{
    error::{Code, IssuerError, Refusal},
    records::OwnerRecord,
};

/// The owner that a request is from.
///
/// # Errors
/// [`Code::Unauthorized`] without an owner's token; when the store cannot be read.
pub(super) fn owner(context: &Context, headers: &HeaderMap) -> Result<OwnerRecord, IssuerError> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        let message = "send the owner's token: Authorization: Bearer aep2owner_…";
        return Err(Refusal::new(Code::Unauthorized, message).into());
    };
    context.issuer().owner_of(token.trim())
}

/// The card that a request is made with, whose holder signed the request.
///
/// # Errors
/// [`Code::Unauthorized`] without a card of this issuer, without its holder's signature on just this
/// request, or with one that was used before.
pub(super) fn card(
    context: &Context,
    parts: &Parts,
    body: &Bytes,
) -> Result<VerifiedCard, Refusal> {
    let refused = |code: &str, error: &dyn std::fmt::Display| {
        Refusal::new(Code::Unauthorized, format!("{code}: {error}"))
    };
    let not_proved = |error: ProofError| refused(error.code(), &error);
    let token = proof::card_of(&parts.headers).map_err(not_proved)?;
    let card = context.issuer().card(&token)?;
    let Some(holder) = card.holder() else { return Ok(card) };
    let now = context.issuer().now();
    let authority = context.authority();
    let request = proof::Request {
        method: parts.method.as_str(),
        authority: &authority,
        path: parts.uri.path(),
        query: parts.uri.query(),
        body,
    };
    let proof = proof::verify(&request, &parts.headers, &holder, now, WINDOW_S);
    let proof = proof.map_err(not_proved)?;
    if proof.created < context.began() {
        let message = "the request was signed before this service began; sign it anew";
        return Err(refused("proof_time", &message));
    }
    let taken = context.nonces().take(card.id(), &proof, now);
    taken.map_err(|error| match error {
        NonceRefused::Used => refused(error.code(), &error),
        NonceRefused::TooMany => Refusal::new(Code::Busy, error.to_string()),
    })?;
    Ok(card)
}
