//! How fresh the follower's view of the chain is.
//!
//! Whoever accepts payments must stop when what it knows of the chain is older than the rules
//! allow. Two clocks tell, and each misses what the other sees: the time in the last delivered
//! block betrays a node that has stopped following the chain, but stands still where blocks are
//! made only on demand; the time since the follower last had everything betrays a follower that
//! fails or lags, but trusts the node for what everything is.

use std::time::Duration;

use tokio::time::Instant;

use crate::rpc::BlockRef;

/// What a follower last saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The newest block seen, delivered or not.
    pub head: Option<BlockRef>,
    /// The time in the head, unix seconds.
    pub head_time: Option<u64>,
    /// The last block delivered. None before the first, also after a restart.
    pub delivered: Option<u64>,
    /// The time in the last block delivered, unix seconds: the chain's state is known as of then.
    pub as_of: Option<u64>,
    /// When the follower last looked and had delivered everything that was confirmed.
    pub caught_up_at: Option<Instant>,
    /// Failures to read the chain since it was last read.
    pub failures: u32,
}

impl View {
    /// How many blocks the last one delivered is behind the head, those included that wait for
    /// their confirmations. None when nothing is known yet.
    pub fn lag(&self) -> Option<u64> {
        Some(self.head?.number.saturating_sub(self.delivered?))
    }

    /// How long ago the follower last had everything; none when it never had.
    pub fn since_caught_up(&self) -> Option<Duration> {
        self.caught_up_at.map(|at| at.elapsed())
    }
}
