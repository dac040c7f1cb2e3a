//! Errors as JSON-RPC says them: codes and words as geth has them, for software looks for those.

use std::borrow::Cow;

use alloy::{
    primitives::Bytes,
    rpc::json_rpc::ErrorPayload,
    sol_types::{Panic, PanicKind, Revert, SolError},
};
use revm::context::result::{HaltReason, InvalidTransaction, OutOfGasError};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    calls::CallError,
    error::DevChainError,
    execute::{EstimateError, ExecutionError},
};

/// What a method answers instead of a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message} ({code})")]
pub(crate) struct RpcError {
    pub(crate) code: i64,
    pub(crate) message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Bytes>,
}

impl RpcError {
    const fn new(code: i64, message: Cow<'static, str>) -> Self {
        Self { code, message, data: None }
    }

    /// The text is no JSON.
    pub(crate) const fn parse() -> Self {
        Self::new(-32700, Cow::Borrowed("parse error"))
    }

    /// The JSON is no request.
    pub(crate) fn request(defect: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32600, defect.into())
    }

    pub(super) fn unknown_method(method: &str) -> Self {
        let message = format!("the method {method} does not exist/is not available");
        Self::new(-32601, message.into())
    }

    /// The parameters are not what the method takes.
    pub(super) fn params(defect: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32602, defect.into())
    }

    /// The chain itself failed.
    pub(crate) const fn internal(message: Cow<'static, str>) -> Self {
        Self::new(-32603, message)
    }

    /// The request cannot be met.
    pub(super) fn server(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32000, message.into())
    }

    /// The answer would be too large.
    pub(super) fn limit(message: String) -> Self {
        Self::new(-32005, message.into())
    }

    /// A contract reverted, with `data`.
    pub(super) fn reverted(data: Bytes) -> Self {
        let message = match revert_reason(&data) {
            Some(reason) => format!("execution reverted: {reason}").into(),
            None => Cow::Borrowed("execution reverted"),
        };
        Self { code: 3, message, data: Some(data) }
    }

    /// A contract failed otherwise.
    pub(super) fn halted(reason: &HaltReason) -> Self {
        Self::server(match reason {
            HaltReason::OutOfGas(OutOfGasError::InvalidOperand) => "gas uint64 overflow".into(),
            HaltReason::OutOfGas(_) => "out of gas".into(),
            HaltReason::InvalidFEOpcode => "invalid opcode: INVALID".into(),
            HaltReason::InvalidJump => "invalid jump destination".into(),
            HaltReason::CreateCollision => "contract address collision".into(),
            HaltReason::CreateContractSizeLimit => "max code size exceeded".into(),
            HaltReason::StateChangeDuringStaticCall => "write protection".into(),
            HaltReason::CallTooDeep => "max call depth exceeded".into(),
            other => Cow::Owned(other.to_string()),
        })
    }

    pub(crate) fn payload(self) -> ErrorPayload<Box<RawValue>> {
        let data = self.data.and_then(|data| to_raw_value(&data).ok());
        ErrorPayload { code: self.code, message: self.message, data }
    }
}

impl From<DevChainError> for RpcError {
    fn from(error: DevChainError) -> Self {
        match error {
            DevChainError::Rejected(_)
            | DevChainError::Timestamp { .. }
            | DevChainError::Depth { .. }
            | DevChainError::Setting { .. } => Self::server(error.to_string()),
            other => {
                tracing::error!(error = %other, "the embedded chain failed");
                Self::internal(other.to_string().into())
            }
        }
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Chain(error) => error.into(),
            CallError::Execution(error) => error.into(),
            CallError::Estimate(EstimateError::Execution(error)) => error.into(),
            CallError::Estimate(EstimateError::Reverted(data)) => Self::reverted(data),
            CallError::Estimate(EstimateError::Halted(reason)) => Self::halted(&reason),
            CallError::Estimate(error @ EstimateError::Allowance { .. }) => {
                Self::server(error.to_string())
            }
            CallError::UnknownBlock => Self::server("header not found"),
            CallError::InsufficientFunds => Self::server(error.to_string()),
            CallError::MovedPrecompile | CallError::TwoStates => Self::params(error.to_string()),
        }
    }
}

impl From<ExecutionError> for RpcError {
    fn from(error: ExecutionError) -> Self {
        let invalid = match error {
            ExecutionError::Evm(reason) => return Self::internal(reason.into()),
            ExecutionError::Invalid(invalid) => invalid,
        };
        Self::server(match &invalid {
            InvalidTransaction::PriorityFeeGreaterThanMaxFee => {
                "max priority fee per gas higher than max fee per gas".into()
            }
            InvalidTransaction::GasPriceLessThanBasefee => {
                "max fee per gas less than block base fee".into()
            }
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => Cow::Owned(format!(
                "insufficient funds for gas * price + value: have {balance} want {fee}"
            )),
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas, gas_limit } => {
                Cow::Owned(format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}"))
            }
            InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor, gas_limit } => {
                Cow::Owned(format!(
                    "insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"
                ))
            }
            InvalidTransaction::CreateInitCodeSizeLimit => "max initcode size exceeded".into(),
            InvalidTransaction::InvalidChainId => "invalid chain id".into(),
            other => Cow::Owned(other.to_string()),
        })
    }
}

/// What Solidity's two built-in errors say, in geth's words.
fn revert_reason(data: &[u8]) -> Option<String> {
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason);
    }
    let panic = Panic::abi_decode(data).ok()?;
    let code: u32 = panic.code.try_into().ok()?;
    let meaning = match PanicKind::from_number(code)? {
        PanicKind::Generic => "generic panic",
        PanicKind::Assert => "assert(false)",
        PanicKind::UnderOverflow => "arithmetic underflow or overflow",
        PanicKind::DivisionByZero => "division or modulo by zero",
        PanicKind::EnumConversionError => "enum overflow",
        PanicKind::StorageEncodingError => "invalid encoded storage byte array accessed",
        PanicKind::EmptyArrayPop => "out-of-bounds array access; popping on an empty array",
        PanicKind::ArrayOutOfBounds => "out-of-bounds access of an array or bytesN",
        PanicKind::ResourceError => "out of memory",
        PanicKind::InvalidInternalFunction => "uninitialized function",
        _ => return None,
    };
    Some(meaning.to_owned())
}
