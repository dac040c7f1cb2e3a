//! The task that brings what the chain says into the ledger.

use std::{convert::Infallible, sync::Arc, time::Duration};

use aep2_chain::{
    BlockRef,
    deployment::Deployment,
    follower::{Cursor, Follower, FollowerConfig, FollowerError, Update, View},
};
use aep2_ledger::Ledger;
use alloy::{primitives::Address, providers::DynProvider};
use tokio::{sync::watch, task::JoinHandle};

use super::{
    blocks, error::FollowError, node::Node, reading::Reading, refunds, unconfirmed, wanted::Wanted,
};
use crate::{
    chain_status::ChainStatus,
    error::StartError,
    fail_point::{FailPoint, FailPointHook, Moment},
    metrics::Metrics,
    outcomes::Outcomes,
    supervisor::Supervisor,
};

/// The alarm of a chain that cannot be followed.
const ALARM: &str = "chain_not_followed";

/// How often in a row the node's answers must fail, or not fit together, until an operator is told.
const FAILURES_MAX: u32 = 10;

/// The alarm of accounts that the node gives no state of.
const NOT_READ: &str = "accounts_not_read";

/// The alarm of an account of which the chain said what contradicts what was known.
const CONTRADICTED: &str = "account_contradicted";

/// The shortest and the longest wait after something went wrong.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What following needs.
pub(crate) struct SyncParts {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) provider: DynProvider,
    pub(crate) deployment: Deployment,
    pub(crate) follower: FollowerConfig,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) outcomes: Arc<Outcomes>,
    pub(crate) chain: Arc<ChainStatus>,
    /// What acceptance misses.
    pub(crate) wanted: Arc<Wanted>,
    /// The tokens that are accepted.
    pub(crate) tokens: Vec<Address>,
    pub(crate) hook: Arc<dyn FailPointHook>,
}

/// Follows the wallet, until the processor stops.
#[derive(Debug)]
pub struct ChainSync {
    task: JoinHandle<()>,
}

impl ChainSync {
    /// Begins to follow from where the ledger stands.
    ///
    /// # Errors
    /// When the ledger's cursor was made by other settings, or cannot be read.
    pub(crate) fn start(parts: SyncParts, supervisor: &Supervisor) -> Result<Self, StartError> {
        let context = Context::new(parts);
        // So that a mistake in the settings is said at once, and not in a log.
        context.follower().map_err(|error| StartError::Follow(error.to_string()))?;
        let task =
            supervisor.spawn_until_stopped("chain_sync", async move { context.follow().await });
        Ok(Self { task })
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        // If it panicked, the supervisor has said so.
        let _ = self.task.await;
    }
}

/// What following needs, in use. It has no key: nothing is sent.
struct Context {
    ledger: Arc<Ledger>,
    node: Node,
    config: FollowerConfig,
    metrics: Arc<Metrics>,
    outcomes: Arc<Outcomes>,
    chain: Arc<ChainStatus>,
    wanted: Arc<Wanted>,
    tokens: Vec<Address>,
    hook: Arc<dyn FailPointHook>,
}

impl Context {
    fn new(parts: SyncParts) -> Self {
        let SyncParts { ledger, provider, deployment, follower, metrics, outcomes, .. } = parts;
        let SyncParts { chain, wanted, tokens, hook, .. } = parts;
        let config = FollowerConfig {
            addresses: vec![deployment.wallet.address],
            events: Vec::new(),
            start_block: deployment.block,
            // What the follower takes back, the ledger must be able to undo.
            depth_max: follower.depth_max.min(ledger.config().undo_blocks),
            ..follower
        };
        let request_timeout = config.request_timeout;
        let node = Node { provider, wallet: deployment.wallet_id(), request_timeout };
        Self { ledger, node, config, metrics, outcomes, chain, wanted, tokens, hook }
    }

    /// Follows for ever.
    async fn follow(&self) {
        let mut wait = WAIT_MIN;
        loop {
            let error = match self.follower() {
                Ok(mut follower) => {
                    let view = follower.view();
                    tokio::select! {
                        error = self.deliver(&mut follower, &mut wait) => error,
                        never = self.watch_head(view) => match never {},
                    }
                }
                Err(error) => error,
            };
            if !error.passes() {
                self.metrics.alarm(ALARM, true);
                self.chain.failed(&error);
            }
            tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "following the chain failed; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// A follower that begins where the ledger stands.
    fn follower(&self) -> Result<Follower, FollowError> {
        let cursor: Option<Cursor> =
            self.ledger.cursor()?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?;
        Ok(Follower::new(self.node.provider.clone(), self.config.clone(), cursor)?)
    }

    /// Brings what happens into the ledger, until something goes wrong: what that is.
    async fn deliver(&self, follower: &mut Follower, wait: &mut Duration) -> FollowError {
        let mut reading = Reading::new(&self.node, &self.ledger, &self.wanted, &self.tokens);
        loop {
            let taken = match self.next(follower, &mut reading).await {
                Ok(update) => self.take(update).await,
                Err(error) => return error.into(),
            };
            match taken {
                Ok(true) => {
                    *wait = WAIT_MIN;
                    self.metrics.alarm(ALARM, false);
                }
                Ok(false) => {}
                Err(error) => return error,
            }
        }
    }

    /// The next update. Accounts are read while there is none: the ledger stays at one block meanwhile.
    async fn next(
        &self,
        follower: &mut Follower,
        reading: &mut Reading<'_>,
    ) -> Result<Update, FollowerError> {
        let view = follower.view();
        let near = self.config.confirmations.saturating_add(self.config.depth_max);
        let is_near = || {
            let (head, tip) = (view.borrow().head, self.ledger.tip());
            head.zip(tip).is_some_and(|(head, tip)| head.number <= tip.number.saturating_add(near))
        };
        let next = follower.next();
        tokio::pin!(next);
        loop {
            tokio::select! {
                biased;
                update = &mut next => return update,
                () = reading.due(is_near) => {
                    reading.round().await;
                    self.metrics.alarm(NOT_READ, reading.is_stuck());
                }
            }
        }
    }

    /// Writes an update to the ledger: whether there was anything to write.
    async fn take(&self, update: Update) -> Result<bool, FollowError> {
        match update {
            Update::Blocks { logs, cursor } => {
                let Some(tip) = cursor.tip() else { return Ok(false) };
                let bytes = serde_json::to_vec(&cursor)?;
                let own = self.ledger.config().identity.processor;
                let mut blocks = blocks::of(&self.node, own, &logs, tip, bytes).await?;
                refunds::add(&self.node, &self.ledger, &logs, &mut blocks).await?;
                self.hook.reached(FailPoint::ApplyBlocks, Moment::Before);
                let applied = self.ledger.apply_blocks(blocks).await?.into_inner();
                self.hook.reached(FailPoint::ApplyBlocks, Moment::After);
                for (account, reason) in &applied.contradicted {
                    tracing::error!(%account, reason, "the chain contradicts what was known of an account: it is read anew");
                    self.metrics.alarm(CONTRADICTED, true);
                }
                self.outcomes.emit_applied(&applied)?;
            }
            Update::Reorganised { from_block, cursor, .. } => {
                let bytes = serde_json::to_vec(&cursor)?;
                let to_block = from_block.saturating_sub(1);
                self.hook.reached(FailPoint::Rewind, Moment::Before);
                let rewound = self.ledger.rewind(to_block, bytes).await?.into_inner();
                self.hook.reached(FailPoint::Rewind, Moment::After);
                tracing::warn!(
                    to_block,
                    mandates = rewound.revived.len(),
                    batches = rewound.unconfirmed.len(),
                    "blocks were reorged out"
                );
                self.outcomes.emit_rewound(to_block, &rewound)?;
            }
        }
        Ok(true)
    }

    /// Notes how the chain is seen, and what is asked for in blocks that are not confirmed, as long as
    /// the follower lives.
    async fn watch_head(&self, mut view: watch::Receiver<View>) -> Infallible {
        let mut read = None;
        loop {
            let (head, time, failures) = {
                let view = view.borrow_and_update();
                (view.head, view.head_time.unwrap_or_default(), view.failures)
            };
            if failures >= FAILURES_MAX {
                self.metrics.alarm(ALARM, true);
            }
            if failures > 0 {
                self.chain.failed(format_args!("it did not answer {failures} times in a row"));
            } else if let Some(head) = head {
                self.chain.reached(head.number, time);
                if read != Some(head) {
                    match self.note_unconfirmed(head).await {
                        Ok(()) => read = Some(head),
                        Err(error) => tracing::debug!(%error, "could not read unconfirmed blocks"),
                    }
                }
            }
            if view.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn note_unconfirmed(&self, head: BlockRef) -> Result<(), FollowError> {
        let Self { node, ledger, hook, config, .. } = self;
        unconfirmed::note(node, ledger, &**hook, config.start_block, head).await
    }
}
