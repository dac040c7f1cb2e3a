//! Inclusion proofs: that a mandate was settled, and for how much, against what is on chain.
//!
//! Nothing is stored for them: a batch's members, its shape and its blinding fix its segments, so it is
//! arranged anew, as it was when it was proved. Arranging checks all of its signatures, so the last few batches
//! are kept, and one is arranged at a time. No proof is handed out that does not hold.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use aep2_chain::{deployment::Deployment, wallet::units::shape_of_id};
use aep2_ledger::{BatchNumber, BatchView, Ledger, MandateHash, Status, Step, records::Promise};
use aep2_mandate::{
    inclusion::InclusionProof,
    mandate::{Mandate, MandateId},
    openapi,
    units::{Amount, ChainId},
};
use aep2_prover::{
    arrange::Batch,
    blinding::Blinding,
    window::{Entry, ValidWindow, Window},
};
use alloy::primitives::{Address, B256};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::error::ViewError;
use crate::json;

/// How many arranged batches are kept.
const KEPT: usize = 4;

/// A proof that a mandate was settled, with what it is to be checked against: what the transaction
/// settled, as the chain has it. `aep2 inclusion verify` does so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    /// The mandate's id.
    pub mandate_id: MandateId,
    /// The mandate.
    pub mandate: Mandate,
    /// What its payee received.
    pub captured: Amount,
    /// The batch's number in this processor's ledger.
    #[serde(serialize_with = "json::batch")]
    #[schema(value_type = u64)]
    pub batch: BatchNumber,
    /// The batch's name on chain.
    #[schema(value_type = openapi::Bytes32)]
    pub batch_id: B256,
    /// The chain that the wallet is on.
    pub chain_id: ChainId,
    /// The wallet that settled it.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    pub wallet: Address,
    /// The transaction.
    #[schema(value_type = openapi::Bytes32)]
    pub transaction: B256,
    /// Its block's number.
    pub block: u64,
    /// The way from the mandate to the commitment of its segment.
    pub proof: InclusionProof,
}

/// How many may wait for the one whose turn it is.
const WAITING_MAX: usize = 16;

/// Arranges batches anew, one at a time.
pub(crate) struct InclusionProofs {
    kept: Mutex<VecDeque<(BatchNumber, Arc<Arranged>)>>,
    /// Room to wait, and the turn.
    waiting: Semaphore,
    turn: Arc<Semaphore>,
}

impl Default for InclusionProofs {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            waiting: Semaphore::new(WAITING_MAX),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

struct Arranged {
    window: ValidWindow,
    batch: Batch,
    batch_id: B256,
}

impl InclusionProofs {
    /// Waits for a turn to make a proof; none where too many wait already.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let _waiting = self.waiting.try_acquire().ok()?;
        Arc::clone(&self.turn).acquire_owned().await.ok()
    }

    /// The proof of a mandate that was settled in a proved batch. Takes a while: not for
    /// threads that serve others.
    pub(crate) fn proof(
        &self,
        ledger: &Ledger,
        deployment: &Deployment,
        mandate_id: MandateId,
    ) -> Result<Inclusion, ViewError> {
        let hash = MandateHash::from(mandate_id);
        let view = ledger.mandate(hash)?;
        let view = view.ok_or(ViewError::UnknownMandate { mandate: hash })?;
        let Promise::Proved { signed } = view.mandate.promise else {
            return Err(ViewError::SettledDirectly);
        };
        let Status::Settled { batch: Some(number), .. } = view.state.status else {
            return Err(ViewError::NotSettled { status: view.state.status });
        };
        let internal = |what: &str| ViewError::Internal(format!("batch {number}: {what}"));
        let record = ledger.batch(number)?.ok_or_else(|| internal("it is not in the ledger"))?;
        let (Step::Confirmed { transaction, block } | Step::Final { transaction, block }) =
            record.step
        else {
            return Err(ViewError::NotSettled { status: view.state.status });
        };
        let arranged = self.arranged(ledger, deployment, number)?;
        let index = arranged.window.ids().iter().position(|id| *id == mandate_id);
        let index = index.ok_or_else(|| internal("the mandate is not among its members"))?;
        let proof = arranged.batch.inclusion_proof(&arranged.window, index);
        let segment = arranged.batch.named()[usize::from(proof.segment)];
        let domain = arranged.window.domain();
        let settled = proof.verify(&signed.mandate, domain, segment.commitment);
        let settled = settled.map_err(|error| internal(&error.to_string()))?;
        Ok(Inclusion {
            mandate_id,
            mandate: signed.mandate,
            captured: settled.captured,
            batch: number,
            batch_id: arranged.batch_id,
            chain_id: deployment.chain_id,
            wallet: deployment.wallet.address,
            transaction,
            block,
            proof,
        })
    }

    fn arranged(
        &self,
        ledger: &Ledger,
        deployment: &Deployment,
        number: BatchNumber,
    ) -> Result<Arc<Arranged>, ViewError> {
        // Held while a batch is arranged: those who want the same one wait for it.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, arranged)) = kept.iter().find(|(known, _)| *known == number) {
            return Ok(Arc::clone(arranged));
        }
        let view = ledger.batch_view(number)?;
        let view = view.ok_or_else(|| ViewError::Internal(format!("no batch {number}")))?;
        let arranged = arrange(deployment, view);
        let arranged =
            arranged.map_err(|reason| ViewError::Internal(format!("batch {number}: {reason}")))?;
        let arranged = Arc::new(arranged);
        kept.push_front((number, Arc::clone(&arranged)));
        kept.truncate(KEPT);
        Ok(arranged)
    }
}

/// The batch as it was proved, checked against the name that was noted then.
fn arrange(deployment: &Deployment, view: BatchView) -> Result<Arranged, String> {
    let BatchView { record, members, .. } = view;
    let shape = shape_of_id(record.shape).ok_or("its shape is none")?;
    let noted = record.batch_id.ok_or("it was never proved")?;
    let mandates: Result<Vec<Entry>, String> = members
        .into_iter()
        .map(|member| match member.mandate.promise {
            Promise::Proved { signed } => {
                let signed = signed.signed_mandate().map_err(|defect| defect.to_string())?;
                Ok(Entry { signed, captured: Some(member.captured) })
            }
            Promise::Direct { .. } => Err("a member is of the direct path".to_owned()),
        })
        .collect();
    let window = Window {
        chain_id: deployment.chain_id,
        wallet: deployment.wallet.address,
        token: record.token,
        valid_until: record.valid_until,
        mandates: mandates?,
    };
    let window = window.validate(&mut rand::thread_rng()).map_err(|error| error.to_string())?;
    let blinding = Blinding::from_bytes(record.blinding.0);
    let batch = Batch::arrange(&window, shape, &blinding).map_err(|error| error.to_string())?;
    let batch_id = B256::from(batch.settlement.seed(&batch.named()));
    if batch_id != noted {
        return Err("arranged anew, it has another name".to_owned());
    }
    Ok(Arranged { window, batch, batch_id })
}
