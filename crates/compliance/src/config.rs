//! How screening works: times and bounds.

use std::collections::BTreeMap;

use aep2_mandate::{units::Amount, wire::Strict};
use alloy_primitives::Address;
use serde::Deserialize;

/// How screening works.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScreeningConfig {
    /// How long a provider may take to answer, in seconds.
    pub answer_within_s: u64,
    /// How soon a provider that is away is asked again, in seconds.
    pub retry_s: u64,
    /// How long before a verdict ends everybody is asked again, in seconds.
    pub ahead_s: u64,
    /// A subject that no payment has named for so long is not asked about again by itself, in seconds.
    pub idle_s: u64,
    /// How many subjects are asked about at the same time.
    pub together_max: usize,
    /// How many subjects may wait to be asked about.
    pub waiting_max: usize,
    /// How many subjects an owner's payments may bring in an hour that nobody knew before.
    pub new_per_owner_hour_max: u32,
    /// Of a subject nobody was asked about yet so much is accepted in all until everybody has answered, by
    /// token, in base units. Of what is not named here nothing is.
    pub unknown_accepted_up_to: BTreeMap<Address, Strict<Amount>>,
    /// Of how many refused payments of a subject a day there is a record.
    pub blocked_per_day_max: u32,
    /// How long what decisions rest on is kept at least, in seconds. The law of many countries says five
    /// years.
    pub kept_s_min: u64,
}

impl Default for ScreeningConfig {
    fn default() -> Self {
        Self {
            answer_within_s: 10,
            retry_s: 30,
            ahead_s: 3_600,
            idle_s: 30 * 86_400,
            together_max: 16,
            waiting_max: 100_000,
            new_per_owner_hour_max: 200,
            unknown_accepted_up_to: BTreeMap::new(),
            blocked_per_day_max: 100,
            kept_s_min: 5 * 366 * 86_400,
        }
    }
}
