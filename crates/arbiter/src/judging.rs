//! What judges do: decide, confirm, take back, write notes.
//!
//! Each step names the version of the case that it was decided on, so that nobody decides on what they did
//! not see. Above an amount that is set, one judge proposes and another one confirms. A proposal that nobody
//! confirmed decides nothing: at the last moment the default does.

use aep2_mandate::units::{Amount, UnixTime};
use aep2_vault::Sealed;
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, DecidedBy, Proposal},
    case_file::{self, Words},
    cases,
    deciding::write_decision,
    error::ArbiterError,
    store,
};

/// The longest words of a judge's, in bytes.
const WORDS_BYTES_MAX: usize = 8 << 10;

/// What a judge wants decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decide {
    /// The case.
    pub number: u64,
    /// The version that the judge saw.
    pub version: u64,
    /// What the payee is to get, in base units.
    pub captured: Amount,
    /// Why, in words.
    pub why: String,
    /// Who.
    pub judge: String,
}

impl Arbiter {
    /// Decides a case, proposes a decision that takes two, or confirms one that was proposed.
    ///
    /// # Errors
    /// When there is no such case, it was changed meanwhile, it is not open, its time is over, more than is
    /// owed is to be ruled, or the second judge is the first, or says something else.
    pub async fn judge(&self, decide: Decide) -> Result<Case, ArbiterError> {
        let Decide { number, version, captured, why, judge } = decide;
        let now = self.now();
        let before = cases::find_at(&self.view(), number, version)?;
        may_be_decided(&before, now)?;
        // Signed before it is known whether it counts; it is stored only if it does.
        let ruling = self.ruling(&before, captured, now)?;
        let file = self.with_words(&before, words(&why, &judge, now)?)?;
        let takes_two = self.config().takes_two(before.token, before.due);
        let kept_until = self.config().kept_until(now);
        let case = self
            .write(move |tx| {
                let before = cases::find_at(tx, number, version)?;
                let confirmed_by = match (&before.state, takes_two) {
                    (CaseState::Proposed { proposal }, _) => {
                        confirm(proposal, &before, captured, &judge)?;
                        Some(proposal.by.clone())
                    }
                    (_, true) => {
                        case_file::place(&before.mandate_id).put(tx, file);
                        return propose(tx, before, (captured, judge), (now, kept_until));
                    }
                    (_, false) => None,
                };
                case_file::place(&before.mandate_id).put(tx, file);
                let by = match confirmed_by {
                    Some(name) => DecidedBy::Judge { name, confirmed_by: Some(judge.clone()) },
                    None => DecidedBy::Judge { name: judge.clone(), confirmed_by: None },
                };
                let actor = Actor::Judge(judge);
                write_decision(tx, &before, (by, ruling), (&actor, now, kept_until))
            })
            .await?;
        if !case.is_open() {
            self.metrics().decided("judge".to_owned());
        }
        Ok(case)
    }

    /// Takes a proposed decision back. Any judge may, the one who proposed it too.
    ///
    /// # Errors
    /// When there is no such case, it was changed meanwhile, or nothing is proposed in it.
    pub async fn reject(
        &self,
        (number, version): (u64, u64),
        judge: String,
    ) -> Result<Case, ArbiterError> {
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        self.write(move |tx| {
            let before = cases::find_at(tx, number, version)?;
            if !matches!(before.state, CaseState::Proposed { .. }) {
                return Err(ArbiterError::NothingProposed(number));
            }
            let mut case = Case { state: CaseState::Open, ..before.clone() };
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            let about = (action::REJECTED, About::Case(number));
            audit::write(tx, now, &Actor::Judge(judge), about, json!({}))?;
            Ok(case)
        })
        .await
    }

    /// The sealed file of a case, with these words added.
    fn with_words(&self, case: &Case, words: Words) -> Result<Sealed, ArbiterError> {
        let mut file = self.file(case.number)?;
        file.words.push(words);
        file.seal(self.vault(), case.mandate_id)
    }
}

fn may_be_decided(case: &Case, now: UnixTime) -> Result<(), ArbiterError> {
    if !case.is_open() {
        return Err(ArbiterError::CaseClosed(case.number));
    }
    if now >= case.decide_by {
        return Err(ArbiterError::TooLate(case.decide_by));
    }
    Ok(())
}

/// Another judge says the same, on the same.
fn confirm(
    proposal: &Proposal,
    case: &Case,
    captured: Amount,
    judge: &str,
) -> Result<(), ArbiterError> {
    if proposal.by == judge {
        return Err(ArbiterError::SameJudge(judge.to_owned()));
    }
    if proposal.captured != captured || proposal.answer != case.answer {
        let (by, captured) = (proposal.by.clone(), proposal.captured);
        return Err(ArbiterError::OtherDecision { by, captured });
    }
    Ok(())
}

fn propose(
    tx: &mut store::Tx<'_>,
    before: Case,
    (captured, judge): (Amount, String),
    (at, kept_until): (UnixTime, UnixTime),
) -> Result<Case, ArbiterError> {
    let proposal = Proposal { captured, by: judge.clone(), at, answer: before.answer };
    let mut case = Case { state: CaseState::Proposed { proposal }, ..before.clone() };
    cases::put(tx, Some(&before), &mut case, kept_until)?;
    let about = (action::PROPOSED, About::Case(before.number));
    let details = json!({ "captured": captured, "answer": before.answer });
    audit::write(tx, at, &Actor::Judge(judge), about, details)?;
    Ok(case)
}

fn words(text: &str, judge: &str, at: UnixTime) -> Result<Words, ArbiterError> {
    if text.trim().is_empty() {
        let message = "why: say why, for whoever reads the record later";
        return Err(ArbiterError::Malformed(message.to_owned()));
    }
    if text.len() > WORDS_BYTES_MAX {
        return Err(ArbiterError::Malformed(format!("why: at most {WORDS_BYTES_MAX} bytes")));
    }
    Ok(Words { at, by: judge.to_owned(), text: text.to_owned() })
}
