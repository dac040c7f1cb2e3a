//! A call to a contract as a value: built without a node, sent by whoever has a key.

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, Bytes, TxKind, U256},
    rpc::types::TransactionRequest,
    sol_types::SolCall,
};

use crate::sender;

/// What a transaction does. Who sends it, with which nonce and at what price, is not its business.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// The function's selector and arguments.
    pub data: Bytes,
    /// Wei sent along.
    pub value: U256,
}

impl Call {
    /// The call of a function, with no ether.
    pub fn new(to: Address, function: &impl SolCall) -> Self {
        Self { to, data: function.abi_encode().into(), value: U256::ZERO }
    }

    /// As alloy's providers take it: without sender, nonce, gas and fees.
    pub fn to_request(&self) -> TransactionRequest {
        TransactionRequest::default()
            .with_to(self.to)
            .with_input(self.data.clone())
            .with_value(self.value)
    }
}

/// Its gas is estimated.
impl From<Call> for sender::Call {
    fn from(call: Call) -> Self {
        Self { to: TxKind::Call(call.to), data: call.data, value: call.value, gas: None }
    }
}
