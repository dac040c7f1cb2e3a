//! Asking everybody about subjects.
//!
//! A subject is asked about when a payment first names it, again before its verdict ends, and when those
//! who answer at once have newer data that says otherwise. The answers, what counts, the line of the log,
//! a case if an officer has to look, and what is to be done are one write.
//!
//! **Whoever does not answer changes nothing that still counts.** An answer is kept until it ends, and a
//! denial until somebody takes it back: otherwise whoever can keep us from a provider could lift one.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use aep2_mandate::units::UnixTime;
use futures::future::join_all;
use serde_json::json;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    audit::{self, About, Actor, action},
    cases,
    compliance::{Compliance, Inner},
    decision::Decision,
    enforcing,
    error::ComplianceError,
    evidence::{self, EVIDENCE_BYTES_MAX, EvidenceKind, NewEvidence, SealedEvidence},
    family::Family,
    known::Known,
    provider::{Finding, Provider, Unavailable},
    rules::{Answer, later},
    standing::{AnswerRecord, Standing},
    store::{self, Source, Tx, subject_key},
    subject::Subject,
    verdict::{Outcome, Verdict},
};

/// How often it is looked whether anything is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long after a payment named it somebody is asked about again whose provider was away, in seconds.
const AWAY_ASKED_S: u64 = 3_600;

impl Compliance {
    /// Asks about whoever waits, for ever.
    pub(crate) async fn keep_asking(&self) {
        let permits = Arc::new(Semaphore::new(self.inner.config.together_max.max(1)));
        let mut asking = JoinSet::new();
        loop {
            // Taken first: while there is none, the others wait in the queue.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let subject = self.inner.queue.next().await;
            let this = self.clone();
            asking.spawn(async move {
                if let Err(error) = this.screen(subject).await {
                    tracing::error!(%subject, %error, "not screened yet");
                    this.inner.metrics.failed();
                    drop(permit);
                    tokio::time::sleep(Duration::from_secs(this.inner.config.retry_s)).await;
                    this.inner.queue.again(subject);
                }
            });
            while asking.try_join_next().is_some() {}
        }
    }

    /// Looks for whom to ask about again, for ever.
    pub(crate) async fn keep_looking(&self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // None: what was found out in another run is looked at again at once.
        let mut edition = None;
        loop {
            ticks.tick().await;
            let newest = Some(self.inner.providers.edition());
            self.ask_again(newest != edition);
            edition = newest;
        }
    }

    /// Asks everybody about a subject, and stores what follows. Nothing is carried out yet.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn screen(&self, subject: Subject) -> Result<Standing, ComplianceError> {
        // Of two answers the older one must not be stored last.
        let _turn = self.inner.queue.turn(subject).await;
        // Before the answers: if they are from older data, they are asked for again.
        let edition = self.inner.providers.edition();
        let (answers, evidence) = self.ask(subject).await?;
        self.inner.metrics.asked(&answers);
        let this = self.clone();
        let standing = self.write(move |tx| this.store(tx, subject, answers, &evidence)).await?;
        self.count(&standing, edition);
        if edition != self.inner.providers.edition() {
            self.inner.queue.again(subject);
        }
        Ok(standing)
    }

    /// Lets what was stored count in memory, found with data of this number.
    pub(crate) fn count(&self, standing: &Standing, edition: u64) {
        let subject = standing.subject;
        let used_at = self.inner.known.get(&subject).map_or(self.now(), |known| known.used_at());
        self.inner.known.set(subject, Known::of(standing, edition, used_at));
        // Who is known is not unknown again: what was accepted meanwhile need not be remembered.
        let mut sums = self.inner.unknown_sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.retain(|(unknown, _), _| *unknown != subject);
    }

    /// What everybody answers who is asked about subjects of this kind, and what it rests on, sealed.
    async fn ask(
        &self,
        subject: Subject,
    ) -> Result<(BTreeMap<String, Answer>, Vec<SealedEvidence>), ComplianceError> {
        let Inner { rules, providers, .. } = &*self.inner;
        let now = self.now();
        let asked = rules.asked(subject.kind()).into_iter().map(|name| async move {
            let answer = match providers.named(name) {
                None => Err(Unavailable("there is no such provider".to_owned())),
                Some(provider) => self.ask_one(&**provider, subject, now).await,
            };
            (name.to_owned(), answer)
        });
        let (mut answers, mut evidence) = (BTreeMap::new(), Vec::new());
        for (name, answer) in join_all(asked).await {
            let answer = match answer {
                Ok(Answered::FromMemory(verdict)) => Ok(verdict),
                Ok(Answered::Found(finding)) => {
                    let sealed = self.seal_finding(subject, &finding, now)?;
                    let Finding { outcome, reason, entry, valid_until, .. } = finding;
                    let evidence_hash = sealed.commitment;
                    evidence.push(sealed);
                    Ok(Verdict { outcome, reason, entry, evidence: evidence_hash, valid_until })
                }
                Err(unavailable) => Err(unavailable),
            };
            answers.insert(name, answer);
        }
        Ok((answers, evidence))
    }

    async fn ask_one(
        &self,
        provider: &dyn Provider,
        subject: Subject,
        now: UnixTime,
    ) -> Result<Answered, Unavailable> {
        // That somebody is on no list rests on the lists, which the log names: nothing is kept for each.
        if let Some(verdict) = provider.at_once(&subject, now)
            && verdict.outcome == Outcome::Clear
        {
            return Ok(Answered::FromMemory(verdict));
        }
        let within = Duration::from_secs(self.inner.config.answer_within_s.max(1));
        let late = |_| Err(Unavailable(format!("no answer within {within:?}")));
        let finding = timeout(within, provider.check(&subject, now)).await.unwrap_or_else(late)?;
        if finding.document.len() > EVIDENCE_BYTES_MAX {
            let why = format!("what it rests on has over {EVIDENCE_BYTES_MAX} bytes");
            return Err(Unavailable(why));
        }
        Ok(Answered::Found(finding))
    }

    fn seal_finding(
        &self,
        subject: Subject,
        finding: &Finding,
        now: UnixTime,
    ) -> Result<SealedEvidence, ComplianceError> {
        let new = NewEvidence {
            kind: EvidenceKind::Answer,
            subject: Some(subject),
            mandate: None,
            content: &finding.document,
        };
        evidence::seal(&self.inner.vault, new, (now, self.inner.config.kept_s_min))
    }

    /// Stores the answers and what follows from them.
    fn store(
        &self,
        tx: &mut Tx<'_>,
        subject: Subject,
        mut answers: BTreeMap<String, Answer>,
        sealed: &[SealedEvidence],
    ) -> Result<Standing, ComplianceError> {
        for evidence in sealed {
            evidence::put(tx, evidence)?;
        }
        let now = self.now();
        let before: Option<Standing> = tx.record(Family::Standings, &subject_key(&subject))?;
        if let Some(before) = &before {
            keep_what_counts(&mut answers, before, (now, self.inner.config.retry_s));
        }
        let officer = before.as_ref().and_then(|before| before.officer.clone());
        let mut standing = self.standing_of(subject, &answers, officer, now);
        standing.used_at = self.inner.known.get(&subject).map_or(now, |known| known.used_at());
        self.put_standing(tx, before.as_ref(), &standing)?;
        if let Decision::Review { reason } = standing.decision {
            cases::open_if_none(tx, &standing, reason, now)?;
        }
        let objections = before.as_ref().map(Standing::objections).unwrap_or_default();
        if objections != standing.objections() {
            cases::note_change(tx, &subject)?;
        }
        Ok(standing)
    }

    /// Stores a standing with its line in the log, and what is to be done if the decision changed.
    pub(crate) fn put_standing(
        &self,
        tx: &mut Tx<'_>,
        before: Option<&Standing>,
        standing: &Standing,
    ) -> Result<(), ComplianceError> {
        let Standing { subject, decision, valid_until, answers, .. } = standing;
        let (now, key) = (self.now(), subject_key(subject));
        let shown: BTreeMap<&String, _> =
            answers.iter().map(|(name, answer)| (name, shown(answer))).collect();
        let details = json!({
            "decision": decision.name(),
            "reason": decision.reason(),
            "valid_until": valid_until.get(),
            "answers": shown,
        });
        let about = (action::SCREENED, About::Subject(subject));
        audit::write(tx, now, &Actor::Processor, about, details)?;
        store::put(tx, Family::Standings, key, standing)?;
        let was_denied = before.is_some_and(|before| before.decision.is_denied());
        if was_denied != decision.is_denied() {
            enforcing::require(tx, *subject, now)?;
        }
        Ok(())
    }

    /// Has everybody asked again of whom the verdict ends soon, and those looked at of whom somebody who
    /// answers at once may think otherwise now.
    fn ask_again(&self, is_newer: bool) {
        let Inner { known, queue, config, providers, .. } = &*self.inner;
        let (now, edition) = (self.now(), providers.edition());
        known.for_each(|subject, own| {
            let idle_s = match own.decision {
                Decision::Pending { .. } => AWAY_ASKED_S,
                _ => config.idle_s,
            };
            let is_used = now.seconds_since(own.used_at()).unwrap_or(0) <= idle_s;
            if own.due(config.ahead_s) <= now && is_used {
                queue.due(*subject);
            } else if is_newer && own.edition != edition {
                self.look_again(*subject, own, (edition, now), is_used);
            }
        });
        self.inner.metrics.waits(queue.len());
    }
}

impl Compliance {
    /// Looks at somebody whom newer data may be about. Who is not paid any more is only looked for in it: nobody
    /// else is asked for that.
    fn look_again(
        &self,
        subject: Subject,
        own: &Arc<Known>,
        (edition, now): (u64, UnixTime),
        is_used: bool,
    ) {
        if is_used || !own.is_over(now) {
            self.of_known(subject, own, edition, now);
            return;
        }
        let decided = self.decide_at_once(subject, own.officer.clone(), now);
        if !own.decision.is_denied() && decided.is_some_and(|own| own.decision.is_denied()) {
            self.inner.queue.urgent(subject);
        }
    }
}

/// What a provider answered.
enum Answered {
    FromMemory(Verdict),
    Found(Finding),
}

/// In place of no answer, the answer before: until it ends, and beyond that if it denied.
fn keep_what_counts(
    answers: &mut BTreeMap<String, Answer>,
    before: &Standing,
    (now, retry_s): (UnixTime, u64),
) {
    for (name, answer) in answers.iter_mut().filter(|(_, answer)| answer.is_err()) {
        let Some(AnswerRecord::Verdict(verdict)) = before.answers.get(name) else { continue };
        let counts = verdict.valid_until > now || verdict.outcome == Outcome::Denied;
        if counts {
            // A denial is asked about again soon; anything else ends when it ends.
            let valid_until = match verdict.outcome {
                Outcome::Denied => verdict.valid_until.max(later(now, retry_s)),
                _ => verdict.valid_until,
            };
            *answer = Ok(Verdict { valid_until, ..*verdict });
        }
    }
}

/// An answer in the log.
fn shown(answer: &AnswerRecord) -> serde_json::Value {
    match answer {
        AnswerRecord::Verdict(verdict) => json!({
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "evidence": verdict.evidence,
            "valid_until": verdict.valid_until.get(),
        }),
        // What a provider wrote may be personal: only that there was no answer.
        AnswerRecord::Unavailable { .. } => json!({ "outcome": "unavailable" }),
    }
}
