//! Owners' sums on disk.

use std::time::Duration;

use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    handing_in::HandedIn,
    rule::{SumKey, WAITS_S},
};
use crate::{
    compliance::Compliance,
    error::ComplianceError,
    family::Family,
    store::{self, Source},
};

/// How often sums are written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The key of the time up to which the stored sums are whole.
const WHOLE_UNTIL: &[u8] = b"travel_rule_sums";
/// How long it takes at most from when a payment's time is read until it is counted, in seconds.
const COUNTING_S_MAX: u64 = 30;

fn stored_key((owner, token, at): &SumKey) -> Vec<u8> {
    [&at.to_be_bytes()[..], owner.as_slice(), token.as_slice()].concat()
}

fn read_key(key: &[u8]) -> Option<SumKey> {
    let (at, rest) = key.split_first_chunk::<8>()?;
    let (owner, token) = rest.split_first_chunk::<20>()?;
    Some((Address::new(*owner), Address::try_from(token).ok()?, u64::from_be_bytes(*at)))
}

impl Compliance {
    /// Reads the sums back, at the start.
    pub(crate) fn load_sums(&self) -> Result<(), ComplianceError> {
        let Some(rule) = &self.inner.travel_rule else { return Ok(()) };
        let view = self.snapshot();
        let mut state = rule.lock();
        let since = state.sums.since(self.now().get());
        for entry in view.entries(Family::TravelRuleSums, &since.to_be_bytes()) {
            let (key, value) = entry?;
            let amount: u128 = store::read(Family::TravelRuleSums, &key, &value)?;
            if let Some((owner, token, at)) = read_key(&key) {
                state.sums.record(owner, token, amount, at);
            }
        }
        state.whole_until = view.record(Family::Sequences, WHOLE_UNTIL)?;
        let now = self.now();
        for one in store::all::<HandedIn>(&view, Family::TravelRule, &[])? {
            if now.seconds_since(one.at).is_some_and(|age_s| age_s < WAITS_S) {
                state.waiting.insert(one.mandate, (one.owner, one.at));
            }
        }
        Ok(())
    }

    /// Writes what owners paid, every second, for ever.
    pub(crate) async fn keep_sums(&self) {
        if let Some(rule) = &self.inner.travel_rule {
            // What is restored from now on is what is accepted now, whatever the clock says.
            rule.lock().whole_until = None;
        }
        let mut ticks = interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.write_sums().await {
                tracing::error!(%error, "what owners paid is not written yet");
            }
        }
    }

    /// Writes what was counted since the last time.
    async fn write_sums(&self) -> Result<(), ComplianceError> {
        let Some(rule) = &self.inner.travel_rule else { return Ok(()) };
        let now = self.now();
        let (unwritten, forget_before) = {
            let mut state = rule.lock();
            state.sums.forget(now.get());
            state.waiting.retain(|_, (_, since)| {
                now.seconds_since(*since).is_none_or(|age_s| age_s < WAITS_S)
            });
            (std::mem::take(&mut state.unwritten), state.sums.since(now.get()))
        };
        if unwritten.is_empty() {
            return Ok(());
        }
        let again = unwritten.clone();
        // Early: a payment that is being counted now has a time that was read before.
        let whole_until = now.get().saturating_sub(COUNTING_S_MAX);
        let whole_until = UnixTime::new(whole_until).unwrap_or(UnixTime::MIN);
        let written = self
            .write(move |tx| {
                for (key, amount) in unwritten.into_iter().filter(|(_, amount)| *amount > 0) {
                    let key = stored_key(&key);
                    let before: u128 = tx.record(Family::TravelRuleSums, &key)?.unwrap_or(0);
                    let sum = before.saturating_add(amount);
                    store::put(tx, Family::TravelRuleSums, key, &sum)?;
                }
                let over =
                    tx.scan(Family::TravelRuleSums, &[], Some(&forget_before.to_be_bytes()[..]))?;
                over.into_keys().for_each(|key| tx.delete(Family::TravelRuleSums, key));
                store::put(tx, Family::Sequences, WHOLE_UNTIL.to_vec(), &whole_until)
            })
            .await;
        if written.is_err() {
            let mut state = rule.lock();
            for (key, amount) in again {
                let unwritten = state.unwritten.entry(key).or_default();
                *unwritten = unwritten.saturating_add(amount);
            }
        }
        written
    }
}
