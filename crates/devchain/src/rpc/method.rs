//! What every method is given, and what it answers.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::error::RpcError;
use crate::node::Node;

/// A method's result, as JSON.
pub(crate) type Answer = Result<Box<RawValue>, RpcError>;

/// Something that a method asks of whoever runs the chain, beside the chain itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// From now on, a block each time this long has passed; never for none.
    MineEvery(Option<Duration>),
}

/// What a method gets at.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) node: &'a mut Node,
    pub(crate) effect: &'a mut Option<Effect>,
}

/// A result as JSON.
pub(super) fn answer(value: impl Serialize) -> Answer {
    to_raw_value(&value).map_err(|defect| RpcError::internal(defect.to_string().into()))
}
