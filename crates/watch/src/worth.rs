//! What it costs to demand and to claim, whether that pays, and what may be spent.

use std::collections::BTreeMap;

use aep2_mandate::units::UnixTime;
use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

/// Gas that must be left for each payment of a token, and that it does not use up.
const PAYOUT_GAS: u64 = 300_000;

/// Gas of a transaction, and of each receipt in it, as docs/contracts.md has measured them, rounded up.
pub(crate) const DEMAND_GAS: Gas = Gas { once: 40_000, each: 90_000, left: 0 };
pub(crate) const LOWER_GAS: Gas = Gas { once: 40_000, each: 40_000, left: 0 };
pub(crate) const CLAIM_GAS: Gas = Gas { once: 40_000, each: 130_000, left: PAYOUT_GAS };
pub(crate) const COLLECT_ETHER_GAS: Gas = Gas { once: 60_000, each: 0, left: 0 };
pub(crate) const COLLECT_TOKENS_GAS: Gas = Gas { once: 90_000, each: 0, left: PAYOUT_GAS };

/// What is offered above the base fee, in wei per gas, where gas is reckoned up.
pub(crate) const TIP_WEI: u128 = 1_000_000_000;

/// How long what was spent counts, in seconds.
const DAY_S: u64 = 86_400;

/// Gas of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gas {
    once: u64,
    each: u64,
    left: u64,
}

impl Gas {
    /// What a list of so many uses up: by this it is decided whether something pays.
    pub(crate) fn used(self, count: usize) -> u64 {
        self.once + self.each * count as u64
    }

    /// What a transaction with so many must have: by this it is counted what may be spent.
    pub(crate) fn limit(self, count: usize) -> u64 {
        self.used(count) + self.left
    }
}

/// What gas costs now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GasPrice {
    /// In wei per gas: what is likely, by which it is decided whether something pays.
    pub(crate) likely_wei: u128,
    /// The most that is offered at first, by which it is counted what may be spent.
    pub(crate) most_wei: u128,
}

impl GasPrice {
    pub(crate) fn at(base_fee_wei: u128, tip_wei: u128) -> Self {
        let most_wei = base_fee_wei.saturating_mul(2).saturating_add(tip_wei);
        Self { likely_wei: base_fee_wei.saturating_add(tip_wei), most_wei }
    }

    /// What so much gas costs, in wei.
    pub(crate) fn likely(&self, gas: u64) -> U256 {
        U256::from(self.likely_wei).saturating_mul(U256::from(gas))
    }

    /// What so much gas may cost at most, in wei.
    pub(crate) fn most(&self, gas: u64) -> U256 {
        U256::from(self.most_wei).saturating_mul(U256::from(gas))
    }
}

/// What there is to pay with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means {
    /// What the limit on ether leaves, in wei.
    pub(crate) left_wei: U256,
    /// What the key has, in wei; none where nothing is sent.
    pub(crate) balance_wei: Option<U256>,
}

impl Means {
    /// The largest number, up to `most`, whose cost both pay for. Of several only what half of it pays for: their fees
    /// can be raised then, where one list that takes all of it would wait, and keep everything behind it waiting,
    /// until gas is as cheap as before.
    pub(crate) fn fits(&self, most: usize, cost_wei: impl Fn(usize) -> U256) -> usize {
        let least_wei = self.balance_wei.unwrap_or(U256::MAX).min(self.left_wei);
        let half_wei = least_wei / U256::from(2);
        let several = (2..=most).rev().find(|count| cost_wei(*count) <= half_wei);
        several.unwrap_or(usize::from(most > 0 && cost_wei(1) <= least_wei))
    }
}

/// What ether is worth in a token, in base units rounded up.
pub(crate) fn in_base_units(wei: U256, tokens_per_ether: u64, decimals: u8) -> u128 {
    let unit = U256::from(10).checked_pow(U256::from(decimals));
    let product = unit
        .and_then(|unit| wei.checked_mul(unit))
        .and_then(|product| product.checked_mul(U256::from(tokens_per_ether)));
    let ether = U256::from(1_000_000_000_000_000_000_u64);
    product.and_then(|product| u128::try_from(product.div_ceil(ether)).ok()).unwrap_or(u128::MAX)
}

/// What was spent in the last day, by when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spent(BTreeMap<u64, U256>);

impl Spent {
    /// What of a limit is left at a time.
    pub(crate) fn left(&mut self, limit: U256, now: UnixTime) -> U256 {
        let since = now.get().saturating_sub(DAY_S);
        self.0.retain(|at, _| *at > since);
        limit.saturating_sub(self.in_all())
    }

    /// What was spent in the last day, in wei.
    pub(crate) fn in_all(&self) -> U256 {
        self.0.values().fold(U256::ZERO, |sum, wei| sum.saturating_add(*wei))
    }

    pub(crate) fn add(&mut self, wei: U256, now: UnixTime) {
        let own = self.0.entry(now.get()).or_default();
        *own = own.saturating_add(wei);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_is_reckoned_in_tokens_and_rounded_up() {
        let ether = U256::from(1_000_000_000_000_000_000_u64);
        assert_eq!(in_base_units(ether, 4_000, 6), 4_000_000_000);
        assert_eq!(in_base_units(U256::from(1), 4_000, 6), 1);
        assert_eq!(in_base_units(U256::ZERO, 4_000, 6), 0);
        assert_eq!(in_base_units(U256::MAX, u64::MAX, 255), u128::MAX);
    }

    #[test]
    fn a_list_is_no_longer_than_both_the_limit_and_the_key_pay_for() {
        let cost_wei = |count: usize| U256::from(10 + 5 * count);
        let fits = |left: u64, balance: Option<u64>| {
            let balance_wei = balance.map(U256::from);
            Means { left_wei: U256::from(left), balance_wei }.fits(4, cost_wei)
        };
        // Of several as much again is left.
        assert_eq!(fits(100, None), 4);
        assert_eq!(fits(59, Some(100)), 3);
        assert_eq!(fits(100, Some(40)), 2);
        assert_eq!((fits(39, None), fits(15, None)), (1, 1), "all of it for one");
        assert_eq!((fits(14, None), fits(100, Some(0))), (0, 0));
    }

    #[test]
    fn what_was_spent_a_day_ago_counts_no_more() {
        let time = |seconds| UnixTime::new(seconds).unwrap_or(UnixTime::MAX);
        let (mut spent, limit) = (Spent::default(), U256::from(100));
        spent.add(U256::from(60), time(1_000));
        spent.add(U256::from(30), time(2_000));
        assert_eq!(spent.left(limit, time(2_000)), U256::from(10));
        assert_eq!(spent.left(limit, time(1_000 + DAY_S)), U256::from(70));
        assert_eq!(spent.left(U256::from(20), time(1_000 + DAY_S)), U256::ZERO);
    }
}
