//! The same dangers on real nodes.

use std::{sync::Arc, time::Duration};

use aep2_chain::{
    call::Call,
    sender::{
        Broadcast, FileJournal, Journal, MemoryJournal, Outcome, Pending, Sender, SenderConfig,
        SubmitError,
    },
};
use alloy::{
    primitives::{Address, B256, Bytes},
    providers::Provider,
    rpc::types::TransactionReceipt,
};

use super::id;
use crate::node::{Node, on_both_chains, once, word};

const GWEI: u128 = 1_000_000_000;

on_both_chains! {
    WhenTold:
    a_revert_is_told_before_sending_and_after_mining,
    a_stuck_transaction_is_replaced,
    a_reorganisation_takes_a_receipt_back_and_it_is_sent_again,
    a_restart_sends_again_what_was_forgotten_and_nothing_twice,
    a_key_used_elsewhere_is_noticed,
}

fn config() -> SenderConfig {
    SenderConfig {
        confirmations: 2,
        stuck_after_blocks: 2,
        poll_interval: Duration::from_millis(50),
        ..SenderConfig::new(100 * GWEI)
    }
}

async fn open(node: &Node, journal: Arc<dyn Journal>) -> Sender {
    Sender::open(node.provider(), node.signer(), config(), journal).await.unwrap()
}

fn succeeded(outcome: Outcome) -> Box<TransactionReceipt> {
    match outcome {
        Outcome::Succeeded { receipt } => receipt,
        other => panic!("{other:?}"),
    }
}

/// Deploys a contract with the sender itself, on a node that mines only when told to.
async fn deploy(node: &Node, sender: &Sender, code: Bytes) -> Address {
    sender.submit(id(0), Call::deployment(code)).await.unwrap();
    node.mine(3).await;
    succeeded(sender.wait(id(0)).await.unwrap()).contract_address.unwrap()
}

async fn a_revert_is_told_before_sending_and_after_mining(node: Node) {
    let sender = open(&node, Arc::new(MemoryJournal::new())).await;
    let contract = deploy(&node, &sender, once()).await;

    // Both succeed in a simulation; once the first is mined, the second cannot.
    sender.submit(id(1), Call::with_data(contract, word(11))).await.unwrap();
    let second = Call { gas: Some(100_000), ..Call::with_data(contract, word(22)) };
    sender.submit(id(2), second).await.unwrap();
    node.mine(3).await;
    succeeded(sender.wait(id(1)).await.unwrap());
    match sender.wait(id(2)).await.unwrap() {
        Outcome::Reverted { receipt, reason } => {
            assert!(!receipt.status());
            assert_eq!(reason, Some(word(22)));
        }
        other => panic!("{other:?}"),
    }

    for gas in [None, Some(100_000)] {
        let call = Call { gas, ..Call::with_data(contract, word(33)) };
        match sender.submit(id(3), call).await {
            Err(SubmitError::WouldRevert { data }) => assert_eq!(data, word(33)),
            other => panic!("{other:?}"),
        }
    }
    let count = node.provider().get_transaction_count(sender.key().address).await.unwrap();
    assert_eq!(count, 3);
}

async fn a_stuck_transaction_is_replaced(node: Node) {
    let sender = open(&node, Arc::new(MemoryJournal::new())).await;
    let call = Call::with_data(Address::repeat_byte(9), Bytes::new());
    let ticket = sender.submit(id(1), call.clone()).await.unwrap();
    assert_eq!(ticket.broadcast, Broadcast::Accepted);

    // Dearer than the first offer, within the cap.
    for _ in 0..2 {
        node.set_next_base_fee((20 * GWEI) as u64).await;
        node.mine(1).await;
    }
    sender.advance().await.unwrap();
    let replacement = match sender.outcome(id(1)).await.unwrap() {
        Outcome::Pending(Pending::Waiting { hash, attempts: 2 }) => hash,
        other => panic!("{other:?}"),
    };
    assert_ne!(replacement, ticket.hash);
    node.mine(3).await;
    let receipt = succeeded(sender.wait(id(1)).await.unwrap());
    assert_eq!(receipt.transaction_hash, replacement);

    // Dearer than the cap: watched, not given up.
    sender.submit(id(2), call).await.unwrap();
    for _ in 0..2 {
        node.set_next_base_fee((500 * GWEI) as u64).await;
        node.mine(1).await;
    }
    sender.advance().await.unwrap();
    match sender.outcome(id(2)).await.unwrap() {
        Outcome::Pending(Pending::Stuck(reached)) => assert_eq!(reached.cap_wei, 100 * GWEI),
        other => panic!("{other:?}"),
    }
    // A node may have dropped what it could not mine; then it is sent again.
    node.set_next_base_fee(GWEI as u64).await;
    node.mine(1).await;
    sender.advance().await.unwrap();
    node.mine(3).await;
    succeeded(sender.wait(id(2)).await.unwrap());
}

async fn a_reorganisation_takes_a_receipt_back_and_it_is_sent_again(node: Node) {
    let sender = open(&node, Arc::new(MemoryJournal::new())).await;
    let call = Call::with_data(Address::repeat_byte(9), Bytes::new());
    let ticket = sender.submit(id(1), call).await.unwrap();
    node.mine(2).await;
    assert!(matches!(
        sender.outcome(id(1)).await.unwrap(),
        Outcome::Pending(Pending::Mined { succeeded: true, .. })
    ));
    node.reorganise(2).await;
    let receipt = node.provider().get_transaction_receipt(ticket.hash).await.unwrap();
    assert!(receipt.is_none(), "the test needs it to fall out");
    assert!(!matches!(
        sender.outcome(id(1)).await.unwrap(),
        Outcome::Pending(Pending::Mined { .. }) | Outcome::Succeeded { .. }
    ));
    sender.advance().await.unwrap();
    node.mine(3).await;
    succeeded(sender.wait(id(1)).await.unwrap());
    let count = node.provider().get_transaction_count(sender.key().address).await.unwrap();
    assert_eq!(count, 1);
}

async fn a_restart_sends_again_what_was_forgotten_and_nothing_twice(node: Node) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("transactions");
    let call = |number| Call::with_data(Address::repeat_byte(9), word(number));
    let hashes: Vec<B256> = {
        let sender = open(&node, Arc::new(FileJournal::open(&path).unwrap())).await;
        let mut hashes = Vec::new();
        for number in 0..3 {
            hashes.push(sender.submit(id(number), call(number)).await.unwrap().hash);
        }
        hashes
    };
    node.drop_transaction(hashes[1]).await;

    let sender = open(&node, Arc::new(FileJournal::open(&path).unwrap())).await;
    assert!(matches!(sender.outcome(id(1)).await.unwrap(), Outcome::Dropped { .. }));
    for number in 0..3 {
        let ticket = sender.submit(id(number), call(number)).await.unwrap();
        assert_eq!(ticket.broadcast, Broadcast::Earlier);
        assert_eq!(ticket.hash, hashes[number as usize]);
    }
    assert_eq!(sender.advance().await.unwrap(), 3);
    node.mine(3).await;
    for number in 0..3 {
        let receipt = succeeded(sender.wait(id(number)).await.unwrap());
        assert_eq!(receipt.transaction_hash, hashes[number as usize]);
    }
    let count = node.provider().get_transaction_count(sender.key().address).await.unwrap();
    assert_eq!(count, 3);
}

async fn a_key_used_elsewhere_is_noticed(node: Node) {
    let ours = open(&node, Arc::new(MemoryJournal::new())).await;
    let call = Call::with_data(Address::repeat_byte(9), Bytes::new());
    let ticket = ours.submit(id(1), call.clone()).await.unwrap();
    node.drop_transaction(ticket.hash).await;

    let theirs = open(&node, Arc::new(MemoryJournal::new())).await;
    let call = Call::with_data(Address::repeat_byte(8), Bytes::new());
    let foreign = theirs.submit(id(1), call).await.unwrap();
    assert_eq!(foreign.nonce, ticket.nonce);
    node.mine(3).await;
    match ours.wait(id(1)).await.unwrap() {
        Outcome::Replaced { by, block } => {
            assert_eq!(by, Some(foreign.hash));
            assert_eq!(block.number, 1);
        }
        other => panic!("{other:?}"),
    }
}
