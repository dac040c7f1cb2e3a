//! Snapshots and reorganisations: what is taken back is as if it had never been, and what follows is
//! another chain.

use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::TransactionRequest,
};

use crate::support::{
    ETHER, GWEI, address, chain, manual_chain, probe, refusal, send, signed, submit_raw, transfer,
    wallet,
};

async fn hash(provider: &impl Provider, number: u64) -> B256 {
    provider.get_block(BlockId::number(number)).await.unwrap().unwrap().header.hash
}

#[tokio::test]
async fn a_snapshot_brings_back_everything() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    chain.set_balance(Address::repeat_byte(9), U256::from(5)).unwrap();
    let before = provider.get_block(Default::default()).await.unwrap().unwrap();
    let balance = provider.get_balance(address(0)).await.unwrap();
    let snapshot = chain.snapshot().unwrap();

    chain.increase_time(std::time::Duration::from_secs(10_000)).unwrap();
    chain.set_balance(Address::repeat_byte(9), ETHER).unwrap();
    let sent = probe.store(U256::from(8)).value(ETHER).send().await.unwrap();
    let receipt = sent.get_receipt().await.unwrap();
    let deployed = crate::support::probe(&provider).await;
    assert_eq!(probe.stored().call().await.unwrap(), U256::from(8));

    assert!(chain.revert(snapshot).unwrap());
    assert_eq!(provider.get_block(Default::default()).await.unwrap().unwrap(), before);
    assert_eq!(probe.stored().call().await.unwrap(), U256::from(7));
    assert_eq!(provider.get_balance(address(0)).await.unwrap(), balance);
    assert_eq!(provider.get_balance(*probe.address()).await.unwrap(), U256::ZERO);
    assert_eq!(provider.get_balance(Address::repeat_byte(9)).await.unwrap(), U256::from(5));
    assert_eq!(provider.get_transaction_count(address(0)).await.unwrap(), 1);
    assert!(provider.get_code_at(*deployed.address()).await.unwrap().is_empty());
    assert!(provider.get_transaction_receipt(receipt.transaction_hash).await.unwrap().is_none());
    assert!(provider.get_block(receipt.block_hash.unwrap().into()).await.unwrap().is_none());
    let time: u64 = probe.time().call().await.unwrap().to();
    assert!(time < before.header.timestamp + 5_000);

    // A snapshot is spent by going back to it.
    assert!(!chain.revert(snapshot).unwrap());
}

#[tokio::test]
async fn later_snapshots_go_with_the_chain_they_were_of() {
    let chain = chain();
    let provider = chain.provider();
    let first = chain.snapshot().unwrap();
    chain.mine().unwrap();
    let second = chain.snapshot().unwrap();
    chain.mine().unwrap();
    assert!(chain.revert(first).unwrap());
    assert!(!chain.revert(second).unwrap());
    assert_eq!(provider.get_block_number().await.unwrap(), 0);
    // A rollback beneath a snapshot spends it, too; one above it does not.
    for _ in 0..3 {
        chain.mine().unwrap();
    }
    let third = chain.snapshot().unwrap();
    chain.mine().unwrap();
    let _: () = provider.raw_request("anvil_rollback".into(), [1]).await.unwrap();
    let fourth = chain.snapshot().unwrap();
    let _: () = provider.raw_request("anvil_rollback".into(), [1]).await.unwrap();
    chain.mine().unwrap();
    assert!(!chain.revert(fourth).unwrap());
    assert!(!chain.revert(third).unwrap());
    assert_eq!(provider.get_block_number().await.unwrap(), 3);
}

#[tokio::test]
async fn a_snapshot_holds_what_waits() {
    let chain = manual_chain();
    let provider = chain.provider();
    let raw = signed(0, transfer(0, 3 * GWEI, GWEI)).await;
    let waiting = *provider.send_raw_transaction(&raw).await.unwrap().tx_hash();
    let snapshot: U256 = provider.raw_request("evm_snapshot".into(), ()).await.unwrap();
    chain.mine().unwrap();
    assert!(provider.get_transaction_receipt(waiting).await.unwrap().is_some());
    let reverted: bool = provider.raw_request("evm_revert".into(), [snapshot]).await.unwrap();
    assert!(reverted);
    assert!(provider.get_transaction_by_hash(waiting).await.unwrap().is_some());
    assert!(provider.get_transaction_receipt(waiting).await.unwrap().is_none());
    chain.mine().unwrap();
    assert!(provider.get_transaction_receipt(waiting).await.unwrap().is_some());
}

#[tokio::test]
async fn the_same_transactions_mined_again_make_another_chain() {
    let chain = chain();
    let provider = chain.provider();
    let snapshot = chain.snapshot().unwrap();
    let raw = signed(0, transfer(0, 3 * GWEI, GWEI)).await;
    submit_raw(&provider, &raw).await;
    let first = hash(&provider, 1).await;
    chain.revert(snapshot).unwrap();
    submit_raw(&provider, &raw).await;
    assert_ne!(hash(&provider, 1).await, first);
}

#[tokio::test]
async fn a_reorganisation_replaces_blocks_and_forgets_their_transactions() {
    let chain = chain();
    let provider = wallet(&chain, 0);
    let mut receipts = Vec::new();
    for _ in 0..4 {
        let request = TransactionRequest::default().with_to(Address::repeat_byte(1));
        receipts.push(send(&provider, request.with_value(ETHER)).await);
    }
    let old: Vec<B256> = futures::future::join_all((0..=4).map(|n| hash(&provider, n))).await;

    chain.reorganise(2).unwrap();
    assert_eq!(provider.get_block_number().await.unwrap(), 4);
    for number in 0..=4 {
        let new = provider.get_block(BlockId::number(number)).await.unwrap().unwrap();
        assert_eq!(new.header.hash == old[number as usize], number <= 2);
        if number > 0 {
            assert_eq!(new.header.parent_hash, hash(&provider, number - 1).await);
        }
    }
    for (index, receipt) in receipts.iter().enumerate() {
        let found = provider.get_transaction_receipt(receipt.transaction_hash).await.unwrap();
        assert_eq!(found.is_some(), index < 2);
    }
    assert_eq!(provider.get_transaction_count(address(0)).await.unwrap(), 2);
    let paid = provider.get_balance(Address::repeat_byte(1)).await.unwrap();
    assert_eq!(paid, ETHER * U256::from(2));
}

/// As anvil has it: the new blocks' transactions are named with the place of their block.
#[tokio::test]
async fn a_reorganisation_can_bring_other_transactions() {
    let chain = chain();
    let provider = chain.provider();
    let raw = signed(0, transfer(0, 3 * GWEI, GWEI)).await;
    let replaced = *provider.send_raw_transaction(&raw).await.unwrap().tx_hash();
    chain.mine().unwrap();
    let other = signed(0, transfer(0, 4 * GWEI, 2 * GWEI)).await;
    let unsigned = TransactionRequest::default().with_from(address(1)).with_to(address(2));
    let pairs =
        serde_json::json!([[alloy::primitives::hex::encode_prefixed(&other), 0], [unsigned, 1],]);
    let _: () = provider.raw_request("anvil_reorg".into(), (2, pairs)).await.unwrap();
    assert!(provider.get_transaction_receipt(replaced).await.unwrap().is_none());
    let first = provider.get_block(BlockId::number(1)).full().await.unwrap().unwrap();
    assert_eq!(
        first.transactions.txns().map(|tx| tx.inner.signer()).collect::<Vec<_>>(),
        [address(0)]
    );
    let second = provider.get_block(BlockId::number(2)).full().await.unwrap().unwrap();
    assert_eq!(
        second.transactions.txns().map(|tx| tx.inner.signer()).collect::<Vec<_>>(),
        [address(1)]
    );

    // What a replaced transaction spends once is not spent twice.
    let error = provider.send_raw_transaction(&raw).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "nonce too low: next nonce 1, tx nonce 0"));
}

#[tokio::test]
async fn there_is_nothing_before_genesis_to_go_back_to() {
    let chain = chain();
    chain.mine().unwrap();
    let error = chain.reorganise(2).unwrap_err();
    assert_eq!(error.to_string(), "cannot take back 2 blocks of 1");
    let provider = chain.provider();
    let huge = provider.raw_request::<_, ()>("anvil_reorg".into(), (u64::MAX, [0u8; 0])).await;
    huge.unwrap_err();
    assert_eq!(provider.get_block_number().await.unwrap(), 1);
}
