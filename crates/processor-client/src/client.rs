//! Who gives receipts, as a payee sees it.
//!
//! Both calls are idempotent, so that whoever does not hear an answer asks again: the same mandate
//! gets the same receipt, the same capture the same answer.

use std::fmt;

use aep2_mandate::{
    mandate::SignedMandate,
    typed_data::{
        capture::{SignedCapture, SignedCaptureReceipt},
        receipt::SignedReceipt,
    },
    units::UnixTime,
};
use aep2_x402::Requirements;
use async_trait::async_trait;

use crate::error::ProcessorError;

/// Takes mandates, and promises to settle them.
///
/// What it answers is not believed here: the caller checks receipts, see [`aep2_x402::receipt`].
#[async_trait]
pub trait ProcessorClient: fmt::Debug + Send + Sync + 'static {
    /// Hands in a mandate that was given under `terms`, with the order that it pays for, and for
    /// `resource`; gets its receipt.
    async fn settle(
        &self,
        mandate: &SignedMandate,
        terms: &Requirements,
        resource: &str,
    ) -> Result<SignedReceipt, ProcessorError>;

    /// Captures less than a mandate's amount.
    async fn capture(
        &self,
        capture: &SignedCapture,
    ) -> Result<SignedCaptureReceipt, ProcessorError>;

    /// The time by its clock, to the second, where it can be asked.
    async fn time(&self) -> Option<UnixTime> {
        None
    }
}
