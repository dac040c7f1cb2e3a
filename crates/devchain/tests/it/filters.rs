//! Logs by range and by hash, and filters that are told of what is new and what is taken back.

use aep2_devchain::{DevChain, DevChainConfig};
use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, U256},
    providers::{DynProvider, Provider},
    rpc::types::{Filter, Log},
    sol_types::SolEvent,
};

use crate::support::{Probe, ProbeInstance, address, chain, probe, refusal, wallet};

async fn note(probe: &ProbeInstance<DynProvider>, key: u64) -> B256 {
    let sent = probe.note(U256::from(key), U256::from(key)).send().await.unwrap();
    sent.get_receipt().await.unwrap().block_hash.unwrap()
}

fn keys(logs: &[Log]) -> Vec<u64> {
    let key = |log: &Log| Probe::Noted::decode_log(&log.inner).unwrap().key.to();
    logs.iter().map(key).collect()
}

#[tokio::test]
async fn logs_are_found_by_range_address_topic_and_hash() {
    let chain = chain();
    let (zero, one) = (wallet(&chain, 0), wallet(&chain, 1));
    let (probe, other) = (probe(&zero).await, probe(&one).await);
    // Blocks 3, 4, 5; block 6 is the other contract's.
    let mut hashes = Vec::new();
    for key in [10, 11, 12] {
        hashes.push(note(&probe, key).await);
    }
    note(&other, 11).await;
    let provider = chain.provider();
    let find = async |filter: &Filter| keys(&provider.get_logs(filter).await.unwrap());

    let all = Filter::new().from_block(0);
    assert_eq!(find(&all).await, [10, 11, 12, 11]);
    assert_eq!(find(&Filter::new()).await, [11], "the latest block by default");
    assert_eq!(find(&all.clone().address(*probe.address())).await, [10, 11, 12]);
    let both = vec![*probe.address(), *other.address()];
    assert_eq!(find(&all.clone().address(both)).await, [10, 11, 12, 11]);
    assert_eq!(find(&all.clone().event_signature(Probe::Noted::SIGNATURE_HASH)).await.len(), 4);
    assert!(find(&all.clone().event_signature(B256::repeat_byte(1))).await.is_empty());
    assert_eq!(find(&all.clone().topic1(address(1).into_word())).await, [11]);
    let either = vec![B256::from(U256::from(10)), B256::from(U256::from(12))];
    assert_eq!(find(&all.clone().topic2(either)).await, [10, 12]);
    assert_eq!(find(&Filter::new().select(4..=5u64)).await, [11, 12]);
    assert_eq!(find(&Filter::new().from_block(5).to_block(99)).await, [12, 11]);
    assert!(find(&Filter::new().from_block(50).to_block(99)).await.is_empty());
    assert_eq!(find(&Filter::new().at_block_hash(hashes[1])).await, [11]);

    let backwards = Filter::new().from_block(5).to_block(4);
    let error = provider.get_logs(&backwards).await.unwrap_err();
    assert_eq!(refusal(&error), (-32602, "invalid block range params"));
    let error = provider.get_logs(&Filter::new().at_block_hash(B256::ZERO)).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "unknown block"));
}

#[tokio::test]
async fn too_many_logs_are_an_error_that_says_so() {
    let config = DevChainConfig { logs_max: 5, ..Default::default() };
    let chain = DevChain::start(config).unwrap();
    let probe = probe(&wallet(&chain, 0)).await;
    for _ in 0..2 {
        probe.noteMany(U256::from(3)).send().await.unwrap().get_receipt().await.unwrap();
    }
    let provider = chain.provider();
    let error = provider.get_logs(&Filter::new().from_block(0)).await.unwrap_err();
    assert_eq!(refusal(&error), (-32005, "query returned more than 5 results"));
    assert_eq!(provider.get_logs(&Filter::new().from_block(3)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn filters_hand_over_each_thing_once() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let provider = chain.provider();
    let logs = provider.new_filter(&Filter::new().address(*probe.address())).await.unwrap();
    let later = Filter::new().address(*probe.address()).from_block(4);
    let later = provider.new_filter(&later).await.unwrap();
    let blocks = provider.new_block_filter().await.unwrap();
    let pending: U256 =
        provider.raw_request("eth_newPendingTransactionFilter".into(), ()).await.unwrap();

    // Blocks 2 and 3.
    let (second, third) = (note(&probe, 1).await, note(&probe, 2).await);
    assert_eq!(keys(&provider.get_filter_changes::<Log>(logs).await.unwrap()), [1, 2]);
    assert!(provider.get_filter_changes::<Log>(logs).await.unwrap().is_empty());
    assert!(provider.get_filter_changes::<Log>(later).await.unwrap().is_empty());
    assert_eq!(provider.get_filter_changes::<B256>(blocks).await.unwrap(), [second, third]);
    assert_eq!(provider.get_filter_changes::<B256>(pending).await.unwrap().len(), 2);

    let fourth = note(&probe, 3).await;
    assert_eq!(keys(&provider.get_filter_changes::<Log>(logs).await.unwrap()), [3]);
    assert_eq!(keys(&provider.get_filter_changes::<Log>(later).await.unwrap()), [3]);
    assert_eq!(provider.get_filter_changes::<B256>(blocks).await.unwrap(), [fourth]);
    // All that a filter asks for, not only what is new.
    let all: Vec<Log> = provider.raw_request("eth_getFilterLogs".into(), [later]).await.unwrap();
    assert_eq!(keys(&all), [3]);

    assert!(provider.uninstall_filter(logs).await.unwrap());
    assert!(!provider.uninstall_filter(logs).await.unwrap());
    let error = provider.get_filter_changes::<Log>(logs).await.unwrap_err();
    assert_eq!(refusal(&error), (-32000, "filter not found"));
}

#[tokio::test]
async fn logs_that_are_taken_back_are_handed_over_as_removed() {
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let provider = chain.provider();
    let filter = provider.new_filter(&Filter::new().address(*probe.address())).await.unwrap();
    let gone = note(&probe, 1).await;
    chain.reorganise(1).unwrap();
    let changes = provider.get_filter_changes::<Log>(filter).await.unwrap();
    assert_eq!(keys(&changes), [1, 1]);
    assert_eq!([changes[0].removed, changes[1].removed], [false, true]);
    assert_eq!(changes[1].block_hash, Some(gone));
    let all = Filter::new().from_block(BlockNumberOrTag::Earliest);
    assert!(provider.get_logs(&all).await.unwrap().is_empty());
}

/// alloy's own watchers poll filters.
#[tokio::test]
async fn alloys_event_streams_work() {
    use futures::StreamExt;
    let chain = chain();
    let probe = probe(&wallet(&chain, 0)).await;
    let mut events = probe.Noted_filter().watch().await.unwrap().into_stream();
    note(&probe, 5).await;
    let next = tokio::time::timeout(std::time::Duration::from_secs(10), events.next());
    let (event, log) = next.await.unwrap().unwrap().unwrap();
    assert_eq!(event.key, U256::from(5));
    assert_eq!(log.block_number, Some(2));
}
