//! Running transactions and calls in revm.
//!
//! All precompiles of the hardfork are there, BN254's (addresses 6 to 8) and KZG's among them; the
//! arithmetic is arkworks'. The system contracts of EIP-4788 and EIP-2935 are not: nothing in a
//! chain without a beacon chain feeds them.

use std::convert::Infallible;

use alloy::{
    consensus::{Transaction, TxEnvelope, Typed2718, transaction::Recovered},
    eips::eip7840::BlobParams,
    primitives::{Address, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction},
    },
    context_interface::{either::Either, result::ResultAndState, transaction::SignedAuthorization},
    database_interface::Database,
    handler::{MainnetContext, validation::validate_initial_tx_gas},
    primitives::hardfork::SpecId,
};

use crate::state::Overlay;

/// The gas a call keeps for itself when it calls on is 1/64 (EIP-150).
const CALL_STIPEND: u64 = 2_300;

/// An estimate may exceed what is enough by this part: 15 in 1000. Closer costs more runs.
const ESTIMATE_EXCESS_PERMILLE: u64 = 15;

/// Where something runs: the chain, its rules, the block.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    pub(crate) chain_id: u64,
    pub(crate) spec: SpecId,
    pub(crate) block: BlockEnv,
}

/// How strictly a transaction is checked before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checks {
    /// As consensus has it.
    Transaction,
    /// As `eth_call` has it: any nonce, any sender, and no fee unless a price is named.
    Call {
        /// Whether one is.
        priced: bool,
    },
}

/// What was run did not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecutionError {
    /// It is not a valid transaction here.
    #[error("{0}")]
    Invalid(#[from] InvalidTransaction),
    /// The EVM itself failed.
    #[error("the EVM failed: {0}")]
    Evm(String),
}

impl From<EVMError<Infallible>> for ExecutionError {
    fn from(error: EVMError<Infallible>) -> Self {
        match error {
            EVMError::Transaction(invalid) => Self::Invalid(invalid),
            other => Self::Evm(other.to_string()),
        }
    }
}

/// Why no amount of gas can be named.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EstimateError {
    /// It did not run.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// It fails whatever the gas.
    #[error("execution reverted")]
    Reverted(Bytes),
    /// It fails whatever the gas, and not by its own will.
    #[error("{0}")]
    Halted(HaltReason),
    /// It needs more gas than it may have.
    #[error("gas required exceeds allowance ({allowance})")]
    Allowance {
        /// The most gas it may have.
        allowance: u64,
    },
}

/// A block's EVM.
pub(crate) struct Machine<DB: Database<Error = Infallible>> {
    evm: MainnetEvm<MainnetContext<DB>>,
}

impl<'a> Machine<Overlay<'a>> {
    pub(crate) fn new(environment: &Environment, state: Overlay<'a>, checks: Checks) -> Self {
        let mut cfg = CfgEnv::new()
            .with_chain_id(environment.chain_id)
            .with_spec_and_mainnet_gas_params(environment.spec);
        // That contracts sign nothing is checked where signatures are: a test may impersonate one.
        cfg.disable_eip3607 = true;
        if let Checks::Call { priced } = checks {
            cfg.disable_nonce_check = true;
            cfg.disable_base_fee = !priced;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        }
        let context =
            Context::mainnet().with_cfg(cfg).with_block(environment.block.clone()).with_db(state);
        Self { evm: context.build_mainnet() }
    }

    /// Runs and takes in what it changed. After an error nothing has changed.
    pub(crate) fn run(&mut self, transaction: TxEnv) -> Result<ExecutionResult, ExecutionError> {
        let ResultAndState { result, state } = self.evm.transact(transaction)?;
        self.evm.ctx.journaled_state.database.commit(state);
        Ok(result)
    }

    /// Runs, and changes nothing.
    pub(crate) fn try_run(
        &mut self,
        transaction: TxEnv,
    ) -> Result<ExecutionResult, ExecutionError> {
        Ok(self.evm.transact(transaction)?.result)
    }

    pub(crate) fn state(&self) -> &Overlay<'a> {
        &self.evm.ctx.journaled_state.database
    }

    pub(crate) fn into_state(self) -> Overlay<'a> {
        self.evm.ctx.journaled_state.database
    }
}

/// A signed transaction, as the EVM wants it.
pub(crate) fn transaction_environment(transaction: &Recovered<TxEnvelope>) -> TxEnv {
    let tx = transaction.inner();
    TxEnv {
        tx_type: tx.ty(),
        caller: transaction.signer(),
        gas_limit: tx.gas_limit(),
        gas_price: tx.max_fee_per_gas(),
        kind: tx.kind(),
        value: tx.value(),
        data: tx.input().clone(),
        nonce: tx.nonce(),
        chain_id: tx.chain_id(),
        access_list: tx.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: tx.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: signed(tx.authorization_list().unwrap_or_default()),
    }
}

/// A call, as the EVM wants it. What the request leaves open: `nonce`, `chain_id`, no price.
pub(crate) fn call_environment(
    request: &TransactionRequest,
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
) -> TxEnv {
    let authorizations = request.authorization_list.as_deref().unwrap_or_default();
    // The EVM looks at the type to see which fields count.
    let tx_type = if !authorizations.is_empty() {
        4
    } else if request.gas_price.is_none() {
        2
    } else {
        u8::from(request.access_list.is_some())
    };
    let gas_price = request.gas_price.or(request.max_fee_per_gas);
    TxEnv {
        tx_type,
        caller: request.from.unwrap_or_default(),
        gas_limit,
        gas_price: gas_price.or(request.max_priority_fee_per_gas).unwrap_or_default(),
        kind: request.to.unwrap_or(TxKind::Create),
        value: request.value.unwrap_or_default(),
        data: request.input.input().cloned().unwrap_or_default(),
        nonce: request.nonce.unwrap_or(nonce),
        chain_id: Some(request.chain_id.unwrap_or(chain_id)),
        access_list: request.access_list.clone().unwrap_or_default(),
        gas_priority_fee: (tx_type >= 2)
            .then(|| request.max_priority_fee_per_gas.unwrap_or_default()),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: signed(authorizations),
    }
}

fn signed<R>(list: &[SignedAuthorization]) -> Vec<Either<SignedAuthorization, R>> {
    list.iter().cloned().map(Either::Left).collect()
}

/// Refuses a transaction whose gas limit does not even cover its data (EIP-2028, EIP-7623).
pub(crate) fn check_intrinsic_gas(
    transaction: &TxEnv,
    spec: SpecId,
) -> Result<(), InvalidTransaction> {
    validate_initial_tx_gas(transaction, spec, false, false, u64::MAX, None).map(|_| ())
}

/// The block environment of a header.
pub(crate) fn block_environment(header: &alloy::consensus::Header) -> BlockEnv {
    let mut block = BlockEnv {
        number: U256::from(header.number),
        beneficiary: header.beneficiary,
        timestamp: U256::from(header.timestamp),
        gas_limit: header.gas_limit,
        basefee: header.base_fee_per_gas.unwrap_or_default(),
        difficulty: U256::ZERO,
        prevrandao: Some(header.mix_hash),
        blob_excess_gas_and_price: None,
        slot_num: 0,
    };
    let fraction = u64::try_from(BlobParams::prague().update_fraction).unwrap_or(u64::MAX);
    block.set_blob_excess_gas_and_price(0, fraction);
    block
}

/// The least gas, within [`ESTIMATE_EXCESS_PERMILLE`], with which `call` succeeds, if `allowance` is
/// enough. The method is geth's: run with all of it, then search between what was used and that.
pub(crate) fn estimate_gas(
    machine: &mut Machine<Overlay<'_>>,
    call: &TxEnv,
    allowance: u64,
) -> Result<u64, EstimateError> {
    let with = |gas_limit: u64| TxEnv { gas_limit, ..call.clone() };
    let allowed = match machine.try_run(with(allowance)) {
        Err(ExecutionError::Invalid(
            InvalidTransaction::CallGasCostMoreThanGasLimit { .. }
            | InvalidTransaction::GasFloorMoreThanGasLimit { .. },
        )) => return Err(EstimateError::Allowance { allowance }),
        ran => ran?,
    };
    let gas = match allowed {
        ExecutionResult::Success { gas, .. } => gas,
        ExecutionResult::Revert { output, .. } => return Err(EstimateError::Reverted(output)),
        ExecutionResult::Halt { reason: HaltReason::OutOfGas(_), .. } => {
            return Err(EstimateError::Allowance { allowance });
        }
        ExecutionResult::Halt { reason, .. } => return Err(EstimateError::Halted(reason)),
    };
    let mut succeeds = |gas_limit: u64| match machine.try_run(with(gas_limit)) {
        Ok(result) => Ok(result.is_success()),
        Err(ExecutionError::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    };

    // Refunds come at the end: the gas must be there until then.
    let mut enough = allowance;
    let mut too_little = gas.tx_gas_used().max(gas.total_gas_spent()).saturating_sub(1);
    // Likely right, and then the search is short.
    let guess = (too_little + 1 + CALL_STIPEND).saturating_mul(64) / 63;
    for guess in [too_little + 1, guess] {
        if guess < enough {
            if succeeds(guess)? {
                enough = guess;
                break;
            }
            too_little = guess;
        }
    }
    while too_little + 1 < enough {
        if enough - too_little <= enough / 1000 * ESTIMATE_EXCESS_PERMILLE {
            break;
        }
        // Most calls need little more than they use: search the lower half first.
        let middle = (too_little + (enough - too_little) / 2).min(too_little.saturating_mul(2));
        let middle = middle.max(too_little + 1);
        if succeeds(middle)? { enough = middle } else { too_little = middle }
    }
    Ok(enough)
}

/// The address of a contract that `sender` creates with `nonce`.
pub(crate) fn created_address(transaction: &Recovered<TxEnvelope>) -> Option<Address> {
    let nonce = transaction.inner().nonce();
    transaction.inner().kind().is_create().then(|| transaction.signer().create(nonce))
}
