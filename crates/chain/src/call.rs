//! A call as a value: built without a node, sent by whoever has a key.

use alloy::{
    primitives::{Address, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};
use serde::{Deserialize, Serialize};

/// The most gas that a transaction may have, 2^24 (EIP-7825).
pub const TRANSACTION_GAS_MAX: u64 = 1 << 24;

/// What a transaction does. Who sends it, with which nonce and at what price, is not its business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The contract; none deploys one.
    pub to: TxKind,
    /// The function's selector and arguments, or what creates a contract.
    pub data: Bytes,
    /// Wei sent along.
    pub value: U256,
    /// The gas limit; estimated when none is given.
    pub gas: Option<u64>,
    /// Where it is estimated, the least that it is to be: what a call needs may have changed until it
    /// is mined. At most [`TRANSACTION_GAS_MAX`].
    #[serde(default)]
    pub gas_least: Option<u64>,
    /// The most wei that it may cost, what is sent along included: what is offered for gas is never raised
    /// beyond that.
    #[serde(default)]
    pub cost_max_wei: Option<U256>,
}

impl Call {
    /// The call of a function, with no ether, its gas estimated.
    pub fn new(to: Address, function: &impl SolCall) -> Self {
        Self::with_data(to, function.abi_encode().into())
    }

    /// The same with calldata as it is.
    pub fn with_data(to: Address, data: Bytes) -> Self {
        Self { data, ..Self::nothing(TxKind::Call(to)) }
    }

    /// The same, with at least so much gas.
    #[must_use]
    pub fn with_gas_least(self, gas: u64) -> Self {
        Self { gas_least: Some(gas), ..self }
    }

    /// The same, for at most so many wei, what is sent along included.
    #[must_use]
    pub fn with_cost_max(self, wei: U256) -> Self {
        Self { cost_max_wei: Some(wei), ..self }
    }

    /// The most to offer for gas, in wei per gas, with so much of it.
    pub(crate) fn fee_max_wei(&self, gas_limit: u64) -> u128 {
        let of = |most: U256| most.saturating_sub(self.value) / U256::from(gas_limit.max(1));
        self.cost_max_wei.map_or(u128::MAX, |most| u128::try_from(of(most)).unwrap_or(u128::MAX))
    }

    fn nothing(to: TxKind) -> Self {
        let (data, value) = (Bytes::new(), U256::ZERO);
        Self { to, data, value, gas: None, gas_least: None, cost_max_wei: None }
    }

    /// Whether both do the same: all is alike but the gas and what it may cost, which another version of this
    /// software may plan otherwise.
    pub fn does_as(&self, other: &Self) -> bool {
        (self.to, &self.data, self.value) == (other.to, &other.data, other.value)
    }

    /// A deployment, its gas estimated. `code` is the creation code with its arguments.
    pub fn deployment(code: Bytes) -> Self {
        Self { data: code, ..Self::nothing(TxKind::Create) }
    }

    /// As alloy's providers take it: without sender, nonce and fees.
    pub fn to_request(&self) -> TransactionRequest {
        TransactionRequest {
            to: Some(self.to),
            input: self.data.clone().into(),
            value: Some(self.value),
            gas: self.gas,
            ..TransactionRequest::default()
        }
    }
}
