//! Deciding: by rules, by the default at the last moment; and the ruling that is signed for it.
//!
//! A decision, its signed ruling and their line in the log are one commit. What is delivered later are the
//! bytes that were signed then: a program that was killed in between delivers the same ruling.

use aep2_mandate::{
    typed_data::ruling::{Ruling, SignedRuling},
    units::{Amount, UnixTime},
};
use alloy_primitives::{B256, keccak256};
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, DecidedBy, Decision, Delivery, Ending},
    cases,
    clocks::Clocks,
    config::DefaultRuling,
    error::ArbiterError,
    rules::{
        order,
        question::{Elsewhere, Question, READ_BYTES_MAX, is_heard},
    },
    seen::Asked,
    store::Tx,
};

/// The hash of what a ruling was decided on: the dispute, and the answer if there is one.
pub fn evidence_hash(dispute: B256, answer: Option<B256>) -> B256 {
    keccak256([dispute, answer.unwrap_or_default()].concat())
}

impl Arbiter {
    /// Decides a case if a rule does. `is_fresh` says that its processor has shown it after `now`, and all of
    /// it was taken.
    pub(crate) async fn decide_by_rules(
        &self,
        number: u64,
        now: UnixTime,
        is_fresh: bool,
    ) -> Result<Case, ArbiterError> {
        let case = self.case(number)?;
        if !case.is_open() {
            return Ok(case);
        }
        // What was signed is opened and read only where there is something new to be said to it.
        let asked = Asked {
            version: case.version,
            is_heard: is_heard(&case, now, is_fresh),
            others: cases::of_same_order(&self.snapshot(), &case)?,
        };
        if self.seen().was_asked(number, &asked) {
            return Ok(case);
        }
        let file = self.file(number)?;
        let evidence = self.opened(&case, READ_BYTES_MAX)?;
        let elsewhere = |mandate| self.elsewhere(mandate);
        let found = order::decide(&Question {
            case: &case,
            file: &file,
            evidence: &evidence,
            is_heard: asked.is_heard,
            elsewhere: &elsewhere,
        })?;
        let case = match found {
            None => case,
            Some((rule, captured)) => {
                let by = DecidedBy::Rule { rule: rule.to_owned() };
                self.decide(case, captured, by, (Actor::Rule(rule), None)).await?
            }
        };
        if case.is_open() {
            self.seen().asked(number, asked);
        }
        Ok(case)
    }

    /// Decides a case that nobody decided, if it is the last moment; ends one whose time is over. That comes
    /// a little later where its processor has not just shown it: there may be an answer that asks for less.
    pub(crate) async fn decide_by_default(
        &self,
        case: &Case,
        clocks: Clocks,
        is_fresh: bool,
    ) -> Result<(), ArbiterError> {
        let (now, config) = (self.now(), self.config());
        let at = match is_fresh {
            true => config.default_at(case.seen_at, case.decide_by),
            false => config.default_latest_at(case.seen_at, case.decide_by),
        };
        if !case.is_open() || clocks.late(now) < at {
            return Ok(());
        }
        if clocks.early(now) >= case.decide_by {
            return self.end_too_late(case.number).await;
        }
        let captured = match self.config().default_ruling {
            DefaultRuling::Payee => case.owed,
            // Nobody but the processor says who the payer is: its word alone takes nothing from a payee.
            DefaultRuling::Payer if !case.payer.is_known() => case.owed,
            DefaultRuling::Payer => Amount::ZERO,
        };
        let (case, owed) = (case.clone(), case.owed);
        let decided = self.decide(case, captured, DecidedBy::Default, (Actor::Arbiter, Some(owed)));
        decided.await.map(drop)
    }

    /// Decides without a judge. Of one order something is given back once without one: otherwise the payer
    /// of two mandates for it would have this one given back as the duplicate, and then the other one by its
    /// payee's silence. A second time it is `otherwise` that is ruled, or nothing yet.
    async fn decide(
        &self,
        before: Case,
        captured: Amount,
        by: DecidedBy,
        (actor, otherwise): (Actor, Option<Amount>),
    ) -> Result<Case, ArbiterError> {
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        let ruling = self.ruling(&before, captured, now)?;
        let other = otherwise.map(|captured| self.ruling(&before, captured, now)).transpose()?;
        let label = by.label();
        let case = self
            .write(move |tx| {
                let found = cases::find_at(tx, before.number, before.version)?;
                let is_second = captured < found.owed && cases::is_given_back(tx, &found)?;
                let ruling = match (is_second, other) {
                    (false, _) => ruling,
                    (true, Some(other)) => other,
                    (true, None) => return Ok(found),
                };
                write_decision(tx, &found, (by, ruling), (&actor, now, kept_until))
            })
            .await?;
        if !case.is_open() {
            self.seen().forget(case.number);
            self.metrics().decided(label);
        }
        Ok(case)
    }

    /// The ruling that a case is decided with.
    pub(crate) fn ruling(
        &self,
        case: &Case,
        captured: Amount,
        at: UnixTime,
    ) -> Result<SignedRuling, ArbiterError> {
        if captured > case.owed {
            return Err(ArbiterError::MoreThanOwed { most: case.owed });
        }
        let evidence = evidence_hash(case.dispute, case.answer);
        let ruling = Ruling { mandate_id: case.mandate_id, captured, evidence, at };
        self.sign(ruling, &case.venue())
    }

    /// Ends a case whose time is over.
    pub(crate) async fn end_too_late(&self, number: u64) -> Result<(), ArbiterError> {
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        self.write(move |tx| {
            let before = cases::find(tx, number)?;
            if !before.is_open() {
                return Ok(());
            }
            let mut case = before.clone();
            case.state = CaseState::Ended { why: Ending::TooLate, at: now };
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            let about = (action::ENDED, About::Case(number));
            audit::write(tx, now, &Actor::Arbiter, about, json!({ "ended": Ending::TooLate }))
        })
        .await?;
        self.seen().forget(number);
        Ok(())
    }

    fn elsewhere(&self, mandate: B256) -> Result<Option<Elsewhere>, ArbiterError> {
        let view = self.view();
        let Some(number) = cases::of_mandate(&view, mandate)? else { return Ok(None) };
        let case = cases::find(&view, number)?;
        Ok(match &case.state {
            CaseState::Open | CaseState::Proposed { .. } => Some(Elsewhere::Open),
            CaseState::Decided { decision, .. } => Some(Elsewhere::Decided(decision.captured)),
            CaseState::Ended { .. } => None,
        })
    }
}

/// Writes what was decided, with its ruling and its line in the log.
pub(crate) fn write_decision(
    tx: &mut Tx<'_>,
    before: &Case,
    (by, ruling): (DecidedBy, SignedRuling),
    (actor, now, kept_until): (&Actor, UnixTime, UnixTime),
) -> Result<Case, ArbiterError> {
    if !before.is_open() {
        return Err(ArbiterError::CaseClosed(before.number));
    }
    let (mut case, captured) = (before.clone(), ruling.message.captured);
    let details = json!({
        "by": by, "captured": captured, "due": before.due, "dispute": before.dispute,
        "answer": before.answer, "ruling_evidence": ruling.message.evidence,
    });
    case.state = CaseState::Decided {
        decision: Decision { captured, by, at: now },
        ruling: Box::new(ruling),
        delivery: Delivery::Waiting { tries: 0, next_at: now },
    };
    cases::put(tx, Some(before), &mut case, kept_until)?;
    let about = (action::DECIDED, About::Case(before.number));
    audit::write(tx, now, actor, about, details)?;
    Ok(case)
}
