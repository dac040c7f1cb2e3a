//! The follower on real nodes.

use std::{sync::Arc, time::Duration};

use aep2_chain::{
    call::Call,
    follower::{Follower, FollowerConfig, Update},
    sender::{MemoryJournal, Outcome, Sender, SenderConfig, SubmissionId},
};
use alloy::{
    primitives::{Address, B256},
    providers::Provider,
    rpc::types::Filter,
};

use super::{Applied, drive};
use crate::node::{Node, emitter, on_both_chains, word};

on_both_chains! {
    AtOnce:
    a_reorganisation_is_noticed_and_events_are_right_after_it,
}

/// Sends events of a contract, on a node that mines each transaction at once.
struct Events {
    sender: Sender,
    contract: Address,
    sent: u64,
}

impl Events {
    async fn start(node: &Node) -> Self {
        let config = SenderConfig {
            confirmations: 0,
            poll_interval: Duration::from_millis(20),
            ..SenderConfig::new(100_000_000_000)
        };
        let journal = Arc::new(MemoryJournal::new());
        let sender = Sender::open(node.provider(), node.signer(), config, journal).await.unwrap();
        let id = SubmissionId(B256::ZERO);
        sender.submit(id, Call::deployment(emitter())).await.unwrap();
        match sender.wait(id).await.unwrap() {
            Outcome::Succeeded { receipt } => {
                let contract = receipt.contract_address.unwrap();
                Self { sender, contract, sent: 0 }
            }
            other => panic!("{other:?}"),
        }
    }

    async fn send(&mut self) {
        self.sent += 1;
        let id = SubmissionId(B256::repeat_byte(self.sent as u8));
        self.sender.submit(id, Call::with_data(self.contract, word(self.sent))).await.unwrap();
        let outcome = self.sender.wait(id).await.unwrap();
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    }
}

async fn a_reorganisation_is_noticed_and_events_are_right_after_it(node: Node) {
    let mut events = Events::start(&node).await;
    let config = FollowerConfig {
        confirmations: 1,
        depth_max: 6,
        poll_interval: Duration::from_millis(20),
        ..FollowerConfig::new(vec![events.contract], 0)
    };
    // Enough of a past that it is read in ranges.
    events.send().await;
    node.mine(20).await;
    for _ in 0..5 {
        events.send().await;
    }
    let head = node.provider().get_block_number().await.unwrap();
    let mut applied = Applied::default();
    let mut follower = Follower::new(node.provider(), config.clone(), None).unwrap();
    drive(&mut follower, &mut applied, head - 1).await;
    assert_eq!(applied.logs.len(), 5, "the sixth is in a block without confirmation");

    node.reorganise(3).await;
    node.mine(2).await;
    // As after a restart.
    let mut follower =
        Follower::new(node.provider(), config.clone(), applied.cursor.clone()).unwrap();
    let update = follower.next().await.unwrap();
    assert!(
        matches!(&update, Update::Reorganised { from_block, .. } if *from_block == head - 2),
        "{update:?}"
    );
    applied.apply(update);
    assert_eq!(applied.logs.len(), 3);

    let head = node.provider().get_block_number().await.unwrap();
    drive(&mut follower, &mut applied, head - 1).await;
    let filter = Filter::new().address(events.contract).from_block(0).to_block(head - 1);
    let truth = node.provider().get_logs(&filter).await.unwrap();
    let place = |logs: &[alloy::rpc::types::Log]| -> Vec<_> {
        logs.iter().map(|log| (log.block_hash, log.log_index, log.topics().to_vec())).collect()
    };
    assert_eq!(place(&applied.logs), place(&truth));
    assert_eq!(truth.len(), 3);
}
