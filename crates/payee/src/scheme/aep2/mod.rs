//! x402's scheme `aep2`: mandates that a processor promises to settle, bound to the request that
//! they pay for.

pub(crate) mod paid;
mod payment;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::UnixTime,
    wire::Strict,
};
use aep2_processor_client::ProcessorClient;
use aep2_x402::{
    Aep2Scheme, Extra, Requirements, SettleResponse,
    headers::{PAYMENT_SIGNATURE, X_PAYMENT},
    receipt::{self, IssueTimes},
    terms::{WALLET_NAME, WALLET_VERSION},
    v1,
};
use alloy_primitives::B256;
use http::{HeaderMap, request::Parts};

use self::paid::Paid;
pub(crate) use self::payment::IncomingPayment;
use super::{Admitted, Offer, Rejection, Scheme, terms::take_payment};
use crate::{
    clocks::Clocks,
    config::PayeeConfig,
    order::Orders,
    refusal::Refusal,
    sale::{Conflict, Sale},
};

/// Mandates, through one processor.
#[derive(Debug)]
pub(crate) struct Aep2 {
    processor: Arc<dyn ProcessorClient>,
    clocks: Clocks,
    orders: Orders,
    /// Whether the last receipt promised for longer than the terms say.
    is_longer: AtomicBool,
}

/// A mandate that pays for its request.
#[derive(Debug)]
pub(crate) struct Payment {
    id: MandateId,
    /// When the payee made the order that it pays for; none in intent mode.
    ordered_at: Option<UnixTime>,
    /// The order; none in intent mode.
    order: Option<B256>,
    mandate: Arc<SignedMandate>,
}

impl Aep2 {
    pub(crate) fn new(processor: Arc<dyn ProcessorClient>, orders: Orders) -> Self {
        let clocks = Clocks::new(processor.clone());
        Self { processor, clocks, orders, is_longer: AtomicBool::new(false) }
    }

    /// The processor's clock beside the payee's.
    pub(crate) fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// What is asked for, without an order.
    fn terms(&self, sale: &Sale) -> Requirements {
        let (config, request) = (sale.payee().config(), sale.request());
        Requirements {
            scheme: Aep2Scheme,
            network: sale.network(),
            amount: request.purchase.amount,
            pay_to: config.payee.into(),
            max_timeout_seconds: config.order_good_s,
            asset: config.token.into(),
            extra: Extra {
                wallet: config.venue.wallet.into(),
                processor: config.venue.processor.into(),
                settle_within_seconds: config.terms_settle_within_s(),
                name: WALLET_NAME.to_owned(),
                version: WALLET_VERSION.to_owned(),
                capture: request.capture,
                method: Some(request.purchase.method.clone()),
                order: None,
                disputes: config.disputes.clone(),
            },
        }
    }

    /// What is asked for, under a new order.
    pub(crate) fn ordered(&self, sale: &Sale) -> Requirements {
        let mut terms = self.terms(sale);
        let good_s = sale.payee().config().order_good_s;
        let until = sale.asked_at().checked_add(good_s).unwrap_or(UnixTime::MAX);
        terms.extra.order = Some(Strict(self.orders.make(&sale.request().purchase, until)));
        terms
    }

    /// Nobody stands for a receipt that promises for longer than the guarantee takes: nothing is served on it.
    /// One that promises for longer than the terms say is served: its payer has paid, and the guarantee stands for
    /// it. The processor's settings were changed then, and this payee's terms are not true any more.
    fn check_promise(
        &self,
        receipt: &SignedReceipt,
        terms: &Requirements,
        config: &PayeeConfig,
    ) -> Result<(), Refusal> {
        if let Err(error) = receipt::promises_within(receipt, config.promise_s_max) {
            let id = receipt.message.mandate_id;
            tracing::error!(%id, %error, "a payer paid, and is not served: no guarantee takes the receipt");
            return Err(Refusal::BadReceipt(error));
        }
        let terms_s = terms.extra.settle_within_seconds;
        let longer = receipt::promises_within(receipt, terms_s.saturating_add(config.skew_s)).err();
        // Said once, until it is as it should be again.
        let was_longer = self.is_longer.swap(longer.is_some(), Relaxed);
        if let Some(error) = longer.filter(|_| !was_longer) {
            tracing::warn!(
                %error,
                terms_s,
                "the processor promises for longer than these terms say; they are as they were when this payee \
                 started: start it again"
            );
        }
        Ok(())
    }

    /// A payment that came by whatever way, if it pays for this sale.
    pub(crate) fn fits(
        &self,
        sale: &Sale,
        payment: IncomingPayment,
    ) -> Result<Admitted<Payment>, Refusal> {
        let (id, order, ordered_at) = payment.pays_for(sale, &self.terms(sale), &self.orders)?;
        let mandate = payment.mandate;
        let payment = Payment { id, ordered_at, order, mandate: mandate.clone() };
        Ok(Admitted::new(payment, id.to_bytes(), mandate))
    }
}

impl Scheme for Aep2 {
    const NAME: &'static str = Aep2Scheme::VALUE;
    type Payment = Payment;
    type Paid = Paid;
    type Statement = SettleResponse;
    type Refusal = Refusal;

    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>> {
        let terms = self.ordered(sale);
        let extra = serde_json::to_value(Extra { order: None, ..terms.extra.clone() })?;
        let first_version = v1::requirements(&terms, &sale.request().resource, extra);
        Ok(Some(Offer::X402 {
            requirements: serde_json::value::to_raw_value(&terms)?,
            first_version: Box::new(first_version),
        }))
    }

    fn is_meant(&self, _sale: &Sale, headers: &HeaderMap) -> bool {
        headers.contains_key(PAYMENT_SIGNATURE) || headers.contains_key(X_PAYMENT)
    }

    fn admit(&self, sale: &Sale, headers: &HeaderMap) -> Result<Admitted<Payment>, Refusal> {
        let payment = IncomingPayment::read(headers)?.ok_or(Refusal::PaymentRequired)?;
        self.fits(sale, payment)
    }

    /// The processor's promise, verified.
    async fn settle(&self, sale: &Sale, payment: Payment) -> Result<Paid, Refusal> {
        let Payment { id, ordered_at, order, mandate } = payment;
        // Nothing is handed over that could not be served.
        self.clocks.check(sale.payee().config()).await.map_err(Refusal::ClocksDiffer)?;
        let mut terms = self.terms(sale);
        terms.extra.order = order.map(Strict);
        let resource = &sale.request().purchase.resource;
        let receipt = self.processor.settle(&mandate, &terms, resource).await?;
        let by = sale.request().purchase.signatories();
        let skew_s = sale.payee().config().skew_s;
        // What pays for an order was accepted since it was made. What pays in intent mode may have
        // been accepted at any time.
        let from = ordered_at.unwrap_or(UnixTime::MIN);
        let times = IssueTimes { from, now: sale.payee().now(), skew_s };
        let checked = receipt::check(&receipt, &mandate, id, &by, &times);
        checked.map_err(Refusal::BadReceipt)?;
        check_fresh(sale, &receipt)?;
        // It is accepted, whatever comes of it here: what is kept is owed.
        sale.payee().kept().keep(receipt);
        self.check_promise(&receipt, &terms, sale.payee().config())?;
        let request = sale.request();
        Ok(Paid::new(id, mandate, receipt, request.purchase.clone(), request.capture))
    }

    fn hand_over(&self, paid: &Paid, request: &mut Parts) {
        take_payment(&mut request.headers);
        request.extensions.insert(paid.meter.clone());
        request.extensions.insert(paid.clone());
    }

    fn promise(&self, sale: &Sale, paid: &Paid) -> SettleResponse {
        SettleResponse::accepted(sale.network(), paid.receipt)
    }

    async fn conclude(&self, sale: &Sale, paid: &Paid, succeeded: bool) -> SettleResponse {
        let captured = sale.payee().capture(paid.id.to_bytes(), &paid.meter, succeeded).await;
        let (amount, capture) = captured;
        let mut settled = self.promise(sale, paid);
        // Less than everything is said only where the processor confirms it: it may come too late.
        if capture.is_some() && amount != paid.ceiling().amount() {
            settled.amount = Some(amount);
        }
        if let Some(extra) = &mut settled.extra {
            extra.capture = capture;
        }
        settled
    }

    fn conflict(&self, conflict: Conflict) -> Refusal {
        match conflict {
            // Its `ref` says for which request it is: only the signature can be another.
            Conflict::PresentedOtherwise => Refusal::OtherSignature,
            other => Refusal::of(other),
        }
    }

    fn refuse(&self, refusal: Refusal) -> Rejection {
        Rejection::X402(refusal)
    }
}

/// A processor gives the same receipt for the same mandate at any time. So an old receipt is that
/// of a mandate which paid before, and is not remembered any more: served, for all that is known.
fn check_fresh(sale: &Sale, receipt: &SignedReceipt) -> Result<(), Refusal> {
    let payee = sale.payee();
    let config = payee.config();
    let issued_at = receipt.message.issued_at;
    let after = |seconds: u64| issued_at.checked_add(seconds).unwrap_or(UnixTime::MAX);
    let stale = after(config.order_good_s.saturating_add(config.skew_s)) < payee.now();
    let before_start = after(config.skew_s) < payee.started();
    if stale || before_start { Err(Refusal::AlreadyUsed { issued_at }) } else { Ok(()) }
}
