//! A dispute, as those whom it concerns see it: everything that was signed, so that nobody need believe
//! the processor.

use aep2_ledger::{IssuedReceipt, MandateHash, Status, records::Promise};
use aep2_mandate::{
    mandate::SignedMandate,
    openapi,
    typed_data::{
        capture::SignedCapture,
        dispute::{SignedDispute, SignedDisputeAnswer},
        keyed::AnySigned,
        receipt::SignedReceipt,
        ruling::SignedRuling,
    },
    units::{Amount, UnixTime},
};
use aep2_x402::preimage::Preimage;
use alloy::primitives::B256;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    dispute::{Dispute, DisputeError},
    json,
};

/// A dispute.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DisputeStatus {
    /// Its place in the order of opening, from 1.
    pub number: u64,
    /// The mandate's id.
    #[serde(serialize_with = "json::hash")]
    #[schema(value_type = openapi::Bytes32)]
    pub mandate_id: MandateHash,
    /// Whether it can still be decided.
    pub status: DisputeStep,
    /// The mandate.
    pub mandate: SignedMandate,
    /// The processor's promise. It names the arbiter.
    pub receipt: SignedReceipt,
    /// What the mandate's `ref` was made of, beside what is in the mandate.
    #[schema(value_type = Object)]
    pub terms: Preimage,
    /// What the payee captured, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<SignedCapture>,
    /// What the mandate pays as things stand, or paid.
    pub due: Amount,
    /// When it was opened, by the processor's clock.
    pub opened_at: UnixTime,
    /// Until when an answer and a ruling count.
    pub decide_by: UnixTime,
    /// What the payer signed.
    #[schema(value_type = Object)]
    pub dispute: SignedDispute,
    /// By what the payer signed.
    pub by: PayerSignature,
    /// What the payee answered, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub answer: Option<SignedDisputeAnswer>,
    /// When that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<UnixTime>,
    /// What the arbiter ruled, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub ruling: Option<SignedRuling>,
    /// When that came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruled_at: Option<UnixTime>,
    /// The hashes of the pieces of evidence that are here.
    #[schema(value_type = Vec<openapi::Bytes32>)]
    pub evidence: Vec<B256>,
}

/// How far a dispute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DisputeStep {
    /// A ruling counts.
    Open,
    /// There is one.
    Ruled,
    /// There is none, and none counts any more: the mandate settles, or has ended.
    Closed,
}

/// By what a payer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PayerSignature {
    /// The key of the account's owner.
    Owner,
    /// The mandate's key.
    Key,
}

/// Disputes, in the order of opening.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DisputeList {
    /// Those that concern whoever asks.
    pub disputes: Vec<DisputeStatus>,
    /// After which number to ask for more; null where there is nothing more now.
    pub next: Option<u64>,
}

/// The dispute, with the evidence that is kept of it.
pub(crate) fn status(
    dispute: Dispute,
    evidence: Vec<B256>,
    now: UnixTime,
) -> Result<DisputeStatus, DisputeError> {
    let Dispute { mandate, signed, preimage, record, opening, capture, answer, ruling } = dispute;
    let IssuedReceipt::Proved { receipt } = mandate.receipt else {
        let reason = format!("mandate {} has a receipt of the other path", mandate.hash);
        return Err(DisputeError::Internal(reason));
    };
    let Promise::Proved { .. } = &mandate.mandate.promise else {
        return Err(DisputeError::Internal(format!("mandate {} is a direct one", mandate.hash)));
    };
    let waits = mandate.state.status == Status::Queued && !mandate.state.was_sealed;
    let status = match (&record.ruling, waits && now < record.decide_by) {
        (Some(_), _) => DisputeStep::Ruled,
        (None, true) => DisputeStep::Open,
        (None, false) => DisputeStep::Closed,
    };
    let by = match &opening {
        AnySigned::ByAddress(_) => PayerSignature::Owner,
        AnySigned::ByKey(_) => PayerSignature::Key,
    };
    Ok(DisputeStatus {
        number: record.number,
        mandate_id: mandate.hash,
        status,
        due: mandate.state.due(signed.mandate.amount),
        mandate: signed,
        receipt,
        terms: preimage,
        capture,
        opened_at: record.opened_at,
        decide_by: record.decide_by,
        dispute: opening,
        by,
        answered_at: record.answer.map(|own| own.at),
        answer,
        ruled_at: record.ruling.map(|own| own.at),
        ruling,
        evidence,
    })
}
