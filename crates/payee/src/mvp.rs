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

use std::{convert::Infallible, sync::Arc};

use aep2_mandate::{
    typed_data::{TypedData, direct::SignedDirectMandate},
    units::{Amount, Ceiling, UnixTime},
    wire::WireError,
};
use aep2_processor_client::{ProcessorError, queue::Queue};
use aep2_x402::{
    headers::{self, HeaderError},
    mvp::{Receipt, ReceiptError, Refused, X_PAYMENT_MANDATE},
};
use alloy_primitives::{B256, U256};
use axum::{
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;
use tower::Service;

use super::{
    AboveCeiling, Meter, PayeeParts,
    answer::{self, Reply, Sale},
    desk::Asked,
    layer,
    refusal::json,
    served::{Claim, Presentation, Served},
};

/// How a payee takes the published MVP's mandates: see [`Charge::and_mvp`](super::Charge::and_mvp).
#[derive(Clone, Debug)]
pub struct Mvp(Arc<MvpParts>);

#[derive(Debug)]
struct MvpParts {
    queue: Queue,
    currency: String,
    decimals: u8,
}

/// A payment by a direct mandate, whose receipt was verified. Handlers find it among the
/// request's extensions, where there is no [`Paid`](super::Paid); a [`Meter`] is there with both.
#[derive(Clone, Debug)]
pub struct MvpPaid {
    /// The mandate's EIP-712 digest.
    pub digest: B256,
    /// The mandate.
    pub mandate: Box<SignedDirectMandate>,
    /// The processor's promise.
    pub receipt: Receipt,
    pub(super) meter: Meter,
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

/// What the MVP's clients read in an answer 402, beside what x402's read there.
#[derive(Debug, Serialize)]
pub(super) struct Price {
    message: String,
    price: Box<RawValue>,
    currency: String,
    payee: String,
}

/// Why a mandate is not served.
#[derive(Debug, Error)]
enum Fault {
    #[error("{0}")]
    Header(#[from] HeaderError),
    #[error("the header X-Payment-Mandate: {0}")]
    Mandate(#[from] WireError),
    #[error("the mandate's {field} is {found}; it must be {expected}")]
    Other { field: &'static str, code: &'static str, found: String, expected: String },
    #[error("the mandate expired at {0}")]
    Expired(U256),
    #[error("the mandate was used before")]
    Used,
    #[error("the mandate is being served; ask again")]
    InProgress,
    #[error("too many payments at once; ask again later")]
    Busy,
    #[error("{message}")]
    ByProcessor { code: String, message: String },
    #[error("the mandate could not be enqueued; send it again: {0}")]
    Unconfirmed(String),
    #[error("the settlement processor's receipt does not hold: {0}")]
    Receipt(#[from] ReceiptError),
}

impl Fault {
    fn code(&self) -> &str {
        match self {
            Self::Header(_) | Self::Mandate(_) => "INVALID_PAYMENT",
            Self::Other { code, .. } => code,
            Self::Expired(_) => "EXPIRED_MANDATE",
            Self::Used => "DUPLICATE_MANDATE",
            Self::InProgress => "IN_PROGRESS",
            Self::Busy => "TOO_MANY_REQUESTS",
            Self::ByProcessor { code, .. } => code,
            Self::Unconfirmed(_) | Self::Receipt(_) => "SP_ERROR",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::ByProcessor { code, .. } if code == "INSUFFICIENT_BALANCE" => {
                StatusCode::PAYMENT_REQUIRED
            }
            Self::InProgress => StatusCode::CONFLICT,
            Self::Busy | Self::Unconfirmed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Receipt(_) => StatusCode::BAD_GATEWAY,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn answer(&self) -> Response {
        let said = Refused { error: self.code().to_owned(), message: self.to_string() };
        let mut response = json(self.status(), &said);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::InProgress | Self::Busy | Self::Unconfirmed(_)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<ProcessorError> for Fault {
    fn from(error: ProcessorError) -> Self {
        match error {
            ProcessorError::Refused { code, message } => Self::ByProcessor { code, message },
            passing => Self::Unconfirmed(passing.to_string()),
        }
    }
}

impl Mvp {
    /// Mandates are handed in at `queue`. `currency` is what the MVP's clients are told that prices are
    /// in, such as `USD`, of which one unit has 10^`decimals` base units of the payee's token.
    pub fn new(queue: Queue, currency: impl Into<String>, decimals: u8) -> Self {
        Self(Arc::new(MvpParts { queue, currency: currency.into(), decimals }))
    }

    /// What the MVP's clients are told of a price.
    pub(super) fn price(&self, asked: &Asked) -> serde_json::Result<Price> {
        let MvpParts { currency, decimals, .. } = &*self.0;
        let price = decimal(asked.purchase.amount.get(), *decimals);
        Ok(Price {
            message: format!(
                "Missing X-Payment-Mandate header. Price: {price} {currency} required."
            ),
            price: RawValue::from_string(price)?,
            currency: currency.clone(),
            payee: asked.purchase.payee.to_string(),
        })
    }

    /// From a mandate to the answer.
    pub(super) async fn respond<S>(
        self,
        payee: Arc<PayeeParts>,
        asked: Asked,
        (mut parts, body): (Parts, Body),
        inner: S,
    ) -> Response
    where
        S: Service<Request, Error = Infallible> + Send + 'static,
        S::Response: IntoResponse,
        S::Future: Send,
    {
        let now = payee.config.clock.now();
        let admitted = match admit(&payee, &parts.headers, &asked, now) {
            Ok(admitted) => admitted,
            Err(fault) => return fault.answer(),
        };
        let Admitted { mandate, digest, claim } = admitted;
        let serving = match claim {
            Claim::New(serving) => serving,
            seen => return again(&payee, seen).await.unwrap_or_else(|fault| fault.answer()),
        };
        layer::carried(async move {
            let receipt = match self.enqueue(&payee, &mandate, digest, now).await {
                Ok(receipt) => receipt,
                Err(fault) => return fault.answer(),
            };
            let meter = Meter::new(asked.purchase.amount);
            let paid = MvpPaid { digest, mandate, receipt, meter: meter.clone() };
            // The payment is for this payee, not for what is behind it.
            parts.headers.remove(X_PAYMENT_MANDATE);
            parts.extensions.insert(meter);
            parts.extensions.insert(paid.clone());
            let served = layer::serve(inner, Request::from_parts(parts, body)).await;
            answer::give(Reply { payee, sale: Sale::Mvp(paid), serving }, served).await
        })
        .await
    }

    /// The processor's promise for a mandate, verified.
    ///
    /// It refuses a mandate that it has: one that is not remembered here any more is not served a
    /// second time.
    async fn enqueue(
        &self,
        payee: &PayeeParts,
        mandate: &SignedDirectMandate,
        digest: B256,
        now: UnixTime,
    ) -> Result<Receipt, Fault> {
        let receipt = self.0.queue.enqueue(mandate, digest, now, payee.config.skew_s).await?;
        receipt.check(mandate, digest, &payee.config.venue)?;
        Ok(receipt)
    }
}

/// A mandate that pays what is asked.
struct Admitted {
    mandate: Box<SignedDirectMandate>,
    digest: B256,
    claim: Claim,
}

/// The mandate in a request's headers, if it pays what is asked. Signature and funds are the
/// processor's to check.
fn admit(
    payee: &PayeeParts,
    headers: &HeaderMap,
    asked: &Asked,
    now: UnixTime,
) -> Result<Admitted, Fault> {
    let text = headers::text(headers, &X_PAYMENT_MANDATE)?.unwrap_or_default();
    let signed = Box::new(SignedDirectMandate::from_json(text)?);
    let (mandate, purchase) = (&signed.message, &asked.purchase);
    let amount = U256::from(purchase.amount.get());
    for (field, code, found, expected) in [
        ("payee", "INVALID_PAYEE", mandate.payee.to_string(), purchase.payee.to_string()),
        ("token", "INVALID_TOKEN", mandate.token.to_string(), purchase.token.to_string()),
        ("amount", "INVALID_AMOUNT", mandate.amount.to_string(), amount.to_string()),
    ] {
        if found != expected {
            return Err(Fault::Other { field, code, found, expected });
        }
    }
    // The processor's clock decides; what is far off needs not be sent there.
    if mandate.deadline.saturating_add(U256::from(payee.config.skew_s)) < U256::from(now.get()) {
        return Err(Fault::Expired(mandate.deadline));
    }
    let digest = mandate.digest(&payee.config.venue.typed_data_domain());
    let presentation = Presentation::Signed {
        mandate: signed.clone(),
        method: purchase.method.clone(),
        resource: purchase.resource.clone(),
    };
    match payee.memory.claim(digest, presentation, now) {
        Claim::Otherwise => Err(Fault::Used),
        Claim::Full => Err(Fault::Busy),
        claim => Ok(Admitted { mandate: signed, digest, claim }),
    }
}

/// The answer to a mandate that was seen before, with the same request.
async fn again(payee: &PayeeParts, claim: Claim) -> Result<Response, Fault> {
    match payee.again(claim).await {
        Ok(served @ Served::Kept(_)) => answer::repeat(served).map_err(|_| Fault::Used),
        Ok(Served::NotKept(_)) => Err(Fault::Used),
        Err(_) => Err(Fault::InProgress),
    }
}

/// Base units in units of 10^`decimals`, as a JSON number: without a point where it is whole.
fn decimal(base_units: u128, decimals: u8) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{base_units:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    match part.trim_end_matches('0') {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
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
