//! A node that stumbles over what somebody chose.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use alloy::{
    providers::{DynProvider, Provider, RootProvider},
    rpc::{
        client::RpcClient,
        json_rpc::{RequestPacket, ResponsePacket},
    },
    transports::{BoxTransport, TransportError, TransportErrorKind, TransportFut},
};
use tower::Service;

use crate::support::Stage;

/// The embedded chain, behind a node that does not answer what names one thing.
#[derive(Clone, Debug)]
pub(crate) struct Stumbling {
    inner: BoxTransport,
    over: Arc<Mutex<Option<String>>>,
    /// How many requests named it.
    asked: Arc<AtomicUsize>,
    fails: bool,
}

impl Stumbling {
    /// One that does not answer what names `over`, in hex.
    pub(crate) fn over(stage: &Stage, over: impl AsRef<[u8]>) -> Self {
        Self { fails: true, ..Self::counting(stage, over) }
    }

    /// One that takes no transactions.
    pub(crate) fn taking_none(stage: &Stage) -> Self {
        let over = Arc::new(Mutex::new(Some("eth_sendRawTransaction".to_owned())));
        Self { fails: true, over, ..Self::counting(stage, []) }
    }

    /// One that counts only.
    pub(crate) fn counting(stage: &Stage, what: impl AsRef<[u8]>) -> Self {
        let what = alloy::primitives::hex::encode(what);
        let inner = stage.chain.client().transport().clone();
        let over = Arc::new(Mutex::new(Some(what)));
        Self { inner, over, asked: Arc::default(), fails: false }
    }

    pub(crate) fn provider(&self) -> DynProvider {
        RootProvider::<alloy::network::Ethereum>::new(RpcClient::new(self.clone(), true)).erased()
    }

    /// How many requests named it since this was last asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.swap(0, SeqCst)
    }

    /// Answers everything from now on.
    pub(crate) fn recover(&self) {
        *self.over.lock().unwrap() = None;
    }
}

impl Service<RequestPacket> for Stumbling {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let over = self.over.lock().unwrap().clone();
        let names = |text: &str| over.as_ref().is_some_and(|over| text.contains(over.as_str()));
        let is_named = packet.requests().iter().any(|one| names(one.serialized().get()));
        if is_named {
            self.asked.fetch_add(1, SeqCst);
        }
        if is_named && self.fails {
            let why = "missing field `gas`: a transaction of a kind that is not known";
            return Box::pin(async move { Err(TransportErrorKind::custom_str(why)) });
        }
        self.inner.call(packet)
    }
}
