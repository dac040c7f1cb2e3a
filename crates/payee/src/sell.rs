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
pub struct OrderRequest {
    /// As [`Purchase::method`](aep2_x402::purchase::Purchase::method).
    pub method: String,
    /// As [`Purchase::resource`](aep2_x402::purchase::Purchase::resource).
    pub resource: String,
    /// The price.
    pub quote: Quote,
}

/// What is handed over for a payment.
pub trait PaidResponse: Send + 'static {
    /// Whether it is worth its price. What is not is charged nothing, unless it said what it
    /// charges.
    fn succeeded(&self) -> bool;

    /// What is handed over where making it panicked. It does not count as a success.
    fn panicked() -> Self;

    /// The answer, with what became of its payment: as it goes out, and as it is remembered.
    fn into_bytes(self, settled: &SettleResponse) -> Bytes;
}

/// Nothing was handed over.
#[derive(Debug)]
pub struct NotSold {
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
    /// [`NotSold`] where nothing is to be handed over.
    pub async fn sell<R, M, F>(
        &self,
        order: OrderRequest,
        payment: Result<PaymentPayload, Refusal>,
        make: M,
    ) -> Result<Bytes, Box<NotSold>>
    where
        R: PaidResponse,
        M: FnOnce(Paid) -> F + Send + 'static,
        F: Future<Output = R> + Send,
    {
        let OrderRequest { method, resource, quote } = order;
        let scheme = &self.mandates;
        let sale = Sale::new(self.context.clone(), quote, method, resource);
        let not_sold = |refusal| not_sold(scheme, &sale, refusal);
        let fitting = payment.and_then(|payment| scheme.fits(&sale, payment.into()));
        let Admitted { payment, id, fingerprint } = fitting.map_err(not_sold)?;
        let mut in_flight = match sale.begin((Aep2::NAME, id), fingerprint).await {
            Ok(in_flight) => in_flight,
            Err(Seen::Answered(stored)) => return Ok(stored.body.clone()),
            Err(Seen::Conflict(conflict)) => return Err(not_sold(scheme.conflict(conflict))),
        };
        let sold = {
            let (scheme, sale) = (scheme.clone(), sale.clone());
            tokio::spawn(async move {
                let paid = scheme.settle(&sale, payment).await?;
                in_flight.settled();
                let made = async { make(paid.clone()).await };
                let (response, succeeded) = match AssertUnwindSafe(made).catch_unwind().await {
                    Ok(response) => {
                        let succeeded = response.succeeded();
                        (response, succeeded)
                    }
                    Err(_) => {
                        tracing::error!(id = %paid.id, "what was paid for panicked");
                        (R::panicked(), false)
                    }
                };
                let settled = scheme.conclude(&sale, &paid, succeeded).await;
                let body = response.into_bytes(&settled);
                in_flight.served(outcome(&sale, &settled, body.clone()));
                Ok(body)
            })
        };
        match sold.await {
            Ok(sold) => sold.map_err(not_sold),
            Err(error) => {
                tracing::error!(%error, "a sale was not carried to its end");
                Err(not_sold(Refusal::InProgress))
            }
        }
    }
}

/// What is told of a sale that did not come about.
fn not_sold(mandates: &Aep2, sale: &Sale, refusal: Refusal) -> Box<NotSold> {
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
    Box::new(NotSold { refusal, required, settled })
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
