//! Asking a node.
//!
//! The follower and the sender read few things and must not hang or trip over what they do not
//! read. So every request has a time limit, and blocks are read as headers only: their transactions
//! may be of kinds that this software does not know.

use std::{fmt, future::Future, time::Duration};

use alloy::{
    eips::BlockNumberOrTag,
    primitives::{B256, U64},
    providers::{DynProvider, Provider},
    rpc::{
        json_rpc::{ErrorPayload, RpcRecv, RpcSend},
        types::Header,
    },
    transports::TransportError,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a node did not answer a request.
#[derive(Debug, Error)]
pub enum RpcError {
    /// The connection failed, or the node answered with an error.
    // Not a `source`: whoever prints the chain of causes would print the node's address, and with
    // it the key that many providers put there.
    #[error("{method}: {}", without_paths(&.error.to_string()))]
    Failed {
        /// The JSON-RPC method.
        method: &'static str,
        /// What went wrong. Its text may hold the node's address with an access key.
        error: TransportError,
    },
    /// No answer came in time.
    #[error("{method}: no answer within {} s", .limit.as_secs_f64())]
    TimedOut {
        /// The JSON-RPC method.
        method: &'static str,
        /// The time limit.
        limit: Duration,
    },
}

impl RpcError {
    /// The node's or the transport's error; none when no answer came at all.
    pub fn transport(&self) -> Option<&TransportError> {
        match self {
            Self::Failed { error, .. } => Some(error),
            Self::TimedOut { .. } => None,
        }
    }

    /// The error that the node answered with; none when it gave no answer.
    pub(crate) fn answer(&self) -> Option<&ErrorPayload> {
        self.transport()?.as_error_resp()
    }
}

/// The text with every address cut down to its host: access keys stand in paths, in queries and
/// before the `@`.
pub(crate) fn without_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, address) = rest.split_at(at + 3);
        out.push_str(before);
        let end = address
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>' | ','))
            .unwrap_or(address.len());
        let (address, after) = address.split_at(end);
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        out.push_str(host);
        if host.len() < address.len() {
            out.push_str("/…");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A block, by its number and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// How many blocks came before it.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number, self.hash)
    }
}

impl From<&Header> for BlockRef {
    fn from(header: &Header) -> Self {
        Self { number: header.number, hash: header.hash }
    }
}

/// A node, asked with a time limit.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    pub(crate) provider: DynProvider,
    limit: Duration,
}

impl Rpc {
    pub(crate) fn new(provider: impl Provider + 'static, limit: Duration) -> Self {
        Self { provider: provider.erased(), limit }
    }

    /// The answer to one request.
    pub(crate) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        method: &'static str,
        params: P,
    ) -> Result<R, RpcError> {
        self.within(method, async { self.provider.client().request(method, params).await }).await
    }

    /// `answer`, unless it takes too long.
    pub(crate) async fn within<R>(
        &self,
        method: &'static str,
        answer: impl Future<Output = Result<R, TransportError>>,
    ) -> Result<R, RpcError> {
        match tokio::time::timeout(self.limit, answer).await {
            Ok(answer) => answer.map_err(|error| RpcError::Failed { method, error }),
            Err(_) => Err(RpcError::TimedOut { method, limit: self.limit }),
        }
    }

    /// The header of a block, by its number or tag; none when the node does not have it.
    pub(crate) async fn header(
        &self,
        block: impl Into<BlockNumberOrTag>,
    ) -> Result<Option<Header>, RpcError> {
        self.ask("eth_getBlockByNumber", (block.into(), false)).await
    }

    /// The number of the chain.
    pub(crate) async fn chain_id(&self) -> Result<u64, RpcError> {
        let id: U64 = self.ask("eth_chainId", ()).await?;
        Ok(id.to())
    }
}

#[cfg(test)]
impl RpcError {
    /// What a node answers, of which this is the JSON.
    pub(crate) fn answered(method: &'static str, json: &str) -> Self {
        let payload: ErrorPayload = serde_json::from_str(json).unwrap();
        Self::Failed { method, error: TransportError::ErrorResp(payload) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_do_not_reach_messages() {
        let cases = [
            ("no address here", "no address here"),
            (
                "error sending request for url (https://eth.example.org/v3/SECRET?k=SECRET)",
                "error sending request for url (https://eth.example.org/…)",
            ),
            ("wss://user:SECRET@node:8546, then http://b", "wss://node:8546/…, then http://b"),
            ("https://SECRET@h", "https://h/…"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_paths(text), expected);
        }
    }
}
