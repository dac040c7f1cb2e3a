//! An answer, and whether it came to its end.
//!
//! A paid answer whose length is known and small is read before it is handed on, so that one that is cut
//! short is asked for again. A longer one, or a stream, is handed on as it comes, and watched: until it was
//! read to its end, the payment waits for its answer.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use reqwest::{Body, Response, ResponseBuilderExt};

use crate::{command::Delivery, error::NoAnswer, payment::Payment};

/// The longest answer that is read before it is handed on, in bytes.
pub const SHORT_ANSWER_BYTES: u64 = 256 << 10;
/// How much of what a busy payee says is kept, in bytes.
const WORDS_BYTES: usize = 300;

/// An answer, and what was paid for it.
///
/// What was paid for counts as delivered when the response's body was read to its end. Let go before
/// that, the same request sends the same payment again.
#[derive(Debug)]
pub struct Answer {
    /// The payee's answer.
    pub response: Response,
    /// The payment, if one was due.
    pub payment: Option<Payment>,
}

/// The answer to a paid request.
#[derive(Debug)]
pub(crate) enum Received {
    /// All of it.
    Whole(Response),
    /// Its head, and a body that comes yet.
    Streaming(Response),
}

impl Received {
    /// Reads an answer to its end if it says that it is short.
    pub(crate) async fn whole_if_short(response: Response) -> Result<Self, NoAnswer> {
        if response.content_length().is_none_or(|bytes| bytes > SHORT_ANSWER_BYTES) {
            return Ok(Self::Streaming(response));
        }
        let url = response.url().clone();
        let (status, version) = (response.status(), response.version());
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(NoAnswer::Cut)?;
        Ok(Self::Whole(with_body(url, status, version, headers, body)))
    }

    pub(crate) fn response(&self) -> &Response {
        match self {
            Self::Whole(response) | Self::Streaming(response) => response,
        }
    }

    /// What there is to be said of it where it is no answer.
    pub(crate) async fn no_answer(self) -> NoAnswer {
        let (Self::Whole(mut response) | Self::Streaming(mut response)) = self;
        let status = response.status().as_u16();
        let mut words = Vec::new();
        while words.len() < WORDS_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            words.extend_from_slice(&chunk);
        }
        words.truncate(WORDS_BYTES);
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        NoAnswer::Status { status, words }
    }

    /// Hands the answer on. The payment is delivered at its end.
    pub(crate) fn deliver(self, delivery: Option<Delivery>) -> Response {
        let (response, delivery) = match (self, delivery) {
            (Self::Whole(response), Some(delivery)) => {
                delivery.complete();
                return response;
            }
            (Self::Streaming(response), Some(delivery)) => (response, delivery),
            (Self::Whole(response) | Self::Streaming(response), None) => return response,
        };
        let url = response.url().clone();
        let (status, version) = (response.status(), response.version());
        let headers = response.headers().clone();
        let body = http::Response::<Body>::from(response).into_body();
        let body = Body::wrap(Watched { body, delivery: Some(delivery) });
        with_body(url, status, version, headers, body)
    }
}

/// A response of these parts.
fn with_body(
    url: url::Url,
    status: http::StatusCode,
    version: http::Version,
    headers: http::HeaderMap,
    body: impl Into<Body>,
) -> Response {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    // The builder is the only one that knows how a URL is put there; it fails for nothing that is given
    // here.
    if let Ok(built) = http::Response::builder().url(url).body(()) {
        (parts, ()) = built.into_parts();
    }
    (parts.status, parts.version, parts.headers) = (status, version, headers);
    http::Response::from_parts(parts, body.into()).into()
}

/// A body, and what is told when it ends.
#[derive(Debug)]
struct Watched {
    body: Body,
    delivery: Option<Delivery>,
}

impl Watched {
    fn complete(&mut self) {
        if let Some(delivery) = self.delivery.take() {
            delivery.complete();
        }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &polled {
            Some(Ok(_)) if !self.body.is_end_stream() => {}
            Some(Ok(_)) | None => self.complete(),
            // Cut short: the payment waits for its answer.
            Some(Err(_)) => drop(self.delivery.take()),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        // The end is waited for: it concludes the purchase.
        self.delivery.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
