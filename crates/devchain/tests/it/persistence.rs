//! A chain in a directory: what was reported is there again, whatever ended the process.

use std::{fs, path::Path};

use aep2_devchain::{DevChain, DevChainConfig, DevChainError, StoreError};
use alloy::{
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, U256},
    providers::Provider,
    rpc::types::{Block, TransactionReceipt, TransactionRequest},
};

use crate::support::{ETHER, GWEI, address, probe, send, signed, submit_raw, transfer, wallet};

fn open(directory: &Path) -> Result<DevChain, DevChainError> {
    let data_dir = Some(directory.to_owned());
    DevChain::start(DevChainConfig { data_dir, ..Default::default() })
}

fn journal(directory: &Path) -> std::path::PathBuf {
    directory.join("chain.journal")
}

/// Everything that anybody can have been told.
async fn told(chain: &DevChain) -> (Vec<Block>, Vec<TransactionReceipt>, Vec<U256>) {
    let provider = chain.provider();
    let (mut blocks, mut receipts) = (Vec::new(), Vec::new());
    for number in 0..=provider.get_block_number().await.unwrap() {
        let id = BlockId::number(number);
        blocks.push(provider.get_block(id).full().await.unwrap().unwrap());
        receipts.extend(provider.get_block_receipts(id).await.unwrap().unwrap());
    }
    let mut balances = Vec::new();
    for index in 0..3 {
        balances.push(provider.get_balance(address(index)).await.unwrap());
    }
    balances.push(provider.get_balance(Address::repeat_byte(9)).await.unwrap());
    (blocks, receipts, balances)
}

#[tokio::test]
async fn a_chain_is_taken_up_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let chain = open(folder.path()).unwrap();
    let provider = wallet(&chain, 0);
    let probe = probe(&provider).await;
    probe.noteMany(U256::from(3)).send().await.unwrap().get_receipt().await.unwrap();
    chain.set_balance(Address::repeat_byte(9), ETHER).unwrap();
    chain.mine().unwrap();
    chain.reorganise(1).unwrap();
    let snapshot = chain.snapshot().unwrap();
    send(&provider, TransactionRequest::default().with_to(address(1)).with_value(ETHER)).await;
    chain.revert(snapshot).unwrap();
    send(&provider, TransactionRequest::default().with_to(address(2)).with_value(ETHER)).await;
    chain.increase_time(std::time::Duration::from_secs(100_000)).unwrap();
    let before = told(&chain).await;
    let probe_address = *probe.address();
    drop((probe, provider, chain));

    // More than once: opening must not change anything.
    for _ in 0..2 {
        let chain = open(folder.path()).unwrap();
        assert_eq!(told(&chain).await, before);
        let probe = crate::support::Probe::new(probe_address, chain.provider());
        assert_eq!(probe.notes(U256::from(2)).call().await.unwrap(), U256::from(2));
        let past = probe.notes(U256::from(2)).block(BlockId::number(1)).call().await.unwrap();
        assert_eq!(past, U256::ZERO);
    }
    // It goes on, at the time that the test had travelled to.
    let chain = open(folder.path()).unwrap();
    let last = before.0.last().unwrap();
    let provider = wallet(&chain, 0);
    let receipt = send(&provider, TransactionRequest::default().with_to(address(1))).await;
    assert_eq!(receipt.block_number, Some(last.header.number + 1));
    let block = provider.get_block(receipt.block_hash.unwrap().into()).await.unwrap().unwrap();
    assert_eq!(block.header.parent_hash, last.header.hash);
    assert!(block.header.timestamp >= last.header.timestamp + 100_000);
}

#[tokio::test]
async fn an_impersonated_sender_is_still_the_sender_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let chain = open(folder.path()).unwrap();
    let stranger = Address::repeat_byte(9);
    chain.set_balance(stranger, ETHER).unwrap();
    let provider = chain.provider();
    let _: () = provider.raw_request("anvil_impersonateAccount".into(), [stranger]).await.unwrap();
    let request = TransactionRequest::default().with_from(stranger).with_to(address(1));
    let sent = provider.send_transaction(request).await.unwrap();
    assert!(sent.get_receipt().await.unwrap().status());
    let before = told(&chain).await;
    assert_eq!(before.1[0].from, stranger);
    drop((provider, chain));
    assert_eq!(told(&open(folder.path()).unwrap()).await, before);
}

/// The journal after each of `count` transfers, as its bytes were when the transfer was reported.
async fn journals(directory: &Path, count: u64) -> Vec<Vec<u8>> {
    let chain = open(directory).unwrap();
    let provider = chain.provider();
    let mut states = vec![fs::read(journal(directory)).unwrap()];
    for nonce in 0..count {
        let raw = signed(0, transfer(nonce, 3 * GWEI, GWEI)).await;
        submit_raw(&provider, &raw).await;
        states.push(fs::read(journal(directory)).unwrap());
    }
    states
}

async fn height(directory: &Path) -> u64 {
    open(directory).unwrap().provider().get_block_number().await.unwrap()
}

/// A process may die at any byte of a write. Whatever was reported before it is there, and the chain
/// goes on from it.
#[tokio::test]
async fn a_record_cut_short_anywhere_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let states = journals(folder.path(), 2).await;
    let (reported, whole) = (states[1].len(), &states[2]);
    assert!(whole.starts_with(&states[1]), "the journal is only appended to");
    // Every byte of the header, and every third of the rest.
    let cuts = (reported..reported + 24).chain((reported + 24..whole.len()).step_by(3));
    for cut in cuts {
        fs::write(journal(folder.path()), &whole[..cut]).unwrap();
        assert_eq!(height(folder.path()).await, 1, "cut at {cut}");
        assert_eq!(fs::read(journal(folder.path())).unwrap(), whole[..reported]);
    }
    fs::write(journal(folder.path()), whole).unwrap();
    assert_eq!(height(folder.path()).await, 2);
    // The rest of the block may never have reached the disk although its length did.
    let mut zeros = whole.clone();
    zeros[reported + 30..].fill(0);
    fs::write(journal(folder.path()), &zeros).unwrap();
    assert_eq!(height(folder.path()).await, 1);
    let chain = open(folder.path()).unwrap();
    let raw = signed(0, transfer(1, 3 * GWEI, GWEI)).await;
    submit_raw(&chain.provider(), &raw).await;
    drop(chain);
    assert_eq!(height(folder.path()).await, 2);
}

#[tokio::test]
async fn damage_before_the_last_record_is_an_error_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let states = journals(folder.path(), 3).await;
    let whole = states.last().unwrap();
    let last = states[2].len();
    for place in (12..last).step_by(7) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(journal(folder.path()), &damaged).unwrap();
        let error = open(folder.path()).unwrap_err();
        let DevChainError::Store(StoreError::Damaged { offset, .. }) = error else {
            panic!("byte {place}: {error}");
        };
        assert!(offset as usize <= place);
        assert_eq!(fs::read(journal(folder.path())).unwrap(), damaged);
    }
    // A whole record taken out of the middle: every one is whole, but they do not follow.
    let hole = [&states[1][..], &whole[states[2].len()..]].concat();
    fs::write(journal(folder.path()), hole).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, DevChainError::Store(StoreError::Inconsistent { record: 2, .. })));
    assert!(error.to_string().ends_with("record 2 is a block that does not follow the one before"));
}

#[tokio::test]
async fn files_of_other_things_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    for content in [&b""[..], b"hello", b"aep2.chain\0\x02and more"] {
        fs::write(journal(folder.path()), content).unwrap();
        let error = open(folder.path()).unwrap_err();
        assert!(matches!(error, DevChainError::Store(StoreError::Format { .. })), "{error}");
        assert_eq!(fs::read(journal(folder.path())).unwrap(), content);
    }
}

#[tokio::test]
async fn a_directory_belongs_to_one_chain_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let chain = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, DevChainError::Store(StoreError::InUse { .. })), "{error}");
    // A provider keeps the chain open.
    let provider = chain.provider();
    drop(chain);
    open(folder.path()).unwrap_err();
    drop(provider);
    open(folder.path()).unwrap();

    let data_dir = Some(folder.path().to_owned());
    let config = DevChainConfig { chain_id: 1_337, data_dir, ..Default::default() };
    let error = DevChain::start(config).unwrap_err();
    let DevChainError::Store(StoreError::ChainId { found, expected, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!((found, expected), (31_337, 1_337));
}

/// The same calls after a restart lead to the same chain as without one: nothing that matters is
/// only in memory.
#[tokio::test]
async fn a_restart_cannot_be_told_from_none() {
    use aep2_devchain::WallClock;
    use std::sync::{Arc, atomic::AtomicU64};
    let run = async |restarts: bool| {
        let folder = tempfile::tempdir().unwrap();
        let start = || {
            let data_dir = Some(folder.path().to_owned());
            let clock = WallClock::Simulated(Arc::new(AtomicU64::new(1_000_000)));
            DevChain::start(DevChainConfig { data_dir, clock, ..Default::default() }).unwrap()
        };
        let mut chain = start();
        let mut heads: Vec<B256> = Vec::new();
        for step in 0..8u64 {
            match step % 4 {
                0 => chain.increase_time(std::time::Duration::from_secs(50)).unwrap(),
                1 => chain.set_balance(Address::repeat_byte(9), U256::from(step)).unwrap(),
                2 => chain.reorganise(1).unwrap(),
                _ => {}
            }
            let provider = chain.provider();
            let nonce = provider.get_transaction_count(address(0)).await.unwrap();
            let raw = signed(0, transfer(nonce, 3 * GWEI, GWEI)).await;
            submit_raw(&provider, &raw).await;
            let head = provider.get_block(Default::default()).await.unwrap().unwrap();
            heads.push(head.header.hash);
            if restarts {
                drop((provider, chain));
                chain = start();
            }
        }
        heads
    };
    assert_eq!(run(true).await, run(false).await);
}
