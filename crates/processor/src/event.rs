//! What happens, as it happens, for those who listen. What an event says is on disk already.

use aep2_ledger::{BatchNumber, MandateHash, SettlementPath};
use aep2_mandate::{
    openapi,
    units::{AccountId, Amount, UnixTime},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{json, openapi_names::SettlementPathName};

/// Something that happened. In JSON an object whose field `event` names the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A mandate was accepted.
    Accepted {
        /// Its id or digest.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// By which way it settles.
        #[serde(serialize_with = "json::path")]
        #[schema(value_type = SettlementPathName)]
        path: SettlementPath,
        /// Who pays.
        account: AccountId,
        /// The token paid in.
        #[serde(serialize_with = "json::address")]
        #[schema(value_type = openapi::Address)]
        token: Address,
        /// Who is paid.
        #[serde(serialize_with = "json::address")]
        #[schema(value_type = openapi::Address)]
        payee: Address,
        /// The most that may be captured.
        amount: Amount,
        /// By when it is settled.
        #[schema(rename = "settleBy")]
        settle_by: UnixTime,
    },
    /// A payee said how much it takes.
    Captured {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// How much.
        amount: Amount,
    },
    /// A payer objects to a mandate, which is held.
    Disputed {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// Until when an answer and a ruling count.
        #[schema(rename = "decideBy")]
        decide_by: UnixTime,
    },
    /// A payee answered a dispute.
    DisputeAnswered {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
    },
    /// An arbiter decided a dispute.
    DisputeRuled {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// The most that the payee gets.
        captured: Amount,
    },
    /// A payee said that it gives some back. It is its word until `refund_paid` follows.
    RefundAnnounced {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// The payee's number of the refund.
        #[schema(rename = "refundId", value_type = openapi::Bytes32)]
        refund_id: B256,
        /// How much.
        amount: Amount,
    },
    /// A refund is in the payer's account, as the chain shows.
    RefundPaid {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// The payee's number of the refund.
        #[schema(rename = "refundId", value_type = openapi::Bytes32)]
        refund_id: B256,
        /// How much.
        amount: Amount,
        /// The transaction.
        #[schema(value_type = openapi::Bytes32)]
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// Mandates were put into a batch.
    Sealed {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// How many.
        count: u32,
    },
    /// A segment of a batch has its proof.
    SegmentProved {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// How many of its segments are proved.
        proved: u32,
        /// How many it has.
        segments: u32,
    },
    /// A batch has its proofs.
    Proved {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// How long proving took, in milliseconds.
        #[schema(rename = "tookMs")]
        took_ms: u64,
    },
    /// A batch's transaction was handed to the chain.
    Submitted {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
    },
    /// The chain settled a batch.
    Confirmed {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// The transaction.
        #[schema(value_type = openapi::Bytes32)]
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// A batch's block cannot be reorged out any more.
    Final {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
    },
    /// A batch will not settle; its mandates go their own ways.
    Aborted {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// Why.
        reason: String,
    },
    /// A mandate was settled.
    Settled {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// What was paid.
        amount: Amount,
        /// In which batch; none when it was not one of this ledger's.
        #[serde(serialize_with = "json::batch_or_none")]
        #[schema(value_type = Option<u64>)]
        batch: Option<BatchNumber>,
        /// The block's number.
        block: u64,
    },
    /// A mandate will not be settled.
    Failed {
        /// The mandate.
        #[serde(serialize_with = "json::hash")]
        #[schema(value_type = openapi::Bytes32)]
        mandate: MandateHash,
        /// Why.
        reason: String,
    },
    /// Blocks were reorged out, and what they settled is not settled.
    ReorgedOut {
        /// The last block that stayed.
        #[schema(rename = "toBlock")]
        to_block: u64,
        /// How many mandates wait again.
        mandates: usize,
        /// How many batches are unconfirmed again.
        batches: usize,
    },
    /// A part of the processor failed. The process ends; the next one goes on from what is on disk.
    TaskPanicked {
        /// Which: `chain_sync`, `batch_scheduler`, `transaction_sender` or `account_changes`.
        task: &'static str,
    },
}
