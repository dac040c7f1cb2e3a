//! A node that is particular about what it answers: in front of an embedded chain, for a processor that
//! asks it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use alloy::{
    primitives::U64,
    providers::{DynProvider, Provider, RootProvider},
    rpc::{
        client::RpcClient,
        json_rpc::{
            ErrorPayload, RequestPacket, Response, ResponsePacket, ResponsePayload,
            SerializedRequest,
        },
    },
    transports::{BoxTransport, TransportError, TransportFut},
};
use serde_json::Value;
use tower::Service;

/// What a node is like. All of it can be changed while it is asked.
#[derive(Debug)]
pub struct Manners {
    /// The logs of how many blocks it gives at once.
    pub blocks_max: AtomicU64,
    /// Whether it says that there are no logs.
    pub no_logs: AtomicBool,
    /// How often it was asked for logs of more blocks than it gives.
    pub refused: AtomicU64,
}

impl Default for Manners {
    fn default() -> Self {
        let blocks_max = AtomicU64::new(u64::MAX);
        Self { blocks_max, no_logs: AtomicBool::new(false), refused: AtomicU64::new(0) }
    }
}

/// A provider that asks through such a node.
pub fn picky(chain: &RpcClient, manners: Arc<Manners>) -> DynProvider {
    let node = Picky { inner: chain.transport().clone(), manners };
    let client = RpcClient::new(node, true).with_poll_interval(chain.poll_interval());
    RootProvider::<alloy::network::Ethereum>::new(client).erased()
}

#[derive(Clone, Debug)]
struct Picky {
    inner: BoxTransport,
    manners: Arc<Manners>,
}

impl Picky {
    /// What it answers by itself.
    fn own_answer(&self, request: &SerializedRequest) -> Option<Response> {
        if request.method() != "eth_getLogs" {
            return None;
        }
        let params: Value = serde_json::from_str(request.params()?.get()).ok()?;
        let block = |name: &str| serde_json::from_value::<U64>(params[0][name].clone()).ok();
        let (first, last) = (block("fromBlock")?.to::<u64>(), block("toBlock")?.to::<u64>());
        let payload = if last.saturating_sub(first) >= self.manners.blocks_max.load(SeqCst) {
            self.manners.refused.fetch_add(1, SeqCst);
            let message = "query exceeds the block range that this node gives".into();
            ResponsePayload::Failure(ErrorPayload { code: -32_005, message, data: None })
        } else if self.manners.no_logs.load(SeqCst) {
            ResponsePayload::Success(serde_json::value::to_raw_value(&[0; 0]).ok()?)
        } else {
            return None;
        };
        Some(Response { id: request.id().clone(), payload })
    }
}

impl Service<RequestPacket> for Picky {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        if let RequestPacket::Single(request) = &packet
            && let Some(answer) = self.own_answer(request)
        {
            return Box::pin(std::future::ready(Ok(ResponsePacket::Single(answer))));
        }
        self.inner.call(packet)
    }
}
