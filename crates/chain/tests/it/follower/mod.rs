//! What is feared of following: an event lost, an event twice, a reorganisation not noticed.

mod dangers;
mod model;
mod nodes;
mod random;

use std::time::Duration;

use aep2_chain::follower::{Cursor, Follower, FollowerConfig, FollowerError, Update};
use alloy::rpc::types::Log;

use self::model::{Chain, WALLET};
use crate::scripted::Scripted;

/// What a caller derives from the updates: the events in force, and where it stands. It stores both
/// as one, and checks that each update continues the last.
#[derive(Clone, Debug, Default)]
struct Applied {
    logs: Vec<Log>,
    cursor: Option<Cursor>,
    start_block: u64,
    reorganisations: usize,
}

impl Applied {
    fn apply(&mut self, update: Update) {
        let next = self.cursor.as_ref().map_or(self.start_block, Cursor::next_block);
        match update {
            Update::Blocks { logs, cursor } => {
                assert!(cursor.next_block() > next, "an update without blocks");
                for log in &logs {
                    let number = log.block_number.expect("mined");
                    assert!(
                        (next..cursor.next_block()).contains(&number),
                        "an event of block {number} in an update of {next} to {:?}",
                        cursor.tip()
                    );
                }
                self.logs.extend(logs);
                self.store(cursor);
            }
            Update::Reorganised { from_block, reorged_out, cursor } => {
                assert!(from_block < next, "blocks were reorged out that were not delivered");
                assert!(!reorged_out.is_empty());
                assert!(reorged_out.iter().all(|block| block.number >= from_block));
                assert_eq!(cursor.next_block(), from_block);
                self.logs.retain(|log| log.block_number < Some(from_block));
                self.reorganisations += 1;
                self.store(cursor);
            }
        }
    }

    /// Through its stored form, as after a restart.
    fn store(&mut self, cursor: Cursor) {
        let json = serde_json::to_string(&cursor).expect("a cursor is stored");
        self.cursor = Some(serde_json::from_str(&json).expect("and comes back"));
    }

    fn tip(&self) -> Option<u64> {
        Some(self.cursor.as_ref()?.tip()?.number)
    }
}

fn config() -> FollowerConfig {
    FollowerConfig {
        confirmations: 3,
        depth_max: 8,
        range_max: 50,
        poll_interval: Duration::from_millis(500),
        request_timeout: Duration::from_secs(10),
        ..FollowerConfig::new(vec![WALLET], 1)
    }
}

fn follower(node: &Scripted<Chain>, config: &FollowerConfig, applied: &Applied) -> Follower {
    Follower::new(node.provider(), config.clone(), applied.cursor.clone()).expect("a follower")
}

/// Applies updates until the applied stands at `tip`. Panics when nothing comes for an hour of the
/// test's clock, or when it never gets there.
async fn drive(follower: &mut Follower, applied: &mut Applied, tip: u64) {
    for _ in 0..10_000 {
        if applied.tip() == Some(tip) {
            return;
        }
        let update = next_within(follower, Duration::from_secs(3_600)).await;
        applied.apply(update.expect("an update").expect("no fatal error"));
    }
    panic!("at {:?} after 10,000 updates, not at {tip}", applied.tip());
}

/// The follower's next result within that time of the test's clock, or none.
async fn next_within(
    follower: &mut Follower,
    time: Duration,
) -> Option<Result<Update, FollowerError>> {
    tokio::time::timeout(time, follower.next()).await.ok()
}
