//! One sale, by whatever way the request came and is paid for.

use std::sync::Arc;

use aep2_mandate::units::UnixTime;
use aep2_x402::{CaptureMode, Network, ResourceInfo, purchase::Purchase, terms};
use http::HeaderValue;

use crate::{
    cache::{Fingerprint, InFlight, Lookup, Outcome, PaymentKey, StoredResponse},
    context::PayeeContext,
    price::Quote,
};

/// Who sells what, and when it was asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sale {
    payee: Arc<PayeeContext>,
    request: Arc<PricedRequest>,
    asked_at: UnixTime,
}

/// A request that has a price.
#[derive(Debug)]
pub struct PricedRequest {
    /// What is bought, at which price, from whom.
    pub purchase: Arc<Purchase>,
    /// Whether the price is what is charged, or the most that can be.
    pub capture: CaptureMode,
    /// What is bought, as x402 shows it.
    pub resource: ResourceInfo,
}

/// Why a payment that fits its request is not served.
#[derive(Debug)]
pub enum Conflict {
    /// It was presented before, for another request or with another signature.
    PresentedOtherwise,
    /// It was served before, and the answer is not there any more; what that said about the
    /// payment in `PAYMENT-RESPONSE`, if it did, is.
    AlreadyServed(Option<HeaderValue>),
    /// It is being served.
    InProgress,
    /// There is no room for more payments.
    Busy,
}

/// Why a payment is not taken for a new one.
pub(crate) enum Seen {
    /// It was answered, like this.
    Answered(Arc<StoredResponse>),
    Conflict(Conflict),
}

impl Sale {
    /// The sale of what is asked for now. `method` and `resource` as [`Purchase`] has them.
    pub(crate) fn new(
        payee: Arc<PayeeContext>,
        quote: Quote,
        method: String,
        resource: String,
    ) -> Self {
        let Quote { amount, capture, description, mime_type } = quote;
        let config = payee.config();
        let purchase = Purchase {
            method,
            resource: resource.clone(),
            venue: config.venue,
            token: config.token,
            payee: config.payee,
            amount,
            disputes: config.disputes.clone(),
        };
        let resource = ResourceInfo { url: resource, description, mime_type };
        let request = PricedRequest { purchase: Arc::new(purchase), capture, resource };
        Self { asked_at: payee.now(), payee, request: Arc::new(request) }
    }

    /// Who sells.
    pub fn payee(&self) -> &PayeeContext {
        &self.payee
    }

    /// What is sold.
    pub fn request(&self) -> &PricedRequest {
        &self.request
    }

    /// When it was asked for.
    pub fn asked_at(&self) -> UnixTime {
        self.asked_at
    }

    /// The chain that is paid on.
    pub fn network(&self) -> Network {
        terms::network(self.payee.config().venue.chain)
    }

    /// Takes a payment that was not seen before.
    pub(crate) async fn begin(
        &self,
        key: PaymentKey,
        fingerprint: Box<dyn Fingerprint>,
    ) -> Result<InFlight, Seen> {
        let seen = match self.payee.cache().begin(key, fingerprint, self.asked_at) {
            Lookup::New(in_flight) => return Ok(in_flight),
            Lookup::Served(Outcome::Stored(answer)) => return Err(Seen::Answered(answer)),
            Lookup::Served(Outcome::NotStored(said)) => Conflict::AlreadyServed(said),
            Lookup::InFlight(mut done) => {
                // Ends with an error, when the sender is dropped: then it was served, or let go.
                let wait = self.payee.config().same_payment_wait;
                let _ = tokio::time::timeout(wait, done.changed()).await;
                Conflict::InProgress
            }
            Lookup::OtherFingerprint => Conflict::PresentedOtherwise,
            Lookup::Full => Conflict::Busy,
        };
        Err(Seen::Conflict(seen))
    }
}
