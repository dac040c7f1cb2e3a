//! What public nodes offer for reading: `web3_`, `net_` and `eth_`.

use alloy::{
    consensus::Transaction as _,
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, U64, U256, keccak256},
    rpc::types::{
        FeeHistory, Filter, FilterBlockOption, Log, TransactionRequest, state::StateOverride,
    },
};
use revm::context::result::ExecutionResult;
use serde::Serialize;
use serde_json::Value;

use super::{
    error::RpcError,
    method::{Answer, Scope, answer},
    params::{Params, Quantity, Slot},
    views,
};
use crate::{
    block::MinedBlock,
    filters::matching_logs,
    node::{At, Node},
};

/// The tip that is suggested, in wei a gas. Anything is enough where nobody else bids.
pub(super) const SUGGESTED_TIP: u128 = 1_000_000_000;

/// The most blocks that a fee history looks at (geth's number).
const FEE_HISTORY_MAX: u64 = 1_024;
/// The most percentiles that a fee history computes (geth's number).
const PERCENTILES_MAX: usize = 100;

/// Answers, if it is one of these methods.
pub(super) fn call(scope: &mut Scope<'_>, method: &str, params: &Params<'_>) -> Option<Answer> {
    let node = &*scope.node;
    Some(match method {
        "web3_clientVersion" => {
            answer(concat!("aep2-embedded/v", env!("CARGO_PKG_VERSION"), "/revm"))
        }
        "web3_sha3" => params.required::<Bytes>(0).and_then(|data| answer(keccak256(data))),
        "net_version" => answer(node.config.chain_id.to_string()),
        "net_listening" => answer(true),
        "net_peerCount" => answer(U64::ZERO),
        "eth_chainId" => answer(U64::from(node.config.chain_id)),
        "eth_syncing" => answer(false),
        "eth_coinbase" => answer(node.config.coinbase),
        "eth_blockNumber" => number(node),
        "eth_gasPrice" => gas_price(node),
        "eth_maxPriorityFeePerGas" => answer(U256::from(SUGGESTED_TIP)),
        // Nothing uses blobs, so their price is the least there is (EIP-4844).
        "eth_blobBaseFee" => answer(U64::from(1)),
        "eth_feeHistory" => fee_history(node, params),
        "eth_getBlockByNumber" => block_by(node, params, tag),
        "eth_getBlockByHash" => block_by(node, params, hash),
        "eth_getBlockReceipts" => block_receipts(node, params),
        "eth_getBlockTransactionCountByNumber" => transaction_count(node, params, tag),
        "eth_getBlockTransactionCountByHash" => transaction_count(node, params, hash),
        "eth_getUncleCountByBlockNumber" => {
            tag(params).and_then(|id| of_block(node, id, |_| U64::ZERO))
        }
        "eth_getUncleCountByBlockHash" => {
            hash(params).and_then(|id| of_block(node, id, |_| U64::ZERO))
        }
        "eth_getTransactionByBlockNumberAndIndex" => transaction_by_place(node, params, tag),
        "eth_getTransactionByBlockHashAndIndex" => transaction_by_place(node, params, hash),
        "eth_getTransactionByHash" => transaction_by_hash(node, params),
        "eth_getRawTransactionByHash" => raw_transaction(node, params),
        "eth_getTransactionReceipt" => receipt(node, params),
        "eth_getTransactionCount" => nonce(node, params),
        "eth_getBalance" => balance(node, params),
        "eth_getCode" => code(node, params),
        "eth_getStorageAt" => storage(node, params),
        "eth_call" => run(node, params),
        "eth_estimateGas" => estimate(node, params),
        "eth_getLogs" => params.required(0).and_then(|filter| answer(logs(node, &filter)?)),
        "eth_newFilter" => params.required(0).and_then(|filter| new_filter(scope, filter)),
        "eth_newBlockFilter" => installed(scope.node.install_block_filter()),
        "eth_newPendingTransactionFilter" => installed(scope.node.install_transaction_filter()),
        "eth_getFilterChanges" => filter_changes(scope, params),
        "eth_getFilterLogs" => filter_logs(node, params),
        "eth_uninstallFilter" => {
            filter_id(params).and_then(|id| answer(scope.node.filters.uninstall(id)))
        }
        _ => return None,
    })
}

impl Node {
    fn install_block_filter(&mut self) -> Option<u64> {
        let now = self.wall_seconds();
        self.filters.install_blocks(now)
    }

    fn install_transaction_filter(&mut self) -> Option<u64> {
        let now = self.wall_seconds();
        self.filters.install_transactions(now)
    }
}

fn number(node: &Node) -> Answer {
    answer(U64::from(node.head()?.number()))
}

fn gas_price(node: &Node) -> Answer {
    answer(U256::from(u128::from(node.next_base_fee()?) + SUGGESTED_TIP))
}

// Blocks and transactions.

/// The block that the first parameter names by number or tag.
fn tag(params: &Params<'_>) -> Result<BlockId, RpcError> {
    Ok(BlockId::Number(params.required::<BlockNumberOrTag>(0)?))
}

/// The block that the first parameter names by hash.
fn hash(params: &Params<'_>) -> Result<BlockId, RpcError> {
    Ok(BlockId::from(params.required::<B256>(0)?))
}

type Name = fn(&Params<'_>) -> Result<BlockId, RpcError>;

/// What `view` makes of a block; null if there is none.
fn of_block<T: Serialize>(node: &Node, id: BlockId, view: impl FnOnce(&MinedBlock) -> T) -> Answer {
    match node.resolve(id)? {
        None => answer(Value::Null),
        Some(At::Mined(number)) => answer(node.blocks.get(number).map(view)),
        Some(At::Pending) => answer(view(&node.candidate(&node.pool)?.block)),
    }
}

fn block_by(node: &Node, params: &Params<'_>, name: Name) -> Answer {
    let (id, full) = (name(params)?, params.or_default(1)?);
    if node.resolve(id)? == Some(At::Pending) {
        return answer(views::pending_block(&node.candidate(&node.pool)?.block, full)?);
    }
    of_block(node, id, |block| views::block(block, full))
}

fn block_receipts(node: &Node, params: &Params<'_>) -> Answer {
    let id = params.required(0)?;
    if node.resolve(id)? == Some(At::Pending) {
        return answer(Value::Null);
    }
    of_block(node, id, |block| {
        let every = 0..block.transactions.len();
        every.map(|index| views::receipt(block, index)).collect::<Vec<_>>()
    })
}

fn transaction_count(node: &Node, params: &Params<'_>, name: Name) -> Answer {
    of_block(node, name(params)?, |block| U64::from(block.transactions.len()))
}

fn transaction_by_place(node: &Node, params: &Params<'_>, name: Name) -> Answer {
    let (id, index) = (name(params)?, params.required::<Quantity>(1)?.to_u64()?);
    let pending = node.resolve(id)? == Some(At::Pending);
    of_block(node, id, |block| {
        let index =
            usize::try_from(index).ok().filter(|index| *index < block.transactions.len())?;
        Some(if pending {
            views::waiting(&block.transactions[index])
        } else {
            views::transaction(block, index)
        })
    })
}

fn transaction_by_hash(node: &Node, params: &Params<'_>) -> Answer {
    let hash = params.required(0)?;
    let mined = node.blocks.by_transaction(hash);
    let mined = mined.map(|(block, index)| views::transaction(block, index));
    answer(mined.or_else(|| node.pool.get(hash).map(views::waiting)))
}

fn raw_transaction(node: &Node, params: &Params<'_>) -> Answer {
    use alloy::eips::eip2718::Encodable2718;
    let hash = params.required(0)?;
    let mined = node.blocks.by_transaction(hash).map(|(block, index)| &block.transactions[index]);
    let found = mined.or_else(|| node.pool.get(hash));
    answer(found.map(|transaction| Bytes::from(transaction.inner().encoded_2718())))
}

fn receipt(node: &Node, params: &Params<'_>) -> Answer {
    let found = node.blocks.by_transaction(params.required(0)?);
    answer(found.map(|(block, index)| views::receipt(block, index)))
}

// State.

/// The block whose state the parameter at `index` asks for; the latest if it is absent.
fn state_block(node: &Node, params: &Params<'_>, index: usize) -> Result<At, RpcError> {
    let id = params.or_default::<BlockId>(index)?;
    node.resolve(id)?.ok_or_else(|| RpcError::server("header not found"))
}

fn nonce(node: &Node, params: &Params<'_>) -> Answer {
    let (address, at) = (params.required(0)?, state_block(node, params, 1)?);
    answer(U64::from(match at {
        At::Mined(number) => node.state_of(number).account_or_empty(address).nonce,
        // Without executing what waits: it counts even if it cannot be executed yet.
        At::Pending => node.pool.next_nonce(address, node.latest().account_or_empty(address).nonce),
    }))
}

fn balance(node: &Node, params: &Params<'_>) -> Answer {
    let (address, at) = (params.required(0)?, state_block(node, params, 1)?);
    answer(node.with_state(at, |state| state.account_or_empty(address).balance)?)
}

fn code(node: &Node, params: &Params<'_>) -> Answer {
    let (address, at) = (params.required(0)?, state_block(node, params, 1)?);
    answer(node.with_state(at, |state| state.code(address))?)
}

fn storage(node: &Node, params: &Params<'_>) -> Answer {
    let (address, Quantity(slot)) = (params.required::<Address>(0)?, params.required::<Slot>(1)?);
    let at = state_block(node, params, 2)?;
    answer(node.with_state(at, |state| B256::from(state.slot(address, slot)))?)
}

// Calls.

/// A call, the block to run it on, and what to pretend about the state.
fn call_params(
    params: &Params<'_>,
) -> Result<(TransactionRequest, BlockId, StateOverride), RpcError> {
    let block_overrides = params.optional::<serde_json::Map<String, Value>>(3)?;
    if block_overrides.is_some_and(|overrides| !overrides.is_empty()) {
        return Err(RpcError::params("block overrides are not supported"));
    }
    Ok((params.required(0)?, params.or_default(1)?, params.or_default(2)?))
}

fn run(node: &Node, params: &Params<'_>) -> Answer {
    let (call, block, overrides) = call_params(params)?;
    match node.call(&call, block, overrides)? {
        ExecutionResult::Success { output, .. } => answer(output.into_data()),
        ExecutionResult::Revert { output, .. } => Err(RpcError::reverted(output)),
        ExecutionResult::Halt { reason, .. } => Err(RpcError::halted(&reason)),
    }
}

fn estimate(node: &Node, params: &Params<'_>) -> Answer {
    let (call, block, overrides) = call_params(params)?;
    answer(U64::from(node.estimate(&call, block, overrides)?))
}

// Logs.

fn logs(node: &Node, filter: &Filter) -> Result<Vec<Log>, RpcError> {
    let blocks = match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            let block =
                node.blocks.by_hash(hash).ok_or_else(|| RpcError::server("unknown block"))?;
            std::slice::from_ref(block)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let head = node.head()?.number();
            let bound =
                |tag: Option<BlockNumberOrTag>| match node.tagged(tag.unwrap_or_default())? {
                    At::Mined(number) => Ok::<u64, RpcError>(number),
                    // Waiting transactions have no logs yet.
                    At::Pending => Ok(head.saturating_add(1)),
                };
            let (from, to) = (bound(from_block)?, bound(to_block)?);
            if from > to {
                return Err(RpcError::params("invalid block range params"));
            }
            node.blocks.range(from, to)
        }
    };
    let mut found = Vec::new();
    for block in blocks {
        matching_logs(filter, block, &mut found);
        let most = node.config.logs_max;
        if found.len() > most && blocks.len() > 1 {
            return Err(RpcError::limit(format!("query returned more than {most} results")));
        }
    }
    Ok(found)
}

fn installed(id: Option<u64>) -> Answer {
    id.map_or_else(|| Err(RpcError::server("too many filters")), |id| answer(U64::from(id)))
}

fn new_filter(scope: &mut Scope<'_>, filter: Filter) -> Answer {
    let now = scope.node.wall_seconds();
    installed(scope.node.filters.install_logs(filter, now))
}

fn filter_id(params: &Params<'_>) -> Result<u64, RpcError> {
    params.required::<Quantity>(0)?.to_u64()
}

fn filter_changes(scope: &mut Scope<'_>, params: &Params<'_>) -> Answer {
    let now = scope.node.wall_seconds();
    let changes = scope.node.filters.poll(filter_id(params)?, now);
    changes.map_or_else(|| Err(RpcError::server("filter not found")), answer)
}

fn filter_logs(node: &Node, params: &Params<'_>) -> Answer {
    let filter = node.filters.logs_filter(filter_id(params)?);
    answer(logs(node, filter.ok_or_else(|| RpcError::server("filter not found"))?)?)
}

// Fees.

fn fee_history(node: &Node, params: &Params<'_>) -> Answer {
    let count = params.required::<Quantity>(0)?.to_u64()?.min(FEE_HISTORY_MAX);
    let newest = match node.tagged(params.required(1)?)? {
        At::Mined(number) => number,
        At::Pending => node.head()?.number(),
    };
    let percentiles: Option<Vec<f64>> = params.optional(2)?;
    if let Some(percentiles) = &percentiles {
        check_percentiles(percentiles)?;
    }
    if newest > node.head()?.number() {
        return Err(RpcError::server("request beyond head block"));
    }
    if count == 0 {
        return answer(FeeHistory::default());
    }
    let oldest = newest.saturating_add(1).saturating_sub(count);
    let blocks = node.blocks.range(oldest, newest);
    let mut base_fees: Vec<u128> = blocks.iter().map(|block| block.base_fee().into()).collect();
    let after = match node.blocks.get(newest + 1) {
        Some(next) => next.base_fee(),
        None => node.next_base_fee()?,
    };
    base_fees.push(after.into());
    let rewards = |percentiles: &Vec<f64>| {
        blocks.iter().map(|block| rewards(block, percentiles)).collect::<Vec<_>>()
    };
    answer(FeeHistory {
        gas_used_ratio: blocks
            .iter()
            .map(|block| block.header.gas_used as f64 / block.header.gas_limit as f64)
            .collect(),
        base_fee_per_blob_gas: vec![1; base_fees.len()],
        blob_gas_used_ratio: vec![0.0; blocks.len()],
        base_fee_per_gas: base_fees,
        oldest_block: oldest,
        reward: percentiles.as_ref().map(rewards),
    })
}

fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    if percentiles.len() > PERCENTILES_MAX {
        return Err(RpcError::params("too many reward percentiles"));
    }
    if !percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile)) {
        return Err(RpcError::params("invalid reward percentile"));
    }
    if !percentiles.is_sorted() {
        return Err(RpcError::params("reward percentiles are not in order"));
    }
    Ok(())
}

/// The tips below which the given parts of the block's gas were, in wei a gas.
fn rewards(block: &MinedBlock, percentiles: &[f64]) -> Vec<u128> {
    let tip = |index: usize| {
        let transaction = block.transactions[index].inner();
        transaction.effective_tip_per_gas(block.base_fee()).unwrap_or_default()
    };
    let every = 0..block.transactions.len();
    let mut tips: Vec<_> = every.map(|index| (tip(index), block.gas_used_by(index))).collect();
    tips.sort_unstable();
    let at = |percentile: &f64| {
        let threshold = block.header.gas_used as f64 * percentile / 100.0;
        let mut gas = 0.0;
        for (tip, gas_used) in &tips {
            gas += *gas_used as f64;
            if gas >= threshold {
                return *tip;
            }
        }
        tips.last().map_or(0, |(tip, _)| *tip)
    };
    percentiles.iter().map(at).collect()
}
