//! Who is asked about whom, and what counts when answers differ.
//!
//! Of each kind of subject there is a list of requirements, and all have to be met. A requirement names
//! one provider, or several of which one is enough: identities checked by this issuer or by that one.
//!
//! The strictest requirement counts. Within a requirement one clear answer is enough, except against a
//! reason that stands whatever others say ([`Reason::is_absolute`]).

use std::collections::BTreeMap;

use aep2_mandate::units::UnixTime;
use alloy_primitives::B256;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    decision::{Decided, Decision},
    provider::{Providers, Unavailable},
    subject::SubjectKind,
    verdict::{Outcome, Reason, Verdict},
};

/// How long it counts that nobody is asked, in seconds, and the longest that any answer does.
const NOBODY_ASKED_S: u64 = 366 * 86_400;

/// What counts while a provider does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenAway {
    /// As if it had nothing against the subject.
    Open,
    /// Nothing is decided: the subject waits.
    Closed,
}

/// A provider that is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its name.
    pub provider: String,
    /// What counts while it does not answer. There is no default: somebody has to have thought of it.
    pub when_away: WhenAway,
}

/// Something that has to be met: by one of these.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Whose clear answer is enough.
    pub any_of: Vec<Asked>,
}

/// What an answer was.
pub(crate) type Answer = Result<Verdict, Unavailable>;

/// What has to be met, by kind of subject. A kind that is not named is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Of payers.
    pub payer: Vec<Requirement>,
    /// Of payees.
    pub payee: Vec<Requirement>,
    /// Of agents.
    pub agent: Vec<Requirement>,
}

impl Rules {
    /// What has to be met by subjects of a kind.
    pub fn of(&self, kind: SubjectKind) -> &[Requirement] {
        match kind {
            SubjectKind::Payer => &self.payer,
            SubjectKind::Payee => &self.payee,
            SubjectKind::Agent => &self.agent,
        }
    }

    /// The names of the providers that are asked about subjects of a kind, each once.
    pub fn asked(&self, kind: SubjectKind) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for asked in self.of(kind).iter().flat_map(|requirement| &requirement.any_of) {
            if !names.contains(&asked.provider.as_str()) {
                names.push(&asked.provider);
            }
        }
        names
    }

    /// The hash of what has to be met by subjects of a kind.
    pub(crate) fn hash(&self, kind: SubjectKind) -> B256 {
        let mut hasher = Sha256::new();
        for requirement in self.of(kind) {
            hasher.update(b"requirement");
            for Asked { provider, when_away } in &requirement.any_of {
                hasher.update(format!("{}:{provider}:{when_away:?}", provider.len()));
            }
        }
        B256::from_slice(&hasher.finalize())
    }

    /// Whether all providers that are named are there, and every requirement can be met.
    ///
    /// # Errors
    /// What is wrong, with the setting's name.
    pub fn check(&self, providers: &Providers) -> Result<(), String> {
        for kind in SubjectKind::ALL {
            for (place, requirement) in self.of(kind).iter().enumerate() {
                let setting = format!("rules.{}[{place}]", kind.name());
                if requirement.any_of.is_empty() {
                    return Err(format!("{setting}: any_of names nobody, so nobody could meet it"));
                }
                for Asked { provider: name, .. } in &requirement.any_of {
                    let Some(provider) = providers.named(name) else {
                        return Err(format!("{setting}: there is no provider {name:?}"));
                    };
                    if !provider.knows(kind) {
                        let kind = kind.name();
                        return Err(format!("{setting}: {name:?} can say nothing about a {kind}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// What counts of a subject of this kind, by the answers of the providers that were asked.
    ///
    /// A provider whose answer is missing counts as one that is away. `retry_s` is how soon one that is
    /// away is asked again.
    pub(crate) fn decide(
        &self,
        kind: SubjectKind,
        answers: &BTreeMap<String, Answer>,
        now: UnixTime,
        retry_s: u64,
    ) -> Decided {
        let retry_at = later(now, retry_s);
        // Of whom nobody is asked, that is looked at again: somebody may be asked some day.
        let until = later(now, NOBODY_ASKED_S);
        let nothing_asked = Decided { decision: Decision::Clear, valid_until: until };
        self.of(kind)
            .iter()
            .map(|requirement| requirement.decide(answers, now, retry_at))
            .fold(nothing_asked, Decided::and)
    }
}

impl Requirement {
    fn decide(
        &self,
        answers: &BTreeMap<String, Answer>,
        now: UnixTime,
        retry_at: UnixTime,
    ) -> Decided {
        let each: Vec<Decided> =
            self.any_of.iter().map(|asked| asked.decide(answers, now, retry_at)).collect();
        let stands = |decided: &&Decided| match decided.decision {
            Decision::Denied { reason } | Decision::Review { reason } => reason.is_absolute(),
            Decision::Clear | Decision::Pending { .. } => false,
        };
        let strictest = each.iter().filter(stands).max_by_key(|decided| decided.decision);
        if let Some(decided) = strictest {
            return *decided;
        }
        // The mildest is enough; of two that are clear, the one that holds longer.
        let mildest = each.iter().min_by(|one, other| {
            let order = one.decision.cmp(&other.decision);
            order.then(other.valid_until.cmp(&one.valid_until))
        });
        // A requirement that nobody can meet is not met; the settings' check refuses one.
        mildest.copied().unwrap_or(Decided {
            decision: Decision::Denied { reason: Reason::Other },
            valid_until: UnixTime::MAX,
        })
    }
}

impl Asked {
    fn decide(
        &self,
        answers: &BTreeMap<String, Answer>,
        now: UnixTime,
        retry_at: UnixTime,
    ) -> Decided {
        let reason = Reason::ProviderUnavailable;
        match answers.get(&self.provider) {
            // What is over when it arrives is no answer.
            Some(Ok(verdict)) if verdict.valid_until > now => {
                let Verdict { outcome, reason, valid_until, .. } = *verdict;
                let decision = match outcome {
                    Outcome::Clear => Decision::Clear,
                    Outcome::Review => Decision::Review { reason },
                    Outcome::Denied => Decision::Denied { reason },
                };
                Decided { decision, valid_until }
            }
            _ => match self.when_away {
                WhenAway::Open => Decided { decision: Decision::Clear, valid_until: retry_at },
                WhenAway::Closed => {
                    Decided { decision: Decision::Pending { reason }, valid_until: retry_at }
                }
            },
        }
    }
}

/// A time so many seconds later, or the last there is.
pub(crate) fn later(time: UnixTime, seconds: u64) -> UnixTime {
    UnixTime::new(time.get().saturating_add(seconds)).unwrap_or(UnixTime::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn time(after_s: u64) -> UnixTime {
        UnixTime::new(NOW + after_s).expect("in range")
    }

    fn asked(provider: &str, when_away: WhenAway) -> Asked {
        Asked { provider: provider.to_owned(), when_away }
    }

    fn rules(requirements: Vec<Vec<Asked>>) -> Rules {
        let payee = requirements.into_iter().map(|any_of| Requirement { any_of }).collect();
        Rules { payee, ..Rules::default() }
    }

    fn verdict(outcome: Outcome, reason: Reason, after_s: u64) -> Answer {
        let valid_until = time(after_s);
        Ok(Verdict { outcome, reason, entry: B256::ZERO, evidence: B256::ZERO, valid_until })
    }

    fn decide(rules: &Rules, answers: &[(&str, Answer)]) -> Decided {
        let answers = answers.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone()));
        rules.decide(SubjectKind::Payee, &answers.collect(), time(0), 30)
    }

    #[test]
    fn all_requirements_have_to_be_met_and_the_strictest_counts() {
        let rules = rules(vec![
            vec![asked("list", WhenAway::Closed)],
            vec![asked("kyc", WhenAway::Closed)],
        ]);
        let clear = verdict(Outcome::Clear, Reason::Compliant, 100);
        let review = verdict(Outcome::Review, Reason::AmlFlag, 50);
        let denied = verdict(Outcome::Denied, Reason::Sanctioned, 10);
        let of = |list: &Answer, kyc: &Answer| {
            decide(&rules, &[("list", list.clone()), ("kyc", kyc.clone())]).decision
        };
        assert_eq!(of(&clear, &clear), Decision::Clear);
        assert_eq!(of(&clear, &review), Decision::Review { reason: Reason::AmlFlag });
        assert_eq!(of(&denied, &review), Decision::Denied { reason: Reason::Sanctioned });
        assert_eq!(of(&clear, &denied), Decision::Denied { reason: Reason::Sanctioned });
    }

    #[test]
    fn one_that_knows_somebody_is_enough_but_not_against_a_list() {
        let rules = rules(vec![vec![asked("a", WhenAway::Closed), asked("b", WhenAway::Closed)]]);
        let clear = verdict(Outcome::Clear, Reason::Compliant, 100);
        let unknown = verdict(Outcome::Denied, Reason::IdentityNotFound, 100);
        let listed = verdict(Outcome::Denied, Reason::Sanctioned, 100);
        let decision = |b: &Answer| decide(&rules, &[("a", clear.clone()), ("b", b.clone())]);
        assert_eq!(decision(&unknown).decision, Decision::Clear);
        assert_eq!(decision(&listed).decision, Decision::Denied { reason: Reason::Sanctioned });
        let flagged = verdict(Outcome::Review, Reason::AmlFlag, 100);
        let review = Decision::Review { reason: Reason::AmlFlag };
        assert_eq!(decision(&flagged).decision, review, "nor against what a person has to look at");
        let both = decide(&rules, &[("a", unknown.clone()), ("b", unknown)]).decision;
        assert_eq!(both, Decision::Denied { reason: Reason::IdentityNotFound });
    }

    #[test]
    fn one_that_is_away_counts_as_the_settings_say_and_is_asked_again_soon() {
        let away: Answer = Err(Unavailable("timed out".to_owned()));
        let reason = Reason::ProviderUnavailable;
        for (when_away, decision) in
            [(WhenAway::Open, Decision::Clear), (WhenAway::Closed, Decision::Pending { reason })]
        {
            let rules = rules(vec![vec![asked("a", when_away)]]);
            let expected = Decided { decision, valid_until: time(30) };
            assert_eq!(decide(&rules, &[("a", away.clone())]), expected);
            assert_eq!(decide(&rules, &[]), expected, "no answer at all");
            let over = verdict(Outcome::Clear, Reason::Compliant, 0);
            assert_eq!(decide(&rules, &[("a", over)]), expected, "an answer that is over");
        }
    }

    #[test]
    fn a_clear_decision_ends_with_the_first_answer_that_it_needs() {
        let rules = rules(vec![
            vec![asked("a", WhenAway::Closed)],
            vec![asked("b", WhenAway::Closed), asked("c", WhenAway::Closed)],
        ]);
        let clear = |after_s| verdict(Outcome::Clear, Reason::Compliant, after_s);
        let decided = decide(&rules, &[("a", clear(100)), ("b", clear(10)), ("c", clear(90))]);
        assert_eq!(decided, Decided { decision: Decision::Clear, valid_until: time(90) });
    }

    #[test]
    fn a_kind_without_requirements_is_not_looked_at() {
        let decided = Rules::default().decide(SubjectKind::Agent, &BTreeMap::new(), time(0), 30);
        assert_eq!(decided.decision, Decision::Clear);
    }
}
