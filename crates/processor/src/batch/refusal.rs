//! The chain refuses a batch: whom that names, and what becomes of the batch.

use std::collections::{BTreeMap, BTreeSet};

use aep2_chain::wallet::{Wallet, error::WalletError, units::KeyHash};
use aep2_ledger::{BatchView, MandateHash, records::Promise};
use aep2_mandate::units::AccountId;
use alloy::primitives::U256;

use super::{
    abort,
    context::Context,
    turn::{DriveError, Turn},
};

/// Those at fault are quarantined, the others go on. `order` is that of the mandates in the call.
pub(super) async fn refused(
    context: &Context,
    batch: &BatchView,
    order: &[MandateHash],
    error: &WalletError,
) -> Result<Turn, DriveError> {
    let message = error.to_string();
    tracing::warn!(batch = %batch.number, error = message, "the chain refuses the batch");
    let at_fault: BTreeSet<MandateHash> = match blame(error, batch, order) {
        Blame::Expired => return abort::requeue(context, batch, &message).await,
        Blame::These(members) => members,
        Blame::All => batch.live().map(|member| member.hash).collect(),
        Blame::Nobody if may_be_a_key(error) => other_keys(context, batch).await,
        Blame::Nobody => BTreeSet::new(),
    };
    if at_fault.is_empty() {
        return abort::split(context, batch, &message).await;
    }
    let at_fault = at_fault.into_iter().map(|hash| (hash, message.clone())).collect();
    abort::quarantine(context, batch, &message, at_fault).await
}

/// The members whose key is not the one that the chain has for their account now.
async fn other_keys(context: &Context, batch: &BatchView) -> BTreeSet<MandateHash> {
    let wallet = Wallet::unchecked(context.provider.clone(), context.wallet);
    let mut on_chain: BTreeMap<AccountId, Option<Option<KeyHash>>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for member in batch.live() {
        let Promise::Proved { signed } = &member.mandate.promise else { continue };
        let account = signed.mandate.account;
        let known = match on_chain.get(&account) {
            Some(known) => *known,
            None => {
                let read = wallet.account(account).await.ok().map(|own| own.terms.key_hash);
                on_chain.insert(account, read);
                read
            }
        };
        let signed = signed.signed_mandate().ok();
        let own = signed.map(|signed| KeyHash::of(&signed.key));
        if known.is_some_and(|known| known != own) {
            others.insert(member.hash);
        }
    }
    others
}

/// What a refusal says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Blame {
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
/// direct path's refusals name them.
fn blame(error: &WalletError, batch: &BatchView, order: &[MandateHash]) -> Blame {
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
            signed.mandate.account.get() == *account
                && nonce.word() == *word
                && (*bits == U256::ZERO || bits.bit(nonce.bit().into()))
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
fn may_be_a_key(error: &WalletError) -> bool {
    matches!(
        error,
        WalletError::ProofRefused { .. }
            | WalletError::SumsDiffer { .. }
            | WalletError::HintWrong { .. }
    )
}

/// The members still in the batch of which this holds.
fn members(batch: &BatchView, holds: impl Fn(&Promise) -> bool) -> BTreeSet<MandateHash> {
    let named = batch.live().filter(|member| holds(&member.mandate.promise));
    named.map(|member| member.hash).collect()
}
