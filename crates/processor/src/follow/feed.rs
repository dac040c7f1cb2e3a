//! The task that brings what the chain says into the ledger.

use std::{sync::Arc, time::Duration};

use aep2_chain::follower::{Cursor, Follower, Update, View};
use tokio::{sync::watch, task::JoinHandle};

use super::{blocks, error::FollowError, sight};
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
