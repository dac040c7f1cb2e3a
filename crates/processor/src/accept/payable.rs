//! What acceptance asks of a mandate, whichever path it settles by.

use aep2_ledger::{
    AcceptRequest, Accepted, Received, Verified,
    records::{NonceKey, Promise},
};
use aep2_mandate::{mandate::Domain, units::UnixTime};
use aep2_x402::{preimage::Preimage, purchase::Venue};
use alloy::primitives::{Address, B256, U256};

use super::error::AcceptError;
use crate::intake::ReceiptSigner;

/// A path's mandates, as acceptance sees them.
pub(crate) trait Payable: Clone + Sized + Send + 'static {
    /// What is given for one.
    type Acceptance: Send + 'static;

    /// Whether one that expires sooner than others are settled is settled that soon, if it can be.
    const SETTLES_SOONER: bool = false;

    fn token(&self) -> Address;
    fn payee(&self) -> Address;
    fn amount(&self) -> U256;
    fn deadline(&self) -> U256;
    fn reference(&self) -> B256;
    fn nonce(&self) -> NonceKey;

    /// What its reference was made of, where that came with it.
    fn preimage(&self) -> Option<&Preimage> {
        None
    }

    /// When it may be sealed at the earliest, if it is accepted now.
    fn not_before(&self, now: UnixTime) -> Option<UnixTime> {
        let disputes = self.preimage()?.disputes.as_ref()?;
        Some(now.checked_add(disputes.window_seconds()).unwrap_or(UnixTime::MAX))
    }

    /// The reference that the preimage says it has, if it pays at this place.
    fn described(&self, at: &Venue) -> Option<B256> {
        let _ = at;
        None
    }

    /// With its id or digest. `domain` is that of mandates in its token.
    fn propose(self, domain: &Domain, signer: &ReceiptSigner) -> Received<Self>;

    /// Whether this is, signature included, what was accepted.
    fn is(&self, accepted: &Promise) -> bool;

    /// For each, why its signature does not hold, if it does not.
    fn verify(proposals: &[&Received<Self>]) -> Vec<Option<String>>;

    /// With the receipt that it is to be given, issued now.
    fn offer(
        verified: &Verified<Self>,
        now: UnixTime,
        settle_by: UnixTime,
        signer: &ReceiptSigner,
    ) -> Result<AcceptRequest, AcceptError>;

    /// What is given for one that was accepted.
    fn acceptance(
        accepted: Accepted,
        signer: &ReceiptSigner,
    ) -> Result<Self::Acceptance, AcceptError>;
}
