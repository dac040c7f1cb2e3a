//! What pays: of what could be done, what brings more than it costs.

use std::collections::HashSet;

use aep2_chain::wallet::units::BaseUnits;
use alloy::primitives::{Address, B256, U256};

use crate::{
    acting::Purses,
    bonds::Backings,
    error::WatchError,
    event::{Event, NotDemanded},
    step::Reason,
    watched::{Told, Watched},
    watcher::{Summary, Tell, ToDo, Watcher},
    worth::{self, CLAIM_GAS, DEMAND_GAS, GasPrice},
};

/// What pays.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) demand: Vec<B256>,
    pub(crate) lower: Vec<B256>,
    pub(crate) claim: Vec<B256>,
}

/// What a receipt is worth in tokens, and what gas for it costs in them.
struct Worth {
    costs: u128,
    /// Whether the payee's own bond alone pays it.
    own_only: bool,
}

impl Watcher {
    /// Of what could be done, what brings more than it costs. What bonds hold is given to claims first, then
    /// to what waits for its response window, then to demands, the largest first. A receipt of which the chain
    /// does not say what it is worth is left out.
    pub(crate) async fn plan(
        &mut self,
        todo: ToDo,
        backings: &Backings,
        price: &GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Plan {
        let mut purses = Purses::of(backings);
        let claim = self.plan_claims(&todo, &mut purses, price, summary, tell).await;
        for (digest, owed) in &todo.waiting {
            if let Some(own) = self.state.open.get(digest) {
                purses.take(own, *owed, false);
            }
        }
        let demand = self.plan_demands(todo.demand, &mut purses, price, summary, tell).await;
        Plan { demand, lower: todo.lower, claim }
    }

    async fn plan_claims(
        &mut self,
        todo: &ToDo,
        purses: &mut Purses,
        price: &GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Vec<B256> {
        let mut claims = Vec::new();
        for (digest, owed, deposit_wei) in &todo.claim {
            let Some(own) = self.state.open.get(digest).cloned() else { continue };
            let costs_wei = price.likely(CLAIM_GAS.used(1));
            let less_wei = costs_wei.saturating_sub(*deposit_wei);
            let Some(worth) = self.worth_of(&own, less_wei, summary).await else { continue };
            let found = purses.has(&own, *owed, worth.own_only);
            let is_worth_it = match found {
                // For the deposit alone.
                0 => *deposit_wei > U256::ZERO && *deposit_wei >= costs_wei,
                // Of a bond that is too small only the payee itself has its part; others' claims revert.
                found if found < *owed && self.own != own.promise().payee => false,
                found => found >= worth.costs,
            };
            if is_worth_it {
                purses.take(&own, *owed, worth.own_only);
                claims.push(*digest);
            } else if *owed > 0 && self.tell_once(*digest, Told::Unbacked) {
                let (receipt, mandate_id, owed) =
                    (*digest, own.mandate_id(), BaseUnits::new(*owed));
                tell(Event::Unbacked { receipt, mandate_id, owed });
            }
        }
        claims
    }

    /// Of several receipts on one payment the largest is demanded: it is owed once.
    async fn plan_demands(
        &mut self,
        demands: Vec<(B256, Reason)>,
        purses: &mut Purses,
        price: &GasPrice,
        summary: &mut Summary,
        tell: Tell<'_>,
    ) -> Vec<B256> {
        let mut lapsed: Vec<Watched> =
            demands.iter().filter_map(|(digest, _)| self.state.open.get(digest)).cloned().collect();
        lapsed.sort_by_key(|own| (std::cmp::Reverse(own.due()), own.promise().settle_by));
        let gas_wei = price.likely(DEMAND_GAS.used(1) + CLAIM_GAS.used(1));
        let (mut worth_it, mut payments) = (Vec::new(), HashSet::new());
        for own in lapsed {
            if payments.contains(&own.payment()) {
                continue;
            }
            if self.refused.contains_key(&own.digest) {
                summary.unhandled += 1;
                continue;
            }
            let Some(worth) = self.worth_of(&own, gas_wei, summary).await else { continue };
            let (brings, costs) = (purses.take(&own, own.due().get(), worth.own_only), worth.costs);
            if brings > 0 && brings >= costs {
                payments.insert(own.payment());
                worth_it.push(own.digest);
                continue;
            }
            summary.unhandled += 1;
            let why = match brings {
                0 => NotDemanded::NoBond,
                _ => NotDemanded::NotWorth {
                    brings: BaseUnits::new(brings),
                    costs: BaseUnits::new(costs),
                },
            };
            self.tell_not_demanded(own.digest, why, tell);
        }
        worth_it
    }

    /// What gas costs in a receipt's token, and which bonds pay it; none where the chain does not say: that stops
    /// no other receipt.
    async fn worth_of(
        &mut self,
        own: &Watched,
        gas_wei: U256,
        summary: &mut Summary,
    ) -> Option<Worth> {
        let costs = self.in_base_units(gas_wei, own.promise().token).await;
        let own_only = self.is_stolen(own).await;
        match (costs, own_only) {
            (Ok(costs), Ok(own_only)) => Some(Worth { costs, own_only }),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(receipt = %own.digest, %error, "left out of this round");
                summary.left_out += 1;
                None
            }
        }
    }

    /// Whether a receipt is paid from the payee's own bond alone: its signer was stolen.
    async fn is_stolen(&mut self, own: &Watched) -> Result<bool, WatchError> {
        let processor = own.promise().processor;
        if own.signer == processor {
            return Ok(false);
        }
        let found = self.keys.standing(&self.chain, processor, own.signer).await?;
        Ok(found.is_none_or(|found| found.stolen))
    }

    pub(crate) async fn in_base_units(
        &mut self,
        wei: U256,
        token: Address,
    ) -> Result<u128, WatchError> {
        let decimals = match self.decimals.get(&token) {
            Some(decimals) => *decimals,
            None => {
                let decimals = self.chain.decimals(token).await?;
                self.decimals.insert(token, decimals);
                decimals
            }
        };
        Ok(worth::in_base_units(wei, self.config.tokens_per_ether, decimals))
    }

    // --- Telling ------------------------------------------------------------------------------------

    fn tell_once(&mut self, digest: B256, what: Told) -> bool {
        self.state.open.get_mut(&digest).is_some_and(|own| own.tell(what))
    }

    pub(crate) fn tell_not_demanded(&mut self, digest: B256, why: NotDemanded, tell: Tell<'_>) {
        if self.tell_once(digest, Told::NotDemanded)
            && let Some(own) = self.state.open.get(&digest)
        {
            tell(Event::NotDemanded { receipt: digest, mandate_id: own.mandate_id(), why });
        }
    }
}
