//! A sender on a scripted chain.

use std::sync::Arc;

use aep2_chain::sender::{MemoryJournal, Outcome, Sender, SenderConfig, Ticket};

use super::{
    call, id, open,
    world::{Habits, Kind, World},
};
use crate::scripted::Scripted;

/// A sender, its journal, and a chain.
pub(super) struct Stage {
    pub(super) node: Scripted<World>,
    pub(super) journal: Arc<MemoryJournal>,
    pub(super) sender: Sender,
}

pub(super) async fn stage(config: &SenderConfig) -> Stage {
    let node = Scripted::new(World::new(1, Habits::default()));
    let journal = Arc::new(MemoryJournal::new());
    let sender = open(&node, config, journal.clone()).await;
    Stage { node, journal, sender }
}

impl Stage {
    pub(super) async fn submit(&self, tag: u64, kind: Kind) -> Ticket {
        self.sender.submit(id(tag), call(kind, tag)).await.expect("submitted")
    }

    pub(super) async fn outcome(&self, tag: u64) -> Outcome {
        self.sender.outcome(id(tag)).await.expect("an outcome")
    }

    pub(super) async fn advance(&self) -> usize {
        self.sender.advance().await.expect("advances")
    }

    /// Blocks in which nothing of ours is mined.
    pub(super) fn pass(&self, blocks: u64) {
        for _ in 0..blocks {
            self.node.model().mine_empty();
        }
    }

    pub(super) fn mine(&self) {
        self.node.model().mine();
    }
}
