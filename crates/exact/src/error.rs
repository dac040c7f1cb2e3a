//! Why a payment is not taken.

use aep2_chain::error::ChainError;
use thiserror::Error;
use x402_types::proto::PaymentVerificationError;

/// Why a payment is not taken.
#[derive(Clone, Debug, Error)]
pub enum ExactError {
    /// It does not pay what is asked, or cannot.
    #[error("{message}")]
    Refused {
        /// x402's code.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// The same payment is being settled for somebody else.
    #[error("the same payment is being settled")]
    InProgress,
    /// Too much is on its way.
    #[error("too many payments are being settled; send it again later")]
    Busy,
    /// The node does not answer, gas costs too much, or something broke.
    #[error("{0}")]
    Failed(String),
}

impl ExactError {
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }
}

impl From<ChainError> for ExactError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Reverted(_) | ChainError::RevertedInBlock { .. } => {
                Self::refused("invalid_transaction_state", error.to_string())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<PaymentVerificationError> for ExactError {
    /// By the names of x402's specification, where it has them; x402-rs says them otherwise.
    fn from(error: PaymentVerificationError) -> Self {
        use PaymentVerificationError as E;
        let code = match &error {
            E::InvalidFormat(_) => "invalid_payload",
            E::InvalidPaymentAmount => "invalid_exact_evm_payload_authorization_value",
            E::Early => "invalid_exact_evm_payload_authorization_valid_after",
            E::Expired => "invalid_exact_evm_payload_authorization_valid_before",
            E::ChainIdMismatch | E::UnsupportedChain => "invalid_network",
            E::RecipientMismatch => "invalid_exact_evm_payload_recipient_mismatch",
            E::InsufficientFunds | E::InsufficientAllowance => "insufficient_funds",
            E::InvalidSignature(_) => "invalid_exact_evm_payload_signature",
            E::TransactionSimulation(_) => "invalid_transaction_state",
            E::UnsupportedScheme => "unsupported_scheme",
            E::AssetMismatch | E::AcceptedRequirementsMismatch => "invalid_payment_requirements",
        };
        Self::refused(code, error.to_string())
    }
}
