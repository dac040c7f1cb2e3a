//! What can go wrong between this software and a chain.

use std::time::Duration;

use aep2_mandate::units::ChainId;
use alloy::{
    contract,
    primitives::{Address, TxHash},
    providers::PendingTransactionError,
    transports::TransportError,
};
use thiserror::Error;

use crate::{rpc::without_paths, wallet::error::WalletError};

/// Why a contract was not read, or a call not carried out.
#[derive(Debug, Error)]
pub enum ChainError {
    /// The contract refused, before anything was sent: a read, or a call tried out.
    #[error(transparent)]
    Reverted(WalletError),
    /// A transaction is in a block and did nothing.
    #[error(
        "transaction {transaction} is in a block and was refused: {}",
        .reason.as_ref().map_or("it is not clear why".to_owned(), ToString::to_string)
    )]
    RevertedInBlock {
        /// The transaction.
        transaction: TxHash,
        /// What the call says when it is tried again around that block; none when it says nothing.
        reason: Option<Box<WalletError>>,
    },
    /// The node could not be reached, or would not answer. The error's own text may hold the node's
    /// address with an access key.
    // Not a `source`: whoever prints the chain of causes would print that.
    #[error("the node: {}", without_paths(&.0.to_string()))]
    Transport(Box<TransportError>),
    /// A transaction was sent and is in no block yet.
    #[error(
        "transaction {transaction} was sent and is in no block after {} s; it may still be mined, so \
         look it up before sending it again",
        waited.as_secs()
    )]
    NotMined {
        /// The transaction.
        transaction: TxHash,
        /// How long was waited.
        waited: Duration,
    },
    /// The node is one of another chain.
    #[error(
        "the node is on chain {found}, not {expected}; give the address of a node of {expected}"
    )]
    OtherChain {
        /// The chain meant.
        expected: ChainId,
        /// The node's.
        found: ChainId,
    },
    /// Nothing is at the address.
    #[error("there is no contract at {address} on chain {chain_id}; check address and chain")]
    NoContract {
        /// The address.
        address: Address,
        /// The chain.
        chain_id: ChainId,
    },
    /// Something is at the address, and it is not this software's wallet.
    #[error("the contract at {address} is not a wallet of this software: {reason}")]
    NotAWallet {
        /// The address.
        address: Address,
        /// What does not fit.
        reason: &'static str,
    },
    /// What is at the address does not say what anybody has of it.
    #[error(
        "there is no token at {address}: it does not answer as an ERC-20 does; check the address"
    )]
    NotAToken {
        /// The address.
        address: Address,
    },
    /// The token signs under a domain that it does not tell.
    #[error("{token} does not say under which EIP-712 domain it takes signatures: {reason}")]
    TokenDomain {
        /// The token.
        token: Address,
        /// What does not fit.
        reason: &'static str,
    },
    /// An answer makes no sense.
    #[error("{asked}: the answer makes no sense: {answer}")]
    Unexpected {
        /// What was asked for.
        asked: &'static str,
        /// What is wrong with the answer.
        answer: String,
    },
    /// A transaction opened no account of this wallet.
    #[error("transaction {transaction} has no event that says which account it opened")]
    NotOpened {
        /// The transaction.
        transaction: TxHash,
    },
}

impl ChainError {
    /// What the contract said, if it refused.
    pub fn reason(&self) -> Option<&WalletError> {
        match self {
            Self::Reverted(reason) => Some(reason),
            Self::RevertedInBlock { reason, .. } => reason.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn unexpected(asked: &'static str, answer: impl ToString) -> Self {
        Self::Unexpected { asked, answer: without_paths(&answer.to_string()) }
    }
}

/// What a node's error says of a revert, if it speaks of one.
pub fn revert_of(error: &TransportError) -> Option<WalletError> {
    /// "Execution reverted" in the error codes that geth began and others follow.
    const EXECUTION_REVERTED: i64 = 3;

    let response = error.as_error_resp()?;
    match response.as_revert_data() {
        Some(data) => Some(WalletError::decode(&data)),
        None => (response.code == EXECUTION_REVERTED).then_some(WalletError::NoReason),
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        match revert_of(&error) {
            Some(reason) => Self::Reverted(reason),
            None => Self::Transport(Box::new(error)),
        }
    }
}

impl From<contract::Error> for ChainError {
    fn from(error: contract::Error) -> Self {
        match error {
            contract::Error::TransportError(error) => error.into(),
            other => Self::unexpected("a contract", other),
        }
    }
}

impl From<PendingTransactionError> for ChainError {
    fn from(error: PendingTransactionError) -> Self {
        match error {
            PendingTransactionError::TransportError(error) => error.into(),
            other => Self::unexpected("a transaction's receipt", other),
        }
    }
}

/// A contract's answer, or none when it does not have the function: it reverts, or its fallback
/// answers with something else.
pub(crate) fn answered<T>(answer: contract::Result<T>) -> Result<Option<T>, ChainError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(contract::Error::TransportError(error)) => match error.into() {
            ChainError::Reverted(_) => Ok(None),
            other => Err(other),
        },
        Err(_) => Ok(None),
    }
}
