//! Telling the processor that less is taken, until it has heard.
//!
//! A capture that does not get through in time leaves the payer charged in full. So it is tried
//! again in the background, for as long as the mandate may still wait for it; the answer to the
//! payer does not wait that long.

use std::{sync::Arc, time::Duration};

use aep2_mandate::{
    clock::Clock,
    typed_data::capture::{Capture, SignedCapture, SignedCaptureReceipt},
    units::{Amount, UnixTime},
};
use aep2_processor_client::{ProcessorClient, ProcessorError};
use aep2_x402::{
    disputes::Disputes,
    purchase::{NO_ARBITER, Signatories},
    receipt::{self, IssueTimes, ReceiptError},
};
use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;
use tokio::sync::watch;

use crate::{config::PayeeConfig, kept::Kept};

/// How many captures may be on their way.
const PENDING_MAX: usize = 4_096;
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Captures on their way to the processor.
#[derive(Clone, Debug)]
pub(crate) struct Captures {
    processor: Arc<dyn ProcessorClient>,
    key: Option<PrivateKeySigner>,
    by: Signatories,
    kept: Kept,
    pending: Arc<watch::Sender<usize>>,
    /// How long the processor is asked.
    keep_asking: Duration,
    /// How long a payer's answer waits for it.
    wait: Duration,
    clock: Clock,
    /// By how many seconds the processor's clock may differ.
    skew_s: u64,
}

impl Captures {
    pub(crate) fn new(
        config: &PayeeConfig,
        processor: Arc<dyn ProcessorClient>,
        key: Option<PrivateKeySigner>,
        kept: Kept,
    ) -> Self {
        Self {
            processor,
            key,
            by: Signatories {
                venue: config.venue,
                arbiter: config.disputes.as_ref().map_or(NO_ARBITER, Disputes::arbiter),
            },
            kept,
            pending: Arc::new(watch::Sender::new(0)),
            keep_asking: config.capture_effort,
            wait: config.capture_wait,
            clock: config.clock.clone(),
            skew_s: config.skew_s,
        }
    }

    /// Whether less than everything can be captured: a payee without a key cannot sign for it.
    pub(crate) fn is_possible(&self) -> bool {
        self.key.is_some()
    }

    /// Captures `amount` of the mandate with this id or digest. Gives the processor's statement, where it comes soon.
    pub(crate) async fn capture(&self, id: B256, amount: Amount) -> Option<SignedCaptureReceipt> {
        let key = self.key.as_ref()?;
        let capture = Capture { mandate_id: id, amount };
        let signed = match SignedCapture::sign(capture, key, &self.by.venue.typed_data_domain()) {
            Ok(signed) => signed,
            Err(error) => {
                tracing::error!(%id, %amount, %error, "a capture could not be signed");
                return None;
            }
        };
        if *self.pending.borrow() >= PENDING_MAX {
            tracing::error!(%id, %amount, "too many captures wait for the processor");
            return None;
        }
        // Whoever took less must not demand more, whether or not the processor hears of it.
        self.kept.keep(signed);
        let pending = Pending::new(self.pending.clone());
        let this = self.clone();
        let asking = tokio::spawn(async move {
            let _pending = pending;
            tokio::time::timeout(this.keep_asking, this.ask(&signed)).await.ok().flatten()
        });
        tokio::time::timeout(self.wait, asking).await.ok()?.ok()?
    }

    async fn ask(&self, capture: &SignedCapture) -> Option<SignedCaptureReceipt> {
        let Capture { mandate_id, amount } = capture.message;
        let asked_at = self.clock.now();
        let mut pause = Duration::from_millis(200);
        loop {
            match self.processor.capture(capture).await {
                Ok(statement) => match self.check(&statement, capture, asked_at) {
                    Ok(()) => {
                        self.kept.keep(statement);
                        return Some(statement);
                    }
                    Err(error) => {
                        tracing::error!(%mandate_id, %amount, %error, "the statement of a capture does not hold");
                        return None;
                    }
                },
                Err(ProcessorError::Refused { code, message }) => {
                    tracing::error!(%mandate_id, %amount, code, message, "a capture was refused");
                    return None;
                }
                Err(error) => {
                    tracing::warn!(%mandate_id, %amount, %error, "a capture is tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Checks that a statement is the processor's, and says what was asked.
    fn check(
        &self,
        statement: &SignedCaptureReceipt,
        capture: &SignedCapture,
        asked_at: UnixTime,
    ) -> Result<(), ReceiptError> {
        let Capture { mandate_id, amount } = capture.message;
        let (now, skew_s) = (self.clock.now(), self.skew_s);
        let times = IssueTimes { from: asked_at, now, skew_s };
        receipt::check_capture(statement, mandate_id, &self.by, &times)?;
        if statement.message.amount != amount {
            return Err(ReceiptError::OtherAmount);
        }
        Ok(())
    }

    /// Returns when no capture is on its way.
    pub(crate) async fn idle(&self) {
        // The sender is held here, so it does not end.
        let _ = self.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }
}

#[derive(Debug)]
struct Pending(Arc<watch::Sender<usize>>);

impl Pending {
    fn new(count: Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
