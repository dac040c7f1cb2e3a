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

use aep2_x402::headers::PAYMENT_RESPONSE;
use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::{
    cache::{InFlight, Outcome, StoredResponse},
    sale::Sale,
    scheme::Scheme,
    statement::Statement,
};

/// What it takes to give an answer.
pub(crate) struct Reply<S: Scheme> {
    pub(crate) scheme: Arc<S>,
    pub(crate) sale: Sale,
    pub(crate) paid: S::Paid,
    pub(crate) in_flight: InFlight,
}

/// Gives the handler's answer to the payer, and concludes the payment.
pub(crate) async fn give<S: Scheme>(reply: Reply<S>, response: Response) -> Response {
    let Reply { scheme, sale, paid, .. } = &reply;
    let (mut parts, body) = response.into_parts();
    let succeeded = !(parts.status.is_client_error() || parts.status.is_server_error());
    let bytes_max = sale.payee().config().answer_bytes_max;
    let small = body.size_hint().upper().is_some_and(|upper| upper <= bytes_max as u64);
    if !small {
        attach(&scheme.promise(sale, paid), &mut parts.headers);
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
    let said = scheme.conclude(sale, paid, succeeded).await;
    attach(&said, &mut parts.headers);
    let body = said.body(&mut parts.headers, body);
    let (status, headers) = (parts.status, parts.headers.clone());
    let stored = StoredResponse { status, headers, body: body.clone() };
    reply.in_flight.served(Outcome::Stored(Arc::new(stored)));
    Response::from_parts(parts, Body::from(body))
}

/// The same answer once more.
pub(crate) fn repeat(stored: &StoredResponse) -> Response {
    let mut response = Response::new(Body::from(stored.body.clone()));
    *response.status_mut() = stored.status;
    *response.headers_mut() = stored.headers.clone();
    response
}

/// Puts a statement into an answer's head.
fn attach(statement: &impl Statement, headers: &mut HeaderMap) {
    match statement.headers() {
        Ok(written) => headers.extend(written),
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
struct Streamed<S: Scheme> {
    body: Body,
    copy: Option<BytesMut>,
    bytes_max: usize,
    /// Whether what came so far is well.
    succeeded: bool,
    end: Option<Box<(Reply<S>, Head)>>,
}

impl<S: Scheme> Streamed<S> {
    fn new(body: Body, reply: Reply<S>, head: Head, succeeded: bool, bytes_max: usize) -> Self {
        let copy = Some(BytesMut::new());
        Self { body, copy, bytes_max, succeeded, end: Some(Box::new((reply, head))) }
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
        let Some(end) = self.end.take() else { return };
        let (reply, Head { status, headers }) = *end;
        let succeeded = self.succeeded;
        let copy = if complete && succeeded { self.copy.take() } else { None };
        let conclude = async move {
            let Reply { scheme, sale, paid, in_flight } = reply;
            scheme.conclude(&sale, &paid, succeeded).await;
            let said = headers.get(PAYMENT_RESPONSE).cloned();
            in_flight.served(match copy.map(BytesMut::freeze) {
                Some(body) => Outcome::Stored(Arc::new(StoredResponse { status, headers, body })),
                None => Outcome::NotStored(said),
            });
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(conclude)),
            Err(_) => tracing::error!("no runtime is left to conclude a payment"),
        }
    }
}

impl<S: Scheme> HttpBody for Streamed<S> {
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

impl<S: Scheme> Drop for Streamed<S> {
    fn drop(&mut self) {
        let complete = self.body.is_end_stream();
        self.end(complete);
    }
}
