//! What stands behind open receipts: a payee's own bond, the one that all payees share, what leaves.

use std::collections::{BTreeMap, HashMap};

use aep2_chain::wallet::Purse;
use aep2_mandate::units::UnixTime;
use alloy::primitives::Address;

use crate::{
    chain::Chain,
    error::WatchError,
    watched::{Payment, Watched},
};

/// What one processor owes in one token, and what stands behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backing {
    /// What open receipts come to, base units.
    pub(crate) owed: u128,
    /// The latest time at which one of them could be claimed.
    latest: Option<UnixTime>,
    /// What is in the payee's own bond, and in the one that all share.
    pub(crate) own: u128,
    pub(crate) shared: u128,
    /// What of both is due to leave before everything could be claimed.
    pub(crate) leaving: u128,
}

impl Backing {
    /// What surely is there, if no other payee takes it.
    pub(crate) fn holds(&self) -> u128 {
        self.own.saturating_add(self.shared).saturating_sub(self.leaving)
    }
}

/// By processor and token.
pub(crate) type Backings = BTreeMap<(Address, Address), Backing>;

/// Reads what stands behind receipts.
pub(crate) async fn read<'a>(
    chain: &Chain,
    payee: Address,
    open: impl Iterator<Item = &'a Watched>,
) -> Result<Backings, WatchError> {
    let mut all = Backings::new();
    let periods = chain.periods();
    let claim_s = periods.demand_seconds.saturating_add(periods.response_seconds);
    // A payment is owed once, at the largest of its receipts.
    let mut payments: HashMap<Payment, u128> = HashMap::new();
    for own in open.filter(|own| own.over_since.is_none()) {
        let promise = own.promise();
        let backing = all.entry((promise.processor, promise.token)).or_default();
        let (due, counted) = (own.due().get(), payments.entry(own.payment()).or_default());
        backing.owed = backing.owed.saturating_add(due.saturating_sub(*counted));
        *counted = due.max(*counted);
        let latest = promise.settle_by.checked_add(claim_s).unwrap_or(UnixTime::MAX);
        backing.latest = backing.latest.max(Some(latest));
    }
    for ((processor, token), backing) in &mut all {
        let own = chain.bond(*processor, Some(payee), *token).await?;
        let shared = chain.bond(*processor, None, *token).await?;
        let leaves = |purse: &Purse| {
            let asked = purse.pending_withdrawal?;
            let soon = backing.latest.is_some_and(|latest| asked.executable_from <= latest);
            soon.then(|| asked.amount.get().min(purse.balance.get()))
        };
        let leaving = [&own, &shared].into_iter().filter_map(leaves);
        backing.leaving = leaving.fold(0, u128::saturating_add);
        (backing.own, backing.shared) = (own.balance.get(), shared.balance.get());
    }
    Ok(all)
}
