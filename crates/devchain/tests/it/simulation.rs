//! A random workload beside an auditor that knows only what the chain tells everybody: its blocks and
//! receipts. From these alone it must find the same balances and nonces as the chain does.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aep2_devchain::{DevChain, DevChainConfig, Mining, WallClock};
use alloy::{
    consensus::Transaction as _,
    eips::BlockId,
    network::TransactionBuilder,
    primitives::{Address, B256, U256},
    providers::Provider,
};
use proptest::{collection::vec, prelude::*};
use tokio::runtime::Runtime;

use crate::support::{ETHER, GWEI, address, refusal, signed, transfer};

const SENDERS: usize = 3;
const COINBASE: Address = Address::repeat_byte(0xcb);

/// A transfer to be sent.
#[derive(Clone, Debug)]
struct Transfer {
    sender: usize,
    /// How far its nonce is from the next one.
    ahead: i64,
    fee_gwei: u128,
    tip_gwei: u128,
    value: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Transfer),
    Mine,
    Snapshot,
    Revert { which: usize },
    Reorganise { depth: u64 },
    Travel { seconds: u64 },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let send = (0..SENDERS, -1i64..4, 1u128..6, 0u128..4, any::<u64>()).prop_map(
        |(sender, ahead, fee_gwei, tip_gwei, value)| {
            let (ahead, fee_gwei) = (ahead.min(2), fee_gwei.max(tip_gwei));
            Step::Send(Transfer { sender, ahead, fee_gwei, tip_gwei, value })
        },
    );
    let step = prop_oneof![
        12 => send,
        6 => Just(Step::Mine),
        1 => Just(Step::Snapshot),
        1 => (0usize..3).prop_map(|which| Step::Revert { which }),
        1 => (1u64..4).prop_map(|depth| Step::Reorganise { depth }),
        1 => (0u64..100).prop_map(|seconds| Step::Travel { seconds }),
        1 => Just(Step::Restart),
    ];
    vec(step, 1..60)
}

fn start(folder: &Path, mining: Mining, clock: &Arc<AtomicU64>) -> DevChain {
    let config = DevChainConfig {
        mining,
        coinbase: COINBASE,
        // Room for four transfers, so that some are left over.
        block_gas_limit: 90_000,
        data_dir: Some(folder.to_owned()),
        clock: WallClock::Simulated(clock.clone()),
        ..Default::default()
    };
    DevChain::start(config).unwrap()
}

/// What follows from blocks and receipts.
async fn audit(chain: &DevChain) {
    let provider = chain.provider();
    let mut balances: HashMap<Address, U256> =
        (0..10).map(|index| (address(index), ETHER * U256::from(10_000))).collect();
    let mut nonces: HashMap<Address, u64> = HashMap::new();
    let mut seen = HashSet::new();
    let (mut parent, mut time) = (B256::ZERO, 0);
    let head = provider.get_block_number().await.unwrap();
    for number in 0..=head {
        let id = BlockId::number(number);
        let block = provider.get_block(id).full().await.unwrap().unwrap();
        let receipts = provider.get_block_receipts(id).await.unwrap().unwrap();
        assert_eq!(block.header.parent_hash, parent);
        assert!(block.header.timestamp >= time);
        (parent, time) = (block.header.hash, block.header.timestamp);
        let base_fee = u128::from(block.header.base_fee_per_gas.unwrap());
        for (transaction, receipt) in block.transactions.txns().zip(&receipts) {
            let sender = transaction.inner.signer();
            assert!(seen.insert(receipt.transaction_hash), "mined twice");
            assert_eq!(*transaction.inner.inner().tx_hash(), receipt.transaction_hash);
            assert!(receipt.status());
            let nonce = nonces.entry(sender).or_default();
            assert_eq!(transaction.nonce(), *nonce);
            *nonce += 1;
            let price = receipt.effective_gas_price;
            assert!(price >= base_fee && price <= transaction.max_fee_per_gas());
            let tip = (price - base_fee) * u128::from(receipt.gas_used);
            let fee = price * u128::from(receipt.gas_used);
            *balances.get_mut(&sender).unwrap() -= U256::from(fee) + transaction.value();
            *balances.entry(transaction.to().unwrap()).or_default() += transaction.value();
            *balances.entry(COINBASE).or_default() += U256::from(tip);
        }
    }
    for (address, expected) in balances {
        assert_eq!(provider.get_balance(address).await.unwrap(), expected);
        let nonce = nonces.get(&address).copied().unwrap_or_default();
        assert_eq!(provider.get_transaction_count(address).await.unwrap(), nonce);
    }
}

/// Sends one transfer, and checks what the chain answers.
async fn submit(chain: &DevChain, mining: Mining, head: u64, own: Transfer) {
    let Transfer { sender, ahead, fee_gwei, tip_gwei, value } = own;
    let (provider, from) = (chain.provider(), address(sender));
    let latest = provider.get_transaction_count(from).await.unwrap();
    let pending = provider.get_transaction_count(from).pending().await.unwrap();
    assert!(pending >= latest);
    let nonce = pending.saturating_add_signed(ahead);
    let request = transfer(nonce, fee_gwei * GWEI, tip_gwei * GWEI).with_value(U256::from(value));
    let raw = signed(sender, request).await;
    let answer = provider.send_raw_transaction(&raw).await;
    match answer.map(|pending| *pending.tx_hash()) {
        Ok(hash) => {
            assert!(nonce >= latest);
            let found = provider.get_transaction_by_hash(hash).await.unwrap();
            let found = found.expect("what was taken is known");
            if mining == Mining::OnDemand && nonce == latest {
                assert!(found.block_number > Some(head));
            }
        }
        Err(error) => {
            let message = refusal(&error).1;
            if nonce < latest {
                assert!(message.starts_with("nonce too low"), "{message}");
            } else {
                let known = [
                    "already known",
                    "replacement transaction underpriced",
                    "max fee per gas less than block base fee",
                ];
                assert!(known.iter().any(|k| message.starts_with(k)), "{message}");
            }
        }
    }
}

/// Mines until nothing that can be mined is left behind.
async fn mine_what_waits(chain: &DevChain) {
    let provider = chain.provider();
    for sender in 0..SENDERS {
        let pending = provider.get_transaction_count(address(sender)).pending().await.unwrap();
        // The base fee falls by an eighth with each empty block, to where anything is enough.
        for _ in 0..400 {
            if provider.get_transaction_count(address(sender)).await.unwrap() == pending {
                break;
            }
            chain.mine().unwrap();
        }
        let latest = provider.get_transaction_count(address(sender)).await.unwrap();
        assert_eq!(latest, pending);
    }
}

async fn run(steps: Vec<Step>, mining: Mining) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let mut chain = start(folder.path(), mining, &clock);
    let mut snapshots = Vec::new();
    for step in steps {
        let provider = chain.provider();
        let head = provider.get_block_number().await.unwrap();
        match step {
            Step::Send(transfer) => submit(&chain, mining, head, transfer).await,
            Step::Mine => {
                chain.mine().unwrap();
                assert_eq!(provider.get_block_number().await.unwrap(), head + 1);
            }
            Step::Snapshot => {
                snapshots.push((chain.snapshot().unwrap(), head));
            }
            Step::Revert { which } => {
                if let Some((id, height)) = snapshots.get(which).copied()
                    && chain.revert(id).unwrap()
                {
                    assert_eq!(provider.get_block_number().await.unwrap(), height);
                }
            }
            Step::Reorganise { depth } => {
                assert_eq!(chain.reorganise(depth).is_ok(), depth <= head);
                assert_eq!(provider.get_block_number().await.unwrap(), head);
            }
            Step::Travel { seconds } => {
                clock.fetch_add(seconds / 2, Ordering::SeqCst);
                chain.increase_time(std::time::Duration::from_secs(seconds)).unwrap();
            }
            Step::Restart => {
                let last = provider.get_block(Default::default()).await.unwrap();
                drop((provider, chain));
                snapshots.clear();
                chain = start(folder.path(), mining, &clock);
                assert_eq!(chain.provider().get_block(Default::default()).await.unwrap(), last);
            }
        }
        audit(&chain).await;
    }
    mine_what_waits(&chain).await;
    audit(&chain).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..Default::default() })]

    #[test]
    fn the_auditor_agrees_on_demand(steps in steps()) {
        Runtime::new().unwrap().block_on(run(steps, Mining::OnDemand));
    }

    #[test]
    fn the_auditor_agrees_when_blocks_are_mined_by_hand(steps in steps()) {
        Runtime::new().unwrap().block_on(run(steps, Mining::Manual));
    }
}
