//! x402 over the Agent-to-Agent protocol: what the metadata of a message says of a payment.
//!
//! | key | with the status | carries |
//! | --- | --- | --- |
//! | `x402.payment.status` | always | the status |
//! | `x402.payment.required` | `payment-required` | [`PaymentRequired`] |
//! | `x402.payment.payload` | `payment-submitted` | [`PaymentPayload`] |
//! | `x402.payment.receipts` | `payment-completed`, `payment-failed` | every [`SettleResponse`] of the task |
//! | `x402.payment.error` | `payment-failed` | an [`ErrorCode`] |
//!
//! The standalone flow of x402's `specs/transports-v2/a2a.md` and of the extension itself
//! (`google-agentic-commerce/a2a-x402`, v0.1 and v0.2). A message is read whole: a status without
//! what belongs to it, or with what does not, is refused.

use http::HeaderName;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    objects::{PaymentPayload, PaymentRequired},
    settlement::SettleResponse,
};

/// The extension, as an agent's card names it in x402's own specification.
pub const EXTENSION: &str = "https://github.com/google-a2a/a2a-x402/v0.1";
/// The extension's next version.
pub const EXTENSION_V0_2: &str =
    "https://github.com/google-agentic-commerce/a2a-x402/blob/main/spec/v0.2";
/// The header in which a client names the extensions that it uses.
pub const EXTENSIONS_HEADER: HeaderName = HeaderName::from_static("x-a2a-extensions");

/// What a message says of a payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Metadata<P>", into = "Metadata<P>")]
#[serde(bound(serialize = "P: Clone + Serialize", deserialize = "P: DeserializeOwned"))]
pub enum Message<P = PaymentPayload> {
    /// The payee asks for a payment. The terms are elsewhere where they are part of another
    /// protocol's objects.
    Required(Option<PaymentRequired>),
    /// The payer will not pay.
    Rejected,
    /// The payer pays. The payment is elsewhere where it is part of another protocol's objects.
    Submitted(Option<P>),
    /// The payment was checked.
    Verified,
    /// It was settled; by mandate, the processor promised to.
    Completed {
        /// Every settlement of the task, the successful one last.
        receipts: Vec<SettleResponse>,
    },
    /// It was not.
    Failed {
        /// Why.
        error: Option<ErrorCode>,
        /// Every settlement of the task, without a successful one at the end.
        receipts: Vec<SettleResponse>,
    },
}

/// Why a payment failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The payer has too little.
    InsufficientFunds,
    /// The signature does not hold.
    InvalidSignature,
    /// It came too late.
    ExpiredPayment,
    /// Its nonce was used before.
    DuplicateNonce,
    /// It is for another chain.
    NetworkMismatch,
    /// It is over another amount.
    InvalidAmount,
    /// Anything else.
    SettlementFailed,
}

impl ErrorCode {
    /// The code for one of this protocol's: a payee's, or a processor's.
    pub fn of(code: &str) -> Self {
        match code {
            "insufficient_funds" => Self::InsufficientFunds,
            "bad_signature" => Self::InvalidSignature,
            "expired" | "order_expired" | "deadline_too_near" => Self::ExpiredPayment,
            "nonce_spent" | "nonce_conflict" | "already_used" | "already_served" => {
                Self::DuplicateNonce
            }
            "terms_mismatch" => Self::InvalidAmount,
            _ => Self::SettlementFailed,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Status {
    #[serde(rename = "payment-required")]
    Required,
    #[serde(rename = "payment-rejected")]
    Rejected,
    #[serde(rename = "payment-submitted")]
    Submitted,
    #[serde(rename = "payment-verified")]
    Verified,
    #[serde(rename = "payment-completed")]
    Completed,
    #[serde(rename = "payment-failed")]
    Failed,
}

/// The metadata as it is written. Other extensions' keys stand beside these.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "P: Serialize", deserialize = "P: DeserializeOwned"))]
struct Metadata<P> {
    #[serde(rename = "x402.payment.status")]
    status: Status,
    #[serde(rename = "x402.payment.required", default, skip_serializing_if = "Option::is_none")]
    required: Option<PaymentRequired>,
    #[serde(
        rename = "x402.payment.payload",
        default = "Option::default",
        skip_serializing_if = "Option::is_none"
    )]
    payload: Option<P>,
    #[serde(rename = "x402.payment.error", default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorCode>,
    #[serde(rename = "x402.payment.receipts", default, skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<SettleResponse>>,
}

impl<P> Message<P> {
    /// Reads a message's metadata; nothing where it says nothing of payments.
    ///
    /// # Errors
    /// When the status is unknown, something is said twice, or the parts do not belong together.
    pub fn read(metadata: &str) -> serde_json::Result<Option<Self>>
    where
        P: DeserializeOwned,
    {
        /// Enough to tell whether it says anything.
        #[derive(Deserialize)]
        struct Said {
            #[serde(rename = "x402.payment.status")]
            status: Option<serde::de::IgnoredAny>,
        }
        let Said { status } = serde_json::from_str(metadata)?;
        status.map(|_| serde_json::from_str(metadata)).transpose()
    }
}

impl<P> TryFrom<Metadata<P>> for Message<P> {
    type Error = String;

    fn try_from(metadata: Metadata<P>) -> Result<Self, String> {
        let Metadata { status, required, payload, error, receipts } = metadata;
        for (key, there, of) in [
            ("x402.payment.required", required.is_some(), &[Status::Required][..]),
            ("x402.payment.payload", payload.is_some(), &[Status::Submitted]),
            ("x402.payment.error", error.is_some(), &[Status::Failed]),
        ] {
            if there && !of.contains(&status) {
                return Err(format!("{key} does not belong to the status {status:?}"));
            }
        }
        let last_succeeded = receipts
            .as_deref()
            .and_then(<[_]>::last)
            .map(|receipt: &SettleResponse| receipt.success);
        let receipts = receipts.unwrap_or_default();
        Ok(match (status, last_succeeded) {
            (Status::Completed, Some(true)) => Self::Completed { receipts },
            (Status::Completed, _) => {
                return Err("completed, without a receipt that says so".to_owned());
            }
            (Status::Failed, Some(true)) => {
                return Err("failed, with a receipt that says otherwise".to_owned());
            }
            (Status::Failed, _) => Self::Failed { error, receipts },
            (Status::Required, _) => Self::Required(required),
            (Status::Rejected, _) => Self::Rejected,
            (Status::Submitted, _) => Self::Submitted(payload),
            (Status::Verified, _) => Self::Verified,
        })
    }
}

impl<P> From<Message<P>> for Metadata<P> {
    fn from(message: Message<P>) -> Self {
        let bare =
            |status| Self { status, required: None, payload: None, error: None, receipts: None };
        match message {
            Message::Required(required) => Self { required, ..bare(Status::Required) },
            Message::Rejected => bare(Status::Rejected),
            Message::Submitted(payload) => Self { payload, ..bare(Status::Submitted) },
            Message::Verified => bare(Status::Verified),
            Message::Completed { receipts } => {
                Self { receipts: Some(receipts), ..bare(Status::Completed) }
            }
            Message::Failed { error, receipts } => {
                Self { error, receipts: Some(receipts), ..bare(Status::Failed) }
            }
        }
    }
}
