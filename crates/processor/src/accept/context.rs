//! What is accepted, and what is needed to accept it.

use std::{collections::HashMap, sync::Arc};

use aep2_chain::wallet::WalletId;
use aep2_mandate::{
    mandate::Domain,
    units::{Ceiling, UnixTime},
};
use aep2_x402::{disputes::Disputes, purchase::Venue};
use alloy::primitives::Address;

use super::payable::Payable;
use crate::{
    capacity::Capacity,
    chain_status::ChainStatus,
    config::{AcceptanceConfig, DisputeTerms, WindowConfig},
    follow::Wanted,
    intake::RequestContext,
    metrics::Metrics,
    policy::Policies,
};

/// What is needed to accept mandates.
pub(crate) struct AcceptContext {
    pub(super) requests: Arc<RequestContext>,
    pub(super) policies: Policies,
    pub(super) metrics: Arc<Metrics>,
    /// What is missing of accounts that came over.
    pub(super) wanted: Arc<Wanted>,
    /// What can be settled in time; none where that is not to be looked at.
    pub(super) capacity: Option<Arc<Capacity>>,
    pub(super) chain: Arc<ChainStatus>,
    pub(super) wallet: WalletId,
    /// The accepted tokens' domains, and the least amounts.
    tokens: HashMap<Address, (Domain, Ceiling)>,
    settle_within_s: u64,
    /// What is agreed to of disputes.
    pub(super) disputes: DisputeTerms,
    /// What a window and a transaction take: no mandate is promised to be settled sooner.
    settle_after_s: [u64; 2],
}

/// What an [`AcceptContext`] is made of.
pub(crate) struct AcceptParts {
    pub(crate) requests: Arc<RequestContext>,
    pub(crate) policies: Policies,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) capacity: Arc<Capacity>,
    pub(crate) chain: Arc<ChainStatus>,
    pub(crate) wallet: WalletId,
}

impl AcceptContext {
    pub(crate) fn new(
        parts: AcceptParts,
        acceptance: &AcceptanceConfig,
        windows: &WindowConfig,
        disputes: DisputeTerms,
    ) -> Self {
        let AcceptParts { requests, policies, metrics, wanted, capacity, chain, wallet } = parts;
        let domain = |token| Domain::new(wallet.chain_id, wallet.address, token);
        let tokens = acceptance.tokens.iter();
        let tokens = tokens.map(|(token, least)| (*token, (domain(*token), *least))).collect();
        Self {
            requests,
            policies,
            metrics,
            wanted,
            capacity: Some(capacity).filter(|_| acceptance.within_capacity),
            chain,
            wallet,
            tokens,
            settle_within_s: acceptance.settle_within_s,
            disputes,
            settle_after_s: [windows.age_s_max, windows.due_margin_s],
        }
    }

    /// Where mandates pay.
    pub(super) fn venue(&self) -> Venue {
        let WalletId { chain_id: chain, address: wallet } = self.wallet;
        Venue { chain, wallet, processor: self.requests.signer.address() }
    }

    /// The domain of mandates in `token`, accepted or not: what was accepted once is known for ever.
    pub(super) fn domain(&self, token: Address) -> Domain {
        let known = self.tokens.get(&token).map(|(domain, _)| *domain);
        known.unwrap_or_else(|| Domain::new(self.wallet.chain_id, self.wallet.address, token))
    }

    /// The least that a mandate in `token` must allow; none when the token is not accepted.
    pub(super) fn least(&self, token: Address) -> Option<Ceiling> {
        self.tokens.get(&token).map(|(_, least)| *least)
    }

    /// By when a mandate that is accepted now is settled. None at the end of time.
    pub(super) fn settle_by<T: Payable>(&self, mandate: &T, now: UnixTime) -> Option<UnixTime> {
        let disputes = mandate.preimage().and_then(|own| own.disputes.as_ref());
        let longer_s = disputes.map_or(0, Disputes::longer_s);
        let latest = now.checked_add(self.settle_within_s.checked_add(longer_s)?)?;
        if !T::SETTLES_SOONER {
            return Some(latest);
        }
        // The settings leave room for both.
        let [window_s, transaction_s] = self.settle_after_s;
        let soonest = now.checked_add(window_s)?.checked_add(transaction_s)?;
        let deadline = u64::try_from(mandate.deadline()).ok();
        let deadline = deadline.and_then(|deadline| UnixTime::new(deadline).ok());
        Some(deadline.map_or(latest, |deadline| deadline.min(latest).max(soonest)))
    }
}
