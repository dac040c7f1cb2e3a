//! News of a case that is there: what its processor shows of it now.
//!
//! What was taken stays as it was taken. A processor that shows it otherwise later is contradicted by the
//! signatures that it showed before: that is logged, and changes nothing. There is one succession: the
//! account's owner speaks after its agent, in its place, once.

use aep2_audit_log::Name;
use aep2_mandate::typed_data::{TypedData, dispute::SignedDispute, keyed::AnySigner};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView, OpenedBy};
use alloy_primitives::{B256, keccak256};

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, Delivery, Ending, PayerCheck, PieceRecord},
    case_file::{self, CaseFile},
    cases,
    error::ArbiterError,
    taking::{Looked, PayerWord, changed, file_of, pieces},
    verify::{self, Checked, NotTaken},
};

impl Arbiter {
    /// Checks what a processor shows of a case that is there.
    pub(crate) async fn checked_anew(
        &self,
        case: &Case,
        view: &DisputeView,
    ) -> Result<Looked, ArbiterError> {
        match verify::check(view, case.venue(), self.address(), self.now()) {
            Ok(checked) => Ok(Looked::Right(checked)),
            Err(NotTaken::Clock { .. }) => Ok(Looked::Early),
            Err(error) => {
                if self.seen().is_new(case.number, error.code(), shown(view)?) {
                    let what = (action::REFUSED, About::Case(case.number));
                    self.tell(case.venue(), what, (error.code(), error.to_string()), None).await?;
                }
                Ok(Looked::Wrong)
            }
        }
    }

    /// Takes what a processor shows of a case that is there, and that was checked. The case as it is then;
    /// nothing where it is not taken: then the processor has not said how things stand. `payer` is what is
    /// known of an owner that speaks after its agent.
    pub(crate) async fn take_news(
        &self,
        before: &Case,
        view: &DisputeView,
        (checked, payer): (&Checked, PayerWord),
    ) -> Result<Option<Case>, ArbiterError> {
        let (before, number) = (before.clone(), before.number);
        let file = self.file(number)?;
        let succeeds = is_succession(&before, view);
        let wrong = match succeeds {
            false => contradiction(&before, &file, view, checked),
            true => wrong_succession(&before, &file, (view, payer)),
        };
        if let Some(what) = wrong {
            self.contradict(&before, what, shown(view)?).await?;
            return Ok(None);
        }
        let mut case = before.clone();
        match (succeeds, payer) {
            (false, _) => take_answer(&mut case, view, checked),
            (true, PayerWord::Check(payer)) if payer.is_known() || !case.payer.is_known() => {
                self.succeed(&mut case, view, (checked, payer));
            }
            // Nobody says yet whether it is the owner's: it is not taken before.
            (true, _) => return Ok(None),
        }
        let ended = self.end_shown(&mut case, view);
        if case == before {
            return Ok(Some(before));
        }
        let sealed = with_news(file, view, succeeds).seal(self.vault(), case.mandate_id)?;
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        let case = self.write(move |tx| {
            cases::find_at(tx, number, before.version)?;
            case_file::place(&case.mandate_id).put(tx, sealed);
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            let (about, details) = (About::Case(number), changed(&case));
            let what = ended.unwrap_or(action::CHANGED);
            audit::write(tx, now, &Actor::Processor(case.processor), (what, about), details)?;
            Ok(case)
        });
        case.await.map(Some)
    }

    /// Puts the owner's dispute in the place of its agent's. The payee answers anew, and has time to.
    fn succeed(
        &self,
        case: &mut Case,
        view: &DisputeView,
        (checked, payer): (&Checked, PayerCheck),
    ) {
        case.due = case.due.min(checked.due);
        case.owed = case.due.min(checked.owed);
        case.decide_by = case.decide_by.min(view.decide_by);
        case.answer_by = self.config().answer_by(self.now(), case.decide_by);
        (case.dispute, case.reason) = (checked.dispute, view.dispute.message().reason);
        (case.by, case.payer) = (view.by, payer);
        case.answer = checked.answer;
        case.evidence = joined(&case.evidence, pieces(view));
        // It was proposed on something else.
        case.state = CaseState::Open;
    }

    /// Says that a processor shows a case otherwise than before, or than it has to be. Once for what is
    /// shown.
    pub(crate) async fn contradict(
        &self,
        case: &Case,
        what: &'static str,
        shown: B256,
    ) -> Result<(), ArbiterError> {
        if !self.seen().is_new(case.number, what, shown) {
            return Ok(());
        }
        let message = format!("case {} is shown with another {what} than it has", case.number);
        let about = (action::CONTRADICTED, About::Case(case.number));
        self.tell(case.venue(), about, ("contradicted", message), None).await
    }

    /// Ends a case that the processor shows at its end, and says what that is called.
    fn end_shown(&self, case: &mut Case, view: &DisputeView) -> Option<Name> {
        let at = self.now();
        let shown = view.ruling.as_ref().filter(|shown| {
            let domain = case.venue().typed_data_domain();
            shown.message.mandate_id == case.mandate_id
                && shown.verify(&domain, self.address()).is_ok()
        });
        match (&mut case.state, view.status) {
            (
                CaseState::Decided {
                    ruling, delivery: delivery @ Delivery::Waiting { .. }, ..
                },
                _,
            ) if shown == Some(&**ruling) => {
                *delivery = Delivery::Delivered { at };
                Some(action::DELIVERED)
            }
            (CaseState::Open | CaseState::Proposed { .. }, _) if shown.is_some() => {
                case.state = CaseState::Ended { why: Ending::RuledElsewhere, at };
                Some(action::ENDED)
            }
            (CaseState::Open | CaseState::Proposed { .. }, DisputeStatus::Closed) => {
                case.state = CaseState::Ended { why: Ending::Closed, at };
                Some(action::ENDED)
            }
            _ => None,
        }
    }
}

/// The hash of what a processor shows.
pub(crate) fn shown(view: &DisputeView) -> Result<B256, ArbiterError> {
    Ok(keccak256(serde_json::to_vec(view)?))
}

/// Whether the account's owner is said to speak in the place of its agent. It does so once.
pub(crate) fn is_succession(case: &Case, view: &DisputeView) -> bool {
    case.by == OpenedBy::Key && view.by == OpenedBy::Owner && view.agents_dispute.is_some()
}

/// The first thing that a processor shows otherwise than before.
fn contradiction(
    case: &Case,
    file: &CaseFile,
    view: &DisputeView,
    checked: &Checked,
) -> Option<&'static str> {
    let is_other_answer = case.answer.is_some() && case.answer != checked.answer;
    let agents = |dispute: &Option<SignedDispute>| dispute.as_ref().map(hash_of);
    let is_other = [
        ("dispute", case.dispute != checked.dispute || case.by != view.by),
        ("signer", !is_same_signer(file, case, &checked.signer)),
        ("agentsDispute", agents(&file.agents_dispute) != agents(&view.agents_dispute)),
        ("answer", is_other_answer),
    ];
    let is_other = is_other.into_iter().find(|(_, is_other)| *is_other).map(|(what, _)| what);
    other_payment(case, file, view).or(is_other)
}

/// The first thing that is wrong with an owner's dispute in the place of its agent's.
fn wrong_succession(
    case: &Case,
    file: &CaseFile,
    (view, payer): (&DisputeView, PayerWord),
) -> Option<&'static str> {
    // Its signature was checked: it is the mandate's key's.
    let is_ours = view.agents_dispute.as_ref().is_some_and(|own| hash_of(own) == case.dispute);
    let is_wrong = [
        ("agentsDispute", !is_ours || file.agents_dispute.is_some()),
        ("owner", payer == PayerWord::SomebodyElse),
    ];
    let is_wrong = is_wrong.into_iter().find(|(_, is_wrong)| *is_wrong).map(|(what, _)| what);
    other_payment(case, file, view).or(is_wrong)
}

/// The first thing that is shown of another payment than the case is about.
fn other_payment(case: &Case, file: &CaseFile, view: &DisputeView) -> Option<&'static str> {
    let is_other_capture = file.capture.is_some() && file.capture != view.capture;
    let is_other = [
        ("mandate", file.mandate != view.mandate),
        ("number", case.number_there != view.number),
        ("receipt", file.receipt.message != view.receipt.message),
        ("openedAt", case.opened_at != view.opened_at),
        ("decideBy", view.decide_by > case.decide_by),
        ("capture", is_other_capture),
    ];
    is_other.into_iter().find(|(_, is_other)| *is_other).map(|(what, _)| what)
}

fn is_same_signer(file: &CaseFile, case: &Case, now: &AnySigner) -> bool {
    file.dispute.signer(&case.venue().typed_data_domain()).as_ref() == Some(now)
}

fn hash_of(dispute: &SignedDispute) -> B256 {
    dispute.message().struct_hash()
}

/// Takes news only: a lower amount, an answer, an earlier end.
fn take_answer(case: &mut Case, view: &DisputeView, checked: &Checked) {
    case.due = case.due.min(checked.due);
    case.owed = case.owed.min(checked.owed);
    case.decide_by = case.decide_by.min(view.decide_by);
    case.answer_by = case.answer_by.min(case.decide_by);
    if case.answer.is_none() && checked.answer.is_some() {
        case.answer = checked.answer;
        case.evidence = joined(&case.evidence, pieces(view));
    }
}

/// A case's file with what is shown now. What was in it stays.
fn with_news(file: CaseFile, view: &DisputeView, succeeds: bool) -> CaseFile {
    let capture = file.capture.or(view.capture);
    let (answer, agents_answer) = match succeeds {
        true => (view.answer.clone(), file.answer),
        false => (file.answer.or_else(|| view.answer.clone()), file.agents_answer),
    };
    CaseFile { answer, agents_answer, capture, words: file.words, ..file_of(view) }
}

/// The pieces that are named now, with what is kept of them; and those that were named before.
fn joined(before: &[PieceRecord], now: Vec<PieceRecord>) -> Vec<PieceRecord> {
    let is_same = |one: &PieceRecord, other: &PieceRecord| {
        one.piece.hash == other.piece.hash && one.piece.size == other.piece.size
    };
    let is_kept = |new: &PieceRecord| before.iter().any(|own| own.is_kept && is_same(own, new));
    let mut all: Vec<_> =
        now.into_iter().map(|new| PieceRecord { is_kept: is_kept(&new), ..new }).collect();
    for own in before {
        if !all.iter().any(|new| new.by == own.by && is_same(own, new)) {
            all.push(own.clone());
        }
    }
    all
}
