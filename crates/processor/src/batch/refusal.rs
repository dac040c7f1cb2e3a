//! Whom the chain's refusal of a batch names.

use std::collections::BTreeSet;

use aep2_chain::wallet::error::WalletError;
use aep2_ledger::{BatchView, MandateHash, Status, records::Promise};
use alloy::primitives::U256;

/// What a refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// These mandates are at fault; the others are not.
    These(BTreeSet<MandateHash>),
    /// The batch's time is over; nobody is at fault.
    Expired,
    /// None of them can settle this way, whoever is with them.
    All,
    /// Nobody is named. A part of them may be at fault.
    Nobody,
}

/// Whom a refusal of this batch names. `order` is that of the mandates in the call, by whose place the
/// signed lane's refusals name them.
pub(super) fn blame(error: &WalletError, batch: &BatchView, order: &[MandateHash]) -> Blame {
    let named = match error {
        WalletError::NotAuthorized { account, .. }
        | WalletError::InsufficientBalance { account, .. }
        | WalletError::NotProcessor { account, .. }
        | WalletError::UnknownAccount { account } => {
            members(batch, |promise| promise.account().get() == *account)
        }
        WalletError::NonceSpent { account, word, bits } => members(batch, |promise| {
            let Promise::Proved { signed } = promise else { return false };
            let nonce = signed.mandate.nonce;
            // The bits are those of two words, which share a slot: the odd one's are the upper half.
            let bit = usize::from(nonce.bit()) + 128 * ((nonce.word() & 1) as usize);
            signed.mandate.account.get() == *account
                && nonce.word() == *word
                && (*bits == U256::ZERO || bits.bit(bit))
        }),
        WalletError::MandateExpired { index, .. }
        | WalletError::MandateSignature { index, .. }
        | WalletError::MandateNonceSpent { index, .. }
        | WalletError::CaptureExceedsAmount { index, .. }
        | WalletError::NoDirectAccount { index, .. } => {
            usize::try_from(*index).ok().and_then(|at| order.get(at)).copied().into_iter().collect()
        }
        WalletError::BatchExpired { .. } => return Blame::Expired,
        WalletError::UnknownShape { .. } | WalletError::UnknownVerifierSet { .. } => {
            return Blame::All;
        }
        _ => return Blame::Nobody,
    };
    if named.is_empty() { Blame::Nobody } else { Blame::These(named) }
}

/// Whether a refusal may come from a key that is another one on chain than the one proved with: the
/// wallet computes with the key that it has, and does not say which account's it is.
pub(super) fn may_be_a_key(error: &WalletError) -> bool {
    matches!(error, WalletError::ProofRefused { .. } | WalletError::HintWrong { .. })
}

/// The members still in the batch of which this holds.
fn members(batch: &BatchView, holds: impl Fn(&Promise) -> bool) -> BTreeSet<MandateHash> {
    live(batch).filter(|(_, promise)| holds(promise)).map(|(hash, _)| hash).collect()
}

/// The members still in the batch.
pub(super) fn live(batch: &BatchView) -> impl Iterator<Item = (MandateHash, &Promise)> {
    let number = batch.number;
    batch
        .members
        .iter()
        .filter(move |member| member.status == (Status::InBatch { batch: number }))
        .map(|member| (member.hash, &member.mandate.promise))
}
