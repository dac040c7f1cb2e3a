//! Batches as transactions: their calls, their names for the sender, and the sender itself.

use std::sync::Arc;

use aep2_chain::{
    call::Call,
    sender::{Key, Outcome, Sender, SenderConfig, SenderError, SubmissionId, SubmitError, Ticket},
    wallet::{DirectSettlement, WalletId, error::WalletError, sort_to_net, units::VerifierSetId},
};
use aep2_circuits::settlement::Settlement;
use aep2_ledger::{
    BatchNumber, BatchView, Identity, Ledger, LedgerError, MandateHash, Step, records::Promise,
};
use aep2_prover::proven::Proven;
use alloy::{
    primitives::{U256, keccak256},
    providers::DynProvider,
    signers::local::PrivateKeySigner,
};
use thiserror::Error;

use super::journal::LedgerJournal;
use crate::{fail_point::FailPointHook, window::proved_gas};

/// The first byte of a submitted batch's reference.
const REFERENCE_VERSION: u8 = 1;

/// How often a batch was given to the sender under a name of its own. More than once only where the
/// name's nonce was used by something else, or what was mined failed for no lasting reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round(u32);

impl Round {
    /// The next one.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// As the ledger keeps it.
    pub(super) fn to_reference(self) -> Vec<u8> {
        [&[REFERENCE_VERSION][..], &self.0.to_be_bytes()].concat()
    }

    /// As the ledger has it; none when other software wrote it.
    pub(super) fn of_reference(reference: &[u8]) -> Option<Self> {
        match *reference {
            [REFERENCE_VERSION, a, b, c, d] => Some(Self(u32::from_be_bytes([a, b, c, d]))),
            _ => None,
        }
    }

    /// The sender's name for a batch in this round. The same after every restart: whoever asks again
    /// asks for the same transaction.
    pub(super) fn submission(self, ledger: &Identity, batch: BatchNumber) -> SubmissionId {
        SubmissionId(keccak256(
            [
                b"aep2 batch".as_slice(),
                &ledger.chain_id.get().to_be_bytes(),
                ledger.wallet.as_slice(),
                ledger.processor.as_slice(),
                &batch.get().to_be_bytes(),
                &self.0.to_be_bytes(),
            ]
            .concat(),
        ))
    }
}

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
}

/// The call that settles a batch: always the same one.
pub(super) fn call_of(
    ledger: &Ledger,
    wallet: WalletId,
    batch: &BatchView,
) -> Result<BatchCall, CallError> {
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
        return Ok(BatchCall { call: wallet.settle_direct(&sorted), order });
    }
    let number = batch.number;
    let unusable = |message: String| CallError::Proof(number, message);
    let bytes = ledger.proof(number)?.ok_or_else(|| unusable("there is none".to_owned()))?;
    let proven: Proven =
        serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    let set = VerifierSetId::new(batch.record.verifier_set);
    let call = wallet
        .settle_batch(&proven, set, batch.record.token)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_says_its_round_and_others_say_nothing() {
        let round = Round::default().next().next();
        assert_eq!(Round::of_reference(&round.to_reference()), Some(round));
        for other in [&[][..], &[2, 0, 0, 0, 0], &[1, 0, 0, 0], &[1, 0, 0, 0, 0, 0]] {
            assert_eq!(Round::of_reference(other), None, "{other:?}");
        }
    }
}
