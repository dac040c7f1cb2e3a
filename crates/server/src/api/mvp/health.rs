//! `GET /health`: the queue in figures, and what became of its last mandates.
//!
//! Pages of the MVP ask every two seconds each. The ledger keeps the figures up with every change, so
//! an answer costs the same however many mandates there are.

use aep2_mandate::{
    openapi,
    units::{Amount, UnixTime},
};
use aep2_processor::view::{DirectStatus, MandateState, MandateTerms, RecentMandate};
use alloy::primitives::B256;
use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use crate::api::{error::ApiError, state::Api};

/// The queue, as the published MVP shows it.
///
/// Only direct mandates. `settled` is what the chain settled; what is on its way is
/// `enqueued`, and what will never settle is `failed`.
#[utoipa::path(
    get, path = "/health", tag = "mvp",
    responses(
        (status = 200, description = "The queue and its last mandates", body = Health),
        schema::ServiceErrors,
    )
)]
pub(in crate::api) async fn health(State(api): State<Api>) -> Result<Json<Health>, ApiError> {
    let identity = api.processor().identity();
    let shown = |processor: &aep2_processor::Processor| {
        Ok::<_, ApiError>((processor.readiness().ready, processor.direct_status()?))
    };
    let (ready, shown) = api.blocking(shown).await??;
    let DirectStatus { live, settled, failed, last } = shown;
    Ok(Json(Health {
        status: if ready { "ok" } else { "not_ready" },
        sp: identity.processor.to_string(),
        wallet: identity.wallet.to_string(),
        queue_length: live,
        settled,
        failed,
        history: last.into_iter().filter_map(Entry::of).collect(),
    }))
}

/// The direct path's queue, in the published MVP's form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MvpHealth)]
pub(in crate::api) struct Health {
    /// `ok`, or `not_ready` while no mandates are accepted.
    status: &'static str,
    #[schema(value_type = openapi::Address)]
    sp: String,
    #[schema(value_type = openapi::Address)]
    wallet: String,
    /// Mandates that have not ended.
    queue_length: u64,
    /// Mandates that the chain settled.
    settled: u64,
    /// Mandates that will never settle.
    failed: u64,
    /// The last ten, the newest first.
    history: Vec<Entry>,
}

/// A mandate in the queue's history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MvpEntry)]
struct Entry {
    #[schema(value_type = openapi::Bytes32)]
    mandate_digest: B256,
    #[schema(value_type = openapi::Address)]
    owner: String,
    #[schema(value_type = openapi::Address)]
    payee: String,
    /// What it pays or paid, base units: all that was signed, or what its payee captured.
    amount: Amount,
    status: EntryStatus,
    enqueued_at: UnixTime,
    /// The time of the block that settled it.
    #[schema(required = true)]
    settled_at: Option<UnixTime>,
    /// Only of what is settled.
    #[schema(value_type = Option<openapi::Bytes32>, required = true)]
    tx_hash: Option<B256>,
}

/// Where a mandate is, in the published MVP's form.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = MvpStatus)]
enum EntryStatus {
    Enqueued,
    Settled,
    Failed,
}

impl Entry {
    /// None for a mandate of the other path, which is not among them.
    fn of(recent: RecentMandate) -> Option<Self> {
        let RecentMandate { status: mandate, settled_at } = recent;
        let MandateTerms::Direct(terms) = mandate.mandate else { return None };
        let (status, settled_at, tx_hash) = match mandate.state {
            MandateState::Settled { transaction, .. } => {
                (EntryStatus::Settled, settled_at, transaction)
            }
            MandateState::Failed { .. } => (EntryStatus::Failed, None, None),
            MandateState::Queued
            | MandateState::InBatch { .. }
            | MandateState::Quarantined { .. } => (EntryStatus::Enqueued, None, None),
        };
        Some(Self {
            mandate_digest: mandate.mandate_id.bytes(),
            owner: terms.owner.to_string(),
            payee: terms.payee.to_string(),
            amount: mandate.due,
            status,
            enqueued_at: mandate.accepted_at,
            settled_at,
            tx_hash,
        })
    }
}
