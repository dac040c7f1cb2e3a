//! The chain as one of alloy's transports, so that a provider does not know that it is embedded.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use alloy::{
    rpc::json_rpc::{RequestPacket, Response, ResponsePacket, ResponsePayload, SerializedRequest},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use tower::Service;

use crate::running::Running;

/// Requests in, answers out, all within this process.
#[derive(Clone, Debug)]
pub(crate) struct InProcess(pub(crate) Arc<Running>);

impl Service<RequestPacket> for InProcess {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, packet: RequestPacket) -> Self::Future {
        let running = self.0.clone();
        Box::pin(async move {
            let answer = move || answer(&running, packet);
            match tokio::runtime::Handle::try_current() {
                // The EVM computes and the journal waits for the disk: neither may hold up a runtime.
                Ok(runtime) => {
                    let answered = runtime.spawn_blocking(answer).await;
                    answered.map_err(|_| TransportErrorKind::backend_gone())
                }
                Err(_) => Ok(answer()),
            }
        })
    }
}

fn answer(running: &Running, packet: RequestPacket) -> ResponsePacket {
    let one = |request: &SerializedRequest| {
        let payload = match running.call(request.method(), request.params()) {
            Ok(result) => ResponsePayload::Success(result),
            Err(error) => ResponsePayload::Failure(error.payload()),
        };
        Response { id: request.id().clone(), payload }
    };
    match packet {
        RequestPacket::Single(request) => ResponsePacket::Single(one(&request)),
        RequestPacket::Batch(requests) => ResponsePacket::Batch(requests.iter().map(one).collect()),
    }
}
