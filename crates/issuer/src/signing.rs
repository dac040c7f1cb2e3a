//! Signing mandates: the wallets' keys in memory, and which mandate the next one may follow.
//!
//! A mandate follows one whose receipt was checked here, and never another; each is followed once. So
//! mandates that are on their way at the same time follow different ones, and each keeps its chain whole.
//! What is not accepted takes the end that it followed with it. Restarts begin new chains.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    signer::{MandateTerms, Released, Signer},
};
use alloy_primitives::Address;

use crate::ids::WalletId;

/// How many chains are kept going for a wallet in one token: as many mandates as may be on their way at
/// once without cutting one.
const CHAINS_MAX: usize = 256;

/// Of how many mandates a receipt is waited for.
const UNFOLLOWED_MAX: usize = 65_536;

/// The wallets' keys. They leave memory with it, wiped.
#[derive(Default)]
pub(crate) struct Signing {
    signers: Mutex<HashMap<WalletId, Arc<Signer>>>,
    chains: Mutex<HashMap<(WalletId, Address), Vec<Released>>>,
    /// What was signed since the start, and whose receipt has not come.
    unfollowed: Mutex<HashSet<MandateId>>,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").finish_non_exhaustive()
    }
}

impl Signing {
    /// A wallet's key, from now on.
    pub(crate) fn add(&self, wallet: WalletId, signer: Signer) {
        lock(&self.signers).insert(wallet, Arc::new(signer));
    }

    /// Signs a mandate from a wallet; nothing where its key is not here.
    pub(crate) fn sign(
        &self,
        wallet: WalletId,
        terms: MandateTerms,
    ) -> Option<(MandateId, SignedMandate)> {
        let signer = lock(&self.signers).get(&wallet).cloned()?;
        let token = terms.token;
        let followed = lock(&self.chains).get_mut(&(wallet, token)).and_then(Vec::pop);
        let signed = signer.sign(terms, followed.as_ref());
        let id = signed.mandate.id(&signer.domain(token));
        let mut unfollowed = lock(&self.unfollowed);
        // Those whose receipts never come would fill it; forgetting them costs a signature more in a batch.
        if unfollowed.len() >= UNFOLLOWED_MAX {
            unfollowed.clear();
        }
        unfollowed.insert(id);
        Some((id, signed))
    }

    /// A mandate's receipt was checked: the next one may follow it. Once: a receipt that is brought again
    /// changes nothing, and neither does one for a mandate that another has followed.
    pub(crate) fn accepted(&self, wallet: WalletId, id: MandateId, mandate: &SignedMandate) {
        if !lock(&self.unfollowed).remove(&id) {
            return;
        }
        let token = mandate.mandate.token;
        let mut chains = lock(&self.chains);
        let ends = chains.entry((wallet, token)).or_default();
        if ends.len() < CHAINS_MAX {
            ends.push(mandate.clone().released_to_payee());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
