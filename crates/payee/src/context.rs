//! What all ways to pay share of one payee: its settings, its captures, the answers that it gave.

use std::sync::Arc;

use aep2_mandate::{
    typed_data::capture::SignedCaptureReceipt,
    units::{Amount, UnixTime},
};
use aep2_processor_client::ProcessorClient;
use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;

use crate::{
    cache::IdempotencyCache, captures::Captures, config::PayeeConfig, kept::Kept, meter::Meter,
};

/// A payee, as the schemes see it by which it is paid.
#[derive(Debug)]
pub struct PayeeContext {
    config: PayeeConfig,
    /// Scheme, host and port, without a slash at the end.
    origin: String,
    captures: Captures,
    kept: Kept,
    cache: IdempotencyCache,
    started: UnixTime,
}

impl PayeeContext {
    pub(crate) fn new(
        config: PayeeConfig,
        processor: Arc<dyn ProcessorClient>,
        key: Option<PrivateKeySigner>,
    ) -> Self {
        let keep_s = config.order_good_s.saturating_add(config.skew_s.saturating_mul(2));
        let kept = Kept::new(config.receipts.clone());
        Self {
            origin: config.origin.as_str().trim_end_matches('/').to_owned(),
            captures: Captures::new(&config, processor, key, kept.clone()),
            kept,
            cache: IdempotencyCache::new(config.payments_max, config.answers_bytes_max, keep_s),
            started: config.clock.now(),
            config,
        }
    }

    /// The payee's settings.
    pub fn config(&self) -> &PayeeConfig {
        &self.config
    }

    /// The time.
    pub fn now(&self) -> UnixTime {
        self.config.clock.now()
    }

    /// Since when this payee serves. What was paid before that is not remembered.
    pub fn started(&self) -> UnixTime {
        self.started
    }

    /// Captures what a call came to, where that is not everything: `id` is the mandate's id or
    /// digest. Gives the amount that is charged, and the processor's statement where it comes soon.
    pub async fn capture(
        &self,
        id: B256,
        meter: &Meter,
        succeeded: bool,
    ) -> (Amount, Option<SignedCaptureReceipt>) {
        let (amount, whole) = (meter.reading(succeeded), meter.ceiling().amount());
        if amount == whole {
            return (amount, None);
        }
        if !self.captures.is_possible() {
            tracing::warn!(%id, "without the payee's key the whole amount is charged");
            return (whole, None);
        }
        (amount, self.captures.capture(id, amount).await)
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn captures(&self) -> &Captures {
        &self.captures
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    pub(crate) fn cache(&self) -> &IdempotencyCache {
        &self.cache
    }
}
