//! The payment that comes with a request, and whether it pays for that request.

use std::sync::Arc;

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::UnixTime,
};
use aep2_x402::{
    Extra, PaymentPayload, Requirements,
    headers::{self, HeaderError, PAYMENT_SIGNATURE, X_PAYMENT},
    purchase::PaymentContext,
    v1,
};
use alloy_primitives::B256;
use http::HeaderMap;
use serde::Deserialize;

use crate::{
    order::{OrderError, Orders},
    refusal::Refusal,
    sale::Sale,
    scheme::terms::{all_same, same_terms},
};

/// A payment as it came, of either version of x402.
#[derive(Debug)]
pub(crate) struct IncomingPayment {
    pub(super) mandate: Arc<SignedMandate>,
    accepted: Accepted,
}

/// Which terms the payer says that it accepts.
#[derive(Debug)]
enum Accepted {
    Terms(Box<Requirements>),
    /// x402's first version names the chain only.
    Network(String),
}

impl IncomingPayment {
    /// The payment in a request's headers.
    pub(super) fn read(headers: &HeaderMap) -> Result<Option<Self>, HeaderError> {
        if let Some(payload) = headers::read::<PaymentPayload>(headers, &PAYMENT_SIGNATURE)? {
            return Ok(Some(payload.into()));
        }
        let Some(text) = headers::text(headers, &X_PAYMENT)? else { return Ok(None) };
        let malformed = |source| HeaderError::NotTheObject { name: X_PAYMENT, source };
        /// Enough to tell whose version it is.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            x402_version: u64,
        }
        let Version { x402_version } = serde_json::from_slice(&text).map_err(malformed)?;
        if x402_version == 1 {
            let payment: v1::Payment = serde_json::from_slice(&text).map_err(malformed)?;
            let accepted = Accepted::Network(payment.network);
            return Ok(Some(Self { mandate: Arc::from(payment.payload), accepted }));
        }
        let payload: PaymentPayload = serde_json::from_slice(&text).map_err(malformed)?;
        Ok(Some(payload.into()))
    }

    /// Checks that this pays for what is sold under `terms`, which carry no order. Gives the
    /// mandate's id, and its order and when that was made, where it has one.
    ///
    /// The signature is the processor's to check, and so is what the account has.
    pub(super) fn pays_for(
        &self,
        sale: &Sale,
        terms: &Requirements,
        orders: &Orders,
    ) -> Result<(MandateId, Option<B256>, Option<UnixTime>), Refusal> {
        let (purchase, now) = (&sale.request().purchase, sale.asked_at());
        let mandate = &self.mandate.mandate;
        let order = match &self.accepted {
            Accepted::Terms(accepted) => {
                same_terms(accepted, terms)?;
                same_extra(&accepted.extra, &terms.extra)?;
                accepted.extra.order.map(|order| order.0)
            }
            Accepted::Network(network) if *network != terms.network.to_string() => {
                return Err(Refusal::OtherTerms { field: "network" });
            }
            Accepted::Network(_) => None,
        };
        all_same([
            ("mandate.token", mandate.token == purchase.token),
            ("mandate.payee", mandate.payee == purchase.payee),
            ("mandate.amount", mandate.amount == purchase.amount),
        ])?;
        let (context, good_until) = match order {
            Some(order) => {
                let until = orders.check(purchase, order, now).map_err(|error| match error {
                    OrderError::Unknown => Refusal::UnknownOrder,
                    OrderError::Expired(until) => Refusal::OrderExpired { until },
                })?;
                (PaymentContext::Order(order), Some(until))
            }
            None => {
                let (account, nonce) = (mandate.account, mandate.nonce);
                (PaymentContext::Intent { account, nonce }, None)
            }
        };
        if mandate.reference != purchase.reference(context) {
            return Err(Refusal::OtherReference);
        }
        // The processor's clock decides; what is far off needs not be sent there.
        let settle_within_s = terms.extra.settle_within_seconds;
        let needed = now.checked_add(settle_within_s).unwrap_or(UnixTime::MAX);
        let skew_s = sale.payee().config().skew_s;
        if mandate.deadline.checked_add(skew_s).is_some_and(|latest| latest < needed) {
            return Err(Refusal::DeadlineTooNear { deadline: mandate.deadline, needed });
        }
        let id = mandate.id(&purchase.venue.mandate_domain(purchase.token));
        Ok((id, order, good_until.and_then(|until| ordered_at(sale, until))))
    }
}

impl From<PaymentPayload> for IncomingPayment {
    fn from(payload: PaymentPayload) -> Self {
        Self {
            mandate: Arc::new(payload.payload),
            accepted: Accepted::Terms(Box::new(payload.accepted)),
        }
    }
}

/// When an order was made that is good until then.
fn ordered_at(sale: &Sale, until: UnixTime) -> Option<UnixTime> {
    let good_s = sale.payee().config().order_good_s;
    UnixTime::new(until.get().saturating_sub(good_s)).ok()
}

/// The same for what this scheme adds, but for the order.
fn same_extra(accepted: &Extra, asked: &Extra) -> Result<(), Refusal> {
    let settle_within = accepted.settle_within_seconds == asked.settle_within_seconds;
    all_same([
        ("extra.wallet", accepted.wallet == asked.wallet),
        ("extra.processor", accepted.processor == asked.processor),
        ("extra.settleWithinSeconds", settle_within),
        ("extra.capture", accepted.capture == asked.capture),
        ("extra.disputes", accepted.disputes == asked.disputes),
        ("extra.method", accepted.method.is_none() || accepted.method == asked.method),
    ])
}
