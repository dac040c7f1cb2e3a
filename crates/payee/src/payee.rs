//! A payee: who is paid, where and how.

use std::{sync::Arc, time::Duration};

use aep2_mandate::{clock::Clock, units::UnixTime};
use aep2_processor_client::Processor;
use aep2_x402::purchase::Venue;
use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use thiserror::Error;
use url::Url;

use crate::{
    capturing::Capturing,
    exact::Exact,
    layer::Charge,
    order::{OrderSecret, Orders},
    price::Price,
    served::Memory,
};

/// Who is paid, where and how.
#[derive(Clone, Debug)]
pub struct PayeeConfig {
    /// Where the service is reached by its payers: scheme, host and port. What they ask for must
    /// begin with it, since mandates are bound to whole URLs.
    pub origin: Url,
    /// Where payments count.
    pub venue: Venue,
    /// The ERC-20 token that is taken.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// Takes x402's scheme `exact` beside mandates, for prices that are not metered. Over HTTP only.
    pub exact: Option<Exact>,
    /// How long after acceptance the processor settles, in seconds: the processor's own setting,
    /// which `GET /` there names. With another, receipts look too old or too new.
    pub settle_within_s: u64,
    /// How long an order is good, in seconds. Also the time after which a mandate's receipt is too
    /// old to be served.
    pub order_good_s: u64,
    /// By how many seconds clocks may differ.
    pub skew_s: u64,
    /// How many payments are remembered. No more are served within `order_good_s + 2 · skew_s`.
    pub payments_max: usize,
    /// How many bytes of answers are remembered.
    pub answers_bytes_max: usize,
    /// How long an answer may be to be remembered, in bytes.
    pub answer_bytes_max: usize,
    /// How long the answer to a payer waits for the processor's word on a capture.
    pub capture_wait: Duration,
    /// How long the processor is asked to take a capture.
    pub capture_effort: Duration,
    /// How long a request waits for the same payment's first answer.
    pub same_payment_wait: Duration,
    /// Marks the payee's orders. Drawn at random, unless several processes serve as one payee.
    pub order_secret: OrderSecret,
    /// The time.
    pub clock: Clock,
}

impl PayeeConfig {
    /// With orders that are good for two minutes, clocks that differ by a minute and a half, and
    /// 64 MiB of answers to remember.
    pub fn new(origin: Url, venue: Venue, token: Address, payee: Address) -> Self {
        Self {
            origin,
            venue,
            token,
            payee,
            exact: None,
            settle_within_s: 600,
            order_good_s: 120,
            skew_s: 90,
            payments_max: 65_536,
            answers_bytes_max: 64 << 20,
            answer_bytes_max: 256 << 10,
            capture_wait: Duration::from_secs(2),
            capture_effort: Duration::from_secs(60),
            same_payment_wait: Duration::from_secs(10),
            order_secret: OrderSecret::random(),
            clock: Clock::system(),
        }
    }
}

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
}

/// A payee. Cheap to clone; clones are the same payee, with one memory.
#[derive(Clone, Debug)]
pub struct Payee(pub(crate) Arc<PayeeParts>);

#[derive(Debug)]
pub(crate) struct PayeeParts {
    pub(crate) config: PayeeConfig,
    /// Scheme, host and port, without a slash at the end.
    pub(crate) origin: String,
    pub(crate) processor: Arc<dyn Processor>,
    pub(crate) orders: Orders,
    pub(crate) memory: Memory,
    pub(crate) capturing: Capturing,
    pub(crate) started: UnixTime,
}

impl Payee {
    /// A payee that is paid through `processor`. `key` is the payee's own and signs captures; a
    /// payee without one always charges the whole amount.
    ///
    /// # Errors
    /// When the origin is none, or the key is another address's.
    pub fn new(
        config: PayeeConfig,
        processor: Arc<dyn Processor>,
        key: Option<PrivateKeySigner>,
    ) -> Result<Self, PayeeError> {
        let PayeeConfig { origin, payee, venue, .. } = &config;
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
        let (effort, wait) = (config.capture_effort, config.capture_wait);
        let capturing = Capturing::new(processor.clone(), key, *venue, effort, wait);
        let keep_s = config.order_good_s.saturating_add(config.skew_s.saturating_mul(2));
        Ok(Self(Arc::new(PayeeParts {
            origin: origin.as_str().trim_end_matches('/').to_owned(),
            processor,
            orders: Orders(config.order_secret.clone()),
            memory: Memory::new(config.payments_max, config.answers_bytes_max, keep_s),
            capturing,
            started: config.clock.now(),
            config,
        })))
    }

    /// A layer that puts `price` on what it is laid around.
    pub fn charge(&self, price: impl Price) -> Charge {
        Charge::new(self.clone(), Arc::new(price))
    }

    /// Who is paid.
    pub fn address(&self) -> Address {
        self.0.config.payee
    }

    /// In which token.
    pub fn token(&self) -> Address {
        self.0.config.token
    }

    /// Whether less than the whole amount can be captured: for metered prices, and for handlers
    /// that fail.
    pub fn can_capture_less(&self) -> bool {
        self.0.capturing.is_possible()
    }

    /// Returns when no capture is on its way to the processor. Wait for it before the process ends.
    pub async fn idle(&self) {
        self.0.capturing.idle().await;
    }
}
