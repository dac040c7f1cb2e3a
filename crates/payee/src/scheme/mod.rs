//! Ways to pay: each is one [`Scheme`], in a file of its own.
//!
//! ```text
//! offer ─▶ is_meant ─▶ admit ─▶ (seen before?) ─▶ settle ─▶ hand_over ─▶ handler ─▶ conclude
//! 402                  refuse    conflict         refuse                            promise, where the
//!                                                                                   answer goes out first
//! ```
//!
//! What holds for all of them is not theirs to do: a payment is served once, and the same payment
//! for the same request gets the same answer; once it was handed to `settle`, the request is
//! carried to its end whether or not the payer listens; a handler that panics has answered too.
//!
//! - `aep2`: mandates, bound to the request that they pay for. Every payee takes them;
//! - [`Exact`](crate::Exact): x402's scheme `exact`;
//! - [`Mvp`](crate::Mvp): the published MVP's mandates.
//!
//! Another one is added to a price with [`Charge::and`](crate::Charge::and).

pub(crate) mod aep2;
pub(crate) mod exact;
pub(crate) mod mvp;
mod terms;

use std::fmt;

use aep2_x402::v1;
use alloy_primitives::B256;
use axum::response::Response;
use http::{HeaderMap, request::Parts};
use serde_json::value::RawValue;

use crate::{
    cache::Fingerprint,
    refusal::Refusal,
    sale::{Conflict, Sale},
    statement::Statement,
};

/// A way to pay for a request.
pub trait Scheme: fmt::Debug + Send + Sync + 'static {
    /// The scheme's name. No two schemes of one payee have the same.
    const NAME: &'static str;
    /// A payment that fits its request.
    type Payment: Send + 'static;
    /// A payment that was settled.
    type Paid: Send + Sync + 'static;
    /// What a payer is told of a settled payment.
    type Statement: Statement;
    /// Why a payment is not taken.
    type Refusal: Send;

    /// What is asked for in an answer 402; nothing where this request is not sold by this scheme.
    ///
    /// # Errors
    /// When it has no JSON, which it should always have.
    fn offer(&self, sale: &Sale) -> serde_json::Result<Option<Offer>>;

    /// Whether these headers carry a payment by this scheme. What cannot be read is for others to
    /// say.
    fn is_meant(&self, sale: &Sale, headers: &HeaderMap) -> bool;

    /// The payment in a request's headers, if it pays for this sale, as far as can be told here.
    ///
    /// # Errors
    /// When it does not.
    fn admit(
        &self,
        sale: &Sale,
        headers: &HeaderMap,
    ) -> Result<Admitted<Self::Payment>, Self::Refusal>;

    /// Settles a payment, or gets a promise that it will be settled: from here on it may have been
    /// charged.
    ///
    /// # Errors
    /// When it is not settled, or that is not certain.
    fn settle(
        &self,
        sale: &Sale,
        payment: Self::Payment,
    ) -> impl Future<Output = Result<Self::Paid, Self::Refusal>> + Send;

    /// Readies a paid request for its handler: what was paid stands among its extensions, and the
    /// payment, which is for this payee only, does not stand among its headers.
    fn hand_over(&self, paid: &Self::Paid, request: &mut Parts);

    /// What can be said of a payment before the handler's answer is complete.
    fn promise(&self, sale: &Sale, paid: &Self::Paid) -> Self::Statement;

    /// Charges what the call came to, and says so. A call has `succeeded` where its handler neither
    /// panicked nor answered with a status of 400 or more.
    fn conclude(
        &self,
        sale: &Sale,
        paid: &Self::Paid,
        succeeded: bool,
    ) -> impl Future<Output = Self::Statement> + Send;

    /// Words a conflict with what was served before.
    fn conflict(&self, conflict: Conflict) -> Self::Refusal;

    /// How a refusal is answered.
    fn refuse(&self, refusal: Self::Refusal) -> Rejection;
}

/// What a scheme asks for.
#[derive(Debug)]
pub enum Offer {
    /// An entry of x402's `accepts`.
    X402 {
        /// As the second version has it, in the header.
        requirements: Box<RawValue>,
        /// As the first version has it, in the body.
        first_version: Box<v1::Requirements>,
    },
    /// Members of the body beside x402's, for clients of another protocol. They stand in answers to
    /// requests that came without a payment.
    Body {
        /// What takes the place of x402's `error`, which is words.
        error: String,
        /// The other members.
        members: Vec<(&'static str, Box<RawValue>)>,
    },
}

/// A payment that fits its request.
#[derive(Debug)]
pub struct Admitted<P> {
    pub(crate) payment: P,
    pub(crate) id: B256,
    pub(crate) fingerprint: Box<dyn Fingerprint>,
}

impl<P> Admitted<P> {
    /// `id` tells this payment from all others of its scheme. When it comes again with an equal
    /// `fingerprint`, it is the same payment for the same request, and gets the same answer.
    pub fn new(
        payment: P,
        id: B256,
        fingerprint: impl fmt::Debug + PartialEq + Send + 'static,
    ) -> Self {
        Self { payment, id, fingerprint: Box::new(fingerprint) }
    }
}

/// How a refusal is answered.
#[derive(Debug)]
pub enum Rejection {
    /// In x402's words. An answer 402 carries what the payee asks for, by all schemes.
    X402(Refusal),
    /// In another protocol's words.
    Other(Box<Response>),
}
