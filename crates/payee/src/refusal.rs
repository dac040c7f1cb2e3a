//! Why a request is not served, and the answer that says so.

use aep2_mandate::units::UnixTime;
use aep2_processor_client::ProcessorError;
use aep2_x402::{
    Network, PaymentRequired, Requirements, SettleResponse, X402Version2,
    headers::{self, HeaderError, PAYMENT_REQUIRED, PAYMENT_RESPONSE, X_PAYMENT_RESPONSE},
    receipt::ReceiptError,
    v1,
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use thiserror::Error;

use super::{desk::Asked, exact, mvp::Price};

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
        /// The processor's words.
        message: String,
    },
    /// The receipt is an old one: the mandate paid for something before.
    #[error("the mandate was used before: its receipt promises settlement by {settle_by} already")]
    AlreadyUsed {
        /// What the receipt promises.
        settle_by: UnixTime,
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
            Self::BadReceipt(_) => "receipt_invalid",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::AlreadyServed(_) | Self::InProgress => StatusCode::CONFLICT,
            Self::Busy | Self::Unconfirmed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadReceipt(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::PAYMENT_REQUIRED,
        }
    }

    /// After how many seconds the same request may fare better.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::InProgress | Self::Unconfirmed(_) => Some(1),
            Self::Busy => Some(5),
            _ => None,
        }
    }

    /// What is to be said of the payment that came: its settlement, or that it was refused.
    pub(super) fn settled(&self, network: &Network) -> Option<SettleResponse> {
        match self {
            Self::PaymentRequired => None,
            Self::AlreadyServed(said) => headers::object(said.as_ref()?, &PAYMENT_RESPONSE).ok(),
            // The same payment may fare better, or was taken for all that is known: nothing is said.
            Self::InProgress | Self::Busy | Self::Unconfirmed(_) | Self::BadReceipt(_) => None,
            _ => Some(SettleResponse::refused(network.clone(), self.code(), self.to_string())),
        }
    }

    /// The answer. An answer 402 carries `terms`, and `price` for the published MVP's clients.
    pub(super) fn answer(
        &self,
        asked: &Asked,
        terms: Requirements,
        price: Option<Price>,
    ) -> Response {
        let status = self.status();
        let network = terms.network.clone();
        let mut response = if status == StatusCode::PAYMENT_REQUIRED {
            self.asking(asked, terms, price)
        } else {
            json(
                status,
                &Envelope { error: Inner { code: self.code(), message: self.to_string() } },
            )
        };
        let said = self.settled(&network).and_then(|settled| headers::write(&settled).ok());
        let headers = response.headers_mut();
        if let Some(said) = said {
            headers.insert(PAYMENT_RESPONSE, said.clone());
            headers.insert(X_PAYMENT_RESPONSE, said);
        }
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// An answer 402: the terms in the header, those by mandate before those of `exact`, and for
    /// clients of x402's first version in the body.
    /// The published MVP's clients read other members of that body, and as `error` a code, which to
    /// x402's is words.
    fn asking(
        &self,
        Asked { resource, exact, .. }: &Asked,
        terms: Requirements,
        price: Option<Price>,
    ) -> Response {
        /// One entry of `accepts`.
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Offered<'a> {
            Mandate(&'a Requirements),
            Exact(&'a exact::Terms),
        }
        #[derive(Serialize)]
        struct Body {
            #[serde(flatten)]
            terms: v1::Required,
            #[serde(flatten)]
            price: Option<Price>,
        }
        let error = price.as_ref().map_or_else(|| self.to_string(), |_| "PAYMENT_REQUIRED".into());
        let shown =
            v1::required(error, resource, std::slice::from_ref(&terms)).and_then(|mut shown| {
                if let Some(exact) = exact {
                    shown.accepts.push(exact::first_version(exact, resource)?);
                }
                Ok(shown)
            });
        let mut response = match shown {
            Ok(terms) => json(self.status(), &Body { terms, price }),
            Err(error) => return broken(&error),
        };
        let required = PaymentRequired {
            x402_version: X402Version2,
            error: Some(self.to_string()),
            resource: Some(resource.clone()),
            accepts: [Offered::Mandate(&terms)]
                .into_iter()
                .chain(exact.as_ref().map(Offered::Exact))
                .collect(),
            extensions: Default::default(),
        };
        match headers::write(&required) {
            Ok(header) => response.headers_mut().insert(PAYMENT_REQUIRED, header),
            Err(error) => return broken(&error),
        };
        response
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

/// The native interface's envelope.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: String,
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => broken(&error),
    }
}

/// Something that always has JSON had none.
fn broken(error: &serde_json::Error) -> Response {
    tracing::error!(%error, "an answer could not be written");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
