//! Running what changes nothing: `eth_call`, `eth_estimateGas`.
//!
//! A call on a past block sees that block. A call on the latest one sees it too, but for the time,
//! which is that of a block mined now: on a chain that mines on demand the last block may be hours
//! old, and whether a deadline has passed or a delay is over would be answered as it was then.

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, U256},
    rpc::types::{
        TransactionRequest,
        state::{AccountOverride, StateOverride},
    },
};
use revm::context::result::ExecutionResult;

use crate::{
    changes::Account,
    config::Hardfork,
    error::DevChainError,
    execute::{
        Checks, EstimateError, ExecutionError, Machine, block_environment, call_environment,
        estimate_gas,
    },
    mining::Candidate,
    node::{At, Node, TRANSACTION_GAS_MAX},
    state::Overlay,
};

/// Gas of a plain transfer, which most accounts take without running code.
const TRANSFER_GAS: u64 = 21_000;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    Chain(#[from] DevChainError),
    #[error("unknown block")]
    UnknownBlock,
    #[error("movePrecompileToAddress is not supported")]
    MovedPrecompile,
    #[error("both state and stateDiff given for an account")]
    TwoStates,
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    /// The sender cannot pay for any gas at this price.
    #[error("insufficient funds for gas * price + value")]
    InsufficientFunds,
}

impl Node {
    /// The block that an id names, if there is one.
    pub(crate) fn resolve(&self, id: BlockId) -> Result<Option<At>, DevChainError> {
        match id {
            BlockId::Hash(hash) => {
                Ok(self.blocks.by_hash(hash.block_hash).map(|block| At::Mined(block.number())))
            }
            BlockId::Number(tag) => Ok(match self.tagged(tag)? {
                At::Mined(number) => self.blocks.get(number).map(|_| At::Mined(number)),
                At::Pending => Some(At::Pending),
            }),
        }
    }

    /// Runs `call` on top of a block.
    pub(crate) fn call(
        &self,
        call: &TransactionRequest,
        block: BlockId,
        overrides: StateOverride,
    ) -> Result<ExecutionResult, CallError> {
        self.on_top_of(call, block, overrides, |machine, block_gas_limit| {
            let gas_limit = call.gas.unwrap_or(block_gas_limit).min(block_gas_limit);
            let sender = machine.state().account_or_empty(call.from.unwrap_or_default());
            Ok(machine.try_run(call_environment(
                call,
                self.config.chain_id,
                sender.nonce,
                gas_limit,
            ))?)
        })
    }

    /// The gas that `call` needs on top of a block.
    pub(crate) fn estimate(
        &self,
        call: &TransactionRequest,
        block: BlockId,
        overrides: StateOverride,
    ) -> Result<u64, CallError> {
        self.on_top_of(call, block, overrides, |machine, block_gas_limit| {
            let cap = if self.config.hardfork == Hardfork::Osaka {
                block_gas_limit.min(TRANSACTION_GAS_MAX)
            } else {
                block_gas_limit
            };
            let wanted = call.gas.filter(|gas| *gas >= TRANSFER_GAS).unwrap_or(cap);
            let mut allowance = wanted.min(cap);
            let sender = machine.state().account_or_empty(call.from.unwrap_or_default());
            let price = price(call);
            if price > 0 {
                let free = sender.balance.checked_sub(call.value.unwrap_or_default());
                let free = free.ok_or(CallError::InsufficientFunds)?;
                let affordable = free / U256::from(price);
                allowance = allowance.min(affordable.saturating_to());
            }
            let transaction = call_environment(call, self.config.chain_id, sender.nonce, allowance);
            Ok(estimate_gas(machine, &transaction, allowance)?)
        })
    }

    fn on_top_of<T>(
        &self,
        call: &TransactionRequest,
        block: BlockId,
        overrides: StateOverride,
        run: impl FnOnce(&mut Machine<Overlay<'_>>, u64) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let at = self.resolve(block)?.ok_or(CallError::UnknownBlock)?;
        let (environment, mut overlay) = match at {
            At::Mined(number) => {
                let mined = self.blocks.get(number).ok_or(CallError::UnknownBlock)?;
                let mut environment = self.environment(block_environment(&mined.header));
                if block == BlockId::Number(BlockNumberOrTag::Latest) {
                    let now = self.clock.next_timestamp(mined.header.timestamp);
                    environment.block.timestamp = U256::from(now);
                }
                (environment, Overlay::new(self.state_of(number)))
            }
            At::Pending => {
                let environment = self.next_environment()?;
                let Candidate { changes, .. } = self.candidate(&self.pool)?;
                (environment, Overlay::with(self.latest(), changes))
            }
        };
        for (address, changed) in overrides {
            override_account(&mut overlay, address, changed)?;
        }
        let gas_limit = environment.block.gas_limit;
        let priced = price(call) > 0;
        run(&mut Machine::new(&environment, overlay, Checks::Call { priced }), gas_limit)
    }

    /// The pending state, with what waits executed.
    pub(crate) fn with_state<T>(
        &self,
        at: At,
        read: impl FnOnce(&Overlay<'_>) -> T,
    ) -> Result<T, DevChainError> {
        let overlay = match at {
            At::Mined(number) => Overlay::new(self.state_of(number)),
            At::Pending => Overlay::with(self.latest(), self.candidate(&self.pool)?.changes),
        };
        Ok(read(&overlay))
    }
}

/// What a call offers at most, in wei a gas; 0 if it names no price.
fn price(call: &TransactionRequest) -> u128 {
    call.gas_price.or(call.max_fee_per_gas).unwrap_or_default()
}

fn override_account(
    overlay: &mut Overlay<'_>,
    address: Address,
    changed: AccountOverride,
) -> Result<(), CallError> {
    if changed.move_precompile_to.is_some() {
        return Err(CallError::MovedPrecompile);
    }
    let account = overlay.account_or_empty(address);
    overlay.set_account(
        address,
        Account {
            nonce: changed.nonce.unwrap_or(account.nonce),
            balance: changed.balance.unwrap_or(account.balance),
            ..account
        },
    );
    if let Some(code) = changed.code {
        overlay.set_code(address, code);
    }
    let slots = match (changed.state, changed.state_diff) {
        (Some(_), Some(_)) => return Err(CallError::TwoStates),
        (Some(all), None) => {
            overlay.clear_slots(address);
            all
        }
        (None, some) => some.unwrap_or_default(),
    };
    for (slot, value) in slots {
        overlay.set_slot(address, slot.into(), value.into());
    }
    Ok(())
}
