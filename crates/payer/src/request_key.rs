//! What makes two requests the same purchase.
//!
//! A payment that nobody answered is sent again when the same request is asked for again. The same is:
//! method, resource, body, and every header but those that say nothing about what is asked for. So a
//! request with another body, or for another user, never gets the answer that this one paid for; and one
//! that differs in a trace's number only is not paid for twice.
//!
//! ```text
//! key = keccak256(method LF resource LF (name ":" value LF)* LF body)
//! ```
//!
//! Headers are in the order of their names, in small letters; one that is there twice is joined by `", "`.
//! The TypeScript payer computes the same (`clients/typescript/src/payer/request-key.ts`): programs of both
//! languages find each other's payments in one journal.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use reqwest::Request;
use serde::{Deserialize, Serialize};

/// Headers that say nothing about what is asked for: payments, and what differs between two tries.
const PASSED_OVER: [&str; 12] = [
    "payment-signature",
    "x-payment",
    "x-payment-mandate",
    "baggage",
    "content-length",
    "date",
    "host",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
];

/// What makes two requests the same purchase: a hash over all that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestKey(B256);

impl RequestKey {
    /// That of an HTTP request for `resource`. None where the body is a stream: nobody knows whether
    /// another request has the same.
    pub fn of_http(request: &Request, resource: &str) -> Option<Self> {
        let body = match request.body() {
            Some(body) => body.as_bytes()?,
            None => &[],
        };
        let mut headers: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for (name, value) in request.headers() {
            if PASSED_OVER.contains(&name.as_str()) {
                continue;
            }
            let joined = headers.entry(name.as_str()).or_default();
            if !joined.is_empty() {
                joined.extend_from_slice(b", ");
            }
            joined.extend_from_slice(value.as_bytes());
        }
        Some(Self::of(request.method().as_str(), resource, headers, body))
    }

    /// That of a call whose method and resource say all that is asked for, as those of tools do.
    pub fn of_call(method: &str, resource: &str) -> Self {
        Self::of(method, resource, BTreeMap::new(), &[])
    }

    fn of(method: &str, resource: &str, headers: BTreeMap<&str, Vec<u8>>, body: &[u8]) -> Self {
        let mut text = format!("{method}\n{resource}\n").into_bytes();
        for (name, value) in headers {
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend_from_slice(&value);
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(body);
        Self(keccak256(text))
    }
}
