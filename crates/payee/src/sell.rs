//! Selling by another transport than HTTP, under the same guarantees as the
//! [layer](crate::Charge)'s: by mandate.

use std::{panic::AssertUnwindSafe, sync::Arc};

use aep2_x402::{
    PaymentPayload, PaymentRequired, SettleResponse, X402Version2,
    headers::{self, PAYMENT_RESPONSE},
};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, StatusCode};

use crate::{
    cache::{Outcome, StoredResponse},
    payee::Payee,
    price::Quote,
    refusal::Refusal,
    sale::{Sale, Seen},
    scheme::{
        Admitted, Scheme,
        aep2::{Aep2, paid::Paid},
    },
};

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
        let Wanted { method, resource, quote } = wanted;
        let scheme = &self.mandates;
        let sale = Sale::new(self.context.clone(), quote, method, resource);
        let unsold = |refusal| unsold(scheme, &sale, refusal);
        let fitting = payment.and_then(|payment| scheme.fits(&sale, payment.into()));
        let Admitted { payment, id, fingerprint } = fitting.map_err(unsold)?;
        let in_flight = match sale.begin((Aep2::NAME, id), fingerprint).await {
            Ok(in_flight) => in_flight,
            Err(Seen::Answered(stored)) => return Ok(stored.body.clone()),
            Err(Seen::Conflict(conflict)) => return Err(unsold(scheme.conflict(conflict))),
        };
        let sold = {
            let (scheme, sale) = (scheme.clone(), sale.clone());
            tokio::spawn(async move {
                let paid = scheme.settle(&sale, payment).await?;
                let made = async { make(paid.clone()).await };
                let (goods, succeeded) = match AssertUnwindSafe(made).catch_unwind().await {
                    Ok(goods) => {
                        let succeeded = goods.succeeded();
                        (goods, succeeded)
                    }
                    Err(_) => {
                        tracing::error!(id = %paid.id, "what was paid for panicked");
                        (G::broken(), false)
                    }
                };
                let settled = scheme.conclude(&sale, &paid, succeeded).await;
                let body = goods.sealed(&settled);
                in_flight.served(outcome(&sale, &settled, body.clone()));
                Ok(body)
            })
        };
        match sold.await {
            Ok(sold) => sold.map_err(unsold),
            Err(error) => {
                tracing::error!(%error, "a sale was not carried to its end");
                Err(unsold(Refusal::InProgress))
            }
        }
    }
}

/// What is told of a sale that did not come about.
fn unsold(mandates: &Aep2, sale: &Sale, refusal: Refusal) -> Box<Unsold> {
    let settled = refusal.settled(&sale.network());
    let accepts = match serde_json::value::to_raw_value(&mandates.ordered(sale)) {
        Ok(terms) => vec![terms],
        Err(error) => {
            tracing::error!(%error, "terms could not be written");
            Vec::new()
        }
    };
    let required = PaymentRequired {
        x402_version: X402Version2,
        error: Some(refusal.to_string()),
        resource: Some(sale.request().resource.clone()),
        accepts,
        extensions: Default::default(),
    };
    Box::new(Unsold { refusal, required, settled })
}

/// An answer as it is remembered: with its settlement, and its body where that is not too long.
fn outcome(sale: &Sale, settled: &SettleResponse, body: Bytes) -> Outcome {
    let said = headers::write(settled).ok();
    if body.len() > sale.payee().config().answer_bytes_max {
        return Outcome::NotStored(said);
    }
    let headers = said.map(|said| (PAYMENT_RESPONSE, said)).into_iter().collect::<HeaderMap>();
    Outcome::Stored(Arc::new(StoredResponse { status: StatusCode::OK, headers, body }))
}
