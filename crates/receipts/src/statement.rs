//! What a line says: something that was signed about a mandate.

use aep2_mandate::typed_data::{
    capture::{SignedCapture, SignedCaptureReceipt},
    receipt::SignedReceipt,
    ruling::SignedRuling,
};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// Something that was signed about a mandate. Whose signature it has is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A processor's promise.
    Receipt(SignedReceipt),
    /// A processor's word on what was captured.
    CaptureReceipt(SignedCaptureReceipt),
    /// A payee's word that it takes less. It is kept before the processor is told: whoever took less must
    /// not demand more, whether or not an answer came.
    Capture(SignedCapture),
    /// An arbiter's.
    Ruling(SignedRuling),
}

/// A line says nothing that was signed about a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is no receipt, capture receipt, capture or ruling: {0}")]
pub struct NotAStatement(String);

impl Statement {
    /// Reads a line.
    ///
    /// # Errors
    /// When it is anything but one signed statement, exactly as the wire has it.
    pub fn parse(line: &[u8]) -> Result<Self, NotAStatement> {
        /// Enough to tell them apart: a receipt has times that a capture's has not.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Peek {
            receipt: Option<PeekReceipt>,
            capture: Option<serde::de::IgnoredAny>,
            ruling: Option<serde::de::IgnoredAny>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct PeekReceipt {
            settle_by: Option<serde::de::IgnoredAny>,
        }

        let peek: Peek =
            serde_json::from_slice(line).map_err(|error| NotAStatement(error.to_string()))?;
        let read = match peek {
            Peek { receipt: Some(PeekReceipt { settle_by: Some(_) }), .. } => {
                SignedReceipt::from_json(line).map(Self::Receipt)
            }
            Peek { receipt: Some(_), .. } => {
                SignedCaptureReceipt::from_json(line).map(Self::CaptureReceipt)
            }
            Peek { capture: Some(_), .. } => SignedCapture::from_json(line).map(Self::Capture),
            Peek { ruling: Some(_), .. } => SignedRuling::from_json(line).map(Self::Ruling),
            Peek { .. } => return Err(NotAStatement("it has none of their fields".to_owned())),
        };
        read.map_err(|error| NotAStatement(error.to_string()))
    }

    /// The mandate that it is about.
    pub fn mandate_id(&self) -> B256 {
        match self {
            Self::Receipt(own) => own.message.mandate_id.to_bytes(),
            Self::CaptureReceipt(own) => own.message.mandate_id,
            Self::Capture(own) => own.message.mandate_id,
            Self::Ruling(own) => own.message.mandate_id,
        }
    }
}

impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Receipt(own) => own.serialize(serializer),
            Self::CaptureReceipt(own) => own.serialize(serializer),
            Self::Capture(own) => own.serialize(serializer),
            Self::Ruling(own) => own.serialize(serializer),
        }
    }
}

impl From<SignedReceipt> for Statement {
    fn from(own: SignedReceipt) -> Self {
        Self::Receipt(own)
    }
}

impl From<SignedCaptureReceipt> for Statement {
    fn from(own: SignedCaptureReceipt) -> Self {
        Self::CaptureReceipt(own)
    }
}

impl From<SignedCapture> for Statement {
    fn from(own: SignedCapture) -> Self {
        Self::Capture(own)
    }
}
