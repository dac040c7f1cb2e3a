//! A batch, as it is shown.

use aep2_chain::wallet::units::shape_of_id;
use aep2_ledger::{
    Balance, BatchNumber, BatchView, MandateHash, SettlementPath, Step, records::BatchRecord,
};
use aep2_mandate::{
    openapi,
    units::{Amount, UnixTime},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{figures::BatchFigures, json, openapi_names::SettlementPathName};

/// What is known of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchStatus {
    /// Its number in this processor's ledger.
    #[serde(serialize_with = "json::batch")]
    #[schema(value_type = u64)]
    pub batch: BatchNumber,
    /// By which way it settles.
    #[serde(serialize_with = "json::path")]
    #[schema(value_type = SettlementPathName)]
    pub path: SettlementPath,
    /// The token of all its mandates.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub token: Address,
    /// How far it is.
    #[serde(flatten)]
    pub step: BatchStep,
    /// How many mandates it has.
    pub count: u32,
    /// What they pay together.
    #[serde(serialize_with = "json::balance")]
    #[schema(value_type = openapi::Decimal)]
    pub total: Balance,
    /// The circuit's shape, as `64x16-capture`; none in the direct path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// The verifiers by which it is checked; none in the direct path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<openapi::Bytes32>)]
    pub verifier_set: Option<B256>,
    /// The latest second at which the chain may settle it.
    pub valid_until: UnixTime,
    /// Its name on chain, once it is proved: what the wallet logs it under.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<openapi::Bytes32>)]
    pub batch_id: Option<B256>,
    /// When it took its steps, and what it cost.
    #[serde(flatten)]
    pub figures: BatchFigures,
    /// Its mandates, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mandates: Option<Vec<MemberStatus>>,
}

/// How far a batch is. In JSON the field `step` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "camelCase")]
pub enum BatchStep {
    /// Its mandates are fixed.
    Sealed,
    /// It has its proofs.
    Proved,
    /// Its transaction may have been sent.
    Submitted,
    /// The chain settled it.
    Confirmed {
        /// The transaction.
        #[schema(value_type = openapi::Bytes32)]
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// The chain settled it, and its block cannot be reorged out any more.
    Final {
        /// The transaction.
        #[schema(value_type = openapi::Bytes32)]
        transaction: B256,
        /// Its block's number.
        block: u64,
    },
    /// It will not settle; its mandates went their own ways.
    Aborted {
        /// Why.
        reason: String,
    },
}

/// A mandate in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// Its id or digest.
    #[serde(serialize_with = "json::hash")]
    #[schema(value_type = openapi::Bytes32)]
    pub mandate_id: MandateHash,
    /// What it pays in this batch.
    pub amount: Amount,
}

/// A step's name, as [`BatchStep`] has it.
pub(crate) fn step_name(step: &Step) -> &'static str {
    match step {
        Step::Sealed => "sealed",
        Step::Proved => "proved",
        Step::Submitted { .. } => "submitted",
        Step::Confirmed { .. } => "confirmed",
        Step::Final { .. } => "final",
        Step::Aborted { .. } => "aborted",
    }
}

/// A batch without its mandates.
pub(crate) fn status(
    batch: BatchNumber,
    record: BatchRecord,
    figures: BatchFigures,
) -> BatchStatus {
    let of_proved = |value| (record.path == SettlementPath::Proved).then_some(value);
    BatchStatus {
        batch,
        path: record.path,
        token: record.token,
        count: record.count,
        total: record.total,
        shape: shape_of_id(record.shape).map(|shape| shape.to_string()),
        verifier_set: of_proved(record.verifier_set),
        valid_until: record.valid_until,
        batch_id: record.batch_id,
        figures,
        mandates: None,
        step: match record.step {
            Step::Sealed => BatchStep::Sealed,
            Step::Proved => BatchStep::Proved,
            Step::Submitted { .. } => BatchStep::Submitted,
            Step::Confirmed { transaction, block } => BatchStep::Confirmed { transaction, block },
            Step::Final { transaction, block } => BatchStep::Final { transaction, block },
            Step::Aborted { reason } => BatchStep::Aborted { reason },
        },
    }
}

/// A batch with its mandates.
pub(crate) fn status_with_members(view: BatchView, figures: BatchFigures) -> BatchStatus {
    let BatchView { number, record, members } = view;
    let members = members.into_iter();
    let members =
        members.map(|member| MemberStatus { mandate_id: member.hash, amount: member.captured });
    BatchStatus { mandates: Some(members.collect()), ..status(number, record, figures) }
}
