//! Selling, by whatever way the request came: what is asked, whether the payment fits, what the
//! processor promises, what is charged in the end.
//!
//! The [layer](super::layer) does this for HTTP. What comes by another transport is sold with
//! [`Payee::sell`], under the same guarantees.

use std::{panic::AssertUnwindSafe, sync::Arc};

use aep2_mandate::{
    mandate::MandateId,
    typed_data::{capture::SignedCaptureReceipt, receipt::SignedReceipt},
    units::{Amount, UnixTime},
    wire::Strict,
};
use aep2_x402::{
    Aep2Scheme, Extra, Network, PaymentPayload, PaymentRequired, Requirements, ResourceInfo,
    SettleResponse, X402Version2,
    headers::{self, PAYMENT_RESPONSE},
    purchase::Purchase,
    terms::{self, WALLET_NAME, WALLET_VERSION},
};
use alloy_primitives::B256;
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, StatusCode};

use super::{
    Meter, Paid, Payee, PayeeParts, Quote, Refusal, exact,
    payment::Presented,
    served::{Claim, Kept, Presentation, Served, Serving},
};

/// What is asked for a request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) purchase: Arc<Purchase>,
    /// Without an order.
    pub(super) terms: Requirements,
    /// The same by the scheme `exact`, where that is taken.
    pub(super) exact: Option<exact::Terms>,
    pub(super) resource: ResourceInfo,
}

/// A payment that fits its request.
pub(super) enum Admitted {
    New(Presented, MandateId, Serving),
    /// Seen before: running or done.
    Again(Claim),
}

/// Something that is asked for, and what it costs.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// As [`Purchase::method`].
    pub method: String,
    /// As [`Purchase::resource`].
    pub resource: String,
    /// The price.
    pub quote: Quote,
}

/// What is handed over for a payment.
pub trait Goods: Send + 'static {
    /// Whether it is worth its price. What is not is charged nothing, unless it said what it
    /// charges.
    fn succeeded(&self) -> bool;

    /// What is handed over where making it panicked. It does not count as a success.
    fn broken() -> Self;

    /// The answer, with what became of its payment: as it goes out, and as it is remembered.
    fn sealed(self, settled: &SettleResponse) -> Bytes;
}

/// Nothing was handed over.
#[derive(Debug)]
pub struct Unsold {
    /// Why.
    pub refusal: Refusal,
    /// What would be paid for, on which terms, under a new order. To be told to the payer when the
    /// refusal's status is 402.
    pub required: PaymentRequired,
    /// What is to be said of the payment that came, if anything.
    pub settled: Option<SettleResponse>,
}

impl Payee {
    /// Sells what `make` makes, for the payment that came with a request; without one, `payment`
    /// is why there is none.
    ///
    /// All of the layer's guarantees hold: `make` is called once for a mandate, and only with a
    /// verified receipt; the same payment again gets the same answer; a sale that went to the
    /// processor is carried to its end, also when this future is dropped.
    ///
    /// # Errors
    /// [`Unsold`] where nothing is to be handed over.
    pub async fn sell<G, M, F>(
        &self,
        wanted: Wanted,
        payment: Result<PaymentPayload, Refusal>,
        make: M,
    ) -> Result<Bytes, Box<Unsold>>
    where
        G: Goods,
        M: FnOnce(Paid) -> F + Send + 'static,
        F: Future<Output = G> + Send,
    {
        let payee = self.0.clone();
        let asked = payee.asked(wanted.quote, wanted.method, wanted.resource);
        let now = payee.config.clock.now();
        let unsold = |refusal| payee.unsold(refusal, &asked, now);
        let admitted = payment.and_then(|payment| payee.admit(payment.into(), &asked, now));
        let (presented, id, serving) = match admitted.map_err(unsold)? {
            Admitted::New(presented, id, serving) => (presented, id, serving),
            Admitted::Again(claim) => {
                return match payee.again(claim).await.map_err(unsold)? {
                    Served::Kept(kept) => Ok(kept.body.clone()),
                    Served::NotKept(said) => Err(unsold(Refusal::AlreadyServed(said))),
                };
            }
        };
        let sale = {
            let (payee, asked) = (payee.clone(), asked.clone());
            tokio::spawn(async move {
                let receipt = payee.settle(&presented, id, &asked).await?;
                let purchase = asked.purchase.clone();
                let paid = Paid::new(id, presented.mandate.clone(), receipt, purchase);
                let made = async { make(paid.clone()).await };
                let goods = AssertUnwindSafe(made).catch_unwind().await;
                let (goods, succeeded) = match goods {
                    Ok(goods) => {
                        let succeeded = goods.succeeded();
                        (goods, succeeded)
                    }
                    Err(_) => {
                        tracing::error!(%id, "what was paid for could not be made: a panic");
                        (G::broken(), false)
                    }
                };
                let settled = payee.settled(&paid, asked.terms.network, succeeded).await;
                let body = goods.sealed(&settled);
                serving.served(payee.kept(&settled, body.clone()));
                Ok(body)
            })
        };
        match sale.await {
            Ok(sold) => sold.map_err(unsold),
            Err(error) => {
                tracing::error!(%error, "a sale was not carried to its end");
                Err(unsold(Refusal::InProgress))
            }
        }
    }
}

impl PayeeParts {
    /// What a request costs, in full.
    pub(super) fn asked(&self, quote: Quote, method: String, resource: String) -> Asked {
        let Quote { amount, capture, description, mime_type } = quote;
        let config = &self.config;
        let purchase = Purchase {
            method: method.clone(),
            resource,
            venue: config.venue,
            token: config.token,
            payee: config.payee,
            amount,
        };
        let terms = Requirements {
            scheme: Aep2Scheme,
            network: terms::network(config.venue.chain),
            amount,
            pay_to: config.payee.into(),
            max_timeout_seconds: config.order_good_s,
            asset: config.token.into(),
            extra: Extra {
                wallet: config.venue.wallet.into(),
                processor: config.venue.processor.into(),
                settle_within_seconds: config.settle_within_s,
                name: WALLET_NAME.to_owned(),
                version: WALLET_VERSION.to_owned(),
                capture,
                method: Some(method),
                order: None,
            },
        };
        let exact = config
            .exact
            .as_ref()
            .and_then(|exact| exact.terms(config, amount, terms.extra.capture));
        let resource = ResourceInfo { url: purchase.resource.clone(), description, mime_type };
        Asked { purchase: Arc::new(purchase), terms, exact, resource }
    }

    /// The payment, if it fits the request.
    pub(super) fn admit(
        &self,
        presented: Presented,
        asked: &Asked,
        now: UnixTime,
    ) -> Result<Admitted, Refusal> {
        let skew_s = self.config.skew_s;
        let id = presented.pays_for(&asked.purchase, &asked.terms, &self.orders, now, skew_s)?;
        let presentation = Presentation::Proved(presented.mandate.clone());
        match self.memory.claim(id.to_bytes(), presentation, now) {
            Claim::New(serving) => Ok(Admitted::New(presented, id, serving)),
            Claim::Otherwise => Err(Refusal::OtherSignature),
            Claim::Full => Err(Refusal::Busy),
            seen @ (Claim::Running(_) | Claim::Done(_)) => Ok(Admitted::Again(seen)),
        }
    }

    /// What a payment that was seen before was served.
    pub(super) async fn again(&self, claim: Claim) -> Result<Served, Refusal> {
        match claim {
            Claim::Done(served) => Ok(served),
            Claim::Running(mut running) => {
                // Ends with an error, when the sender is dropped: then it was served, or let go.
                let ended = running.changed();
                let _ = tokio::time::timeout(self.config.same_payment_wait, ended).await;
                Err(Refusal::InProgress)
            }
            Claim::New(_) | Claim::Otherwise | Claim::Full => Err(Refusal::InProgress),
        }
    }

    /// The processor's promise for a mandate, verified.
    pub(super) async fn settle(
        &self,
        presented: &Presented,
        id: MandateId,
        asked: &Asked,
    ) -> Result<SignedReceipt, Refusal> {
        let mandate = &presented.mandate;
        let receipt = self.processor.settle(mandate, &asked.terms).await?;
        let checked = aep2_x402::receipt::check(&receipt, mandate, id, &self.config.venue);
        checked.map_err(Refusal::BadReceipt)?;
        self.check_fresh(&receipt)?;
        Ok(receipt)
    }

    /// A processor gives the same receipt for the same mandate at any time. So an old receipt is
    /// that of a mandate which paid before, and is not remembered any more: served, for all that is
    /// known.
    fn check_fresh(&self, receipt: &SignedReceipt) -> Result<(), Refusal> {
        let config = &self.config;
        let settle_by = receipt.message.settle_by;
        let after = |seconds: u64| settle_by.checked_add(seconds).unwrap_or(UnixTime::MAX);
        let due = |time: UnixTime| time.checked_add(config.settle_within_s);
        let stale = due(config.clock.now())
            .is_none_or(|due| after(config.order_good_s.saturating_add(config.skew_s)) < due);
        let before_start = due(self.started).is_none_or(|due| after(config.skew_s) < due);
        if stale || before_start { Err(Refusal::AlreadyUsed { settle_by }) } else { Ok(()) }
    }

    /// The terms of a new order.
    pub(super) fn ordered(&self, asked: &Asked, now: UnixTime) -> Requirements {
        let mut terms = asked.terms.clone();
        let until = now.checked_add(self.config.order_good_s).unwrap_or(UnixTime::MAX);
        terms.extra.order = Some(Strict(self.orders.make(&asked.purchase, until)));
        terms
    }

    fn unsold(&self, refusal: Refusal, asked: &Asked, now: UnixTime) -> Box<Unsold> {
        let settled = refusal.settled(&asked.terms.network);
        let accepts = match serde_json::value::to_raw_value(&self.ordered(asked, now)) {
            Ok(terms) => vec![terms],
            Err(error) => {
                tracing::error!(%error, "terms could not be written");
                Vec::new()
            }
        };
        let required = PaymentRequired {
            x402_version: X402Version2,
            error: Some(refusal.to_string()),
            resource: Some(asked.resource.clone()),
            accepts,
            extensions: Default::default(),
        };
        Box::new(Unsold { refusal, required, settled })
    }

    /// Captures, and says what came of it.
    pub(super) async fn settled(
        &self,
        paid: &Paid,
        network: Network,
        succeeded: bool,
    ) -> SettleResponse {
        let (amount, capture) = self.conclude(paid.id.to_bytes(), &paid.meter, succeeded).await;
        let mut settled = SettleResponse::accepted(network, paid.receipt);
        if amount != paid.ceiling().amount() {
            settled.amount = Some(amount);
        }
        if let Some(extra) = &mut settled.extra {
            extra.capture = capture;
        }
        settled
    }

    /// Captures what a call came to, where that is not everything.
    pub(super) async fn conclude(
        &self,
        id: B256,
        meter: &Meter,
        succeeded: bool,
    ) -> (Amount, Option<SignedCaptureReceipt>) {
        let (amount, whole) = (meter.reading(succeeded), meter.ceiling().amount());
        if amount == whole {
            return (amount, None);
        }
        if !self.capturing.is_possible() {
            tracing::warn!(%id, "without the payee's key the whole amount is charged");
            return (whole, None);
        }
        (amount, self.capturing.capture(id, amount).await)
    }

    /// An answer as it is remembered: with its settlement, and its body where that is not too long.
    fn kept(&self, settled: &SettleResponse, body: Bytes) -> Served {
        let said = headers::write(settled).ok();
        if body.len() > self.config.answer_bytes_max {
            return Served::NotKept(said);
        }
        let headers = said.map(|said| (PAYMENT_RESPONSE, said)).into_iter().collect::<HeaderMap>();
        Served::Kept(Arc::new(Kept { status: StatusCode::OK, headers, body }))
    }
}
