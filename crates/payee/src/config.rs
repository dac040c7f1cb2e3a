//! Who is paid, where and how.

use std::time::Duration;

use aep2_mandate::clock::Clock;
use aep2_receipts::Keeper;
use aep2_x402::{disputes::Disputes, purchase::Venue, receipt::SKEW_S};
use alloy_primitives::Address;
use url::Url;

use crate::order::OrderSecret;

/// The longest promise of a deployment whose times are the usual ones, in seconds: 12 hours.
pub(crate) const PROMISE_S_MAX: u64 = 43_200;

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
    /// How long after acceptance the processor settles, in seconds: the processor's own setting,
    /// which `GET /` there names.
    pub settle_within_s: u64,
    /// For how long after its issue the guarantee takes a receipt to promise settlement, in seconds: the
    /// deployment's longest promise. Nothing is sold on a receipt that promises for longer.
    pub promise_s_max: u64,
    /// Who decides about disputes, and when; nothing, where the terms agree to none.
    pub disputes: Option<Disputes>,
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
    /// Where receipts are kept, and what is said of captures. Nowhere, unless it is set: then nobody can
    /// demand what a processor promised and did not keep.
    pub receipts: Option<Keeper>,
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
            settle_within_s: 600,
            promise_s_max: PROMISE_S_MAX,
            disputes: None,
            order_good_s: 120,
            skew_s: SKEW_S,
            payments_max: 65_536,
            answers_bytes_max: 64 << 20,
            answer_bytes_max: 256 << 10,
            capture_wait: Duration::from_secs(2),
            capture_effort: Duration::from_secs(60),
            same_payment_wait: Duration::from_secs(10),
            order_secret: OrderSecret::random(),
            receipts: None,
            clock: Clock::system(),
        }
    }

    /// Within how many seconds after acceptance the terms say that it is settled: what can be disputed settles
    /// that much later.
    pub fn terms_settle_within_s(&self) -> u64 {
        let longer_s = self.disputes.as_ref().map_or(0, Disputes::longer_s);
        self.settle_within_s.saturating_add(longer_s)
    }
}
