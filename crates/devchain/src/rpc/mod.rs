//! The chain's JSON-RPC methods.
//!
//! | methods | where |
//! | --- | --- |
//! | `web3_`, `net_`, `eth_`: what public nodes offer | `eth.rs`, `submit.rs` |
//! | `evm_`, `anvil_`, `hardhat_`: what tests need | `control.rs` |
//!
//! A method that is not here answers with the standard error (-32601): subscriptions, `debug_`,
//! `trace_`, `eth_getProof`, blobs.

mod control;
pub(crate) mod error;
mod eth;
pub(crate) mod method;
mod params;
mod submit;
mod views;
pub(crate) mod wire;

use serde_json::value::RawValue;

use self::{
    error::RpcError,
    method::{Answer, Effect, Scope},
    params::Params,
};
use crate::node::Node;

/// Runs one method.
pub(crate) fn call(
    node: &mut Node,
    effect: &mut Option<Effect>,
    method: &str,
    params: Option<&RawValue>,
) -> Answer {
    let params = Params::new(params)?;
    let mut scope = Scope { node, effect };
    if let Some(answer) = eth::call(&mut scope, method, &params) {
        return answer;
    }
    if let Some(answer) = submit::call(&mut scope, method, &params) {
        return answer;
    }
    if let Some(answer) = control::call(&mut scope, method, &params) {
        return answer;
    }
    Err(RpcError::unknown_method(method))
}
