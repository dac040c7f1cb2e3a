//! Payments by the published MVP's mandates, for payees that take them beside x402's.
//!
//! A client asks, is told the price, and comes back with a direct mandate in
//! `X-Payment-Mandate`. The mandate is handed in at the processor's queue, whose receipt goes on to the
//! client. The layer's guarantees hold: nothing is served without a verified receipt, a mandate is
//! served once, a request that was paid for is carried to its end, and a call that fails is charged
//! nothing.
//!
//! One does not. The MVP's clients choose `ref` themselves, so **nothing in such a mandate says which
//! request it is for**: it names a payee, a token and an amount. Whoever gets hold of one before it is
//! used can buy something else with it, of the same payee at the same price. TLS keeps it from strangers;
//! x402's mandates, which are bound to their request, are the better choice wherever there is one.

use std::collections::HashMap;

use aep2_mandate::{
    typed_data::{TypedData, direct::SignedDirectMandate},
    units::{Amount, Ceiling, decimal},
    wire::WireError,
};
use aep2_processor_client::{ProcessorError, mvp::MvpClient};
use aep2_x402::{
    headers::{self, HeaderError, PAYMENT_SIGNATURE, X_PAYMENT},
    mvp::{
        ErrorResponse, Payment as PaymentStatement, PaymentStatus, Receipt, ReceiptError,
        X_PAYMENT_MANDATE, X_PAYMENT_RECEIPT,
    },
};
use alloy_primitives::{B256, U256};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;

use super::{Admitted, Offer, Rejection, Scheme};
use crate::{
    meter::{AboveCeiling, Meter},
    sale::{Conflict, Sale},
    statement::Statement,
    unpaid::json,
};

/// How a payee takes the published MVP's mandates: see [`Charge::and`](crate::Charge::and).
#[derive(Clone, Debug)]
pub struct Mvp {
    processor: MvpClient,
    currency: String,
    decimals: u8,
}

/// A payment by a direct mandate, whose receipt was verified. Handlers find it among the
/// request's extensions, where there is no [`Paid`](crate::Paid); a [`Meter`] is there with both.
#[derive(Clone, Debug)]
pub struct MvpPaid {
    /// The mandate's EIP-712 digest.
    pub digest: B256,
    /// The mandate.
    pub mandate: Box<SignedDirectMandate>,
    /// The processor's promise.
    pub receipt: Receipt,
    meter: Meter,
}

impl MvpPaid {
    /// The most that can be charged.
    pub fn ceiling(&self) -> Ceiling {
        self.meter.ceiling()
    }

    /// Says what the call came to: see [`Meter::charge`].
    ///
    /// # Errors
    /// When it is more than the payer allowed. What was said before stands.
    pub fn charge(&self, amount: Amount) -> Result<(), AboveCeiling> {
        self.meter.charge(amount)
    }
}

/// Why a mandate is not served.
#[derive(Debug, Error)]
pub enum MvpRefusal {
    /// The header cannot be read.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// It holds no mandate.
    #[error("the header X-Payment-Mandate: {0}")]
    Mandate(#[from] WireError),
    /// The mandate pays for something else.
    #[error("the mandate's {field} is {found}; it must be {expected}")]
    OtherTerms {
        /// Where it differs.
        field: &'static str,
        /// The MVP's code for that.
        code: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// The mandate has expired, in unix seconds.
    #[error("the mandate expired at {0}")]
    Expired(U256),
    /// The mandate paid for something before.
    #[error("the mandate was used before")]
    AlreadyUsed,
    /// The same payment is being served.
    #[error("the mandate is being served; ask again")]
    InProgress,
    /// There is no room for more payments.
    #[error("too many payments at once; ask again later")]
    Busy,
    /// The processor refuses the mandate.
    #[error("{message}")]
    ByProcessor {
        /// The processor's code.
        code: String,
        /// The processor's message.
        message: String,
    },
    /// The processor does not answer. It is safe to send the same mandate again.
    #[error("the mandate could not be enqueued; send it again: {0}")]
    Unconfirmed(String),
    /// What the processor gave is no receipt for this mandate.
    #[error("the settlement processor's receipt does not hold: {0}")]
    BadReceipt(#[from] ReceiptError),
}

impl MvpRefusal {
    fn code(&self) -> &str {
        match self {
            Self::Header(_) | Self::Mandate(_) => "INVALID_PAYMENT",
            Self::OtherTerms { code, .. } => code,
            Self::Expired(_) => "EXPIRED_MANDATE",
            Self::AlreadyUsed => "DUPLICATE_MANDATE",
            Self::InProgress => "IN_PROGRESS",
            Self::Busy => "TOO_MANY_REQUESTS",
            Self::ByProcessor { code, .. } => code,
            Self::Unconfirmed(_) | Self::BadReceipt(_) => "SP_ERROR",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::ByProcessor { code, .. } if code == "INSUFFICIENT_BALANCE" => {
                StatusCode::PAYMENT_REQUIRED
            }
            Self::InProgress => StatusCode::CONFLICT,
            Self::Busy | Self::Unconfirmed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadReceipt(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn answer(&self) -> Response {
        let said = ErrorResponse { error: self.code().to_owned(), message: self.to_string() };
        let mut response = json(self.status(), &said);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::InProgress | Self::Busy | Self::Unconfirmed(_)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ProcessorError> for MvpRefusal {
    fn from(error: ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { code, message } => Self::ByProcessor { code, message },
            passing => Self::Unconfirmed(passing.to_string()),
        }
    }
}

impl Mvp {
    /// Mandates are enqueued at `processor`. `currency` is what the MVP's clients are told that prices are
    /// in, such as `USD`, of which one unit has 10^`decimals` base units of the payee's token.
    pub fn new(processor: MvpClient, currency: impl Into<String>, decimals: u8) -> Self {
        Self { processor, currency: currency.into(), decimals }
    }
}

/// A mandate that pays what is asked.
#[derive(Debug)]
pub struct Payment {
    mandate: Box<SignedDirectMandate>,
    digest: B256,
}

impl Scheme for Mvp {
    const NAME: &'static str = "mvp";
    type Payment = Payment;
    type Paid = MvpPaid;
    type Statement = PaymentStatement;
    type Refusal = MvpRefusal;

    /// What the MVP's clients are told of a price.
    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>> {
        let (purchase, currency) = (&sale.request().purchase, &self.currency);
        let price = decimal(purchase.amount.get(), self.decimals);
        let message =
            format!("Missing X-Payment-Mandate header. Price: {price} {currency} required.");
        let members = vec![
            ("message", to_raw_value(&message)?),
            ("price", RawValue::from_string(price)?),
            ("currency", to_raw_value(currency)?),
            ("payee", to_raw_value(&purchase.payee.to_string())?),
        ];
        Ok(Some(Offer::Body { error: "PAYMENT_REQUIRED".to_owned(), members }))
    }

    /// Where x402's headers stand beside it, they count.
    fn is_meant(&self, _sale: &Sale, headers: &HeaderMap) -> bool {
        headers.contains_key(X_PAYMENT_MANDATE)
            && !headers.contains_key(PAYMENT_SIGNATURE)
            && !headers.contains_key(X_PAYMENT)
    }

    /// Signature and funds are the processor's to check.
    fn admit(&self, sale: &Sale, headers: &HeaderMap) -> Result<Admitted<Payment>, MvpRefusal> {
        let text = headers::text(headers, &X_PAYMENT_MANDATE)?.unwrap_or_default();
        let signed = Box::new(SignedDirectMandate::from_json(text)?);
        let (mandate, purchase) = (&signed.message, &sale.request().purchase);
        let amount = U256::from(purchase.amount.get());
        for (field, code, found, expected) in [
            ("payee", "INVALID_PAYEE", mandate.payee.to_string(), purchase.payee.to_string()),
            ("token", "INVALID_TOKEN", mandate.token.to_string(), purchase.token.to_string()),
            ("amount", "INVALID_AMOUNT", mandate.amount.to_string(), amount.to_string()),
        ] {
            if found != expected {
                return Err(MvpRefusal::OtherTerms { field, code, found, expected });
            }
        }
        // The processor's clock decides; what is far off needs not be sent there.
        let (config, now) = (sale.payee().config(), sale.asked_at());
        if mandate.deadline.saturating_add(U256::from(config.skew_s)) < U256::from(now.get()) {
            return Err(MvpRefusal::Expired(mandate.deadline));
        }
        let digest = mandate.digest(&config.venue.typed_data_domain());
        // Nothing in it says for which request it was given, so that is remembered.
        let request = (purchase.method.clone(), purchase.resource.clone());
        let fingerprint = (signed.clone(), request);
        Ok(Admitted::new(Payment { mandate: signed, digest }, digest, fingerprint))
    }

    /// The processor's promise, verified.
    ///
    /// It refuses a mandate that it has: one that is not remembered here any more is not served a
    /// second time.
    async fn settle(&self, sale: &Sale, payment: Payment) -> Result<MvpPaid, MvpRefusal> {
        let Payment { mandate, digest } = payment;
        let config = sale.payee().config();
        let enqueued = self.processor.enqueue(&mandate, digest, sale.asked_at(), config.skew_s);
        let receipt = enqueued.await?;
        receipt.check(&mandate, digest, &config.venue)?;
        let meter = Meter::new(sale.request().purchase.amount);
        Ok(MvpPaid { digest, mandate, receipt, meter })
    }

    fn hand_over(&self, paid: &MvpPaid, request: &mut Parts) {
        request.headers.remove(X_PAYMENT_MANDATE);
        request.extensions.insert(paid.meter.clone());
        request.extensions.insert(paid.clone());
    }

    fn promise(&self, _sale: &Sale, paid: &MvpPaid) -> PaymentStatement {
        let (status, sp_receipt) = (PaymentStatus::Enqueued, paid.receipt);
        PaymentStatement { status, sp_receipt, amount: None }
    }

    async fn conclude(&self, sale: &Sale, paid: &MvpPaid, succeeded: bool) -> PaymentStatement {
        let (amount, _) = sale.payee().capture(paid.digest, &paid.meter, succeeded).await;
        let less = amount != paid.ceiling().amount();
        PaymentStatement { amount: less.then_some(amount), ..self.promise(sale, paid) }
    }

    fn conflict(&self, conflict: Conflict) -> MvpRefusal {
        match conflict {
            Conflict::PresentedOtherwise | Conflict::AlreadyServed(_) => MvpRefusal::AlreadyUsed,
            Conflict::InProgress => MvpRefusal::InProgress,
            Conflict::Busy => MvpRefusal::Busy,
        }
    }

    fn refuse(&self, refusal: MvpRefusal) -> Rejection {
        Rejection::Other(Box::new(refusal.answer()))
    }
}

/// The MVP's clients look for it in the body too: as a member `payment`, where the body is a JSON
/// object that has none. Other bodies stay as they are.
impl Statement for PaymentStatement {
    fn headers(&self) -> serde_json::Result<Vec<(HeaderName, HeaderValue)>> {
        Ok(vec![(X_PAYMENT_RECEIPT, headers::write(self)?)])
    }

    fn body(&self, headers: &mut HeaderMap, body: Bytes) -> Bytes {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        if headers.contains_key(header::CONTENT_ENCODING)
            || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        {
            return body;
        }
        let Some(longer) = with_payment(&body, self) else { return body };
        if headers.contains_key(header::CONTENT_LENGTH) {
            headers.insert(header::CONTENT_LENGTH, longer.len().into());
        }
        longer
    }
}

/// A JSON object with one member more: its own text, and the member before its last brace. Nothing
/// where it is no object, or has the member.
fn with_payment(body: &[u8], payment: &PaymentStatement) -> Option<Bytes> {
    let members: HashMap<String, IgnoredAny> = serde_json::from_slice(body).ok()?;
    if members.contains_key("payment") {
        return None;
    }
    let open = body.trim_ascii_end().strip_suffix(b"}")?;
    let comma: &[u8] = if members.is_empty() { b"" } else { b"," };
    let member = serde_json::to_vec(payment).ok()?;
    Some([open, comma, b"\"payment\":", &member, b"}"].concat().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_the_numbers_that_the_mvps_clients_compute_with() {
        for (base_units, decimals, text) in [
            (1_000, 6, "0.001"),
            (1_000_000, 6, "1"),
            (1_234_560_000, 6, "1234.56"),
            (1, 18, "0.000000000000000001"),
            (7, 0, "7"),
            (u128::MAX, 6, "340282366920938463463374607431768.211455"),
        ] {
            assert_eq!(decimal(base_units, decimals), text);
            assert!(serde_json::from_str::<f64>(text).is_ok());
        }
    }
}
