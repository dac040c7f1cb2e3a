//! What is known of a subject: what everybody answered, what an officer decided, what counts.

use std::collections::BTreeMap;

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decided, Decision},
    provider::Unavailable,
    rules::{Answer, Rules},
    subject::Subject,
    verdict::{Outcome, Reason, Verdict},
};

/// What is known of a subject, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Who.
    pub subject: Subject,
    /// What counts.
    pub decision: Decision,
    /// From then on everybody is asked again.
    pub valid_until: UnixTime,
    /// When everybody was asked.
    pub checked_at: UnixTime,
    /// When a payment named the subject last.
    pub used_at: UnixTime,
    /// What each answered, by the providers' names.
    pub answers: BTreeMap<String, AnswerRecord>,
    /// What an officer decided, if one did.
    pub officer: Option<OfficerDecision>,
    /// The hash of the rules by which it was decided: by others it has to be decided anew.
    pub rules: B256,
}

/// What a provider answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AnswerRecord {
    /// A verdict.
    Verdict(Verdict),
    /// None.
    Unavailable {
        /// Why.
        unavailable: String,
    },
}

impl From<&Answer> for AnswerRecord {
    fn from(answer: &Answer) -> Self {
        match answer {
            Ok(verdict) => Self::Verdict(*verdict),
            Err(Unavailable(why)) => {
                Self::Unavailable { unavailable: why.chars().take(200).collect() }
            }
        }
    }
}

impl From<&AnswerRecord> for Answer {
    fn from(record: &AnswerRecord) -> Self {
        match record {
            AnswerRecord::Verdict(verdict) => Ok(*verdict),
            AnswerRecord::Unavailable { unavailable } => Err(Unavailable(unavailable.clone())),
        }
    }
}

impl AnswerRecord {
    /// What the provider has against the subject, if anything.
    fn objection(&self) -> Option<&Verdict> {
        match self {
            Self::Verdict(verdict) if verdict.outcome != Outcome::Clear => Some(verdict),
            _ => None,
        }
    }
}

/// What an officer decided about a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerDecision {
    /// Whether it is served.
    pub serve: bool,
    /// Until when that counts.
    pub until: UnixTime,
    /// In which case.
    pub case: u64,
    /// Who.
    pub by: String,
    /// Who confirmed it, where it takes two.
    pub confirmed_by: Option<String>,
    /// What was known to stand against the subject, and counts for nothing now. What is found later is
    /// not among it: somebody who was cleared of one thing is not cleared of the next.
    pub against: Vec<Objection>,
}

/// What a provider had against a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// Who.
    pub provider: String,
    /// Why.
    pub reason: Reason,
    /// What was found.
    pub entry: B256,
    /// How bad it was: a decision counts for no more than was known.
    pub outcome: Outcome,
}

impl OfficerDecision {
    /// Whether an objection was known when the officer decided to serve the subject all the same.
    fn covers(&self, provider: &str, verdict: &Verdict, now: UnixTime) -> bool {
        let is_it = |own: &Objection| {
            own.provider == provider
                && own.reason == verdict.reason
                && own.entry == verdict.entry
                && verdict.outcome <= own.outcome
        };
        self.serve && now < self.until && self.against.iter().any(is_it)
    }
}

impl Standing {
    /// What counts, by the answers of everybody who was asked and by what an officer decided.
    pub(crate) fn decide(
        subject: Subject,
        answers: &BTreeMap<String, Answer>,
        officer: Option<OfficerDecision>,
        rules: &Rules,
        (now, retry_s): (UnixTime, u64),
    ) -> Self {
        let officer = officer.filter(|decision| now < decision.until);
        let decided = match &officer {
            Some(OfficerDecision { serve: false, until, .. }) => Decided {
                decision: Decision::Denied { reason: Reason::Other },
                valid_until: *until,
            },
            Some(decision) => {
                let answers = answers.iter().map(|(name, answer)| {
                    (name.clone(), without_covered(name, answer, decision, now))
                });
                let decided = rules.decide(subject.kind(), &answers.collect(), now, retry_s);
                Decided { valid_until: decided.valid_until.min(decision.until), ..decided }
            }
            None => rules.decide(subject.kind(), answers, now, retry_s),
        };
        let Decided { decision, valid_until } = decided;
        let records = answers.iter().map(|(name, answer)| (name.clone(), answer.into())).collect();
        let rules = rules.hash(subject.kind());
        let (checked_at, used_at, answers) = (now, now, records);
        Self { subject, decision, valid_until, checked_at, used_at, answers, officer, rules }
    }

    /// What stands against the subject.
    pub fn objections(&self) -> Vec<Objection> {
        let objections = self.answers.iter().filter_map(|(provider, answer)| {
            let Verdict { reason, entry, outcome, .. } = *answer.objection()?;
            Some(Objection { provider: provider.clone(), reason, entry, outcome })
        });
        objections.collect()
    }

    /// Whether it takes two officers to serve it: something stands against it whatever others say.
    pub fn takes_two(&self) -> bool {
        self.objections().iter().any(|objection| objection.reason.is_absolute())
    }
}

/// An answer, as clear where the officer knew it and decided to serve the subject all the same.
fn without_covered(
    provider: &str,
    answer: &Answer,
    officer: &OfficerDecision,
    now: UnixTime,
) -> Answer {
    match answer {
        Ok(verdict)
            if verdict.outcome != Outcome::Clear && officer.covers(provider, verdict, now) =>
        {
            Ok(Verdict::clear(verdict.evidence, verdict.valid_until))
        }
        answer => answer.clone(),
    }
}
