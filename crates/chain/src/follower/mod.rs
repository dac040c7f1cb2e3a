//! Following the wallet's events.
//!
//! A [`Follower`] delivers the events of some addresses, block after block: each block of the chain
//! exactly once, and when the chain is reorganised under blocks that were delivered, first a notice
//! of the blocks that were reorged out. It asks nodes that fail, lag, change their minds, and often are many nodes
//! behind one address that disagree. It takes them to be honest, not to be right.
//!
//! # Why no event is lost
//!
//! What was delivered is described by the hashes in the [`Cursor`]. Each step asks
//!
//! 1. for the newest block. Blocks with fewer confirmations than are set are not touched.
//! 2. whether the last block delivered still has its hash. If not, the chain was reorganised: the
//!    newest block in the cursor that still has its hash is where the chains part, and everything
//!    above it was reorged out. Going back too far costs only that blocks are delivered again. A node
//!    that has fewer blocks than were delivered is one that lags, and is waited for; if it
//!    contradicts a block that it does have, or parts from the cursor too early, it is most likely
//!    stuck, and is believed only when nothing else is seen several times in a row.
//! 3. for the next stretch, in one of two ways.
//!
//! *Near the head* nodes disagree as a matter of course. There every header is read, each must hash to
//! what it says and name its predecessor's hash as its parent's, the first one that of the last block
//! delivered. A block is passed over only when the bloom filter in its header rules its events out. Of
//! every other block all receipts are read, by its hash, and held against its header: a list of events
//! that is empty would prove nothing. So what is delivered is one chain of hashes with no gap, and a
//! node that hides an event, or has not filed it yet, costs time.
//!
//! *Far below the head*, deeper than any reorganisation that the follower undoes, honest nodes that
//! have a block agree on it; what may differ is how far they have got. There one request lists the
//! events of a whole range, and the same message asks for the headers of the range's last block and
//! of the block before the range: a node that was behind could not have given the former, and one on
//! another chain would have given a different latter. Each event's block is then checked against
//! the header of that number. An answer with as many events as an answer can hold is taken for one
//! cut short.
//!
//! That counts on a message being answered by one node, and on the node: what an honest one has of old
//! blocks it does not lose. Who does not want to count on it has all blocks read one by one, as near the
//! head ([`near_depth`](field@FollowerConfig::near_depth)). Where a provider takes no messages with
//! several requests, they are asked in turn. That is as good where there is one node behind the
//! address; where there are several, of which one lags and lists nothing where it should refuse, or
//! is stuck on another chain, its answer about a range may be taken for the chain's.
//!
//! Whatever does not fit is read again, after a wait that grows. The cursor moves only with what was
//! read in full, so an error can delay a block, never skip it.
//!
//! # What the caller does
//!
//! Store each [`Update`]'s cursor in one write with what the update changed. On
//! [`Update::Reorganised`], undo everything from the block named, the blocks without events too.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use aep2_chain::follower::{Follower, FollowerConfig, Update};
//! use alloy::{primitives::address, providers::ProviderBuilder};
//!
//! let provider = ProviderBuilder::new().connect_http("http://127.0.0.1:8545".parse()?);
//! let wallet = address!("5fbdb2315678afecb367f032d93f642f64180aa3");
//! let config = FollowerConfig::new(vec![wallet], 0);
//! let stored = None;
//! let mut follower = Follower::new(provider, config, stored)?;
//! loop {
//!     match follower.next().await? {
//!         Update::Blocks { logs, cursor } => { /* apply and store, in one write */ }
//!         Update::Reorganised { from_block, cursor, .. } => { /* undo and store, in one write */ }
//!     }
//! }
//! # }
//! ```

mod cursor;
mod fault;
mod reader;
mod receipts;
mod refusal;
mod view;

use std::time::Duration;

use alloy::{
    primitives::{Address, B256},
    providers::Provider,
    rpc::types::{Filter, Header, Log},
};
use thiserror::Error;
use tokio::{sync::watch, time::Instant};

pub use self::{
    cursor::{CURSOR_VERSION, Cursor, CursorError},
    view::View,
};
use self::{
    fault::Fault,
    reader::{Reader, Stretch},
};
use crate::{
    backoff::{Backoff, BackoffConfig},
    rpc::{BlockRef, Rpc},
};

/// How often in a row a chain must be seen that is too short or parts too early to be believed at
/// once.
const DOUBTS_MAX: u32 = 5;

/// The most blocks near the head that one update covers: each costs one or two requests.
const NEAR_RANGE_MAX: u64 = 32;

/// What to follow, and how carefully.
#[derive(Clone, Debug)]
pub struct FollowerConfig {
    /// Whose events to deliver. At least one address.
    pub addresses: Vec<Address>,
    /// The events to deliver, by their first topic; all when empty.
    pub events: Vec<B256>,
    /// The first block to deliver: the one that the wallet was deployed in, or before.
    pub start_block: u64,
    /// How many confirmations, blocks after it, a block needs before it is delivered. 0: none.
    pub confirmations: u64,
    /// The deepest reorganisation that can be undone, in delivered blocks, at least 1. The cursor
    /// keeps a hash for each. A deeper one is an error.
    pub depth_max: u64,
    /// Blocks less deep than this below the head are read one by one, deeper ones in ranges. At
    /// least the confirmations and `depth_max` together, and taken for that when it is less;
    /// `u64::MAX` never reads ranges.
    pub near_depth: u64,
    /// The most blocks asked for in one range, at least 1.
    pub range_max: u64,
    /// An answer with this many events is taken for one cut short, and less is asked for. At
    /// least 1.
    pub logs_max: usize,
    /// How long to wait between polls for new blocks.
    pub poll_interval: Duration,
    /// How long to wait for one answer.
    pub request_timeout: Duration,
    /// How long to wait after failures.
    pub backoff: BackoffConfig,
}

impl FollowerConfig {
    /// All events of `addresses` from `start_block` on, with what suits most chains and providers:
    /// 12 confirmations, 64 blocks that can be undone, ranges of up to 2,000 blocks.
    pub fn new(addresses: Vec<Address>, start_block: u64) -> Self {
        Self {
            addresses,
            events: Vec::new(),
            start_block,
            confirmations: 12,
            depth_max: 64,
            near_depth: 0,
            range_max: 2_000,
            logs_max: 10_000,
            poll_interval: Duration::from_secs(2),
            request_timeout: Duration::from_secs(30),
            backoff: BackoffConfig::default(),
        }
    }

    fn filter(&self) -> Filter {
        let filter = Filter::new().address(self.addresses.clone());
        if self.events.is_empty() { filter } else { filter.event_signature(self.events.clone()) }
    }

    /// How far below the head ranges begin.
    fn near_depth(&self) -> u64 {
        self.near_depth.max(self.confirmations.saturating_add(self.depth_max))
    }
}

/// What happened on the chain.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The chain went on.
    Blocks {
        /// The events of the blocks up to the cursor's tip, in the chain's order. Each has its
        /// block's number, hash and time.
        logs: Vec<Log>,
        /// Where the follower stands now. To be stored together with what the events change.
        cursor: Cursor,
    },
    /// Blocks that were delivered are no longer part of the chain.
    Reorganised {
        /// Everything delivered of this block and of later ones is void. What replaces it follows
        /// in later updates; some blocks may come back unchanged.
        from_block: u64,
        /// Those of the void blocks whose hashes are known, ascending.
        reorged_out: Vec<BlockRef>,
        /// Where the follower stands now. To be stored together with what was undone.
        cursor: Cursor,
    },
}

impl Update {
    /// Where the follower stands after it.
    pub fn cursor(&self) -> &Cursor {
        match self {
            Self::Blocks { cursor, .. } | Self::Reorganised { cursor, .. } => cursor,
        }
    }
}

/// Why a follower cannot go on. Failures that may pass are not among these: they are waited out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FollowerError {
    /// A setting makes no sense.
    #[error("the follower's {setting} must be {must}")]
    Config {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// The cursor is of another chain than the node.
    #[error("the stored cursor is of chain {cursor}, the node is of chain {node}")]
    WrongChain {
        /// The cursor's chain.
        cursor: u64,
        /// The node's chain.
        node: u64,
    },
    /// The cursor was made for other addresses, events or another first block, and what those did
    /// not ask for would be missing.
    #[error(
        "the stored cursor follows other addresses or events, or from another block ({start_block}): \
         follow from the start, without it"
    )]
    OtherCursor {
        /// The cursor's first block.
        start_block: u64,
    },
    /// More blocks were reorganised than the cursor knows hashes of, so nobody can say what to undo.
    #[error(
        "the chain was reorganised below block {oldest}, the oldest one remembered, which is now \
         {found}: deeper than can be undone; what was derived from the chain must be rebuilt from \
         its start"
    )]
    ReorganisedTooDeep {
        /// The oldest block that is remembered.
        oldest: BlockRef,
        /// The hash that the node has at that number.
        found: B256,
    },
}

/// What one poll of the chain led to.
enum Polled {
    Update(Update),
    /// Nothing new, and whether that is because everything confirmed was delivered.
    Nothing {
        caught_up: bool,
    },
}

enum PollError {
    /// Passes; poll again.
    Fault(Fault),
    /// Does not pass.
    Fatal(FollowerError),
}

impl<F: Into<Fault>> From<F> for PollError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Follows the events of some addresses. See the [module](self) for what it promises.
#[derive(Debug)]
pub struct Follower {
    config: FollowerConfig,
    reader: Reader,
    /// None until the node's chain is known.
    cursor: Option<Cursor>,
    /// Whether the cursor was compared with the node's chain.
    chain_checked: bool,
    /// How many blocks to ask for in the next range.
    range: u64,
    /// How many blocks to read one by one in the next update.
    near_range: u64,
    /// How often in a row another chain was seen and not believed.
    doubts: u32,
    view: watch::Sender<View>,
}

impl Follower {
    /// Follows from `cursor`, or from the configuration's first block.
    ///
    /// # Errors
    /// [`FollowerError::Config`], and [`FollowerError::OtherCursor`] when the cursor was made with
    /// another configuration.
    pub fn new(
        provider: impl Provider + 'static,
        config: FollowerConfig,
        cursor: Option<Cursor>,
    ) -> Result<Self, FollowerError> {
        let demands = [
            ("addresses", "at least one", !config.addresses.is_empty()),
            ("range_max", "at least 1", config.range_max >= 1),
            ("depth_max", "at least 1", config.depth_max >= 1),
            ("logs_max", "at least 1", config.logs_max >= 1),
            ("poll_interval", "more than nothing", !config.poll_interval.is_zero()),
            ("request_timeout", "more than nothing", !config.request_timeout.is_zero()),
        ];
        for (setting, must, holds) in demands {
            if !holds {
                return Err(FollowerError::Config { setting, must });
            }
        }
        let filter = config.filter();
        if let Some(cursor) = &cursor
            && (cursor.following() != cursor::fingerprint(&filter)
                || cursor.start_block() != config.start_block)
        {
            return Err(FollowerError::OtherCursor { start_block: cursor.start_block() });
        }
        let rpc = Rpc::new(provider, config.request_timeout);
        let reader = Reader::new(rpc, filter, config.logs_max);
        let range = config.range_max;
        let delivered = cursor.as_ref().and_then(Cursor::tip).map(|tip| tip.number);
        let view = watch::Sender::new(View { delivered, ..View::default() });
        let near_range = NEAR_RANGE_MAX;
        Ok(Self {
            config,
            reader,
            cursor,
            chain_checked: false,
            range,
            near_range,
            doubts: 0,
            view,
        })
    }

    /// The follower's view of the chain, current also while [`next`](Self::next) waits.
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }

    /// The next thing that happened. Waits for it; failures of the node are waited out and told by
    /// [`View::failures`] and in the log.
    ///
    /// May be dropped at any time: an update that was not returned is not lost. One that was
    /// returned is behind the follower: a caller that could not store it starts a new follower from
    /// the cursor it has.
    ///
    /// # Errors
    /// What does not pass: [`FollowerError::WrongChain`] and
    /// [`FollowerError::ReorganisedTooDeep`].
    pub async fn next(&mut self) -> Result<Update, FollowerError> {
        let mut backoff = Backoff::new(self.config.backoff);
        loop {
            match self.poll().await {
                Ok(Polled::Update(update)) => return Ok(update),
                Ok(Polled::Nothing { caught_up }) => {
                    self.view.send_modify(|view| {
                        view.failures = 0;
                        if caught_up {
                            view.caught_up_at = Some(Instant::now());
                        }
                    });
                    backoff = Backoff::new(self.config.backoff);
                    tokio::time::sleep(self.config.poll_interval).await;
                }
                Err(PollError::Fatal(error)) => return Err(error),
                Err(PollError::Fault(Fault::TooMuch(message))) if self.range > 1 => {
                    self.range /= 2;
                    tracing::debug!(range = self.range, message, "asking for less");
                }
                Err(PollError::Fault(fault)) if self.reader.note_no_batches(&fault) => {}
                Err(PollError::Fault(fault)) => {
                    let wait = backoff.failed();
                    self.view.send_modify(|view| view.failures = view.failures.saturating_add(1));
                    // Fewer answers have fewer chances to disagree.
                    self.near_range = (self.near_range / 2).max(1);
                    if backoff.failures().is_multiple_of(2) {
                        // The message may mean "too much" without saying so.
                        self.range = (self.range / 2).max(1);
                    }
                    tracing::warn!(
                        %fault,
                        failures = backoff.failures(),
                        wait_ms = wait.as_millis() as u64,
                        "could not read the chain; trying again"
                    );
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Polls once: what happened, or that nothing did.
    async fn poll(&mut self) -> Result<Polled, PollError> {
        let cursor = self.checked_cursor().await?;
        let head = self.reader.head().await?;
        self.view.send_modify(|view| {
            view.head = Some(BlockRef::from(&head));
            view.head_time = Some(head.timestamp);
        });

        if let Some(known) = cursor.newest_at_or_below(head.number) {
            let now = if known.number == head.number {
                head.clone()
            } else {
                self.reader.header(known.number).await?
            };
            if now.hash != known.hash {
                return self.reorganised(&cursor, &head, known.number).await;
            }
        }
        self.doubts = 0;
        let from = cursor.next_block();
        let confirmed = head.number.checked_sub(self.config.confirmations);
        let Some(confirmed) = confirmed.filter(|confirmed| *confirmed >= from) else {
            // A head below what was delivered is a node that lags.
            let caught_up = cursor.tip().is_none_or(|tip| tip.number <= head.number);
            return Ok(Polled::Nothing { caught_up });
        };

        let stretch = self.read(cursor.tip(), from, confirmed, &head).await?;
        let cursor = cursor.advanced(stretch.blocks, self.config.depth_max);
        tracing::debug!(
            from,
            to = stretch.end.number,
            head = head.number,
            logs = stretch.logs.len(),
            "read blocks"
        );
        self.cursor = Some(cursor.clone());
        self.view.send_modify(|view| {
            view.failures = 0;
            view.delivered = Some(stretch.end.number);
            view.as_of = Some(stretch.end.timestamp);
            if stretch.end.number == confirmed {
                view.caught_up_at = Some(Instant::now());
            }
        });
        Ok(Polled::Update(Update::Blocks { logs: stretch.logs, cursor }))
    }

    /// The next stretch after `tip`: at most up to the block `confirmed`.
    async fn read(
        &mut self,
        tip: Option<BlockRef>,
        from: u64,
        confirmed: u64,
        head: &Header,
    ) -> Result<Stretch, PollError> {
        let deep_end = head.number.checked_sub(self.config.near_depth());
        let Some(deep_end) = deep_end.filter(|end| *end >= from) else {
            let to = confirmed.min(from.saturating_add(self.near_range - 1));
            let stretch = self.reader.read_near(tip, from, to).await?;
            self.near_range = (self.near_range * 2).min(NEAR_RANGE_MAX);
            return Ok(stretch);
        };
        let to = deep_end.min(from.saturating_add(self.range - 1));
        match self.reader.read_deep(tip, from, to).await {
            Ok(stretch) => {
                // Slowly up again: the next refusal costs a request.
                let grown = self.range.saturating_add((self.range / 4).max(1));
                self.range = grown.min(self.config.range_max);
                Ok(stretch)
            }
            // The one block that is too much for a range is asked for by its hash.
            Err(Fault::TooMuch(_)) if from == to => {
                Ok(self.reader.read_near(tip, from, to).await?)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// The cursor, once it is certain that it is of the node's chain.
    async fn checked_cursor(&mut self) -> Result<Cursor, PollError> {
        if let Some(cursor) = &self.cursor
            && self.chain_checked
        {
            return Ok(cursor.clone());
        }
        let node = self.reader.rpc.chain_id().await?;
        let cursor = self.cursor.get_or_insert_with(|| {
            let following = cursor::fingerprint(&self.config.filter());
            Cursor::new(node, following, self.config.start_block)
        });
        if cursor.chain_id() != node {
            let cursor = cursor.chain_id();
            return Err(PollError::Fatal(FollowerError::WrongChain { cursor, node }));
        }
        self.chain_checked = true;
        Ok(cursor.clone())
    }

    /// What was reorged out, now that block `contradicted` of the cursor has another hash in the chain
    /// of `head`.
    async fn reorganised(
        &mut self,
        cursor: &Cursor,
        head: &Header,
        contradicted: u64,
    ) -> Result<Polled, PollError> {
        let mut ancestor = None;
        let mut oldest = None;
        for known in cursor.window().iter().rev().filter(|b| b.number <= contradicted) {
            let now = self.reader.header(known.number).await?;
            if now.hash == known.hash {
                ancestor = Some(now);
                break;
            }
            oldest = Some((*known, now));
        }
        let Some((oldest, found)) = oldest else {
            // The contradicted block has its old hash again.
            return Err(Fault::Disagreement("the chain changed back".into()).into());
        };
        let too_deep = ancestor.is_none() && !cursor.is_complete();
        let shorter = cursor.tip().is_some_and(|tip| head.number < tip.number);
        if (too_deep || shorter) && self.doubts < DOUBTS_MAX {
            // More likely one node of several that is stuck on a chain that the others left.
            self.doubts += 1;
            let message = format!("a chain with another block {}", oldest.number);
            return Err(Fault::Disagreement(message).into());
        }
        if too_deep {
            let found = found.hash;
            return Err(PollError::Fatal(FollowerError::ReorganisedTooDeep { oldest, found }));
        }

        let (cursor, reorged_out) = cursor.rolled_back(ancestor.as_ref().map(BlockRef::from));
        let from_block = cursor.next_block();
        tracing::info!(
            from_block,
            blocks = reorged_out.len(),
            "the chain was reorganised; delivered blocks were reorged out"
        );
        self.cursor = Some(cursor.clone());
        self.view.send_modify(|view| {
            view.failures = 0;
            view.delivered = cursor.tip().map(|tip| tip.number);
            view.as_of = ancestor.map(|ancestor| ancestor.timestamp);
        });
        Ok(Polled::Update(Update::Reorganised { from_block, reorged_out, cursor }))
    }
}
