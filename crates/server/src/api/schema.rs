//! The shapes of what is sent and answered, for the OpenAPI document. The types themselves are the
//! other crates'; tests hold real answers against these.

#![allow(dead_code, reason = "they describe, and hold nothing")]

use utoipa::{IntoParams, IntoResponses, ToSchema};

/// What went wrong.
#[derive(ToSchema)]
pub(super) struct Error {
    /// What went wrong.
    error: ErrorWords,
}

/// What went wrong.
#[derive(ToSchema)]
pub(super) struct ErrorWords {
    /// For software; stable.
    #[schema(pattern = "^[a-z_]+$", example = "insufficient_funds")]
    code: String,
    /// For people: what is wrong and what to do.
    message: String,
}

/// A mandate's id in the address.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MandateId {
    /// The mandate's id; in the direct path its EIP-712 digest.
    #[param(pattern = "^0x[0-9a-fA-F]{64}$")]
    id: String,
}

/// A mandate: a promise to pay at most an amount.
#[derive(ToSchema)]
pub(super) struct Mandate {
    /// The payer's account in the wallet.
    #[schema(minimum = 1)]
    account: u32,
    /// The token, an address.
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    /// Who is paid, an address.
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    payee: String,
    /// The most that may be captured, base units, at least 1.
    #[schema(pattern = "^[1-9][0-9]*$")]
    amount: String,
    /// Used once, in any order.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    nonce: String,
    /// The last second at which it may settle on chain.
    deadline: u64,
    /// What is paid for: the hash of the order or the call.
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    r#ref: String,
    /// The id of the mandate that this one follows, 0 for none. Sign only what you released yourself,
    /// never an id that you were handed.
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    prev: String,
}

/// A point of Baby Jubjub, in circomlib's coordinates.
#[derive(ToSchema)]
pub(super) struct Point {
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    x: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    y: String,
}

/// An EdDSA-Poseidon signature.
#[derive(ToSchema)]
pub(super) struct MandateSignature {
    r8: Point,
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    s: String,
}

/// A mandate with its key's signature.
#[derive(ToSchema)]
pub(super) struct SignedMandate {
    mandate: Mandate,
    key: Point,
    signature: MandateSignature,
}

/// Up to 256 mandates.
#[derive(ToSchema)]
pub(super) struct ManyMandates {
    #[schema(min_items = 1, max_items = 256)]
    mandates: Vec<SignedMandate>,
}

/// The processor's promise to settle a mandate in time.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Receipt {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    account: u32,
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    nonce: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    payee: String,
    #[schema(pattern = "^[1-9][0-9]*$")]
    amount: String,
    /// The last second at which settling keeps the promise. Later the payee is paid from the bond.
    settle_by: u64,
}

/// A receipt, signed as EIP-712 typed data in the wallet's domain.
#[derive(ToSchema)]
pub(super) struct SignedReceipt {
    receipt: Receipt,
    #[schema(pattern = "^0x[0-9a-f]{130}$")]
    signature: String,
}

/// A mandate that was accepted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Accepted {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    receipt: SignedReceipt,
}

/// The answers to many, each in its mandate's place.
#[derive(ToSchema)]
pub(super) struct ManyAnswers {
    answers: Vec<OneAnswer>,
}

/// An answer with the status that it would have by itself: id and receipt, or an error.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct OneAnswer {
    status: u16,
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = false)]
    mandate_id: Option<String>,
    #[schema(required = false)]
    receipt: Option<SignedReceipt>,
    #[schema(required = false)]
    error: Option<ErrorWords>,
}

/// How much a payee takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Capture {
    #[schema(pattern = "^0x[0-9a-fA-F]{64}$")]
    mandate_id: String,
    /// At most the mandate's amount; 0 voids the payment.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    amount: String,
}

/// A capture, signed by the payee's Ethereum key as EIP-712 typed data in the wallet's domain.
#[derive(ToSchema)]
pub(super) struct SignedCapture {
    capture: Capture,
    #[schema(pattern = "^0x[0-9a-fA-F]{130}$")]
    signature: String,
}

/// The processor's word on a capture.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct CaptureReceipt {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    amount: String,
    captured_at: u64,
}

/// The processor's word on a capture, signed as EIP-712 typed data in the wallet's domain.
#[derive(ToSchema)]
pub(super) struct SignedCaptureReceipt {
    receipt: CaptureReceipt,
    #[schema(pattern = "^0x[0-9a-f]{130}$")]
    signature: String,
}

/// A capture that was noted.
#[derive(ToSchema)]
pub(super) struct Captured {
    receipt: SignedCaptureReceipt,
}

/// By which way a mandate settles: with a proof, or by its owner's own signature.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum SettlementPath {
    Proved,
    Direct,
}

/// A mandate, its receipt, and what became of it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct MandateStatus {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    path: SettlementPath,
    /// What was signed: as it was sent, by path.
    #[schema(value_type = Object)]
    mandate: (),
    account: u32,
    status: MandateStep,
    /// In a batch or settled: the batch. None where the chain settled it in no batch of this ledger.
    #[schema(required = false)]
    batch: Option<u64>,
    /// In a batch: how far that is.
    #[schema(required = false)]
    step: Option<BatchStep>,
    /// Quarantined or failed: why.
    #[schema(required = false)]
    reason: Option<String>,
    /// Settled: the transaction, where it is known.
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = false)]
    transaction: Option<String>,
    /// Settled: its block.
    #[schema(required = false)]
    block: Option<u64>,
    /// Settled: what was paid.
    #[schema(pattern = "^(0|[1-9][0-9]*)$", required = false)]
    amount: Option<String>,
    /// Settled: whether the block cannot fall away any more.
    #[schema(required = false)]
    is_final: Option<bool>,
    /// What it pays as far as is known: all of it, or what was captured.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    due: String,
    #[schema(required = false)]
    capture: Option<CaptureStatus>,
    accepted_at: u64,
    settle_by: u64,
    /// What was given for it, by path.
    #[schema(value_type = Object)]
    receipt: (),
}

/// Where a mandate is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) enum MandateStep {
    Queued,
    InBatch,
    Quarantined,
    Settled,
    Failed,
}

/// What was captured.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct CaptureStatus {
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    amount: String,
    captured_at: u64,
    receipt: SignedCaptureReceipt,
}

/// A proof that a mandate was settled, and for how much.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Inclusion {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    mandate: Mandate,
    /// What its payee received.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    captured: String,
    batch: u64,
    shape: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet: String,
    valid_until: u64,
    /// To be read from the wallet's event in the transaction, not from here.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    commitment: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    transaction: String,
    block: u64,
    proof: InclusionProof,
}

/// The way from a mandate to its batch's commitment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct InclusionProof {
    lanes: u16,
    lane: u16,
    slot: u8,
    flags: Vec<bool>,
    /// What each slot captured, where the shape has capture.
    captured: Option<Vec<String>>,
    following: Vec<Link>,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    key_hash: String,
    siblings: Vec<String>,
    valid_until: u64,
}

/// What an id hashes of a mandate beside the id before.
#[derive(ToSchema)]
pub(super) struct Link {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    key: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    terms: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    payee: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    reference: String,
}

/// An account, as acceptance sees it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct AccountStatus {
    account: u32,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    owner: String,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    processor: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    verifier_set: String,
    /// Poseidon of the mandate key's coordinates; 0 for none.
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    key_hash: String,
    /// Whether its mandates are accepted here.
    served: bool,
    /// From when other terms may be in force, as far as is known.
    changes_from: Option<u64>,
    pending_change: Option<PendingChange>,
    purses: Vec<Purse>,
}

/// Terms that were asked for and are not in force.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct PendingChange {
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    processor: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    verifier_set: String,
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    key_hash: String,
    in_force_from: u64,
}

/// What an account holds of a token, base units.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Purse {
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    balance: String,
    /// The pending withdrawal.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    pending_withdrawal: String,
    /// From when that may be withdrawn.
    withdrawable_from: Option<u64>,
    /// The balance, less the pending withdrawal.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    debitable: String,
    /// What live mandates pay together.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    reserved: String,
    /// What is left for new mandates.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    free: String,
}

/// How far a batch is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) enum BatchStep {
    Sealed,
    Proved,
    Submitted,
    Confirmed,
    Final,
    Aborted,
}

/// A batch.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct BatchStatus {
    batch: u64,
    path: SettlementPath,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    step: BatchStep,
    /// Confirmed or final: the transaction.
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = false)]
    transaction: Option<String>,
    /// Confirmed or final: its block.
    #[schema(required = false)]
    block: Option<u64>,
    /// Aborted: why.
    #[schema(required = false)]
    reason: Option<String>,
    count: u32,
    /// What its mandates pay together.
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    total: String,
    /// With a proof: the circuit's shape.
    #[schema(required = false)]
    shape: Option<String>,
    /// With a proof: the verifiers.
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = false)]
    verifier_set: Option<String>,
    valid_until: u64,
    /// What its proof commits to, once there is one.
    #[schema(pattern = "^0x[0-9a-f]{64}$", required = false)]
    commitment: Option<String>,
    /// When it was sealed, had its proof, was sent, and was seen to be settled; how long proving
    /// took; the gas that it used. As far as this run of the server has seen it.
    #[schema(required = false)]
    sealed_at: Option<u64>,
    #[schema(required = false)]
    proved_at: Option<u64>,
    #[schema(required = false)]
    proof_ms: Option<u64>,
    #[schema(required = false)]
    submitted_at: Option<u64>,
    #[schema(required = false)]
    confirmed_at: Option<u64>,
    #[schema(required = false)]
    gas_used: Option<u64>,
    /// Its mandates, in the answer about one batch.
    #[schema(required = false)]
    mandates: Option<Vec<Member>>,
}

/// A mandate in a batch, and what it pays there.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Member {
    #[schema(pattern = "^0x[0-9a-f]{64}$")]
    mandate_id: String,
    #[schema(pattern = "^(0|[1-9][0-9]*)$")]
    amount: String,
}

/// A page of batches.
#[derive(ToSchema)]
pub(super) struct Batches {
    batches: Vec<BatchStatus>,
}

/// Who the processor is, and on what terms it serves.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Identity {
    chain_id: u64,
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    wallet: String,
    /// Whom accounts must name, and who signs receipts.
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    processor: String,
    /// Accounts must trust one of these.
    verifier_sets: Vec<String>,
    settle_within_s: u64,
    capture_within_s: u64,
    tokens: Vec<TokenTerms>,
    shapes: Vec<String>,
    /// Whether payees may take less than a mandate allows.
    captures: bool,
}

/// A token that is accepted, and the least that a mandate in it must allow, base units.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct TokenTerms {
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
    token: String,
    #[schema(pattern = "^[1-9][0-9]*$")]
    amount_min: String,
}

/// It lives.
#[derive(ToSchema)]
pub(super) struct Alive {
    #[schema(pattern = "^alive$")]
    status: String,
}

/// Whether mandates are accepted, and if not, why.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct Readiness {
    ready: bool,
    /// What stands in the way, in words.
    obstacles: Vec<String>,
    chain: ChainReadiness,
    disk_writable: bool,
    stopping: bool,
}

/// How the chain was last seen.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) struct ChainReadiness {
    reachable: bool,
    failure: Option<String>,
    reached_at: Option<u64>,
    head: Option<u64>,
    block: Option<u64>,
    age_s: Option<u64>,
    age_s_max: u64,
}

/// An event's data. `event` is its kind; the other fields depend on it.
#[derive(ToSchema)]
pub(super) struct Event {
    event: EventKind,
}

/// The kinds of events.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(super) enum EventKind {
    Accepted,
    Captured,
    Sealed,
    Proved,
    Submitted,
    Confirmed,
    Final,
    Aborted,
    Settled,
    Failed,
    ReorgedOut,
    TaskPanicked,
    /// Some were missed and are not kept.
    Missed,
}

/// What is wrong with a body.
#[derive(IntoResponses)]
pub(super) enum BodyErrors {
    /// `malformed`: the message names the field.
    #[response(status = 400)]
    Malformed(#[to_schema] Error),
    /// `too_slow`: the body did not arrive in time.
    #[response(status = 408)]
    TooSlow(#[to_schema] Error),
    /// `too_large`.
    #[response(status = 413)]
    TooLarge(#[to_schema] Error),
    /// `unsupported_media_type`: it is not declared as JSON.
    #[response(status = 415)]
    NotJson(#[to_schema] Error),
}

/// Why a mandate is refused.
#[derive(IntoResponses)]
pub(super) enum AcceptErrors {
    /// `insufficient_funds`.
    #[response(status = 402)]
    Funds(#[to_schema] Error),
    /// `limit_exceeded`, `policy_refused`.
    #[response(status = 403)]
    Policy(#[to_schema] Error),
    /// `nonce_spent`, `nonce_conflict`, `change_pending`.
    #[response(status = 409)]
    Conflict(#[to_schema] Error),
    /// `unsupported_token`, `amount_too_small`, `expired`, `deadline_too_near`, `unknown_account`,
    /// `other_processor`, `other_verifiers`, `unknown_key`, `bad_signature`.
    #[response(status = 422)]
    Refused(#[to_schema] Error),
}

/// Why a capture is refused.
#[derive(IntoResponses)]
pub(super) enum CaptureErrors {
    /// `capture_conflict`, `too_late`.
    #[response(status = 409)]
    Conflict(#[to_schema] Error),
    /// `bad_signature`, `above_ceiling`.
    #[response(status = 422)]
    Refused(#[to_schema] Error),
}

/// Why there is no proof.
#[derive(IntoResponses)]
pub(super) enum ProofErrors {
    /// `not_settled`, `settled_directly`.
    #[response(status = 409)]
    Conflict(#[to_schema] Error),
}

/// Why something is not shown.
#[derive(IntoResponses)]
pub(super) enum NotFoundErrors {
    /// `malformed`: the address.
    #[response(status = 400)]
    Malformed(#[to_schema] Error),
    /// `unknown_mandate`, `not_found`.
    #[response(status = 404)]
    NotFound(#[to_schema] Error),
}

/// What may happen to any request.
#[derive(IntoResponses)]
pub(super) enum ServiceErrors {
    /// `too_many_requests`: wait as long as `Retry-After` says.
    #[response(status = 429)]
    TooMany(#[to_schema] Error),
    /// `internal`.
    #[response(status = 500)]
    Internal(#[to_schema] Error),
    /// `not_ready`: wait as long as `Retry-After` says; `/readyz` says why.
    #[response(status = 503)]
    NotReady(#[to_schema] Error),
}
