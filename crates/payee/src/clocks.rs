//! The processor's clock beside the payee's.
//!
//! Receipts are dated by the processor. Where its clock is far behind, each new receipt looks like an old one: its
//! mandate would be taken, and its request refused as paid for before. Where it is far ahead, receipts seem to come from
//! the future. So before a payment is handed over the two are compared, now and then, by the `Date` of the processor's
//! answers; where they differ by more than is allowed for, nothing is handed over and the payer is told to come again.

use std::sync::Arc;

use aep2_mandate::units::UnixTime;
use aep2_processor_client::ProcessorClient;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::config::PayeeConfig;

/// For how long a comparison is good, in seconds.
const GOOD_S: u64 = 60;

/// Two clocks that differ by too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the processor's clock says {theirs} and the payee's {ours}: they may differ by {skew_s} s"
)]
pub struct ClocksDiffer {
    /// The processor's time.
    pub theirs: UnixTime,
    /// The payee's.
    pub ours: UnixTime,
    /// By how many seconds they may differ.
    pub skew_s: u64,
}

/// Compares the clocks, and remembers for a while how that ended. Clones share what is remembered.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    processor: Arc<dyn ProcessorClient>,
    last: Arc<Mutex<Option<Compared>>>,
}

#[derive(Clone, Copy, Debug)]
struct Compared {
    at: UnixTime,
    found: Result<(), ClocksDiffer>,
}

impl Clocks {
    pub(crate) fn new(processor: Arc<dyn ProcessorClient>) -> Self {
        Self { processor, last: Arc::default() }
    }

    /// Whether the clocks differ by no more than is allowed for, as far as that can be known.
    ///
    /// # Errors
    /// When they differ by more.
    pub(crate) async fn check(&self, config: &PayeeConfig) -> Result<(), ClocksDiffer> {
        // Whoever comes meanwhile waits for the one answer.
        let mut last = self.last.lock().await;
        let now = config.clock.now();
        // A clock that was set back is compared again, too.
        let age_s = last.and_then(|last| now.seconds_since(last.at));
        if let (Some(Compared { found, .. }), Some(0..GOOD_S)) = (*last, age_s) {
            return found;
        }
        let theirs = self.processor.time().await;
        let ours = config.clock.now();
        let skew_s = config.skew_s;
        let found = match theirs {
            Some(theirs) if differ_s(theirs, ours) > skew_s => {
                Err(ClocksDiffer { theirs, ours, skew_s })
            }
            // A processor that does not answer is found out by the payment itself.
            _ => Ok(()),
        };
        *last = Some(Compared { at: ours, found });
        found
    }
}

fn differ_s(one: UnixTime, other: UnixTime) -> u64 {
    one.get().abs_diff(other.get())
}
