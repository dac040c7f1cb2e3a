//! Errors as callers see them: a code that stays, a status, a message that says what to do.
//!
//! ```json
//! { "error": { "code": "insufficient_funds", "message": "…" } }
//! ```

use std::borrow::Cow;

use aep2_mandate::wire::WireError;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// Defines the codes: for each its name, its status, and what a caller does about it.
macro_rules! codes {
    ($($(#[doc = $about:literal])+ $variant:ident = $name:literal, $status:ident;)+) => {
        /// What went wrong, as software tells it. Names and statuses are stable across releases.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $about])+ $variant,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The status.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            /// What it means and what to do, for the documentation.
            pub fn about(self) -> String {
                let lines: &[&str] = match self { $(Self::$variant => &[$($about),+],)+ };
                lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
            }
        }
    };
}

codes! {
    /// The request is not what it should be; the message names the field. Mend it.
    Malformed = "malformed", BAD_REQUEST;
    /// The body is not declared as JSON. Send `Content-Type: application/json`.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE;
    /// More bytes or more mandates than one request may bring. Send less at once.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE;
    /// The body did not arrive in time. Send it again.
    TooSlow = "too_slow", REQUEST_TIMEOUT;
    /// There is no such thing here, or not yet.
    NotFound = "not_found", NOT_FOUND;
    /// This address takes other methods; the header `Allow` names them.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// The token is not accepted here; `GET /` names those that are.
    UnsupportedToken = "unsupported_token", UNPROCESSABLE_ENTITY;
    /// The payee is the address 0, the wallet or the token: nobody could take the money out.
    LostPayee = "lost_payee", UNPROCESSABLE_ENTITY;
    /// The terms that came with the mandate are not what its `ref` is the hash of. Send those that were signed.
    OtherTerms = "other_terms", UNPROCESSABLE_ENTITY;
    /// The terms give more time for disputes than this processor holds mandates; `GET /` has the most.
    DisputesTooLong = "disputes_too_long", UNPROCESSABLE_ENTITY;
    /// The amount is less than this processor settles; `GET /` has the least.
    AmountTooSmall = "amount_too_small", UNPROCESSABLE_ENTITY;
    /// The deadline has passed. Sign another mandate.
    Expired = "expired", UNPROCESSABLE_ENTITY;
    /// The deadline comes before the mandate could be settled. Sign one with a later deadline.
    DeadlineTooNear = "deadline_too_near", UNPROCESSABLE_ENTITY;
    /// The account is not known. Open it, or wait until its block is confirmed.
    UnknownAccount = "unknown_account", UNPROCESSABLE_ENTITY;
    /// The account's owner named another processor. Take the mandate there.
    OtherProcessor = "other_processor", UNPROCESSABLE_ENTITY;
    /// Nothing is accepted of the account, to the payee or in the token at the moment. Try again later.
    Paused = "paused", SERVICE_UNAVAILABLE;
    /// The account's owner froze it. Ask the owner.
    Frozen = "frozen", FORBIDDEN;
    /// The account came over from another processor, and the chain is being asked for what it has and
    /// which of its nonces are spent. Wait as long as the header `Retry-After` says, and send it again.
    AccountBeingRead = "account_being_read", SERVICE_UNAVAILABLE;
    /// The account's owner trusts other verifiers than this processor settles by.
    OtherVerifiers = "other_verifiers", UNPROCESSABLE_ENTITY;
    /// The key is not the account's. Sign with the key that is registered.
    UnknownKey = "unknown_key", UNPROCESSABLE_ENTITY;
    /// The signature is not the signer's on this content.
    BadSignature = "bad_signature", UNPROCESSABLE_ENTITY;
    /// The nonce is spent on chain. Sign with a fresh one.
    NonceSpent = "nonce_spent", CONFLICT;
    /// Another mandate with this nonce was accepted. Sign with a fresh one.
    NonceConflict = "nonce_conflict", CONFLICT;
    /// The account's terms are about to change, before the mandate would surely be settled.
    ChangePending = "change_pending", CONFLICT;
    /// The account does not have so much left. Deposit, or wait for captures to release some.
    InsufficientFunds = "insufficient_funds", PAYMENT_REQUIRED;
    /// A limit of this processor would be exceeded.
    LimitExceeded = "limit_exceeded", FORBIDDEN;
    /// This processor does not serve this payment.
    PolicyRefused = "policy_refused", FORBIDDEN;
    /// Whether this processor serves this payment is not decided yet. Wait as long as the header
    /// `Retry-After` says, and send the same mandate again.
    CompliancePending = "compliance_pending", CONFLICT;
    /// A payment of so much needs what the Travel Rule asks for. Hand it in for this mandate's id with
    /// `POST /v1/travel-rule`, and send the same mandate again.
    TravelRuleRequired = "travel_rule_required", CONFLICT;
    /// The Travel Rule's object does not open, is not valid, or is not this mandate's. The message says which.
    TravelRuleInvalid = "travel_rule_invalid", UNPROCESSABLE_ENTITY;
    /// The attestation does not count here; the message begins with why. Ask its issuer for another.
    AttestationRefused = "attestation_refused", UNPROCESSABLE_ENTITY;
    /// No mandate with this id was accepted here.
    UnknownMandate = "unknown_mandate", NOT_FOUND;
    /// The mandate is not disputed, or it does not concern whoever asks.
    UnknownDispute = "unknown_dispute", NOT_FOUND;
    /// The terms that came with the mandate agree to no disputes, or not for this reason.
    NotDisputable = "not_disputable", UNPROCESSABLE_ENTITY;
    /// Something else was said in its place before, and that stands: a mandate has one dispute, one answer, one
    /// ruling.
    DisputeConflict = "dispute_conflict", CONFLICT;
    /// No party to the dispute has signed this evidence: its hash, its size, what it is.
    EvidenceNotNamed = "evidence_not_named", UNPROCESSABLE_ENTITY;
    /// No more evidence is kept, of this dispute, of whoever signed it, or in all. The message says which.
    EvidenceFull = "evidence_full", INSUFFICIENT_STORAGE;
    /// Who asks is not clear. Send `Authorization: AEP2 …` with an access that is signed by whom it concerns.
    Unauthorized = "unauthorized", UNAUTHORIZED;
    /// Another amount was captured before; that one stands.
    CaptureConflict = "capture_conflict", CONFLICT;
    /// More than the mandate allows. Capture less.
    AboveCeiling = "above_ceiling", UNPROCESSABLE_ENTITY;
    /// This processor settles whole amounts only; `GET /` says so. Capture all of it, or do not capture.
    CapturesNotServed = "captures_not_served", UNPROCESSABLE_ENTITY;
    /// The mandate is being settled or has ended; what it pays is fixed.
    TooLate = "too_late", CONFLICT;
    /// Nothing of the mandate was paid, so nothing can be given back. Wait until it is settled.
    NothingToRefund = "nothing_to_refund", CONFLICT;
    /// Another amount was announced under this `refundId`; that one stands. Another refund has another
    /// `refundId`.
    RefundConflict = "refund_conflict", CONFLICT;
    /// The mandate has as many refunds as one may have.
    TooManyRefunds = "too_many_refunds", CONFLICT;
    /// More than is left of what was settled, after the refunds before. Refund less.
    AboveSettled = "above_settled", UNPROCESSABLE_ENTITY;
    /// The refund is in another token than the mandate. Sign it in the mandate's.
    OtherToken = "other_token", UNPROCESSABLE_ENTITY;
    /// There is no proof before the mandate is settled in a batch. Wait.
    NotSettled = "not_settled", CONFLICT;
    /// Direct mandates have no inclusion proof: the wallet's event is the proof.
    SettledDirectly = "settled_directly", CONFLICT;
    /// More waits to be settled than could be settled in time with this. Wait as long as the header
    /// `Retry-After` says, and send it again.
    OverCapacity = "over_capacity", TOO_MANY_REQUESTS;
    /// Too much at once. Wait as long as the header `Retry-After` says, and send it again.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS;
    /// Not serving at the moment; `GET /readyz` says why. Wait, and send it again: the same mandate
    /// gets the same receipt.
    NotReady = "not_ready", SERVICE_UNAVAILABLE;
    /// Something here went wrong, and its operator is told. The same mandate may be sent again.
    Internal = "internal", INTERNAL_SERVER_ERROR;
}

impl Code {
    /// The code with this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }

    /// Whether the same is worth another try a little later.
    pub(super) const fn passes(self) -> bool {
        self.retry_after_s().is_some()
    }

    /// How long to wait before the same is worth another try, in seconds, where it is, and nothing more
    /// exact is known.
    const fn retry_after_s(self) -> Option<u64> {
        match self {
            Self::TooManyRequests | Self::AccountBeingRead | Self::CompliancePending => Some(1),
            Self::NotReady | Self::OverCapacity => Some(5),
            Self::Paused => Some(30),
            _ => None,
        }
    }
}

/// An error on its way to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong, for software.
    pub code: Code,
    /// The same for people: what is wrong and what to do.
    pub message: Cow<'static, str>,
    /// How long to wait before the same is worth another try, in seconds, where that is known.
    pub retry_after_s: Option<u64>,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct Envelope {
    /// What went wrong.
    error: ErrorBody,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// For software; stable.
    #[schema(pattern = "^[a-z_]+$", example = "insufficient_funds")]
    code: &'static str,
    /// For people: what is wrong and what to do.
    #[schema(value_type = String)]
    message: Cow<'static, str>,
}

impl ApiError {
    /// An error with this message.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), retry_after_s: None }
    }

    /// Something here went wrong. The cause is for the log, not for the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(Code::Internal, "something went wrong here; the operator's log says what")
    }

    /// What the processor refuses, by its own code and message. What is wrong inside is for the log.
    pub(crate) fn coded(code: &'static str, error: &dyn std::fmt::Display) -> Self {
        match Code::of(code) {
            None | Some(Code::Internal) => Self::internal(error),
            Some(code) => Self::new(code, error.to_string()),
        }
    }

    /// What is not here.
    pub(crate) fn not_found(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, what)
    }

    /// The error as it is sent.
    pub(super) fn body(&self) -> ErrorBody {
        ErrorBody { code: self.code.name(), message: self.message.clone() }
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        Self::new(Code::Malformed, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&Envelope { error: self.body() }).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.code.status(), body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after_s.or(self.code.retry_after_s()) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        // For the log, and for the MVP's interface, which has another form.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn names_are_distinct_and_documented() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        let page = include_str!("../../../../docs/api.md");
        for code in Code::ALL {
            assert_eq!(Code::of(code.name()), Some(*code));
            let row =
                format!("| `{}` | {} | {} |", code.name(), code.status().as_u16(), code.about());
            assert!(page.contains(&row), "docs/api.md: no row\n{row}");
        }
        assert_eq!(Code::of("teapot"), None);
    }

    #[test]
    fn every_code_of_the_processors_is_known_here() {
        let mut found = BTreeSet::new();
        for source in [
            include_str!("../../../processor/src/codes.rs"),
            include_str!("../../../processor/src/accept/error.rs"),
            include_str!("../../../processor/src/capture/error.rs"),
            include_str!("../../../processor/src/dispute/error.rs"),
            include_str!("../../../processor/src/refund/error.rs"),
            include_str!("../../../processor/src/view/mod.rs"),
        ] {
            // The arms of `code`: a name in lower case behind an arrow.
            let arms = source.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
            let is_code = |name: &&str| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            };
            found.extend(arms.filter(is_code));
        }
        assert!(found.len() > 15 && found.contains("bad_signature"), "{found:?}");
        for name in found {
            assert!(Code::of(name).is_some(), "{name} would be called internal");
        }
    }

    #[tokio::test]
    async fn every_code_has_its_status_and_one_envelope() -> Result<(), Box<dyn std::error::Error>>
    {
        for code in Code::ALL {
            let response = ApiError::new(*code, "message \"quoted\"").into_response();
            assert_eq!(response.status(), code.status());
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
            // What is not decided yet is a conflict that passes.
            let passes = *code == Code::CompliancePending;
            let waits = passes || matches!(code.status().as_u16(), 429 | 503);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), waits, "{code:?}");
            let body = response.into_body().collect().await?.to_bytes();
            let expected = serde_json::json!({
                "error": { "code": code.name(), "message": "message \"quoted\"" }
            });
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&body)?, expected);
        }
        Ok(())
    }
}
