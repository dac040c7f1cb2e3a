//! A payee.

use std::sync::Arc;

use aep2_mandate::payee::LostPayee;
use aep2_processor_client::ProcessorClient;
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use thiserror::Error;
use url::Url;

use crate::{
    clocks::ClocksDiffer, config::PayeeConfig, context::PayeeContext, layer::Charge, order::Orders,
    price::Price, scheme::aep2::Aep2,
};

/// Why a payee cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PayeeError {
    /// The origin says more than scheme, host and port, or less.
    #[error("{0} is not an origin: scheme, host and port, as in https://api.example.com")]
    NotAnOrigin(Url),
    /// The key is another address's.
    #[error("the key is that of {found}, not of the payee {expected}")]
    OtherKey {
        /// The payee.
        expected: Address,
        /// The key's address.
        found: Address,
    },
    /// Nobody could take the money out.
    #[error(transparent)]
    LostPayee(#[from] LostPayee),
}

/// A payee. Cheap to clone; clones are the same payee, with one memory.
#[derive(Clone, Debug)]
pub struct Payee {
    pub(crate) context: Arc<PayeeContext>,
    /// How every payee is paid.
    pub(crate) mandates: Arc<Aep2>,
}

impl Payee {
    /// A payee that is paid through `processor`. `key` is the payee's own and signs captures; a
    /// payee without one always charges the whole amount.
    ///
    /// # Errors
    /// When the origin is none, the key is another address's, or the payee is one whose money nobody
    /// could take out.
    pub fn new(
        config: PayeeConfig,
        processor: Arc<dyn ProcessorClient>,
        key: Option<PrivateKeySigner>,
    ) -> Result<Self, PayeeError> {
        let PayeeConfig { origin, payee, .. } = &config;
        let bare = origin.path() == "/" && origin.query().is_none() && origin.fragment().is_none();
        let named = origin.username().is_empty() && origin.password().is_none();
        if !(bare && named && origin.has_host()) {
            return Err(PayeeError::NotAnOrigin(origin.clone()));
        }
        if let Some(found) = key.as_ref().map(PrivateKeySigner::address)
            && found != *payee
        {
            return Err(PayeeError::OtherKey { expected: *payee, found });
        }
        LostPayee::check(*payee, config.venue.wallet, config.token)?;
        let orders = Orders(config.order_secret.clone());
        Ok(Self {
            mandates: Arc::new(Aep2::new(processor.clone(), orders)),
            context: Arc::new(PayeeContext::new(config, processor, key)),
        })
    }

    /// A layer that puts `price` on what it is laid around.
    pub fn charge(&self, price: impl Price) -> Charge {
        Charge::new(self.context.clone(), self.mandates.clone(), Arc::new(price))
    }

    /// Who is paid.
    pub fn address(&self) -> Address {
        self.context.config().payee
    }

    /// In which token.
    pub fn token(&self) -> Address {
        self.context.config().token
    }

    /// Whether less than the whole amount can be captured: for metered prices, and for handlers
    /// that fail.
    pub fn can_capture_less(&self) -> bool {
        self.context.captures().is_possible()
    }

    /// Whether the processor's clock and this payee's differ by no more than is allowed for, as far as that can be
    /// known. Payments are not handed over while they do.
    ///
    /// # Errors
    /// When they differ by more.
    pub async fn check_clocks(&self) -> Result<(), ClocksDiffer> {
        self.mandates.clocks().check(self.context.config()).await
    }

    /// Returns when no capture is on its way to the processor. Wait for it before the process ends.
    pub async fn idle(&self) {
        self.context.captures().idle().await;
    }
}
