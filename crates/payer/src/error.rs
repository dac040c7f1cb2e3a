//! Why nothing was paid, or what was paid is not certain.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::UnixTime,
};
use aep2_x402::{
    PaymentPayload,
    headers::{self, HeaderError, PAYMENT_SIGNATURE},
    purchase::Purchase,
    terms::{self, TermsError},
};
use alloy_primitives::Address;
use thiserror::Error;

use crate::{card::IssuerError, journal::JournalError, limits::LimitError};

/// Why nothing was paid, or what was paid is not certain.
#[derive(Debug, Error)]
pub enum PayError {
    /// The payer's own limits.
    #[error("over a limit: {0}")]
    Limit(#[from] LimitError),
    /// The journal cannot be written, so nothing is signed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The payee's terms cannot be used.
    #[error("the payee's terms cannot be used: {0}")]
    Terms(#[from] TermsError),
    /// The terms are for another place, or another request.
    #[error("the payee asks for {field} {offered}, and here it is {expected}")]
    Mismatch {
        /// What differs.
        field: &'static str,
        /// What the payee says.
        offered: String,
        /// What would be right.
        expected: String,
    },
    /// The terms agree to disputes. Nothing was signed.
    #[error(
        "the payee's terms name the dispute processor {arbiter}; processors hold nothing back for \
         disputes yet, so such terms are not signed"
    )]
    Disputes {
        /// The dispute processor.
        arbiter: Address,
    },
    /// The payee's terms are not those that were agreed to before. Nothing more was signed.
    #[error("the payee changed its {field} from {before} to {after}")]
    TermsChanged {
        /// What changed.
        field: &'static str,
        /// What it was.
        before: String,
        /// What it is now.
        after: String,
    },
    /// The payee wants to be paid, but offers nothing that a mandate can pay.
    #[error("the payee offers nothing that a mandate can pay: {0}")]
    NoOffer(String),
    /// A header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The payee refused the payment.
    #[error("the payee refused the payment (status {status}): {reason}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its code.
        reason: String,
        /// Its message.
        message: String,
    },
    /// The request cannot be sent twice: its body is a stream.
    #[error("the request's body is a stream and cannot be sent again with a payment")]
    NotRepeatable,
    /// The answer came from elsewhere.
    #[error("asked for {requested}, answered by {answered}: redirections are not followed")]
    Redirected {
        /// What was asked for.
        requested: String,
        /// Where it was answered.
        answered: String,
    },
    /// The request failed, and nothing was signed.
    #[error("the request failed: {0}")]
    Http(#[source] reqwest::Error),
    /// A mandate was sent, and no answer came. It may have been accepted: it counts as spent. Send
    /// the same payment again with [`PayingClient::again`](crate::PayingClient::again) to know.
    #[error("the payment {} was sent and not answered: {source}", payment.id)]
    Unanswered {
        /// What was sent.
        payment: Box<Unanswered>,
        /// The last failure.
        source: reqwest::Error,
    },
    /// Something has no JSON, which all that is paid with has.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The issuer of the payer's card issued nothing.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The payer pays with a card: what was spent, its issuer counts.
    #[error("what was spent with a card is counted by its issuer")]
    CountedByTheIssuer,
    /// The payer is shutting down.
    #[error("the payer is closed")]
    Closed,
}

/// A payment that was sent and not answered.
#[derive(Clone, Debug)]
pub struct Unanswered {
    /// The mandate's id.
    pub id: MandateId,
    /// The mandate.
    pub mandate: SignedMandate,
    /// What was to be bought.
    pub purchase: Purchase,
    /// The payment's header, to be sent again as it is.
    pub header: http::HeaderValue,
    /// When it was signed, by the payer's clock: its receipt was not issued before.
    pub signed_at: UnixTime,
}

impl Unanswered {
    /// What was sent with `header` to buy `resource` with `method`, signed then: for whoever kept
    /// no more.
    ///
    /// # Errors
    /// When the header is no payment, or its terms cannot be used.
    pub fn of(
        header: http::HeaderValue,
        method: &str,
        resource: &str,
        signed_at: UnixTime,
    ) -> Result<Self, PayError> {
        let PaymentPayload { accepted, payload, .. } =
            headers::object(&header, &PAYMENT_SIGNATURE)?;
        let purchase = terms::purchase(&accepted, method, resource)?;
        let id = payload.mandate.id(&purchase.venue.mandate_domain(purchase.token));
        Ok(Self { id, mandate: payload, purchase, header, signed_at })
    }
}
