//! What came of a submission, and why one was not made.

use alloy::{
    primitives::{B256, Bytes, U256},
    rpc::types::TransactionReceipt,
    signers,
};
use thiserror::Error;

use super::{
    fees::FeeCapReached,
    journal::JournalError,
    record::{Finish, SubmissionId},
    refusal::Refusal,
};
use crate::rpc::{BlockRef, RpcError};

/// What is known of a submission. Only [`Succeeded`](Self::Succeeded) is success.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Mined and succeeded, deep enough. Final.
    Succeeded {
        /// Its receipt.
        receipt: Box<TransactionReceipt>,
    },
    /// Mined and reverted, deep enough. Final: it will not be sent again.
    Reverted {
        /// Its receipt.
        receipt: Box<TransactionReceipt>,
        /// The data that the call reverts with when it is run again on its block's state. None when
        /// it does not revert there, or the node no longer has the state.
        reason: Option<Bytes>,
    },
    /// The nonce was used by something that this sender did not send, deep enough: someone else
    /// uses the key. Final: it was not and will not be mined.
    Replaced {
        /// The transaction that used it. None when it was an authorisation (EIP-7702).
        by: Option<B256>,
        /// The block in which it was used.
        block: BlockRef,
    },
    /// Not yet.
    Pending(Pending),
    /// The node has forgotten it, or never got it. It can still be mined, and is sent again by the
    /// next [`advance`](super::Sender::advance).
    Dropped {
        /// The hash of its newest attempt.
        hash: B256,
        /// What the node said when it was last sent, if it refused.
        refusal: Option<(Refusal, String)>,
    },
}

impl Outcome {
    /// Whether it will not change any more.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Succeeded { .. } | Self::Reverted { .. } | Self::Replaced { .. } => true,
            Self::Pending(_) | Self::Dropped { .. } => false,
        }
    }
}

impl From<Finish> for Outcome {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Mined { receipt, .. } if receipt.status() => Self::Succeeded { receipt },
            Finish::Mined { receipt, reason } => Self::Reverted { receipt, reason },
            Finish::Replaced { by, block } => Self::Replaced { by, block },
        }
    }
}

/// What a submission waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// To be mined.
    Waiting {
        /// The hash of its newest attempt.
        hash: B256,
        /// How many attempts there were; each after the first raised the fees.
        attempts: usize,
    },
    /// For an earlier nonce of the key.
    Behind {
        /// That nonce.
        nonce: u64,
    },
    /// For the chain to become cheaper: its fees cannot be raised any more.
    Stuck(FeeCapReached),
    /// For more confirmations of the block that it is in. That block may still be reorged out.
    Mined {
        /// That block.
        block: BlockRef,
        /// Whether it succeeded there.
        succeeded: bool,
    },
    /// For the chain to settle: its nonce is used, by what is not certain yet, or its block is
    /// being replaced.
    Unclear,
}

/// A submission that was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The caller's name for it.
    pub id: SubmissionId,
    /// Its nonce.
    pub nonce: u64,
    /// The hash of its newest attempt. Not the only one: watch the outcome, not the hash.
    pub hash: B256,
    /// How sending it went. Whatever this says, the sender goes on with it.
    pub broadcast: Broadcast,
}

/// How sending a transaction went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// The node has it.
    Accepted,
    /// It was submitted before; nothing was sent now.
    Earlier,
    /// The node refused it.
    Refused {
        /// What the node meant.
        refusal: Refusal,
        /// What it said.
        message: String,
    },
    /// No answer: the node may have it.
    Unanswered {
        /// What went wrong.
        message: String,
    },
}

/// Why nothing was sent. No nonce is used up.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// The call reverts.
    #[error("the call would revert with {data}")]
    WouldRevert {
        /// What it reverts with: the contract's error, encoded.
        data: Bytes,
    },
    /// The node could not run the call, for another reason than a revert.
    #[error("the call could not be simulated: {message}")]
    Simulation {
        /// What the node said.
        message: String,
    },
    /// The id was used for another call.
    #[error("submission {id} was made before, for another call")]
    IdReused {
        /// The id.
        id: SubmissionId,
    },
    /// The fee cap is below what the chain asks now.
    #[error(transparent)]
    FeeCap(#[from] FeeCapReached),
    /// The key cannot pay for it, together with what it has on its way.
    #[error("the key has {balance} wei and may need {needed} wei")]
    InsufficientFunds {
        /// What the key has, in wei.
        balance: U256,
        /// What all its transactions that are not final may cost, in wei.
        needed: U256,
    },
    /// The sender failed.
    #[error(transparent)]
    Sender(#[from] SenderError),
}

/// Why a sender cannot go on, or not now.
#[derive(Debug, Error)]
pub enum SenderError {
    /// A setting makes no sense.
    #[error("the sender's {setting} must be {must}")]
    Config {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// No such submission was made.
    #[error("there is no submission {id}")]
    NoSuchSubmission {
        /// The id.
        id: SubmissionId,
    },
    /// The submission has not ended.
    #[error("submission {id} has not ended")]
    Unfinished {
        /// The id.
        id: SubmissionId,
    },
    /// The chain has no base fee: it is older than EIP-1559.
    #[error("the chain has no base fee (EIP-1559)")]
    NoBaseFee,
    /// The node has no block.
    #[error("the node has no block yet")]
    NoBlock,
    /// The node did not answer. Passes.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The key could not sign.
    #[error("signing failed: {0}")]
    Signer(#[from] signers::Error),
    /// The journal failed, and with it the sender: a new one must be opened.
    #[error("the journal failed: {0}")]
    Journal(#[from] JournalError),
    /// The journal failed before.
    #[error("the sender is closed, because its journal failed; open a new one")]
    Closed,
}
