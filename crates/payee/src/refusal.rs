//! Why a request is not served.

use aep2_mandate::units::UnixTime;
use aep2_processor_client::ProcessorError;
use aep2_x402::{
    Network, SettleResponse,
    headers::{self, HeaderError, PAYMENT_RESPONSE},
    receipt::ReceiptError,
};
use http::{HeaderValue, StatusCode};
use thiserror::Error;

use crate::{clocks::ClocksDiffer, sale::Conflict};

/// Why a request is not served. Each has a stable [code](Refusal::code).
#[derive(Debug, Error)]
pub enum Refusal {
    /// No payment came with it.
    #[error("a payment is required: sign the terms in PAYMENT-REQUIRED and send PAYMENT-SIGNATURE")]
    PaymentRequired,
    /// What came as a payment cannot be read.
    #[error("{0}")]
    Malformed(#[from] HeaderError),
    /// The same, where it came by another way than HTTP's headers.
    #[error("{0}")]
    Unreadable(String),
    /// The payment accepts other terms than the payee's.
    #[error("the payment's {field} is not what is asked for")]
    OtherTerms {
        /// The first field that differs.
        field: &'static str,
    },
    /// The payment names an order that is not the payee's, or is one for something else.
    #[error("the order is not known, or is for another request")]
    UnknownOrder,
    /// The payment comes too late.
    #[error("the order was good until {until}")]
    OrderExpired {
        /// Until when it was good.
        until: UnixTime,
    },
    /// The mandate is for something else.
    #[error("the mandate's ref does not bind it to this request and these terms")]
    OtherReference,
    /// The mandate expires before it can be settled.
    #[error("the mandate expires at {deadline}; it is settled by {needed}")]
    DeadlineTooNear {
        /// Its deadline.
        deadline: UnixTime,
        /// The earliest deadline that would do.
        needed: UnixTime,
    },
    /// The same mandate came before, signed otherwise.
    #[error("the mandate was presented before with another signature")]
    OtherSignature,
    /// The authorization paid, or pays, for another request, or is signed otherwise.
    #[error(
        "the authorization was presented before, for another request or with another signature"
    )]
    UsedOtherwise,
    /// The processor refuses the mandate, or the facilitator the transfer.
    #[error("{message}")]
    ByProcessor {
        /// The processor's code.
        code: String,
        /// The processor's message.
        message: String,
    },
    /// The receipt is an old one: the mandate paid for something before.
    #[error("the mandate was used before: its receipt was issued at {issued_at} already")]
    AlreadyUsed {
        /// When the receipt was issued, by the processor's clock.
        issued_at: UnixTime,
    },
    /// The mandate paid for this request before, and the answer is not there any more.
    #[error("the mandate was served before, and the answer was not kept")]
    AlreadyServed(Option<HeaderValue>),
    /// The same payment is being served.
    #[error("the same payment is being served; ask again")]
    InProgress,
    /// There is no room for more payments.
    #[error("too many payments at once; ask again later")]
    Busy,
    /// The processor does not answer. Whether it has the mandate is not known; it is safe to send
    /// the same payment again.
    #[error("the payment could not be confirmed; send the same payment again: {0}")]
    Unconfirmed(String),
    /// The processor's clock and the payee's differ by too much to tell a new receipt from an old one. The payment was
    /// not handed over.
    #[error("the payment was not handed over: {0}; send the same payment again")]
    ClocksDiffer(ClocksDiffer),
    /// What the processor gave is no receipt for this mandate.
    #[error("the processor's receipt does not hold: {0}")]
    BadReceipt(ReceiptError),
}

impl Refusal {
    /// A name that stays.
    pub fn code(&self) -> &str {
        match self {
            Self::PaymentRequired => "payment_required",
            Self::Malformed(_) | Self::Unreadable(_) => "invalid_payload",
            Self::OtherTerms { .. } => "terms_mismatch",
            Self::UnknownOrder => "order_unknown",
            Self::OrderExpired { .. } => "order_expired",
            Self::OtherReference => "ref_mismatch",
            Self::DeadlineTooNear { .. } => "deadline_too_near",
            Self::OtherSignature => "bad_signature",
            Self::ByProcessor { code, .. } => code,
            Self::AlreadyUsed { .. } | Self::UsedOtherwise => "already_used",
            Self::AlreadyServed(_) => "already_served",
            Self::InProgress => "in_progress",
            Self::Busy => "too_many_requests",
            Self::Unconfirmed(_) => "processor_unavailable",
            Self::ClocksDiffer(_) => "clocks_differ",
            Self::BadReceipt(_) => "receipt_invalid",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::AlreadyServed(_) | Self::InProgress => StatusCode::CONFLICT,
            Self::Busy | Self::Unconfirmed(_) | Self::ClocksDiffer(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BadReceipt(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::PAYMENT_REQUIRED,
        }
    }

    /// After how many seconds the same request may fare better.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::InProgress | Self::Unconfirmed(_) => Some(1),
            Self::Busy => Some(5),
            Self::ClocksDiffer(_) => Some(60),
            _ => None,
        }
    }

    /// What is to be said of the payment that came: its settlement, or that it was refused.
    pub(crate) fn settled(&self, network: &Network) -> Option<SettleResponse> {
        match self {
            Self::PaymentRequired => None,
            Self::AlreadyServed(said) => headers::object(said.as_ref()?, &PAYMENT_RESPONSE).ok(),
            // The same payment may fare better, or was taken for all that is known: nothing is said.
            Self::InProgress
            | Self::Busy
            | Self::Unconfirmed(_)
            | Self::ClocksDiffer(_)
            | Self::BadReceipt(_) => None,
            _ => Some(SettleResponse::refused(network.clone(), self.code(), self.to_string())),
        }
    }

    /// A conflict with what was served before.
    pub fn of(conflict: Conflict) -> Self {
        match conflict {
            Conflict::PresentedOtherwise => Self::UsedOtherwise,
            Conflict::AlreadyServed(said) => Self::AlreadyServed(said),
            Conflict::InProgress => Self::InProgress,
            Conflict::Busy => Self::Busy,
        }
    }
}

impl From<ProcessorError> for Refusal {
    fn from(error: ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { code, message } => Self::ByProcessor { code, message },
            passing => Self::Unconfirmed(passing.to_string()),
        }
    }
}
