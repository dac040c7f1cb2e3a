//! What the OpenAPI document says of the MVP's errors: see [`crate::api::schema`].

#![allow(dead_code, reason = "they describe, and hold nothing")]

use utoipa::IntoResponses;

use super::refusal::Refusal;

/// Why a mandate is not enqueued, in the published MVP's form.
#[derive(IntoResponses)]
pub(in crate::api) enum EnqueueErrors {
    /// `INVALID_REQUEST`, `EXPIRED_MANDATE`, `INVALID_SIGNATURE`, `DUPLICATE_MANDATE`, `NONCE_USED`.
    #[response(status = 400)]
    Refused(#[to_schema] Refusal),
    /// `INSUFFICIENT_BALANCE`: there is nothing left that may be debited.
    #[response(status = 402)]
    Funds(#[to_schema] Refusal),
    /// `INVALID_REQUEST`: the body did not arrive in time.
    #[response(status = 408)]
    TooSlow(#[to_schema] Refusal),
    /// `INVALID_REQUEST`: the body is too long.
    #[response(status = 413)]
    TooLarge(#[to_schema] Refusal),
    /// `INVALID_REQUEST`: the body is not declared as JSON.
    #[response(status = 415)]
    NotJson(#[to_schema] Refusal),
}

/// What may happen to any request, in the published MVP's form.
#[derive(IntoResponses)]
pub(in crate::api) enum ServiceErrors {
    /// `INTERNAL_ERROR`: too much at once. Wait as long as `Retry-After` says.
    #[response(status = 429)]
    TooMany(#[to_schema] Refusal),
    /// `INTERNAL_ERROR`.
    #[response(status = 500)]
    Internal(#[to_schema] Refusal),
    /// `INTERNAL_ERROR`: not serving at the moment. Wait as long as `Retry-After` says.
    #[response(status = 503)]
    NotReady(#[to_schema] Refusal),
}
