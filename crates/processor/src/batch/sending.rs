//! Batches as transactions: their calls, their names for the sender, and the sender itself.

use std::sync::Arc;

use aep2_chain::{
    call::Call,
    captures::CaptureTreeError,
    sender::{Key, Outcome, Sender, SenderConfig, SenderError, SubmissionId, SubmitError, Ticket},
    wallet::{DirectSettlement, WalletId, error::WalletError, sort_to_net, units::VerifierSetId},
};
use aep2_circuits::settlement::Settlement;
use aep2_ledger::{
    BatchNumber, BatchView, Ledger, LedgerError, MandateHash, Step, records::Promise,
};
use aep2_prover::proven::Proven;
use alloy::{primitives::U256, providers::DynProvider, signers::local::PrivateKeySigner};
use thiserror::Error;

use super::{evidence, journal::LedgerJournal, round::Round};
use crate::{fail_point::FailPointHook, window::proved_gas};

/// A batch's call.
#[derive(Clone, Debug)]
pub(super) struct BatchCall {
    pub(super) call: Call,
    /// The mandates in the call's order; in the proved path, where it has none, that of the batch.
    pub(super) order: Vec<MandateHash>,
}

/// Why a batch has no call.
#[derive(Debug, Error)]
pub(super) enum CallError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stored proof is none.
    #[error("the stored proof of batch {0} cannot be read: {1}")]
    Proof(BatchNumber, String),
    /// What was captured cannot be shown later.
    #[error("what batch {0} captured cannot be shown: {1}")]
    Captures(BatchNumber, CaptureTreeError),
}

/// The call that settles a batch: always the same one in one round.
pub(super) fn call_of(
    ledger: &Ledger,
    wallet: WalletId,
    batch: &BatchView,
    round: Round,
) -> Result<BatchCall, CallError> {
    let processor = ledger.config().identity.processor;
    let mut direct = Vec::new();
    for member in &batch.members {
        if let Promise::Direct { signed } = &member.mandate.promise {
            let captured = U256::from(member.captured.get());
            direct.push((member.hash, DirectSettlement { signed: signed.signed, captured }));
        }
    }
    if !direct.is_empty() {
        let mut sorted: Vec<DirectSettlement> = direct.iter().map(|(_, own)| *own).collect();
        sort_to_net(&mut sorted);
        direct.sort_by_key(|(_, own)| (own.signed.message.token, own.signed.message.payee));
        let order = direct.iter().map(|(hash, _)| *hash).collect();
        return Ok(BatchCall { call: wallet.settle_direct(processor, &sorted), order });
    }
    let number = batch.number;
    let unusable = |message: String| CallError::Proof(number, message);
    let bytes = ledger.proof(number)?.ok_or_else(|| unusable("there is none".to_owned()))?;
    let proven: Proven =
        serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    let place = evidence::place(number, batch.record.blinding, round);
    let payouts = evidence::to_be_paid(&proven.settlement.payouts);
    let remembered = evidence::remembered(&payouts, &batch.members, place)
        .map_err(|error| CallError::Captures(number, error))?;
    let set = VerifierSetId::new(batch.record.verifier_set);
    let call = wallet
        .settle_batch(&proven, processor, set, batch.record.token, remembered)
        .map_err(|error| unusable(error.to_string()))?;
    // What a payout needs depends on what its payee does until the block: an estimate does not see it.
    let Settlement { debits, payouts, .. } = &proven.settlement;
    let worst = proved_gas(proven.segments.len(), debits.len(), payouts.len());
    let call = call.with_gas_least(worst);
    let order = batch.members.iter().map(|member| member.hash).collect();
    Ok(BatchCall { call, order })
}

/// The sender of the processor's key. Opened when it is first needed, and again when its journal
/// failed.
pub(super) struct Sending {
    ledger: Arc<Ledger>,
    provider: DynProvider,
    key: PrivateKeySigner,
    config: SenderConfig,
    hook: Arc<dyn FailPointHook>,
    open: tokio::sync::Mutex<Option<(Arc<Sender>, Arc<LedgerJournal>)>>,
}

/// Why nothing was sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// The call would revert.
    Refused(WalletError),
    /// The node could not run the call, and it does not say that it reverts.
    NotSimulated(String),
    /// Something that passes, or that an operator mends: it concerns no mandate. The first is what the
    /// alarm is called.
    Wait(&'static str, String),
}

impl Sending {
    pub(super) fn new(
        ledger: Arc<Ledger>,
        provider: DynProvider,
        key: PrivateKeySigner,
        config: SenderConfig,
        hook: Arc<dyn FailPointHook>,
    ) -> Self {
        Self { ledger, provider, key, config, hook, open: tokio::sync::Mutex::default() }
    }

    /// The sender.
    async fn sender(&self) -> Result<(Arc<Sender>, Arc<LedgerJournal>), SenderError> {
        let mut open = self.open.lock().await;
        if let Some(found) = &*open {
            return Ok(found.clone());
        }
        let (ledger, hook) = (Arc::clone(&self.ledger), Arc::clone(&self.hook));
        let chain_id = ledger.config().identity.chain_id.get();
        let key = Key { chain_id, address: self.key.address() };
        let opening = tokio::task::spawn_blocking(move || LedgerJournal::open(ledger, hook, key));
        let journal = match opening.await {
            Ok(journal) => Arc::new(journal?),
            Err(_) => return Err(SenderError::Closed),
        };
        let (provider, signer) = (self.provider.clone(), self.key.clone());
        let config = self.config.clone();
        let as_journal = Arc::clone(&journal);
        let sender = Arc::new(Sender::open(provider, signer, config, as_journal).await?);
        *open = Some((Arc::clone(&sender), Arc::clone(&journal)));
        Ok((sender, journal))
    }

    /// Has the next use open another sender, after this one's journal failed.
    async fn note(&self, error: &SenderError) {
        if matches!(error, SenderError::Journal(_) | SenderError::Closed) {
            *self.open.lock().await = None;
        }
    }

    /// Hands a call to the sender. The same name and call again sends nothing again.
    pub(super) async fn submit(&self, id: SubmissionId, call: Call) -> Result<Ticket, NotSent> {
        let submitted = match self.sender().await {
            Ok((sender, _)) => sender.submit(id, call).await,
            Err(error) => Err(error.into()),
        };
        let error = match submitted {
            Ok(ticket) => return Ok(ticket),
            Err(error) => error,
        };
        let message = error.to_string();
        Err(match error {
            SubmitError::WouldRevert { data } => NotSent::Refused(WalletError::decode(&data)),
            SubmitError::Simulation { message } => NotSent::NotSimulated(message),
            SubmitError::FeeCap(_) => NotSent::Wait("fee_cap_reached", message),
            SubmitError::InsufficientFunds { .. } => NotSent::Wait("no_funds_for_gas", message),
            SubmitError::IdReused { .. } => NotSent::Wait("sender_failed", message),
            SubmitError::Sender(error) => {
                self.note(&error).await;
                match error {
                    SenderError::Rpc(_) | SenderError::NoBlock => {
                        NotSent::Wait("node_not_answering", message)
                    }
                    _ => NotSent::Wait("sender_failed", message),
                }
            }
        })
    }

    /// What is known of a submission now.
    pub(super) async fn outcome(&self, id: SubmissionId) -> Result<Outcome, SenderError> {
        let (sender, _) = self.sender().await?;
        let outcome = sender.outcome(id).await;
        if let Err(error) = &outcome {
            self.note(error).await;
        }
        outcome
    }

    /// Does what is due for everything that is on its way: how many are left. Forgets what ended so
    /// long ago that no block of it can be undone.
    pub(super) async fn advance(&self) -> Result<usize, SenderError> {
        let (sender, journal) = self.sender().await?;
        let left = sender.advance().await;
        if let Err(error) = &left {
            self.note(error).await;
        }
        let left = left?;
        for id in forgettable(&self.ledger, &journal)? {
            if !sender.forget(id).await? {
                break;
            }
        }
        Ok(left)
    }
}

/// What can be forgotten, the oldest first: what ended in a block that cannot be undone any more, and
/// is not the newest submission of a batch that has not ended.
fn forgettable(ledger: &Ledger, journal: &LedgerJournal) -> Result<Vec<SubmissionId>, SenderError> {
    let Some(tip) = ledger.tip() else { return Ok(Vec::new()) };
    let Some(deep) = tip.number.checked_sub(ledger.config().undo_blocks) else {
        return Ok(Vec::new());
    };
    let old = journal.ended_up_to(deep);
    if old.is_empty() {
        return Ok(old);
    }
    // Where the ledger cannot be read, nothing is forgotten.
    let Ok(needed) = submissions_of_open(ledger) else { return Ok(Vec::new()) };
    Ok(old.into_iter().take_while(|id| !needed.contains(id)).collect())
}

fn submissions_of_open(ledger: &Ledger) -> Result<Vec<SubmissionId>, LedgerError> {
    let open = ledger.unfinished_batches()?.into_iter();
    Ok(open
        .filter_map(|(number, record)| match record.step {
            Step::Submitted { reference } => {
                Some(Round::of_reference(&reference)?.submission(&ledger.config().identity, number))
            }
            _ => None,
        })
        .collect())
}
