//! What tests need: time, blocks on demand, snapshots, reorganisations, edits of the state. Names
//! and parameters are anvil's; Hardhat's names for the same are taken too.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U64, U256};
use serde::Deserialize;
use serde_json::Value;

use super::{
    error::RpcError,
    method::{Answer, Effect, Scope, answer},
    params::{Params, Quantity, Slot},
    submit,
};
use crate::{block::SignedTransaction, changes::Account, error::DevChainError, node::Node};

/// The most blocks that one request mines.
const BLOCKS_MAX: u64 = 100_000;

/// Answers, if it is one of these methods.
pub(super) fn call(scope: &mut Scope<'_>, method: &str, params: &Params<'_>) -> Option<Answer> {
    let node = &mut *scope.node;
    Some(match method {
        "evm_mine" => mine_at(node, params),
        "anvil_mine" | "hardhat_mine" => mine(node, params),
        "evm_increaseTime" | "anvil_increaseTime" => increase_time(node, params),
        "evm_setTime" | "anvil_setTime" => set_time(node, params),
        "evm_setNextBlockTimestamp" | "anvil_setNextBlockTimestamp" => set_next_time(node, params),
        "evm_snapshot" | "anvil_snapshot" => snapshot(node),
        "evm_revert" | "anvil_revert" => revert(node, params),
        "evm_setAutomine" | "anvil_setAutomine" => set_automine(scope, params),
        "anvil_getAutomine" | "hardhat_getAutomine" => answer(node.mines_on_demand),
        "evm_setIntervalMining" | "anvil_setIntervalMining" => set_interval(scope, params),
        "anvil_setNextBlockBaseFeePerGas" | "hardhat_setNextBlockBaseFeePerGas" => {
            set_base_fee(node, params)
        }
        "anvil_setBalance" | "hardhat_setBalance" => set_balance(node, params),
        "anvil_setNonce" | "hardhat_setNonce" => set_nonce(node, params),
        "anvil_setCode" | "hardhat_setCode" => set_code(node, params),
        "anvil_setStorageAt" | "hardhat_setStorageAt" => set_storage(node, params),
        "anvil_impersonateAccount" | "hardhat_impersonateAccount" => {
            params.required(0).and_then(|address| {
                node.impersonated.insert(address);
                answer(Value::Null)
            })
        }
        "anvil_stopImpersonatingAccount" | "hardhat_stopImpersonatingAccount" => {
            params.required(0).and_then(|address: Address| {
                node.impersonated.remove(&address);
                answer(Value::Null)
            })
        }
        "anvil_dropTransaction" | "hardhat_dropTransaction" => drop_transaction(node, params),
        "anvil_dropAllTransactions" => {
            node.pool.clear();
            answer(Value::Null)
        }
        "txpool_status" => pool_status(node),
        "anvil_rollback" => roll_back(node, params),
        "anvil_reorg" => reorganise(node, params),
        _ => return None,
    })
}

// Blocks.

#[derive(Deserialize)]
#[serde(untagged)]
enum MineOptions {
    Timestamp(Quantity),
    Options { timestamp: Option<Quantity>, blocks: Option<Quantity> },
}

/// `evm_mine`: one block, at a timestamp if one is given; or anvil's options.
fn mine_at(node: &mut Node, params: &Params<'_>) -> Answer {
    let (timestamp, blocks) = match params.optional(0)? {
        None => (None, None),
        Some(MineOptions::Timestamp(timestamp)) => (Some(timestamp), None),
        Some(MineOptions::Options { timestamp, blocks }) => (timestamp, blocks),
    };
    if let Some(timestamp) = timestamp {
        let parent = node.head()?.header.timestamp;
        node.clock.set_next(timestamp.to_u64()?, parent)?;
    }
    mine_blocks(node, blocks.map_or(Ok(1), Quantity::to_u64)?, None)?;
    answer("0x0")
}

/// `anvil_mine`: a number of blocks, so many seconds apart.
fn mine(node: &mut Node, params: &Params<'_>) -> Answer {
    let blocks = params.optional::<Quantity>(0)?.map_or(Ok(1), Quantity::to_u64)?;
    let interval = params.optional::<Quantity>(1)?.map(Quantity::to_u64).transpose()?;
    mine_blocks(node, blocks, interval)?;
    answer(Value::Null)
}

fn mine_blocks(node: &mut Node, blocks: u64, interval: Option<u64>) -> Result<(), RpcError> {
    if blocks > BLOCKS_MAX {
        return Err(RpcError::params(format!("at most {BLOCKS_MAX} blocks at once")));
    }
    for block in 0..blocks {
        if let Some(interval) = interval.filter(|_| block > 0) {
            let parent = node.head()?.header.timestamp;
            node.clock.set_next(parent.saturating_add(interval), parent)?;
        }
        node.mine()?;
    }
    Ok(())
}

fn set_automine(scope: &mut Scope<'_>, params: &Params<'_>) -> Answer {
    let on = params.required(0)?;
    scope.node.mines_on_demand = on;
    if on {
        scope.node.mine_waiting()?;
    }
    answer(Value::Null)
}

/// Seconds between blocks; 0 stops mining by interval. Ends mining on demand, as anvil does.
fn set_interval(scope: &mut Scope<'_>, params: &Params<'_>) -> Answer {
    let seconds = params.required::<Quantity>(0)?.to_u64()?;
    scope.node.mines_on_demand = false;
    let interval = (seconds > 0).then(|| Duration::from_secs(seconds));
    *scope.effect = Some(Effect::MineEvery(interval));
    answer(Value::Null)
}

fn set_base_fee(node: &mut Node, params: &Params<'_>) -> Answer {
    node.base_fee_next = Some(params.required::<Quantity>(0)?.to_u64()?);
    answer(Value::Null)
}

// Time.

/// Answers how far the chain is ahead of the clock, in seconds.
fn increase_time(node: &mut Node, params: &Params<'_>) -> Answer {
    let seconds = params.required::<Quantity>(0)?.to_u64()?;
    let too_far = |_| RpcError::params("cannot go that far");
    node.increase_time(i64::try_from(seconds).map_err(too_far)?)?;
    answer(node.clock.offset_seconds())
}

fn set_time(node: &mut Node, params: &Params<'_>) -> Answer {
    node.set_time(params.required::<Quantity>(0)?.to_u64()?)?;
    answer(node.clock.offset_seconds())
}

fn set_next_time(node: &mut Node, params: &Params<'_>) -> Answer {
    let timestamp = params.required::<Quantity>(0)?.to_u64()?;
    let parent = node.head()?.header.timestamp;
    node.clock.set_next(timestamp, parent)?;
    answer(Value::Null)
}

// Going back.

fn snapshot(node: &mut Node) -> Answer {
    answer(U64::from(node.snapshot()?))
}

fn revert(node: &mut Node, params: &Params<'_>) -> Answer {
    let id = params.required::<Quantity>(0)?.to_u64()?;
    answer(node.revert(id)?)
}

fn roll_back(node: &mut Node, params: &Params<'_>) -> Answer {
    let depth = params.optional::<Quantity>(0)?.map_or(Ok(1), Quantity::to_u64)?;
    node.roll_back(depth)?;
    answer(Value::Null)
}

/// A transaction for a block of a reorganisation: signed, or to be signed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Replacement {
    Raw(Bytes),
    Request(Box<alloy::rpc::types::TransactionRequest>),
}

/// `anvil_reorg`: how many blocks to replace, and what goes into which of the new ones.
fn reorganise(node: &mut Node, params: &Params<'_>) -> Answer {
    let depth = params.required::<Quantity>(0)?.to_u64()?;
    let pairs: Vec<(Replacement, u64)> = params.or_default(1)?;
    let height = node.head()?.number();
    if depth > height {
        return Err(DevChainError::Depth { depth, height }.into());
    }
    let mut blocks: Vec<Vec<SignedTransaction>> = Vec::new();
    blocks.resize_with(usize::try_from(depth).unwrap_or(usize::MAX), Vec::new);
    for (replacement, block) in pairs {
        let place = usize::try_from(block).ok().and_then(|block| blocks.get_mut(block));
        let place =
            place.ok_or_else(|| RpcError::params("a transaction for a block beyond the depth"))?;
        place.push(match replacement {
            Replacement::Raw(raw) => submit::decode(&raw)?,
            Replacement::Request(request) => submit::complete(node, *request)?,
        });
    }
    node.reorganise(depth, blocks)?;
    answer(Value::Null)
}

// The state.

fn set_balance(node: &mut Node, params: &Params<'_>) -> Answer {
    let (address, Quantity(balance)) = (params.required(0)?, params.required(1)?);
    node.edit(|state| {
        let account = state.account_or_empty(address);
        state.set_account(address, Account { balance, ..account });
    })?;
    answer(Value::Null)
}

fn set_nonce(node: &mut Node, params: &Params<'_>) -> Answer {
    let (address, nonce) = (params.required(0)?, params.required::<Quantity>(1)?.to_u64()?);
    node.edit(|state| {
        let account = state.account_or_empty(address);
        state.set_account(address, Account { nonce, ..account });
    })?;
    node.pool.forget_below(address, nonce);
    answer(Value::Null)
}

fn set_code(node: &mut Node, params: &Params<'_>) -> Answer {
    let (address, code) = (params.required(0)?, params.required::<Bytes>(1)?);
    node.edit(|state| state.set_code(address, code))?;
    answer(Value::Null)
}

fn set_storage(node: &mut Node, params: &Params<'_>) -> Answer {
    let (address, Quantity(slot)) = (params.required(0)?, params.required::<Slot>(1)?);
    let value = U256::from_be_bytes(params.required::<B256>(2)?.0);
    node.edit(|state| state.set_slot(address, slot, value))?;
    answer(true)
}

// The pool.

fn drop_transaction(node: &mut Node, params: &Params<'_>) -> Answer {
    let dropped = node.pool.remove(params.required(0)?);
    answer(dropped.map(|transaction| *transaction.inner().tx_hash()))
}

fn pool_status(node: &Node) -> Answer {
    let latest = node.latest();
    let ready = node.pool.iter().filter(|transaction| {
        use alloy::consensus::Transaction;
        let next = latest.account_or_empty(transaction.signer()).nonce;
        transaction.inner().nonce() < node.pool.next_nonce(transaction.signer(), next)
    });
    let pending = ready.count();
    let queued = node.pool.len() - pending;
    answer(serde_json::json!({ "pending": U64::from(pending), "queued": U64::from(queued) }))
}
