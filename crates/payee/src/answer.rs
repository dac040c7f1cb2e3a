//! The answer to a paid request: what the handler said, what was paid for it, and its copy in
//! memory.
//!
//! An answer whose length is known and small is complete before it is sent: the call is captured,
//! and the payer learns of it in the header. Anything else is passed on as it comes, and captured
//! when it ends; its copy is kept if it turns out to be small.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use aep2_x402::{
    Network, SettleResponse,
    headers::{self, PAYMENT_RESPONSE, X_PAYMENT_RESPONSE},
    mvp::{Payment, PaymentStatus, X_PAYMENT_RECEIPT},
};
use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use serde::de::IgnoredAny;

use super::{
    MvpPaid, Paid, PayeeParts, Refusal,
    served::{Kept, Served, Serving},
};

/// What it takes to give an answer.
pub(super) struct Reply {
    pub(super) payee: Arc<PayeeParts>,
    pub(super) sale: Sale,
    pub(super) serving: Serving,
}

/// By which kind of mandate it was paid.
pub(super) enum Sale {
    /// One that came by x402.
    Mandate { paid: Paid, network: Network },
    /// One of the published MVP's.
    Mvp(MvpPaid),
    /// A transfer of the scheme `exact`: all of it is said, whatever the handler says.
    Exact(Box<SettleResponse>),
}

/// What is said of a payment.
enum Said {
    X402(Box<SettleResponse>),
    Mvp(Payment),
}

impl Sale {
    /// What can be said before the call has ended.
    fn promised(&self) -> Said {
        match self {
            Self::Mandate { paid, network } => {
                let settled = SettleResponse::accepted(network.clone(), paid.receipt);
                Said::X402(Box::new(settled))
            }
            Self::Mvp(paid) => Said::Mvp(Payment {
                status: PaymentStatus::Enqueued,
                sp_receipt: paid.receipt,
                amount: None,
            }),
            Self::Exact(settled) => Said::X402(settled.clone()),
        }
    }

    /// Captures, and says what came of it.
    async fn concluded(&self, payee: &PayeeParts, succeeded: bool) -> Said {
        match self {
            Self::Mandate { paid, network } => {
                let settled = payee.settled(paid, network.clone(), succeeded).await;
                Said::X402(Box::new(settled))
            }
            Self::Mvp(paid) => {
                let (amount, _) = payee.conclude(paid.digest, &paid.meter, succeeded).await;
                let less = amount != paid.ceiling().amount();
                Said::Mvp(Payment {
                    status: PaymentStatus::Enqueued,
                    sp_receipt: paid.receipt,
                    amount: less.then_some(amount),
                })
            }
            Self::Exact(settled) => Said::X402(settled.clone()),
        }
    }
}

/// Gives the handler's answer to the payer, and concludes the payment.
pub(super) async fn give(reply: Reply, response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let succeeded = !(parts.status.is_client_error() || parts.status.is_server_error());
    let bytes_max = reply.payee.config.answer_bytes_max;
    let small = body.size_hint().upper().is_some_and(|upper| upper <= bytes_max as u64);
    if !small {
        reply.sale.promised().attach(&mut parts.headers);
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
    let said = reply.sale.concluded(&reply.payee, succeeded).await;
    said.attach(&mut parts.headers);
    let body = said.embed(&mut parts.headers, body);
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

impl Said {
    /// Puts it into an answer's head.
    fn attach(&self, headers: &mut HeaderMap) {
        let written = match self {
            Self::X402(settled) => headers::write(settled)
                .map(|said| vec![(PAYMENT_RESPONSE, said.clone()), (X_PAYMENT_RESPONSE, said)]),
            Self::Mvp(payment) => {
                headers::write(payment).map(|said| vec![(X_PAYMENT_RECEIPT, said)])
            }
        };
        match written {
            Ok(written) => headers.extend(written),
            Err(error) => tracing::error!(%error, "a receipt could not be written"),
        }
        // What one payer paid for is not another's.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
    }

    /// The MVP's clients look for it in the body too: as a member `payment`, where the body is a JSON
    /// object that has none. Other bodies stay as they are.
    fn embed(&self, headers: &mut HeaderMap, body: Bytes) -> Bytes {
        let Self::Mvp(payment) = self else { return body };
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        if headers.contains_key(header::CONTENT_ENCODING)
            || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        {
            return body;
        }
        let Some(longer) = with_payment(&body, payment) else { return body };
        if headers.contains_key(header::CONTENT_LENGTH) {
            headers.insert(header::CONTENT_LENGTH, longer.len().into());
        }
        longer
    }
}

/// A JSON object with one member more: its own text, and the member before its last brace. Nothing
/// where it is no object, or has the member.
fn with_payment(body: &[u8], payment: &Payment) -> Option<Bytes> {
    let members: HashMap<String, IgnoredAny> = serde_json::from_slice(body).ok()?;
    if members.contains_key("payment") {
        return None;
    }
    let open = body.trim_ascii_end().strip_suffix(b"}")?;
    let comma: &[u8] = if members.is_empty() { b"" } else { b"," };
    let member = serde_json::to_vec(payment).ok()?;
    Some([open, comma, b"\"payment\":", &member, b"}"].concat().into())
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
            reply.sale.concluded(&reply.payee, succeeded).await;
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
