//! The Travel Rule at acceptance: which payments need an object, and whether it is there.
//!
//! What each owner pays is summed up while it is accepted. Sums are written every second, with the time up
//! to which they are whole; at a start, what lives and was accepted after that time is added. A payment may
//! be counted twice by that, and is never left out: an object is asked for too early, not too late.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::{
    units::{Amount, ChainId, UnixTime},
    wire::Strict,
};
use aep2_travel_rule::{KeyRing, Need, PeriodError, Sums, Thresholds};
use alloy_primitives::{Address, B256};
use serde::Deserialize;

use crate::payment::Payment;

/// How many objects of one owner may wait for their payments.
const WAITING_PER_OWNER_MAX: usize = 64;
/// How long an object waits for its payment to be accepted, in seconds.
pub(super) const WAITS_S: u64 = 3_600;

/// Which payments need an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TravelRuleSettings {
    /// The processor's key, which objects are sealed to: a file that `aep2 compliance init` makes.
    pub key_file: std::path::PathBuf,
    /// Keys that were in use before.
    #[serde(default)]
    pub previous_key_files: Vec<std::path::PathBuf>,
    /// How much an owner may pay within the period without one, by token, in base units. Of a token that is
    /// not named: nothing.
    #[serde(default)]
    pub thresholds: BTreeMap<Address, Strict<Amount>>,
    /// The period over which an owner's payments count together, in seconds.
    #[serde(default = "period_s")]
    pub period_s: u64,
}

const fn period_s() -> u64 {
    30 * 86_400
}

/// What the Travel Rule needs.
#[derive(Debug)]
pub struct TravelRuleParts {
    /// Opens what payers seal.
    pub keys: KeyRing,
    /// How much is paid without an object.
    pub thresholds: BTreeMap<Address, Strict<Amount>>,
    /// Over which period, in seconds.
    pub period_s: u64,
    /// The chain of the wallet.
    pub chain_id: ChainId,
    /// The debit wallet.
    pub wallet: Address,
}

/// The Travel Rule of a processor.
#[derive(Debug)]
pub(crate) struct TravelRule {
    pub(super) keys: KeyRing,
    pub(super) chain_id: ChainId,
    pub(super) wallet: Address,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) sums: Sums,
    /// What is to be added to the stored sums, by owner, token and time.
    pub(super) unwritten: BTreeMap<SumKey, u128>,
    /// The mandates whose objects are there and that were not accepted yet, and since when.
    pub(super) waiting: HashMap<B256, (Address, UnixTime)>,
    /// Up to when what is stored is whole.
    pub(super) whole_until: Option<UnixTime>,
}

/// Owner, token, the second at which the bucket begins.
pub(super) type SumKey = (Address, Address, u64);

impl TravelRule {
    pub(crate) fn new(parts: TravelRuleParts) -> Result<Self, PeriodError> {
        let TravelRuleParts { keys, thresholds, period_s, chain_id, wallet } = parts;
        let every = Thresholds::every_payment();
        let thresholds =
            thresholds.into_iter().fold(every, |all, (token, most)| all.with(token, most.0.get()));
        let sums = Sums::new(thresholds, period_s)?;
        let state =
            State { sums, unwritten: BTreeMap::new(), waiting: HashMap::new(), whole_until: None };
        Ok(Self { keys, chain_id, wallet, state: Mutex::new(state) })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that payers seal to, as a JWK.
    pub(crate) fn public_key(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(self.keys.newest())
    }

    /// Whether a payment has what it needs. If it has, it is counted when so asked: between the question
    /// and the count there is no other payment of the owner's.
    pub(crate) fn take(
        &self,
        payment: &Payment,
        owner: Address,
        count: bool,
    ) -> Result<(), String> {
        let mut state = self.lock();
        let Payment { token, amount, at, mandate, .. } = *payment;
        let need = state.sums.need(owner, token, amount.get(), at.get());
        if let Need::Needed(_) = need
            && !state.waiting.contains_key(&mandate)
        {
            return Err(format!(
                "a payment of so much needs what the Travel Rule asks for: hand in an IVMS101 object for \
                 this mandate with POST /v1/travel-rule, and send the mandate {mandate} again"
            ));
        }
        if count {
            state.count(owner, token, amount, at);
        }
        Ok(())
    }

    /// Counts a payment that lives: at a start those that the stored sums may lack.
    pub(crate) fn restore(&self, payment: &Payment, owner: Address) {
        let mut state = self.lock();
        state.waiting.remove(&payment.mandate);
        let is_stored = state.whole_until.is_some_and(|until| payment.at < until);
        if !is_stored {
            state.count(owner, payment.token, payment.amount, payment.at);
        }
    }

    /// Takes a payment back that was counted and is not accepted.
    pub(crate) fn release(&self, payment: &Payment, owner: Address) {
        let mut state = self.lock();
        let Payment { token, amount, at, .. } = *payment;
        let key = state.key(owner, token, at);
        // What is written already stays counted: too early is allowed, too late is not.
        if let Some(unwritten) = state.unwritten.get_mut(&key)
            && *unwritten >= amount.get()
        {
            *unwritten -= amount.get();
            // It was recorded a moment ago.
            let _ = state.sums.release(owner, token, amount.get(), at.get());
        }
    }
}

impl State {
    fn key(&self, owner: Address, token: Address, at: UnixTime) -> SumKey {
        let bucket_s = self.sums.bucket_seconds();
        (owner, token, at.get() / bucket_s * bucket_s)
    }

    fn count(&mut self, owner: Address, token: Address, amount: Amount, at: UnixTime) {
        self.sums.record(owner, token, amount.get(), at.get());
        let key = self.key(owner, token, at);
        let unwritten = self.unwritten.entry(key).or_default();
        *unwritten = unwritten.saturating_add(amount.get());
    }
}

impl TravelRule {
    /// Whether one more object of this owner's may wait.
    pub(super) fn make_room(&self, owner: Address, now: UnixTime) -> bool {
        let mut state = self.lock();
        state
            .waiting
            .retain(|_, (_, since)| now.seconds_since(*since).is_none_or(|age_s| age_s < WAITS_S));
        let own = state.waiting.values().filter(|(whose, _)| *whose == owner);
        own.count() < WAITING_PER_OWNER_MAX
    }
}
