//! Whether a payment is accepted, from memory: nobody is asked while a payer waits.
//!
//! Of each subject in the payment counts what was decided last. Where those who answer at once have newer
//! data than that, they are asked here; a list that took effect a moment ago counts for this payment.
//! Who is not known, or whose verdict is over, waits for screening (`screening.rs`).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError},
};

use aep2_mandate::units::UnixTime;
use alloy_primitives::Address;

pub use crate::refusal::NotAdmitted;
use crate::{
    compliance::{Compliance, Inner},
    decision::{Decided, Decision},
    known::Known,
    payment::Payment,
    refusal::TurnedDown,
    rules::Answer,
    standing::{OfficerDecision, Standing},
    subject::Subject,
    verdict::Reason,
};

/// When a payer whose payment waits is to try again, in seconds. Always the same: another time for each cause
/// would tell that an officer is looking at somebody.
const RETRY_S: u64 = 3;

/// What counts of a subject at this moment.
enum Counts {
    /// This was decided.
    Decided(Decision),
    /// Nobody was asked yet.
    Unknown,
}

impl Compliance {
    /// Whether a payment is accepted now. Counts nothing, writes no record.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, payment: &Payment) -> Result<(), NotAdmitted> {
        self.judge(payment, false).map_err(NotAdmitted::from)
    }

    /// Whether a payment is accepted now, and counts it if it is. One that is refused is noted in the register.
    ///
    /// # Errors
    /// When it is not.
    pub fn admit(&self, payment: &Payment) -> Result<(), NotAdmitted> {
        let judged = self.judge(payment, true);
        self.inner.metrics.judged(&judged);
        if let Err(TurnedDown::Denied { subject, reason }) = &judged {
            self.note_blocked(payment, *subject, *reason);
        }
        judged.map_err(NotAdmitted::from)
    }

    /// A payment that was counted is not accepted after all.
    pub fn release(&self, payment: &Payment) {
        if let (Some(rule), Some(owner)) = (&self.inner.travel_rule, payment.owner) {
            rule.release(payment, owner);
        }
    }

    /// A payment was accepted, or lives from before: it counts, and who is in it is known from now on.
    pub fn restore(&self, payment: &Payment) {
        for subject in payment.subjects() {
            let is_asked = !self.inner.rules.of(subject.kind()).is_empty();
            if is_asked && self.inner.known.get(&subject).is_none() {
                self.inner.queue.again(subject);
            }
        }
        if let (Some(rule), Some(owner)) = (&self.inner.travel_rule, payment.owner) {
            rule.restore(payment, owner);
        }
    }

    fn judge(&self, payment: &Payment, count: bool) -> Result<(), TurnedDown> {
        let pending = TurnedDown::Pending { retry_after_s: RETRY_S };
        let Some(owner) = payment.owner.filter(|_| !self.is_down()) else { return Err(pending) };
        // All of them, so that all who are unknown are asked about at once; the strictest counts.
        let (mut waits, mut unknown) = (false, Vec::new());
        for subject in payment.subjects() {
            match self.counts(subject, owner, (payment.at, count)) {
                Counts::Decided(Decision::Clear) => {}
                Counts::Decided(Decision::Denied { reason }) => {
                    return Err(TurnedDown::Denied { subject, reason });
                }
                Counts::Decided(Decision::Review { .. } | Decision::Pending { .. }) => waits = true,
                Counts::Unknown => unknown.push(subject),
            }
        }
        if waits || !self.has_room_for_unknown(&unknown, payment, count) {
            return Err(pending);
        }
        let Some(rule) = &self.inner.travel_rule else { return Ok(()) };
        rule.take(payment, owner, count).map_err(TurnedDown::Missing)
    }

    /// Whether so much more is accepted of those nobody was asked about yet; counts it if it is, and is so
    /// asked.
    fn has_room_for_unknown(&self, unknown: &[Subject], payment: &Payment, count: bool) -> bool {
        if unknown.is_empty() {
            return true;
        }
        let Inner { config, unknown_sums, .. } = &*self.inner;
        let Some(most) = config.unknown_accepted_up_to.get(&payment.token) else { return false };
        let mut sums = unknown_sums.lock().unwrap_or_else(PoisonError::into_inner);
        let sum_with = |sums: &HashMap<_, u128>, subject: Subject| {
            let sum = sums.get(&(subject, payment.token)).copied().unwrap_or(0);
            sum.saturating_add(payment.amount.get())
        };
        let fits = unknown.iter().all(|subject| sum_with(&sums, *subject) <= most.0.get());
        if fits && count {
            for subject in unknown {
                let sum = sum_with(&sums, *subject);
                sums.insert((*subject, payment.token), sum);
            }
        }
        fits
    }

    /// What counts of a subject that a payment of this owner's names.
    fn counts(
        &self,
        subject: Subject,
        owner: Address,
        (now, is_taken): (UnixTime, bool),
    ) -> Counts {
        let is_asked = !self.inner.rules.of(subject.kind()).is_empty();
        loop {
            let edition = self.inner.providers.edition();
            let known = self.inner.known.get(&subject);
            let counts = match &known {
                Some(known) => {
                    if is_taken {
                        known.use_at(now);
                    }
                    Counts::Decided(self.of_known(subject, known, edition, now))
                }
                // Of whom nobody is asked, only an officer can have decided.
                None if !is_asked => return Counts::Decided(Decision::Clear),
                None => self.of_unknown(subject, owner, now),
            };
            // A change between the answers and their note would look at this subject too early, and
            // miss it.
            if edition == self.inner.providers.edition() {
                return counts;
            }
        }
    }

    pub(crate) fn of_known(
        &self,
        subject: Subject,
        known: &Arc<Known>,
        edition: u64,
        now: UnixTime,
    ) -> Decision {
        let is_over = known.is_over(now);
        if known.edition == edition && !is_over {
            return known.decision;
        }
        let decided = self.decide_at_once(subject, known.officer.clone(), now);
        let decision = match decided {
            Some(decided) => decided.decision,
            // Who was denied stays so until everybody has been asked again.
            None if is_over && !known.decision.is_denied() => {
                Decision::Pending { reason: Reason::ProviderUnavailable }
            }
            None => known.decision,
        };
        if decision.is_denied() && !known.decision.is_denied() {
            self.inner.queue.urgent(subject);
        } else if is_over || decision.is_denied() || known.decision != decision {
            self.inner.queue.again(subject);
        }
        // What is over is not kept as pending: the next payment is to ask again, too.
        if decided.is_some() || !is_over {
            let until = decided.map_or(known.valid_until, |decided| decided.valid_until);
            let changed = known.changed((decision, until), (edition, now));
            self.inner.known.replace(subject, Some(known), changed);
        }
        decision
    }

    fn of_unknown(&self, subject: Subject, owner: Address, now: UnixTime) -> Counts {
        let queue = &self.inner.queue;
        match self.decide_at_once(subject, None, now) {
            // It is stored when the payment is accepted: whoever merely asks fills nothing.
            Some(decided) if decided.decision == Decision::Clear => {
                Counts::Decided(Decision::Clear)
            }
            // The others are asked about it, too, as far as the owner's payments may have them asked.
            Some(decided) => {
                queue.first(subject, owner, now);
                Counts::Decided(decided.decision)
            }
            None if queue.first(subject, owner, now) => Counts::Unknown,
            None => Counts::Decided(Decision::Pending { reason: Reason::Other }),
        }
    }

    /// What counts by those who answer at once, if that is enough: all who are asked do, or one of them, or
    /// an officer, has something against the subject that stands.
    pub(crate) fn decide_at_once(
        &self,
        subject: Subject,
        officer: Option<OfficerDecision>,
        now: UnixTime,
    ) -> Option<Decided> {
        let Inner { rules, providers, .. } = &*self.inner;
        let asked = rules.asked(subject.kind());
        let all = asked.len();
        let answers: BTreeMap<String, Answer> = asked
            .into_iter()
            .filter_map(|name| {
                let verdict = providers.named(name)?.at_once(&subject, now)?;
                Some((name.to_owned(), Ok(verdict)))
            })
            .collect();
        let is_complete = answers.len() == all;
        let refused = officer.as_ref().is_some_and(|own| !own.serve && now < own.until);
        let standing = self.standing_of(subject, &answers, officer, now);
        let Standing { decision, valid_until, .. } = standing;
        let stands = decision.is_denied() && (refused || decision.reason().is_absolute());
        (is_complete || stands).then_some(Decided { decision, valid_until })
    }
}
