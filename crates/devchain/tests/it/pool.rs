//! Transactions that wait: nonces, replacement, order, and what a block leaves behind.

use aep2_devchain::{DevChain, DevChainConfig, Mining};
use alloy::{
    network::TransactionBuilder,
    primitives::{B256, U256},
    providers::Provider,
    rpc::types::BlockTransactions,
};

use crate::support::{
    ETHER, GWEI, address, chain, manual_chain, probe_code, refusal, signed, submit_raw, transfer,
};

async fn submit(chain: &DevChain, index: usize, nonce: u64, fee: u128, tip: u128) -> B256 {
    let raw = signed(index, transfer(nonce, fee, tip)).await;
    *chain.provider().send_raw_transaction(&raw).await.unwrap().tx_hash()
}

async fn latest_hashes(chain: &DevChain) -> Vec<B256> {
    let block = chain.provider().get_block(Default::default()).await.unwrap().unwrap();
    match block.transactions {
        BlockTransactions::Hashes(hashes) => hashes,
        other => panic!("not hashes: {other:?}"),
    }
}

#[tokio::test]
async fn a_waiting_transaction_is_seen_counted_and_has_no_receipt() {
    let chain = manual_chain();
    let provider = chain.provider();
    let hash = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    let waiting = provider.get_transaction_by_hash(hash).await.unwrap().unwrap();
    assert_eq!((waiting.block_hash, waiting.block_number), (None, None));
    assert!(provider.get_transaction_receipt(hash).await.unwrap().is_none());
    assert_eq!(provider.get_transaction_count(address(0)).await.unwrap(), 0);
    assert_eq!(provider.get_transaction_count(address(0)).pending().await.unwrap(), 1);
    // The pending block holds it, and the pending state knows it.
    let pending =
        provider.get_block(alloy::eips::BlockId::pending()).full().await.unwrap().unwrap();
    assert_eq!(pending.header.number, 1);
    assert_eq!(pending.transactions.txns().count(), 1);
    let received = alloy::primitives::Address::repeat_byte(0xaa);
    assert_eq!(provider.get_balance(received).await.unwrap(), U256::ZERO);
    assert_eq!(provider.get_balance(received).pending().await.unwrap(), U256::ONE);

    chain.mine().unwrap();
    assert!(provider.get_transaction_receipt(hash).await.unwrap().unwrap().status());
    assert_eq!(provider.get_balance(received).await.unwrap(), U256::ONE);
}

#[tokio::test]
async fn higher_tips_go_first_but_never_before_their_own_senders_lower_nonces() {
    let chain = manual_chain();
    let low = submit(&chain, 0, 0, 9 * GWEI, GWEI).await;
    let high_but_second = submit(&chain, 0, 1, 9 * GWEI, 5 * GWEI).await;
    let middle = submit(&chain, 1, 0, 9 * GWEI, 2 * GWEI).await;
    let equal_but_later = submit(&chain, 2, 0, 9 * GWEI, 2 * GWEI).await;
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [middle, equal_but_later, low, high_but_second]);
}

#[tokio::test]
async fn a_gap_in_the_nonces_waits_until_it_is_filled() {
    for mining in [Mining::Manual, Mining::OnDemand] {
        let config = DevChainConfig { mining, ..Default::default() };
        let chain = DevChain::start(config).unwrap();
        let provider = chain.provider();
        let second = submit(&chain, 0, 1, 3 * GWEI, GWEI).await;
        if mining == Mining::Manual {
            chain.mine().unwrap();
        }
        assert!(provider.get_transaction_receipt(second).await.unwrap().is_none());
        assert_eq!(provider.get_transaction_count(address(0)).pending().await.unwrap(), 0);
        let first = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
        if mining == Mining::Manual {
            assert_eq!(provider.get_transaction_count(address(0)).pending().await.unwrap(), 2);
            chain.mine().unwrap();
        }
        assert_eq!(latest_hashes(&chain).await, [first, second]);
        assert_eq!(provider.get_transaction_count(address(0)).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn replacing_takes_ten_percent_on_both_fees() {
    let chain = manual_chain();
    let provider = chain.provider();
    let old = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    for (fee, tip) in [
        (33 * GWEI / 10 - 1, 11 * GWEI / 10),
        (33 * GWEI / 10, 11 * GWEI / 10 - 1),
        (9 * GWEI, GWEI),
    ] {
        let raw = signed(0, transfer(0, fee, tip)).await;
        let error = provider.send_raw_transaction(&raw).await.unwrap_err();
        assert_eq!(refusal(&error), (-32000, "replacement transaction underpriced"));
    }
    let new = submit(&chain, 0, 0, 33 * GWEI / 10, 11 * GWEI / 10).await;
    assert!(provider.get_transaction_by_hash(old).await.unwrap().is_none());
    assert_eq!(provider.get_transaction_count(address(0)).pending().await.unwrap(), 1);
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [new]);
}

#[tokio::test]
async fn what_pays_less_than_the_base_fee_waits_with_all_that_follows_it() {
    let chain = manual_chain();
    let provider = chain.provider();
    // The base fee falls by an eighth with each empty block: 875, 765.6, 669.9 million wei.
    let stuck = submit(&chain, 0, 0, 700_000_000, 1).await;
    let behind = submit(&chain, 0, 1, 3 * GWEI, GWEI).await;
    for _ in 0..2 {
        chain.mine().unwrap();
        assert!(latest_hashes(&chain).await.is_empty());
    }
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [stuck, behind]);

    // A test can make one stuck.
    let hash = submit(&chain, 0, 2, 3 * GWEI, GWEI).await;
    let _: () = provider
        .raw_request("anvil_setNextBlockBaseFeePerGas".into(), [U256::from(4 * GWEI)])
        .await
        .unwrap();
    chain.mine().unwrap();
    assert!(latest_hashes(&chain).await.is_empty());
    let head = provider.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!(head.header.base_fee_per_gas, Some(4_000_000_000));
    // Its effect fades as any base fee's does.
    for _ in 0..3 {
        chain.mine().unwrap();
    }
    assert_eq!(latest_hashes(&chain).await, [hash]);
}

#[tokio::test]
async fn a_sender_cannot_promise_more_than_it_has() {
    let chain = manual_chain();
    let provider = chain.provider();
    // Enough for one transfer's fee at most (63,000 gwei), not for two.
    chain.set_balance(address(0), U256::from(100_000 * GWEI)).unwrap();
    submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    let raw = signed(0, transfer(1, 3 * GWEI, GWEI)).await;
    let error = provider.send_raw_transaction(&raw).await.unwrap_err();
    assert!(refusal(&error).1.starts_with("insufficient funds for gas * price + value"));
    // A replacement counts once.
    submit(&chain, 0, 0, 4 * GWEI, 2 * GWEI).await;
}

#[tokio::test]
async fn what_can_no_longer_be_paid_for_is_dropped_and_holds_up_nobody() {
    let chain = manual_chain();
    let provider = chain.provider();
    let poor = submit(&chain, 0, 0, 9 * GWEI, 5 * GWEI).await;
    let rich = submit(&chain, 1, 0, 3 * GWEI, GWEI).await;
    chain.set_balance(address(0), U256::from(1)).unwrap();
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [rich]);
    assert!(provider.get_transaction_by_hash(poor).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dropped_transaction_is_gone_and_its_nonce_free() {
    let chain = manual_chain();
    let provider = chain.provider();
    let dropped = submit(&chain, 0, 0, 9 * GWEI, 5 * GWEI).await;
    let answer: Option<B256> =
        provider.raw_request("anvil_dropTransaction".into(), [dropped]).await.unwrap();
    assert_eq!(answer, Some(dropped));
    assert!(provider.get_transaction_by_hash(dropped).await.unwrap().is_none());
    let cheaper = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [cheaper]);
}

#[tokio::test]
async fn a_block_holds_no_more_gas_than_it_may() {
    let config =
        DevChainConfig { mining: Mining::Manual, block_gas_limit: 50_000, ..Default::default() };
    let chain = DevChain::start(config).unwrap();
    let mut hashes = Vec::new();
    for nonce in 0..3 {
        hashes.push(submit(&chain, 0, nonce, 3 * GWEI, GWEI).await);
    }
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, hashes[..2]);
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, hashes[2..]);
}

#[tokio::test]
async fn switching_to_on_demand_mines_what_waits() {
    let chain = manual_chain();
    let provider = chain.provider();
    let waiting = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    let _: () = provider.raw_request("evm_setAutomine".into(), [true]).await.unwrap();
    assert_eq!(latest_hashes(&chain).await, [waiting]);
    let next = submit(&chain, 0, 1, 3 * GWEI, GWEI).await;
    assert_eq!(latest_hashes(&chain).await, [next]);
}

#[tokio::test]
async fn blocks_come_by_themselves_at_an_interval() {
    use std::time::{Duration, Instant};
    let interval = Duration::from_millis(50);
    let config = DevChainConfig { mining: Mining::Interval(interval), ..Default::default() };
    let chain = DevChain::start(config).unwrap();
    let provider = chain.provider();
    let start = Instant::now();
    let hash = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    assert!(provider.get_transaction_receipt(hash).await.unwrap().is_none());
    while provider.get_block_number().await.unwrap() < 4 {
        assert!(start.elapsed() < Duration::from_secs(20), "no blocks come");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(start.elapsed() >= interval * 3, "blocks come too fast: {:?}", start.elapsed());
    assert!(provider.get_transaction_receipt(hash).await.unwrap().unwrap().status());

    // It can be stopped.
    let _: () = provider.raw_request("evm_setIntervalMining".into(), [0]).await.unwrap();
    let stopped_at = provider.get_block_number().await.unwrap();
    tokio::time::sleep(interval * 4).await;
    let after = provider.get_block_number().await.unwrap();
    assert!(after <= stopped_at + 1, "a block that was under way may still come");
}

#[tokio::test]
async fn a_deployment_that_waits_can_be_estimated_upon() {
    let chain = manual_chain();
    let provider = chain.provider();
    let deployment = transfer(0, 3 * GWEI, GWEI);
    let deployment = alloy::rpc::types::TransactionRequest { to: None, value: None, ..deployment }
        .with_deploy_code(probe_code(1))
        .with_gas_limit(2_000_000);
    let raw = signed(0, deployment).await;
    submit_raw(&provider, &raw).await;
    let probe = crate::support::Probe::new(address(0).create(0), provider.clone());
    let call = probe.note(U256::from(1), U256::from(2)).from(address(1));
    let upon_pending = call.clone().block(alloy::eips::BlockId::pending());
    assert!(upon_pending.estimate_gas().await.unwrap() > 40_000);
    // On the latest block there is no contract: it is a transfer of data.
    assert!(call.estimate_gas().await.unwrap() < 30_000);
}

#[tokio::test]
async fn pool_and_chain_agree_when_a_test_sets_a_nonce() {
    let chain = manual_chain();
    let provider = chain.provider();
    submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    let later = submit(&chain, 0, 5, 3 * GWEI, GWEI).await;
    let params = (address(0), U256::from(5));
    let _: () = provider.raw_request("anvil_setNonce".into(), params).await.unwrap();
    chain.mine().unwrap();
    assert_eq!(latest_hashes(&chain).await, [later]);
    let status: serde_json::Value = provider.raw_request("txpool_status".into(), ()).await.unwrap();
    assert_eq!(status, serde_json::json!({ "pending": "0x0", "queued": "0x0" }));
}

#[tokio::test]
async fn on_demand_chains_wait_for_nothing_else() {
    let chain = chain();
    chain.set_balance(address(0), ETHER).unwrap();
    let hash = submit(&chain, 0, 0, 3 * GWEI, GWEI).await;
    assert_eq!(latest_hashes(&chain).await, [hash]);
}
