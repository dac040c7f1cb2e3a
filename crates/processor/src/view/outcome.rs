//! What became of mandates, by this processor's signed word.
//!
//! Whoever issued them gets back from its budgets what was not settled. So nothing is said before it is
//! final: what a reorganised chain could change would be given back, and then spent all the same.

use aep2_ledger::{Ending, MandateHash};
use aep2_mandate::{
    typed_data::outcome::{Outcome, OutcomeStatus, SignedOutcome},
    units::{Amount, UnixTime},
};
use alloy::primitives::B256;

use super::error::ViewError;
use crate::intake::ReceiptSigner;

/// The signed outcome of a mandate that ended so.
pub(crate) fn outcome(
    signer: &ReceiptSigner,
    mandate: MandateHash,
    ending: Ending,
    now: UnixTime,
) -> Result<SignedOutcome, ViewError> {
    let (status, settled, batch_id) = match ending {
        Ending::Settled { amount, batch_id } => (OutcomeStatus::Settled, amount, batch_id),
        Ending::NonceSpent => (OutcomeStatus::Failed, Amount::ZERO, None),
        Ending::Expired => (OutcomeStatus::Expired, Amount::ZERO, None),
    };
    // A voided mandate was settled with its batch, and paid nothing there.
    let batch_id = batch_id.filter(|_| settled != Amount::ZERO).unwrap_or(B256::ZERO);
    let outcome = Outcome { mandate_id: mandate.bytes(), status, settled, batch_id, at: now };
    let signed = SignedOutcome::sign(outcome, &signer.key, &signer.domain);
    signed.map_err(|error| ViewError::Internal(error.to_string()))
}
