//! The shapes of the MVP's bodies, for the OpenAPI document: see [`crate::api::schema`].

#![allow(dead_code, reason = "they describe, and hold nothing")]

use utoipa::{IntoResponses, ToSchema};

/// A direct mandate: a promise to pay, by its owner's ordinary key.
#[derive(ToSchema)]
pub(in crate::api) struct DirectMandate {
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    owner: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    payee: String,
    /// Base units, decimal, or hexadecimal after 0x.
    amount: String,
    /// Single use for its owner; decimal, or hexadecimal after 0x.
    nonce: String,
    deadline: u64,
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    r#ref: String,
}

/// A mandate with its owner's signature, EIP-712 typed data in the wallet's domain.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct SignedDirectMandate {
    mandate: DirectMandate,
    /// 65 bytes; v is 27 or 28.
    #[schema(pattern = "^0x[0-9a-fA-F]{130}$")]
    payer_sig: String,
}

/// The processor's promise to settle a direct mandate.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct EnqueueReceipt {
    /// Who promises: the processor.
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    sp: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_digest: String,
    /// By when it is settled.
    enqueue_deadline: u64,
    /// EIP-191 over keccak256(abi.encodePacked(bytes32 mandateDigest, uint256 enqueueDeadline)).
    #[schema(pattern = "^0x[0-9a-f]{130}$")]
    sp_enqueue_sig: String,
}

/// A mandate that was enqueued.
#[derive(ToSchema)]
pub(in crate::api) struct Enqueued {
    success: bool,
    receipt: EnqueueReceipt,
}

/// What went wrong, in the published MVP's form.
#[derive(ToSchema)]
pub(in crate::api) struct MvpError {
    error: MvpCode,
    /// For people.
    message: String,
}

/// The published MVP's codes, in the order in which they are looked at.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::api) enum MvpCode {
    InvalidRequest,
    ExpiredMandate,
    InvalidSignature,
    DuplicateMandate,
    NonceUsed,
    InsufficientBalance,
    InternalError,
}

/// The direct path's queue, in the published MVP's form.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct MvpHealth {
    /// `ok`, or `not_ready` while no mandates are accepted.
    status: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    sp: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet: String,
    /// Mandates that have not ended.
    queue_length: u64,
    /// Mandates that the chain settled.
    settled: u64,
    /// Mandates that will never settle.
    failed: u64,
    /// The last ten, the newest first.
    history: Vec<MvpEntry>,
}

/// A mandate in the queue's history.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::api) struct MvpEntry {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_digest: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    owner: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    payee: String,
    /// What it pays or paid, base units.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    amount: String,
    status: MvpStatus,
    enqueued_at: u64,
    /// The time of the block that settled it.
    #[schema(required = true)]
    settled_at: Option<u64>,
    /// Only of what is settled.
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = true)]
    tx_hash: Option<String>,
}

/// Where a mandate is, in the published MVP's form.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::api) enum MvpStatus {
    Enqueued,
    Settled,
    Failed,
}

/// Why a mandate is not enqueued, in the published MVP's form.
#[derive(IntoResponses)]
pub(in crate::api) enum EnqueueErrors {
    /// `INVALID_REQUEST`, `EXPIRED_MANDATE`, `INVALID_SIGNATURE`, `DUPLICATE_MANDATE`, `NONCE_USED`.
    #[response(status = 400)]
    Refused(#[to_schema] MvpError),
    /// `INSUFFICIENT_BALANCE`: there is nothing left that may be debited.
    #[response(status = 402)]
    Funds(#[to_schema] MvpError),
    /// `INVALID_REQUEST`: the body did not arrive in time.
    #[response(status = 408)]
    TooSlow(#[to_schema] MvpError),
    /// `INVALID_REQUEST`: the body is too long.
    #[response(status = 413)]
    TooLarge(#[to_schema] MvpError),
    /// `INVALID_REQUEST`: the body is not declared as JSON.
    #[response(status = 415)]
    NotJson(#[to_schema] MvpError),
}

/// What may happen to any request, in the published MVP's form.
#[derive(IntoResponses)]
pub(in crate::api) enum ServiceErrors {
    /// `INTERNAL_ERROR`: too much at once. Wait as long as `Retry-After` says.
    #[response(status = 429)]
    TooMany(#[to_schema] MvpError),
    /// `INTERNAL_ERROR`.
    #[response(status = 500)]
    Internal(#[to_schema] MvpError),
    /// `INTERNAL_ERROR`: not serving at the moment. Wait as long as `Retry-After` says.
    #[response(status = 503)]
    NotReady(#[to_schema] MvpError),
}
