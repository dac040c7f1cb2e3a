//! The answer to a paid request: what the handler said, what was paid for it, and its copy in
//! memory.
//!
//! An answer whose length is known and small is complete before it is sent: the call is captured,
//! and the payer learns of it in the header. Anything else is passed on as it comes, and captured
//! when it ends; its copy is kept if it turns out to be small.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use super::{
    Paid, PayeeParts, Refusal,
    served::{Kept, Served, Serving},
};
use crate::x402::{
    Network, SettleResponse,
    headers::{self, PAYMENT_RESPONSE, X_PAYMENT_RESPONSE},
};

/// What it takes to give an answer.
pub(super) struct Reply {
    pub(super) payee: Arc<PayeeParts>,
    pub(super) paid: Paid,
    pub(super) network: Network,
    pub(super) serving: Serving,
}

/// Gives the handler's answer to the payer, and concludes the payment.
pub(super) async fn give(reply: Reply, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let succeeded = !(parts.status.is_client_error() || parts.status.is_server_error());
    let bytes_max = reply.payee.config.answer_bytes_max;
    let small = body.size_hint().upper().is_some_and(|upper| upper <= bytes_max as u64);
    if !small {
        let settled = SettleResponse::accepted(reply.network.clone(), reply.paid.receipt);
        attach(&mut parts.headers, &settled);
        let head = Head { status: parts.status, headers: parts.headers.clone() };
        let streamed = Streamed::new(body, reply, head, succeeded, bytes_max);
        return Response::from_parts(parts, Body::new(streamed));
    }
    let (body, succeeded) = match body.collect().await {
        Ok(body) => (body.to_bytes(), succeeded),
        Err(error) => {
            tracing::error!(%error, "a handler's answer broke off");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            parts.headers.remove(header::CONTENT_LENGTH);
            (Bytes::new(), false)
        }
    };
    let settled = conclude(&reply, succeeded).await;
    attach(&mut parts.headers, &settled);
    let kept = Kept { status: parts.status, headers: parts.headers.clone(), body: body.clone() };
    reply.serving.served(Served::Kept(Arc::new(kept)));
    Response::from_parts(parts, Body::from(body))
}

/// The same answer once more.
pub(super) fn repeat(served: Served) -> Result<Response, Refusal> {
    match served {
        Served::Kept(kept) => {
            let mut response = Response::new(Body::from(kept.body.clone()));
            *response.status_mut() = kept.status;
            *response.headers_mut() = kept.headers.clone();
            Ok(response)
        }
        Served::NotKept(said) => Err(Refusal::AlreadyServed(said)),
    }
}

/// Captures, and says what came of it.
async fn conclude(reply: &Reply, succeeded: bool) -> SettleResponse {
    let Reply { payee, paid, network, .. } = reply;
    let (amount, capture) = payee.conclude(paid, succeeded).await;
    let mut settled = SettleResponse::accepted(network.clone(), paid.receipt);
    if amount != paid.ceiling().amount() {
        settled.amount = Some(amount);
    }
    if let Some(extra) = &mut settled.extra {
        extra.capture = capture;
    }
    settled
}

fn attach(headers: &mut HeaderMap, settled: &SettleResponse) {
    match headers::write(settled) {
        Ok(header) => {
            headers.insert(PAYMENT_RESPONSE, header.clone());
            headers.insert(X_PAYMENT_RESPONSE, header);
        }
        Err(error) => tracing::error!(%error, "a receipt could not be written"),
    }
    // What one payer paid for is not another's.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
}

struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

/// A body on its way to the payer, and its copy.
struct Streamed {
    body: Body,
    copy: Option<BytesMut>,
    bytes_max: usize,
    /// Whether what came so far is well.
    succeeded: bool,
    end: Option<(Reply, Head)>,
}

impl Streamed {
    fn new(body: Body, reply: Reply, head: Head, succeeded: bool, bytes_max: usize) -> Self {
        let copy = Some(BytesMut::new());
        Self { body, copy, bytes_max, succeeded, end: Some((reply, head)) }
    }

    fn record(&mut self, frame: &Frame<Bytes>) {
        let fits = match (frame.data_ref(), &self.copy) {
            (Some(data), Some(copy)) => copy.len() + data.len() <= self.bytes_max,
            _ => false,
        };
        match (fits, frame.data_ref(), &mut self.copy) {
            (true, Some(data), Some(copy)) => copy.extend_from_slice(data),
            _ => self.copy = None,
        }
    }

    /// The end of it, by itself or because the payer hung up.
    fn end(&mut self, complete: bool) {
        let Some((reply, Head { status, headers })) = self.end.take() else { return };
        let succeeded = self.succeeded;
        let copy = if complete && succeeded { self.copy.take() } else { None };
        let conclude = async move {
            conclude(&reply, succeeded).await;
            let said = headers.get(PAYMENT_RESPONSE).cloned();
            reply.serving.served(match copy {
                Some(copy) => Served::Kept(Arc::new(Kept { status, headers, body: copy.freeze() })),
                None => Served::NotKept(said),
            });
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(conclude)),
            Err(_) => tracing::error!("no runtime is left to conclude a payment"),
        }
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &polled {
            Some(Ok(frame)) => self.record(frame),
            Some(Err(_)) => {
                self.succeeded = false;
                self.end(false);
            }
            None => self.end(true),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        // The end is waited for: it concludes the payment.
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        let complete = self.body.is_end_stream();
        self.end(complete);
    }
}
