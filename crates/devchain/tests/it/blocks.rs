//! Blocks as any client may check them: hashes, roots, blooms, base fees, times.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aep2_devchain::{DevChain, DevChainConfig, Mining, WallClock};
use alloy::{
    consensus::{ReceiptEnvelope, TxEnvelope, proofs},
    eips::{BlockId, BlockNumberOrTag, eip1559::BaseFeeParams},
    network::TransactionBuilder,
    primitives::{B256, Bloom, U256},
    providers::Provider,
    rpc::types::{Block, TransactionRequest},
};

use crate::support::{
    GWEI, address, chain, manual_chain, probe, send, signed, submit_raw, transfer, wallet,
};

async fn block(provider: &impl Provider, number: u64) -> Block {
    provider.get_block(BlockId::number(number)).full().await.unwrap().unwrap()
}

#[tokio::test]
async fn headers_commit_to_their_parents_transactions_and_receipts() {
    let chain = manual_chain();
    let provider = chain.provider();
    // A contract's logs, a transfer, an empty block, two kinds of transactions in one block.
    chain.mine().unwrap();
    let minting = tokio::spawn({
        let chain = chain.clone();
        async move {
            loop {
                chain.mine().unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        }
    });
    let sender = wallet(&chain, 0);
    let probe = probe(&sender).await;
    probe.noteMany(U256::from(4)).send().await.unwrap().get_receipt().await.unwrap();
    let (legacy, modern) = tokio::join!(
        async {
            let request = TransactionRequest::default().with_to(address(5));
            send(&wallet(&chain, 1), request.with_gas_price(3 * GWEI)).await
        },
        async { send(&wallet(&chain, 2), TransactionRequest::default().with_to(address(5))).await }
    );
    assert!(legacy.status() && modern.status());
    minting.abort();
    let _ = minting.await;

    let head = provider.get_block_number().await.unwrap();
    let (mut parent, mut transactions_seen) = (B256::ZERO, 0);
    for number in 0..=head {
        let block = block(&provider, number).await;
        let header = block.header.inner.clone();
        assert_eq!(header.hash_slow(), block.header.hash);
        assert_eq!((header.parent_hash, header.number), (parent, number));
        parent = block.header.hash;

        let transactions: Vec<TxEnvelope> =
            block.transactions.txns().map(|tx| tx.inner.inner().clone()).collect();
        assert_eq!(proofs::calculate_transaction_root(&transactions), header.transactions_root);
        let receipts = provider.get_block_receipts(BlockId::number(number)).await.unwrap().unwrap();
        let consensus: Vec<ReceiptEnvelope> =
            receipts.iter().map(|r| r.inner.clone().into_primitives_receipt()).collect();
        assert_eq!(proofs::calculate_receipt_root(&consensus), header.receipts_root);
        let mut bloom = Bloom::ZERO;
        let mut gas_used = 0;
        for (index, receipt) in receipts.iter().enumerate() {
            bloom.accrue_bloom(receipt.inner.logs_bloom());
            gas_used += receipt.gas_used;
            assert_eq!(receipt.inner.cumulative_gas_used(), gas_used);
            assert_eq!(receipt.transaction_index, Some(index as u64));
            assert_eq!(receipt.block_hash, Some(block.header.hash));
        }
        assert_eq!((bloom, gas_used), (header.logs_bloom, header.gas_used));
        transactions_seen += transactions.len();

        // The same block by hash, by place, and counted.
        let by_hash = provider.get_block(BlockId::hash(block.header.hash)).full().await.unwrap();
        assert_eq!(by_hash.as_ref(), Some(&block));
        let count =
            provider.get_block_transaction_count_by_number(BlockNumberOrTag::Number(number));
        assert_eq!(count.await.unwrap(), Some(transactions.len() as u64));
        let place = provider.get_transaction_by_block_hash_and_index(block.header.hash, 0);
        assert_eq!(place.await.unwrap().as_ref(), block.transactions.txns().next());
    }
    assert_eq!(transactions_seen, 4);
    assert!(provider.get_block(BlockId::number(head + 1)).await.unwrap().is_none());
    assert!(provider.get_block(BlockId::hash(B256::repeat_byte(1))).await.unwrap().is_none());
}

#[tokio::test]
async fn the_state_digest_moves_with_the_state() {
    let chain = manual_chain();
    let provider = chain.provider();
    chain.mine().unwrap();
    let untouched = block(&provider, 1).await.header.state_root;
    chain.set_balance(address(0), U256::ONE).unwrap();
    chain.mine().unwrap();
    assert_ne!(block(&provider, 2).await.header.state_root, untouched);
}

/// EIP-1559, block by block, up and down.
#[tokio::test]
async fn the_base_fee_follows_demand() {
    let config =
        DevChainConfig { mining: Mining::Manual, block_gas_limit: 84_000, ..Default::default() };
    let chain = DevChain::start(config).unwrap();
    let provider = chain.provider();
    let mut nonce = 0;
    // Full, full, half full (the target), empty.
    for transfers in [4, 4, 2, 0, 0] {
        for _ in 0..transfers {
            let raw = signed(0, transfer(nonce, 100 * GWEI, GWEI)).await;
            submit_raw(&provider, &raw).await;
            nonce += 1;
        }
        chain.mine().unwrap();
    }
    let mut fees = Vec::new();
    for number in 0..=5 {
        let header = block(&provider, number).await.header.inner;
        if number > 0 {
            let parent = block(&provider, number - 1).await.header.inner;
            let expected = parent.next_block_base_fee(BaseFeeParams::ethereum());
            assert_eq!(header.base_fee_per_gas, expected);
        }
        fees.push(header.base_fee_per_gas.unwrap());
    }
    assert_eq!(
        fees,
        [1_000_000_000, 875_000_000, 984_375_000, 1_107_421_875, 1_107_421_875, 968_994_141]
    );

    let history =
        provider.get_fee_history(4, BlockNumberOrTag::Latest, &[0.0, 50.0, 100.0]).await.unwrap();
    assert_eq!(history.oldest_block, 2);
    let next = block(&provider, 5).await.header.next_block_base_fee(BaseFeeParams::ethereum());
    let mut expected: Vec<u128> = fees[2..].iter().map(|fee| u128::from(*fee)).collect();
    expected.push(next.unwrap().into());
    assert_eq!(history.base_fee_per_gas, expected);
    assert_eq!(history.gas_used_ratio, [1.0, 0.5, 0.0, 0.0]);
    let reward = history.reward.unwrap();
    assert_eq!(reward[0], [GWEI; 3]);
    assert_eq!(reward[3], [0; 3]);
    let price = provider.get_gas_price().await.unwrap();
    assert_eq!(price, u128::from(next.unwrap()) + GWEI);
}

#[tokio::test]
async fn fee_history_weighs_tips_by_gas() {
    let chain = manual_chain();
    let provider = chain.provider();
    for (index, tip) in [3, 1, 2].into_iter().enumerate() {
        let raw = signed(index, transfer(0, 10 * GWEI, tip * GWEI)).await;
        submit_raw(&provider, &raw).await;
    }
    chain.mine().unwrap();
    let percentiles = [0.0, 33.0, 34.0, 67.0, 100.0];
    let history =
        provider.get_fee_history(1, BlockNumberOrTag::Latest, &percentiles).await.unwrap();
    let rewards = history.reward.unwrap();
    assert_eq!(rewards[0], [1, 1, 2, 3, 3].map(|tip| tip * GWEI));
}

#[tokio::test]
async fn tags_name_the_blocks_they_should() {
    let chain = manual_chain();
    let provider = chain.provider();
    let numbered = async |tag: BlockNumberOrTag| {
        provider.get_block(tag.into()).await.unwrap().unwrap().header.number
    };
    assert_eq!(numbered(BlockNumberOrTag::Finalized).await, 0);
    for _ in 0..70 {
        chain.mine().unwrap();
    }
    assert_eq!(numbered(BlockNumberOrTag::Latest).await, 70);
    assert_eq!(numbered(BlockNumberOrTag::Safe).await, 38);
    assert_eq!(numbered(BlockNumberOrTag::Finalized).await, 6);
    assert_eq!(numbered(BlockNumberOrTag::Earliest).await, 0);
    assert_eq!(numbered(BlockNumberOrTag::Pending).await, 71);
}

fn simulated(start: u64) -> (DevChain, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(start));
    let config =
        DevChainConfig { clock: WallClock::Simulated(clock.clone()), ..Default::default() };
    (DevChain::start(config).unwrap(), clock)
}

async fn mined_at(chain: &DevChain) -> u64 {
    chain.mine().unwrap();
    let head = chain.provider().get_block(Default::default()).await.unwrap().unwrap();
    head.header.timestamp
}

#[tokio::test]
async fn time_never_goes_back_and_does_not_run_ahead() {
    let (chain, clock) = simulated(1_000_000);
    assert_eq!(mined_at(&chain).await, 1_000_000);
    // Many blocks in one second stay in it.
    for _ in 0..5 {
        assert_eq!(mined_at(&chain).await, 1_000_000);
    }
    clock.store(1_000_007, Ordering::SeqCst);
    assert_eq!(mined_at(&chain).await, 1_000_007);
    clock.store(999_000, Ordering::SeqCst);
    assert_eq!(mined_at(&chain).await, 1_000_007);
}

#[tokio::test]
async fn tests_travel_in_time() {
    let (chain, clock) = simulated(1_000_000);
    let provider = chain.provider();
    let ask = async |method: &'static str, value: u64| {
        provider.raw_request::<_, serde_json::Value>(method.into(), [value]).await
    };
    assert_eq!(ask("evm_increaseTime", 3_600).await.unwrap(), 3_600);
    assert_eq!(mined_at(&chain).await, 1_003_600);
    // Time goes on from there.
    clock.fetch_add(10, Ordering::SeqCst);
    assert_eq!(mined_at(&chain).await, 1_003_610);

    ask("evm_setNextBlockTimestamp", 2_000_000).await.unwrap();
    assert_eq!(mined_at(&chain).await, 2_000_000);
    clock.fetch_add(5, Ordering::SeqCst);
    assert_eq!(mined_at(&chain).await, 2_000_005);
    let error = ask("evm_setNextBlockTimestamp", 1_999_999).await.unwrap_err();
    assert!(error.to_string().contains("before the last block's"), "{error}");

    ask("evm_mine", 3_000_000).await.unwrap();
    let head = provider.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!(head.header.timestamp, 3_000_000);
    chain.set_time(3_000_100).unwrap();
    assert_eq!(mined_at(&chain).await, 3_000_100);

    // Several at once, a minute apart.
    let before = provider.get_block_number().await.unwrap();
    let _: () = provider.raw_request("anvil_mine".into(), (3, 60)).await.unwrap();
    let head = provider.get_block(Default::default()).await.unwrap().unwrap();
    assert_eq!((head.header.number, head.header.timestamp), (before + 3, 3_000_220));
}

#[tokio::test]
async fn time_stops_at_its_end() {
    let (chain, _) = simulated(1_000_000);
    let provider = chain.provider();
    for _ in 0..3 {
        let _: serde_json::Value =
            provider.raw_request("evm_increaseTime".into(), [i64::MAX as u64]).await.unwrap();
        chain.mine().unwrap();
    }
    let last = format!("{:#x}", u64::MAX);
    let _: serde_json::Value = provider.raw_request("evm_mine".into(), [last]).await.unwrap();
    assert_eq!(mined_at(&chain).await, u64::MAX);
}

#[tokio::test]
async fn randomness_differs_from_block_to_block() {
    let chain = chain();
    let provider = chain.provider();
    for _ in 0..3 {
        chain.mine().unwrap();
    }
    let mut seen = std::collections::HashSet::new();
    for number in 1..=3 {
        assert!(seen.insert(block(&provider, number).await.header.mix_hash));
    }
}
