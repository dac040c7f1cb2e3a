//! What a payer agrees to of disputes, and why a mandate that can be disputed did not go on to its payee.

use aep2_processor_client::{NativeClient, ProcessorError};
use aep2_x402::receipt::ReceiptError;
use alloy_primitives::Address;
use thiserror::Error;

/// What a payer agrees to of disputes.
#[derive(Clone, Debug)]
pub struct AcceptedDisputes {
    /// Whom it lets decide.
    pub arbiters: Vec<Address>,
    /// Its processor, which it tells.
    pub processor: NativeClient,
}

/// Why a mandate did not go on to its payee. Nothing else was paid.
#[derive(Debug, Error)]
pub enum HandInError {
    /// The processor refuses it: it is not paid.
    #[error("{code}: {message}")]
    Refused {
        /// The processor's code.
        code: String,
        /// Its message.
        message: String,
    },
    /// It is not known whether the processor has it. The same request tries again.
    #[error("{0}")]
    Processor(#[source] ProcessorError),
    /// The processor has it, and its receipt is not what the terms say.
    #[error("the processor has it, and gave a receipt that is not believed: {0}")]
    Receipt(#[from] ReceiptError),
    /// The terms cannot be read any more.
    #[error("the terms cannot be read: {0}")]
    Terms(#[from] serde_json::Error),
    /// There is no processor to tell.
    #[error("this payer accepts no disputes")]
    NotAccepted,
}
