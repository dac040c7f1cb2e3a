//! Taking a dispute that a processor shows: as a new case, or as news of one that is there.
//!
//! What was taken stays as it was taken. A processor that shows it otherwise later is contradicted by the
//! signatures that it showed before: that is logged, and changes nothing.

use aep2_audit_log::Name;
use aep2_mandate::{
    typed_data::{dispute::Evidence, keyed::AnySigner},
    units::UnixTime,
};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView};
use aep2_x402::purchase::Venue;
use alloy_primitives::B256;
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, Delivery, Ending, Party, PayerCheck, PieceRecord},
    case_file::CaseFile,
    cases,
    error::ArbiterError,
    family::Family,
    store::{self, Source},
    verify::{self, Checked},
};

/// What became of a dispute that was shown for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is a case now.
    Case(u64),
    /// It was one before.
    Known(u64),
    /// It is not to be decided any more.
    Over,
    /// It is not taken, and will not be.
    Refused,
}

/// Whose word there is on who opened a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayerWord {
    /// This is known.
    Check(PayerCheck),
    /// The chain says that it is somebody else.
    SomebodyElse,
}

impl Arbiter {
    /// How far a processor's disputes were taken: the number of the last one.
    pub(crate) fn cursor(&self, venue: &Venue) -> Result<u64, ArbiterError> {
        Ok(self.view().record(Family::Cursors, &cursor_key(venue))?.unwrap_or(0))
    }

    /// Checks a dispute, before anybody else is asked about it. What cannot be taken is logged.
    pub(crate) async fn checked(
        &self,
        venue: Venue,
        view: &DisputeView,
    ) -> Result<Option<Checked>, ArbiterError> {
        match verify::check(view, venue, self.address(), self.now()) {
            Ok(checked) => Ok(Some(checked)),
            Err(error) => {
                let about = About::Mandate(view.mandate_id.0);
                let why = (error.code(), error.to_string());
                self.refuse((venue, view.number), about, why).await?;
                Ok(None)
            }
        }
    }

    /// Takes a dispute that was checked, unless it is there already.
    pub(crate) async fn take(
        &self,
        venue: Venue,
        view: DisputeView,
        checked: Checked,
        payer: PayerCheck,
    ) -> Result<Taken, ArbiterError> {
        let now = self.now();
        if view.status != DisputeStatus::Open || view.decide_by <= now {
            self.pass(venue, view.number).await?;
            return Ok(Taken::Over);
        }
        let mut case = self.new_case(venue, &view, &checked, payer);
        let file = file_of(&view).seal(self.vault(), case.mandate_id)?;
        let kept_until = self.config().kept_until(now);
        self.write(move |tx| {
            store::put(tx, Family::Cursors, cursor_key(&venue), &view.number)?;
            // A mandate names its processor, by its `ref`: it is this one's case.
            if let Some(known) = cases::of_mandate(tx, case.mandate_id)? {
                return Ok(Taken::Known(known));
            }
            let number = cases::next_number(tx)?;
            case.number = number;
            tx.put(Family::Files, case.mandate_id.to_vec(), file);
            store::put(tx, Family::Mandates, case.mandate_id.to_vec(), &number)?;
            cases::put(tx, None, &mut case, kept_until)?;
            let about = (action::OPENED, About::Case(number));
            audit::write(tx, now, &Actor::Processor(case.processor), about, opened(&case))?;
            Ok(Taken::Case(number))
        })
        .await
    }

    fn new_case(
        &self,
        venue: Venue,
        view: &DisputeView,
        checked: &Checked,
        payer: PayerCheck,
    ) -> Case {
        let (mandate, seen_at) = (&view.mandate.mandate, self.now());
        Case {
            number: 0,
            version: 1,
            chain_id: venue.chain,
            wallet: venue.wallet,
            processor: venue.processor,
            number_there: view.number,
            mandate_id: view.mandate_id.0,
            reference: mandate.reference,
            account: mandate.account,
            payee: mandate.payee,
            token: mandate.token,
            due: checked.due,
            owed: checked.owed,
            reason: view.dispute.message().reason,
            by: view.by,
            payer,
            opened_at: view.opened_at,
            seen_at,
            answer_by: self.config().answer_by(seen_at, view.decide_by),
            decide_by: view.decide_by,
            dispute: checked.dispute,
            answer: checked.answer,
            evidence: pieces(view),
            state: CaseState::Open,
        }
    }

    /// Takes what a processor shows of a case that is there. The case as it is then.
    pub(crate) async fn take_news(
        &self,
        number: u64,
        view: &DisputeView,
    ) -> Result<Case, ArbiterError> {
        let before = self.case(number)?;
        let checked = match verify::check(view, before.venue(), self.address(), self.now()) {
            Ok(checked) => checked,
            Err(error) => {
                let what = (action::REFUSED, About::Case(number));
                let (code, message) = (error.code(), error.to_string());
                self.tell(before.venue(), what, (code, message), None).await?;
                return Ok(before);
            }
        };
        let file = self.file(number)?;
        if let Some(what) = contradiction(&before, &file, view, &checked) {
            self.contradict(&before, what).await?;
            return Ok(before);
        }
        let mut case = before.clone();
        // News only: a lower amount, an answer, an earlier end.
        case.due = case.due.min(checked.due);
        case.owed = case.owed.min(checked.owed);
        case.decide_by = case.decide_by.min(view.decide_by);
        case.answer_by = case.answer_by.min(case.decide_by);
        if case.answer.is_none() && checked.answer.is_some() {
            case.answer = checked.answer;
            case.evidence = joined(&before.evidence, pieces(view));
        }
        let ended = self.end_shown(&mut case, view);
        if case == before {
            return Ok(before);
        }
        let words = file.words.clone();
        let kept = CaseFile {
            answer: file.answer.or(view.answer.clone()),
            capture: file.capture.or(view.capture),
            words,
            ..file_of(view)
        };
        let sealed = kept.seal(self.vault(), case.mandate_id)?;
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        self.write(move |tx| {
            cases::find_at(tx, number, before.version)?;
            tx.put(Family::Files, case.mandate_id.to_vec(), sealed);
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            let (about, details) = (About::Case(number), changed(&case));
            let what = ended.unwrap_or(action::CHANGED);
            audit::write(tx, now, &Actor::Processor(case.processor), (what, about), details)?;
            Ok(case)
        })
        .await
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

    /// Notes what the chain says of whoever opened a case's dispute.
    pub(crate) async fn set_payer(
        &self,
        number: u64,
        word: PayerWord,
    ) -> Result<Case, ArbiterError> {
        let (now, kept_until) = (self.now(), self.config().kept_until(self.now()));
        self.write(move |tx| {
            let before = cases::find(tx, number)?;
            let mut case = before.clone();
            match word {
                PayerWord::Check(check) => case.payer = check,
                PayerWord::SomebodyElse if case.is_open() => {
                    case.state = CaseState::Ended { why: Ending::NotThePayer, at: now };
                }
                PayerWord::SomebodyElse => {}
            }
            if case == before {
                return Ok(before);
            }
            cases::put(tx, Some(&before), &mut case, kept_until)?;
            let ended = matches!(case.state, CaseState::Ended { .. });
            let what = if ended { action::ENDED } else { action::CHANGED };
            audit::write(tx, now, &Actor::Arbiter, (what, About::Case(number)), changed(&case))?;
            Ok(case)
        })
        .await
    }

    /// Goes past a dispute without a word.
    pub(crate) async fn pass(&self, venue: Venue, number: u64) -> Result<(), ArbiterError> {
        self.write(move |tx| store::put(tx, Family::Cursors, cursor_key(&venue), &number)).await
    }

    /// Goes past a dispute that is not taken, and says so: in the metrics always, in the log as far as there
    /// is room.
    pub(crate) async fn refuse(
        &self,
        (venue, number): (Venue, u64),
        about: About,
        why: (&'static str, String),
    ) -> Result<(), ArbiterError> {
        self.tell(venue, (action::REFUSED, about), why, Some(number)).await
    }

    /// Says that a processor shows a case otherwise than before, or than it has to be.
    pub(crate) async fn contradict(
        &self,
        case: &Case,
        what: &'static str,
    ) -> Result<(), ArbiterError> {
        let message = format!("case {} is shown with another {what} than it has", case.number);
        let about = (action::CONTRADICTED, About::Case(case.number));
        self.tell(case.venue(), about, ("contradicted", message), None).await
    }

    async fn tell(
        &self,
        venue: Venue,
        (action, about): (Name, About),
        (code, message): (&'static str, String),
        passed: Option<u64>,
    ) -> Result<(), ArbiterError> {
        let (now, processor) = (self.now(), venue.processor);
        self.metrics().refused(processor, code);
        let most = self.config().refused_lines_per_hour_max;
        let has_room = self.limiter().take(processor, now, most);
        if has_room {
            tracing::warn!(%processor, code, message, "a dispute is not what it should be");
        }
        self.write(move |tx| {
            if let Some(number) = passed {
                store::put(tx, Family::Cursors, cursor_key(&venue), &number)?;
            }
            if has_room {
                let details = json!({ "code": code });
                audit::write(tx, now, &Actor::Processor(processor), (action, about), details)?;
            }
            Ok(())
        })
        .await
    }
}

fn cursor_key(venue: &Venue) -> Vec<u8> {
    let Venue { chain, wallet, processor } = venue;
    [&chain.get().to_be_bytes(), wallet.as_slice(), processor.as_slice()].concat()
}

/// The first thing that a processor shows otherwise than before.
fn contradiction(
    case: &Case,
    file: &CaseFile,
    view: &DisputeView,
    checked: &Checked,
) -> Option<&'static str> {
    let is_other_answer = case.answer.is_some() && case.answer != checked.answer;
    let is_other_capture = file.capture.is_some() && file.capture != view.capture;
    let is_other = [
        ("mandate", file.mandate != view.mandate),
        ("number", case.number_there != view.number),
        ("receipt", file.receipt.message != view.receipt.message),
        ("dispute", case.dispute != checked.dispute || case.by != view.by),
        ("signer", !is_same_signer(file, case, &checked.signer)),
        ("openedAt", case.opened_at != view.opened_at),
        ("decideBy", view.decide_by > case.decide_by),
        ("answer", is_other_answer),
        ("capture", is_other_capture),
    ];
    is_other.into_iter().find(|(_, is_other)| *is_other).map(|(what, _)| what)
}

fn is_same_signer(file: &CaseFile, case: &Case, now: &AnySigner) -> bool {
    file.dispute.signer(&case.venue().typed_data_domain()).as_ref() == Some(now)
}

fn file_of(view: &DisputeView) -> CaseFile {
    CaseFile {
        mandate: view.mandate.clone(),
        receipt: view.receipt,
        terms: view.terms.clone(),
        capture: view.capture,
        dispute: view.dispute.clone(),
        answer: view.answer.clone(),
        words: Vec::new(),
    }
}

fn pieces(view: &DisputeView) -> Vec<PieceRecord> {
    let of = |by, pieces: &[Evidence]| {
        let record = |piece: &Evidence| PieceRecord { by, piece: piece.clone(), is_kept: false };
        pieces.iter().map(record).collect::<Vec<_>>()
    };
    let answered = view.answer.as_ref().map(|answer| &*answer.message.evidence);
    let of_payee = of(Party::Payee, answered.unwrap_or_default());
    [of(Party::Payer, &view.dispute.message().evidence), of_payee].concat()
}

/// The pieces that are named now, with what is kept of them.
fn joined(before: &[PieceRecord], now: Vec<PieceRecord>) -> Vec<PieceRecord> {
    let is_kept = |hash: B256| before.iter().any(|own| own.is_kept && own.piece.hash == hash);
    now.into_iter().map(|own| PieceRecord { is_kept: is_kept(own.piece.hash), ..own }).collect()
}

fn opened(case: &Case) -> serde_json::Value {
    json!({
        "mandate": case.mandate_id, "processor": case.processor, "number_there": case.number_there.to_string(),
        "payee": case.payee, "reason": case.reason, "dispute": case.dispute, "due": case.due,
        "payer": case.payer, "opened_at": seconds(case.opened_at), "decide_by": seconds(case.decide_by),
    })
}

fn changed(case: &Case) -> serde_json::Value {
    json!({
        "due": case.due, "owed": case.owed, "answer": case.answer, "payer": case.payer,
        "decide_by": seconds(case.decide_by),
        "ended": match &case.state { CaseState::Ended { why, .. } => Some(why), _ => None },
    })
}

fn seconds(time: UnixTime) -> u64 {
    time.get()
}
