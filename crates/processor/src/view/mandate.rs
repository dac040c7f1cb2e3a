//! A mandate, as it is shown.

use aep2_ledger::{
    BatchNumber, HoldKind, IssuedReceipt, Ledger, MandateHash, MandateView, SettlementPath, Status,
    Step, records::Promise,
};
use aep2_mandate::{
    mandate::Mandate,
    openapi,
    typed_data::{capture::SignedCaptureReceipt, direct::DirectMandate, receipt::SignedReceipt},
    units::{AccountId, Amount, UnixTime},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use utoipa::ToSchema;

use super::{batch::step_name, error::ViewError};
use crate::{
    accept::DirectAcceptance,
    capture,
    codes::message_of,
    json,
    openapi_names::{BatchStepName, HoldKindName, SettlementPathName},
    refund::RefundStatus,
};

/// What is known of a mandate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MandateStatus {
    /// Its id or digest.
    #[serde(serialize_with = "json::hash")]
    #[schema(value_type = openapi::Bytes32)]
    pub mandate_id: MandateHash,
    /// By which way it settles.
    #[serde(serialize_with = "json::path")]
    #[schema(value_type = SettlementPathName)]
    pub path: SettlementPath,
    /// What was signed.
    pub mandate: MandateTerms,
    /// The account that pays.
    pub account: AccountId,
    /// Where it is.
    #[serde(flatten)]
    pub state: MandateState,
    /// What keeps it out of windows while it is queued.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<HoldStatus>,
    /// What it pays, or paid, as far as is known: all of it, or what was captured.
    pub due: Amount,
    /// What was captured, and the processor's word on that; none when nothing was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureStatus>,
    /// What its payee gave back, or said that it gives back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundStatus>,
    /// When it was accepted.
    pub accepted_at: UnixTime,
    /// By when it was promised to be settled.
    pub settle_by: UnixTime,
    /// What was given for it.
    pub receipt: MandateReceipt,
}

/// A hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HoldStatus {
    /// Why: `not_before`, `dispute` or `operator`. What compliance holds or froze is shown as the operator's:
    /// whoever is looked at is not told.
    #[serde(serialize_with = "json::hold")]
    #[schema(value_type = HoldKindName)]
    pub kind: HoldKind,
    /// Until when.
    pub until: UnixTime,
}

/// A mandate of either path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MandateTerms {
    /// Of the proved path.
    Proved(Mandate),
    /// Of the direct path.
    Direct(DirectMandate),
}

/// A receipt of either path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MandateReceipt {
    /// Of the proved path.
    Proved(SignedReceipt),
    /// Of the direct path.
    Direct(DirectAcceptance),
}

/// A capture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaptureStatus {
    /// How much.
    pub amount: Amount,
    /// When.
    pub captured_at: UnixTime,
    /// The processor's word on it.
    pub receipt: SignedCaptureReceipt,
}

/// Where a mandate is. In JSON the field `status` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MandateState {
    /// Waits for a batch.
    Queued,
    /// Is in a batch.
    InBatch {
        /// The batch.
        #[serde(serialize_with = "json::batch")]
        #[schema(value_type = u64)]
        batch: BatchNumber,
        /// How far it is.
        #[schema(value_type = BatchStepName)]
        step: &'static str,
    },
    /// Was taken out of a batch, and waits for a decision.
    Quarantined {
        /// Why.
        reason: String,
    },
    /// Was settled.
    Settled {
        /// In which batch; none when it was not one of this ledger's.
        #[serde(serialize_with = "json::batch_or_none")]
        #[schema(value_type = Option<u64>)]
        batch: Option<BatchNumber>,
        /// The transaction, if it was that of a batch.
        #[schema(value_type = Option<openapi::Bytes32>)]
        transaction: Option<B256>,
        /// The block's number.
        block: u64,
        /// What was paid.
        amount: Amount,
        /// Whether the block cannot be reorged out any more.
        #[schema(rename = "isFinal")]
        is_final: bool,
    },
    /// Will not be settled.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The mandate, with what became of it.
pub(crate) fn status(
    ledger: &Ledger,
    processor: Address,
    view: MandateView,
) -> Result<MandateStatus, ViewError> {
    let MandateView { hash, mandate: record, state, receipt, capture } = view;
    let receipt = match receipt {
        IssuedReceipt::Proved { receipt } => MandateReceipt::Proved(receipt),
        IssuedReceipt::Direct { receipt } => {
            MandateReceipt::Direct(DirectAcceptance { processor, receipt, again: true })
        }
    };
    let capture = capture
        .map(|record| {
            let receipt = capture::receipt_of(&record);
            let receipt = receipt.map_err(|error| {
                ViewError::Internal(format!("the capture of mandate {hash} is damaged: {error}"))
            })?;
            Ok::<_, ViewError>(CaptureStatus {
                amount: record.amount,
                captured_at: record.at,
                receipt,
            })
        })
        .transpose()?;
    let refunds = ledger.refunds(hash)?;
    let refunds = refunds.iter().map(RefundStatus::of).collect::<Result<_, _>>();
    let refunds = refunds.map_err(|error| {
        ViewError::Internal(format!("a refund of mandate {hash} is damaged: {error}"))
    })?;
    let promise = record.promise;
    let due = state.due(promise.amount());
    let waits = state.status == Status::Queued;
    let holds = state.holds.iter().filter(|_| waits);
    let holds = holds.map(|hold| HoldStatus { kind: told(hold.kind), until: hold.until }).collect();
    Ok(MandateStatus {
        mandate_id: hash,
        path: promise.path(),
        account: promise.account(),
        mandate: match promise {
            Promise::Proved { signed } => MandateTerms::Proved(signed.mandate),
            Promise::Direct { signed } => MandateTerms::Direct(signed.signed.message),
        },
        state: state_of(ledger, state.status)?,
        holds,
        due,
        capture,
        refunds,
        accepted_at: record.accepted_at,
        settle_by: record.settle_by,
        receipt,
    })
}

fn state_of(ledger: &Ledger, status: Status) -> Result<MandateState, ViewError> {
    let step = |batch| Ok::<_, ViewError>(ledger.batch(batch)?.map(|record| record.step));
    Ok(match status {
        Status::Queued => MandateState::Queued,
        Status::InBatch { batch } => {
            let step = step(batch)?.map_or("sealed", |step| step_name(&step));
            MandateState::InBatch { batch, step }
        }
        Status::Quarantined { reason } => MandateState::Quarantined { reason },
        Status::Settled { batch, amount, block } => {
            let step = batch.map(step).transpose()?.flatten();
            let transaction = match &step {
                Some(Step::Confirmed { transaction, .. } | Step::Final { transaction, .. }) => {
                    Some(*transaction)
                }
                _ => None,
            };
            let is_final = matches!(step, Some(Step::Final { .. }));
            MandateState::Settled { batch, transaction, block, amount, is_final }
        }
        Status::Failed { reason } => MandateState::Failed { reason: message_of(&reason) },
    })
}

/// What the public is told a hold is for.
fn told(kind: HoldKind) -> HoldKind {
    match kind {
        HoldKind::Review | HoldKind::Freeze => HoldKind::Operator,
        HoldKind::NotBefore | HoldKind::Dispute | HoldKind::Operator => kind,
    }
}
