//! The Travel Rule at acceptance: which payments need an object, and whether it is there.
//!
//! What each owner pays is summed up while it is accepted. Sums are written every second, with the time up
//! to which they are whole; at a start, what lives and was accepted after that time is added. A payment may
//! be counted twice by that, and is never left out: an object is asked for too early, not too late.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aep2_mandate::{
    units::{AccountId, Amount, ChainId, UnixTime},
    wire::Strict,
};
use aep2_travel_rule::{
    Binding, ExportLine, KeyRing, Need, PeriodError, Sums, Thresholds, TravelRuleObject,
};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    admission::NotAdmitted,
    audit::{self, About, Actor, action},
    compliance::{Compliance, Payment},
    error::ComplianceError,
    evidence::{self, EvidenceKind, NewEvidence},
    family::Family,
    store::{self, Source},
};

/// How often sums are written.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// The key of the time up to which the stored sums are whole.
const WHOLE_UNTIL: &[u8] = b"travel_rule_sums";
/// How many objects of one owner may wait for their payments.
const WAITING_PER_OWNER_MAX: usize = 64;
/// How long it takes at most from when a payment's time is read until it is counted, in seconds.
const COUNTING_S_MAX: u64 = 30;
/// How long an object waits for its payment to be accepted, in seconds.
const WAITS_S: u64 = 3_600;

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
    keys: KeyRing,
    chain_id: ChainId,
    wallet: Address,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    sums: Sums,
    /// What is to be added to the stored sums, by owner, token and time.
    unwritten: BTreeMap<SumKey, u128>,
    /// The mandates whose objects are there and that were not accepted yet, and since when.
    waiting: HashMap<B256, (Address, UnixTime)>,
    /// Up to when what is stored is whole.
    whole_until: Option<UnixTime>,
}

/// Owner, token, the second at which the bucket begins.
type SumKey = (Address, Address, u64);

/// An object that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandedIn {
    /// When.
    pub at: UnixTime,
    /// The mandate.
    pub mandate: B256,
    /// The account that pays; nothing on the direct path.
    pub account: Option<AccountId>,
    /// Whose it is.
    pub owner: Address,
    /// The token.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// The most that is paid, in base units.
    pub amount: Amount,
    /// The evidence with the object.
    pub evidence: B256,
}

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

    fn lock(&self) -> MutexGuard<'_, State> {
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

fn stored_key((owner, token, at): &SumKey) -> Vec<u8> {
    [&at.to_be_bytes()[..], owner.as_slice(), token.as_slice()].concat()
}

fn read_key(key: &[u8]) -> Option<SumKey> {
    let (at, rest) = key.split_first_chunk::<8>()?;
    let (owner, token) = rest.split_first_chunk::<20>()?;
    Some((Address::new(*owner), Address::try_from(token).ok()?, u64::from_be_bytes(*at)))
}

impl Compliance {
    /// The key that objects are sealed to, as a JWK; nothing where the Travel Rule is off.
    ///
    /// # Errors
    /// None: a key can be written.
    pub fn travel_rule_key(&self) -> Result<Option<serde_json::Value>, ComplianceError> {
        Ok(self.inner.travel_rule.as_ref().map(TravelRule::public_key).transpose()?)
    }

    /// Takes an object for a payment. The caller has checked the mandate's signature, and that nothing else
    /// keeps it from being accepted: strangers are not to fill the store.
    ///
    /// # Errors
    /// When the Travel Rule is off, the object does not open, is not valid, or is not this payment's.
    pub async fn hand_in(&self, payment: &Payment, sealed: &str) -> Result<B256, ComplianceError> {
        let refused = |code, message: String| ComplianceError::Refused { code, message };
        let rule = self.inner.travel_rule.as_ref().ok_or_else(|| {
            refused("not_found", "this processor asks for nothing by the Travel Rule".to_owned())
        })?;
        let owner = payment.owner.ok_or_else(|| {
            refused("account_being_read", "the account is being read: try again".to_owned())
        })?;
        let account = payment.key_hash.map(|_| payment.account);
        let expected = Binding {
            mandate_id: payment.mandate,
            chain_id: rule.chain_id.get(),
            wallet: rule.wallet,
            owner,
            account: account.map(AccountId::get),
        };
        let now = self.now();
        let object =
            TravelRuleObject::receive(sealed, &rule.keys, (&expected, payment.payee), now.get())
                .map_err(|error| refused("travel_rule_invalid", error.to_string()))?;
        // Only for what is refused for the lack of it, and once: strangers are not to fill the store.
        match self.check(payment) {
            Err(NotAdmitted::Missing(_)) => {}
            Ok(()) => return Err(refused("travel_rule_invalid", "it is not needed".to_owned())),
            Err(error) => return Err(refused("travel_rule_invalid", error.to_string())),
        }
        if !rule.make_room(owner, now) {
            return Err(refused(
                "too_many_requests",
                "too many objects of this owner wait for their mandates: send those first"
                    .to_owned(),
            ));
        }
        let new = NewEvidence {
            kind: EvidenceKind::TravelRule,
            subject: None,
            mandate: Some(payment.mandate),
            content: object.json().as_bytes(),
        };
        let kept = (now, self.inner.config.kept_s_min);
        let evidence = evidence::seal(&self.inner.vault, new, kept)?;
        let commitment = evidence.commitment;
        let handed_in = HandedIn {
            at: now,
            mandate: payment.mandate,
            account,
            owner,
            token: payment.token,
            payee: payment.payee,
            amount: payment.amount,
            evidence: commitment,
        };
        self.write(move |tx| {
            evidence::put(tx, &evidence)?;
            let key = handed_in.mandate.to_vec();
            store::put(tx, Family::TravelRule, key, &handed_in)?;
            let about = (action::PRESENTED, About::Mandate(handed_in.mandate));
            let details = json!({ "evidence": commitment, "kind": EvidenceKind::TravelRule });
            audit::write(tx, now, &Actor::Anybody, about, details)
        })
        .await?;
        // Only now: what is accepted because of it is on disk.
        rule.lock().waiting.insert(payment.mandate, (owner, now));
        Ok(commitment)
    }

    /// What was handed in, from `from` to before `to`, opened, as JSON lines. It is personal.
    ///
    /// # Errors
    /// When something cannot be read or opened. What was destroyed is left out.
    pub fn travel_rule_export(
        &self,
        (from, to): (UnixTime, UnixTime),
    ) -> Result<String, ComplianceError> {
        let Some(rule) = &self.inner.travel_rule else { return Ok(String::new()) };
        let handed_in: Vec<HandedIn> = store::all(&self.snapshot(), Family::TravelRule, &[])?;
        let mut text = String::new();
        for one in handed_in.into_iter().filter(|one| (from..to).contains(&one.at)) {
            let (_, content) = match self.evidence(one.evidence) {
                Err(ComplianceError::Vault(aep2_vault::VaultError::Destroyed)) => continue,
                found => found?,
            };
            let payment = aep2_travel_rule::Payment {
                at: one.at.get(),
                token: one.token,
                amount: one.amount.get(),
                payee: one.payee,
                reason: None,
            };
            let binding = Binding {
                mandate_id: one.mandate,
                chain_id: rule.chain_id.get(),
                wallet: rule.wallet,
                owner: one.owner,
                account: one.account.map(AccountId::get),
            };
            let defect =
                |error: &dyn std::fmt::Display| ComplianceError::Internal(error.to_string());
            let object = std::str::from_utf8(&content).map_err(|error| defect(&error))?;
            let line = ExportLine { binding, payment, object }.to_json();
            let line = line.map_err(|error| defect(&error))?;
            text.push_str(std::str::from_utf8(&line).map_err(|error| defect(&error))?);
        }
        Ok(text)
    }

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

impl TravelRule {
    /// Whether one more object of this owner's may wait.
    fn make_room(&self, owner: Address, now: UnixTime) -> bool {
        let mut state = self.lock();
        state
            .waiting
            .retain(|_, (_, since)| now.seconds_since(*since).is_none_or(|age_s| age_s < WAITS_S));
        let own = state.waiting.values().filter(|(whose, _)| *whose == owner);
        own.count() < WAITING_PER_OWNER_MAX
    }
}
