//! What the chain says, into the ledger.
//!
//! A task takes what the [`Follower`] delivers, makes the ledger's facts of it (`facts`, `blocks`),
//! and applies them with the follower's cursor in one write, or undoes what fell away. The ledger's own
//! cursor is the only state: whatever goes wrong, a new follower begins from there.
//!
//! ```text
//! Follower ─▶ Blocks ──────▶ headers, calldata ─▶ facts ─▶ Ledger::apply_blocks ┐ with the cursor,
//!          ─▶ Reorganised ─────────────────────────────▶ Ledger::rewind         ┘ in one write
//!          ─▶ its view of the head ─▶ requests not confirmed yet ─▶ Ledger::sight
//! ```
//!
//! A chain that does not answer is waited for, however long: nothing is lost, and acceptance stops by
//! itself when the last block applied is too old. What cannot pass by itself (the node is one of
//! another chain, a reorganisation was deeper than can be undone, the facts contradict the ledger) is
//! shown as an alarm, and tried again all the same: an operator may mend it.

mod blocks;
mod facts;
mod opaque;
mod sight;

use std::{sync::Arc, time::Duration};

use aep2_chain::{
    BlockRef,
    follower::{Cursor, Follower, FollowerError, Update, View},
};
use aep2_ledger::{ChainError, JournalError, LedgerError};
use alloy::{
    primitives::B256,
    providers::{DynProvider, Provider},
    rpc::{
        json_rpc::{RpcRecv, RpcSend},
        types::Header,
    },
    transports::TransportError,
};
use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    boundary::{Act, Side},
    error::StartError,
    shared::Shared,
};

/// The alarm of a chain that cannot be followed.
const ALARM: &str = "chain_not_followed";

/// The shortest and the longest wait after something went wrong.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Follows the wallet, until the processor stops.
#[derive(Debug)]
pub struct Feed {
    task: JoinHandle<()>,
}

impl Feed {
    /// Begins to follow from where the ledger stands.
    ///
    /// # Errors
    /// When the ledger's cursor was made by other settings, or cannot be read.
    pub(crate) async fn start(shared: Arc<Shared>) -> Result<Self, StartError> {
        // So that a mistake in the settings is said at once, and not in a log.
        follower(&shared).map_err(|error| StartError::Follow(error.to_string()))?;
        let task = tokio::spawn(async move {
            let mut stopping = shared.stopping();
            tokio::select! {
                () = follow(Arc::clone(&shared)) => {}
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        });
        Ok(Self { task })
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        // It ends in no other way than by being told to.
        let _ = self.task.await;
    }
}

/// Why following stopped for now.
#[derive(Debug, Error)]
pub(crate) enum FollowError {
    /// The follower cannot go on.
    #[error(transparent)]
    Follower(#[from] FollowerError),
    /// The ledger's cursor is not one.
    #[error("the ledger's cursor cannot be read: {0}")]
    Cursor(#[from] serde_json::Error),
    /// The node did not answer.
    #[error("{asked}: {}", match error {
        Some(error) => error.to_string(),
        None => "no answer in time".to_owned(),
    })]
    Node {
        /// What was asked for.
        asked: &'static str,
        /// What went wrong; none when no answer came in time.
        error: Option<Box<TransportError>>,
    },
    /// The node's answers do not fit together: the chain changed in between, or it lags.
    #[error("the node's answers do not fit together: {0}")]
    Disagreement(String),
    /// The wallet said something that this software does not understand.
    #[error("block {block}: {reason}")]
    NotUnderstood {
        /// The block's number.
        block: u64,
        /// What was not understood.
        reason: String,
    },
    /// The ledger does not take it.
    #[error(transparent)]
    Ledger(#[from] ChainError),
}

impl From<LedgerError> for FollowError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error.into())
    }
}

impl FollowError {
    /// Whether it passes by itself.
    fn passes(&self) -> bool {
        match self {
            Self::Node { .. } | Self::Disagreement(_) => true,
            Self::Ledger(ChainError::Ledger(LedgerError::Journal(JournalError::Busy {
                ..
            }))) => true,
            Self::Follower(_) | Self::Cursor(_) | Self::NotUnderstood { .. } | Self::Ledger(_) => {
                false
            }
        }
    }
}

/// Follows for ever.
async fn follow(shared: Arc<Shared>) {
    let mut wait = WAIT_MIN;
    loop {
        let error = match follower(&shared) {
            Ok(mut follower) => {
                let view = tokio::spawn(look(Arc::clone(&shared), follower.view()));
                let ended = deliver(&shared, &mut follower, &mut wait).await;
                view.abort();
                let Err(error) = ended else { return };
                error
            }
            Err(error) => error,
        };
        if !error.passes() {
            shared.metrics.alarm(ALARM, true);
            shared.chain_failed(&error);
        }
        tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "following the chain failed; trying again");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(WAIT_MAX);
    }
}

/// A follower that begins where the ledger stands.
fn follower(shared: &Shared) -> Result<Follower, FollowError> {
    let cursor: Option<Cursor> =
        shared.ledger.cursor()?.map(|bytes| serde_json::from_slice(&bytes)).transpose()?;
    let mut config = shared.config.follower.clone();
    config.addresses = vec![shared.deployment.wallet.address];
    config.events = Vec::new();
    config.start_block = shared.deployment.block;
    // What the follower takes back, the ledger must be able to undo.
    config.depth_max = config.depth_max.min(shared.ledger.config().undo_blocks);
    Ok(Follower::new(shared.provider.clone(), config, cursor)?)
}

/// Brings what happens into the ledger, until something goes wrong or the ledger is closed.
async fn deliver(
    shared: &Shared,
    follower: &mut Follower,
    wait: &mut Duration,
) -> Result<(), FollowError> {
    loop {
        match follower.next().await? {
            Update::Blocks { logs, cursor } => {
                let Some(tip) = cursor.tip() else { continue };
                let bytes = serde_json::to_vec(&cursor)?;
                let blocks = blocks::of(shared, &logs, tip, bytes).await?;
                shared.reached(Act::ApplyBlocks, Side::Before);
                let applied = shared.ledger.apply_blocks(blocks).await?.into_inner();
                shared.reached(Act::ApplyBlocks, Side::After);
                shared.tell_applied(&applied)?;
            }
            Update::Reorganised { from_block, cursor, .. } => {
                let bytes = serde_json::to_vec(&cursor)?;
                let to_block = from_block.saturating_sub(1);
                shared.reached(Act::Rewind, Side::Before);
                let rewound = shared.ledger.rewind(to_block, bytes).await?.into_inner();
                shared.reached(Act::Rewind, Side::After);
                tracing::warn!(
                    to_block,
                    mandates = rewound.revived.len(),
                    batches = rewound.unconfirmed.len(),
                    "blocks fell out of the chain"
                );
                shared.tell_rewound(to_block, &rewound)?;
            }
        }
        *wait = WAIT_MIN;
        shared.metrics.alarm(ALARM, false);
    }
}

/// Tells how the chain is seen, and states what is asked for in blocks that are not confirmed.
async fn look(shared: Arc<Shared>, mut view: watch::Receiver<View>) {
    let mut looked = None;
    loop {
        let (head, failures) = {
            let view = view.borrow_and_update();
            (view.head, view.failures)
        };
        if failures > 0 {
            shared.chain_failed(format_args!("it did not answer {failures} times in a row"));
        } else if let Some(head) = head {
            shared.chain_reached(head.number);
            if looked != Some(head) {
                match sight::look(&shared, head).await {
                    Ok(()) => looked = Some(head),
                    Err(error) => tracing::debug!(%error, "could not look at blocks ahead"),
                }
            }
        }
        if view.changed().await.is_err() {
            return;
        }
    }
}

/// The answer to one request.
async fn ask<P: RpcSend, R: RpcRecv>(
    shared: &Shared,
    method: &'static str,
    params: P,
) -> Result<R, FollowError> {
    let provider: &DynProvider = &shared.provider;
    let answer = provider.client().request::<P, R>(method, params);
    let answer = tokio::time::timeout(shared.config.follower.request_timeout, answer).await;
    let failed = |error| FollowError::Node { asked: method, error };
    answer.map_err(|_| failed(None))?.map_err(|error| failed(Some(Box::new(error))))
}

/// The header of a block that the node was just seen to have.
async fn header(shared: &Shared, block: BlockRef) -> Result<Header, FollowError> {
    let header: Option<Header> = ask(shared, "eth_getBlockByHash", (block.hash, false)).await?;
    header
        .filter(|header| header.hash == block.hash && header.number == block.number)
        .ok_or_else(|| FollowError::Disagreement(format!("it has no block {block} any more")))
}

/// A field element as 32 bytes.
fn bytes_of(element: &aep2_mandate::field::Fr) -> B256 {
    B256::from(aep2_mandate::field::to_be_bytes(element))
}
