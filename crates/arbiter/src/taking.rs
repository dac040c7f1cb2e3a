//! Taking a dispute that a processor shows for the first time, as a new case; or going past it, and saying so.

use aep2_audit_log::Name;
use aep2_mandate::{typed_data::dispute::Evidence, units::UnixTime};
use aep2_processor_client::dispute_view::{DisputeStatus, DisputeView};
use aep2_x402::purchase::Venue;
use serde_json::json;

use crate::{
    arbiter::Arbiter,
    audit::{self, About, Actor, action},
    case::{Case, CaseState, Ending, Party, PayerCheck, PieceRecord},
    case_file::{self, CaseFile},
    cases,
    error::ArbiterError,
    family::Family,
    store::{self, Source},
    verify::{self, Checked, NotTaken},
};

/// By how many seconds a time may be still to come that is waited for. A clock that is further ahead is not
/// put right by waiting.
const AHEAD_S_MAX: u64 = 3_600;

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
    /// It is not taken yet: by the clock here it is still to come.
    Early,
}

/// What came of checking a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It is what it should be.
    Right(Checked),
    /// It is not. That was told.
    Wrong,
    /// One of the clocks is wrong: it may be right later.
    Early,
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
    ) -> Result<Looked, ArbiterError> {
        match verify::check(view, venue, self.address(), self.now()) {
            Ok(checked) => Ok(Looked::Right(checked)),
            Err(NotTaken::Clock { found, .. }) if self.is_soon(found) => Ok(Looked::Early),
            Err(error) => {
                let about = About::Mandate(view.mandate_id.0);
                let why = (error.code(), error.to_string());
                self.refuse((venue, view.number), about, why).await?;
                Ok(Looked::Wrong)
            }
        }
    }

    fn is_soon(&self, time: UnixTime) -> bool {
        self.now().checked_add(AHEAD_S_MAX).is_none_or(|latest| time <= latest)
    }

    /// Takes a dispute that was checked, unless it is there already, or its time is over: `early` is the time
    /// by the clock that is behind.
    pub(crate) async fn take(
        &self,
        venue: Venue,
        view: DisputeView,
        (checked, payer): (Checked, PayerCheck),
        early: UnixTime,
    ) -> Result<Taken, ArbiterError> {
        let now = self.now();
        if view.status != DisputeStatus::Open || view.decide_by <= early {
            let why = format!("it is {}, to be decided by {}", view.status.name(), view.decide_by);
            let about = About::Mandate(view.mandate_id.0);
            self.pass((venue, view.number), about, ("over", why)).await?;
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
            case_file::place(&case.mandate_id).put(tx, file);
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

    /// Goes past disputes that are nothing to decide, and says so.
    pub(crate) async fn pass(
        &self,
        (venue, number): (Venue, u64),
        about: About,
        why: (&'static str, String),
    ) -> Result<(), ArbiterError> {
        self.tell(venue, (action::PASSED, about), why, Some(number)).await
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

    /// Says what is wrong with a dispute: in the metrics always, in the log as far as there is room. With the
    /// number of the dispute that is gone past by it.
    pub(crate) async fn tell(
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
            tracing::warn!(%processor, code, message, "a dispute is not decided as it is shown");
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

/// What is kept of what is shown, sealed.
pub(crate) fn file_of(view: &DisputeView) -> CaseFile {
    CaseFile {
        mandate: view.mandate.clone(),
        receipt: view.receipt,
        terms: view.terms.clone(),
        capture: view.capture,
        dispute: view.dispute.clone(),
        answer: view.answer.clone(),
        agents_dispute: view.agents_dispute.clone(),
        agents_answer: None,
        words: Vec::new(),
    }
}

/// The pieces that the parties signed for, each once for a party.
pub(crate) fn pieces(view: &DisputeView) -> Vec<PieceRecord> {
    let of = |by| move |piece: &Evidence| PieceRecord { by, piece: piece.clone(), is_kept: false };
    let of_payer = view.payers_pieces().map(of(Party::Payer));
    let of_payee = view.payees_pieces().map(of(Party::Payee));
    let mut pieces = Vec::<PieceRecord>::new();
    for piece in of_payer.chain(of_payee) {
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    pieces
}

fn opened(case: &Case) -> serde_json::Value {
    json!({
        "mandate": case.mandate_id, "processor": case.processor, "number_there": case.number_there.to_string(),
        "payee": case.payee, "reason": case.reason, "dispute": case.dispute, "due": case.due,
        "payer": case.payer, "opened_at": seconds(case.opened_at), "decide_by": seconds(case.decide_by),
    })
}

/// What the log says of a case that was changed.
pub(crate) fn changed(case: &Case) -> serde_json::Value {
    json!({
        "due": case.due, "owed": case.owed, "dispute": case.dispute, "answer": case.answer,
        "payer": case.payer,
        "decide_by": seconds(case.decide_by),
        "ended": match &case.state { CaseState::Ended { why, .. } => Some(why), _ => None },
    })
}

fn seconds(time: UnixTime) -> u64 {
    time.get()
}
