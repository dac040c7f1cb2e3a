//! Asking a processor: which disputes are new, and how each case stands. Then rules decide what they can.
//!
//! A turn is bounded: for so long disputes are taken, and for as long again cases are looked at. The next one goes
//! on where it ended. Whoever does not answer is not asked again in the same turn.

use std::sync::{MutexGuard, PoisonError};

use aep2_mandate::{typed_data::keyed::AnySigner, units::AccountId, wire::Strict};
use aep2_processor_client::{
    ProcessorError, dispute_view::DisputeView, disputes::UnreadableDispute,
};
use alloy_primitives::B256;
use futures::{TryStreamExt, stream};

use crate::{
    audit::About,
    case::{Case, PayerCheck},
    clocks::{self, Clocks},
    error::ArbiterError,
    evidence::Kept,
    news::{is_succession, shown},
    processor::Processor,
    rules::question::is_payees_word,
    taking::{Looked, PayerWord, Taken},
    turn::{Turn, TurnError},
    worker::{AT_ONCE, Place, Worker},
};

/// How many disputes are asked for at once.
const PAGE: u32 = 20;
/// How many pages of them are read in a turn.
const PAGES_MAX: usize = 10;

impl Worker {
    /// Takes what is new, looks at what is open, and has rules decide.
    pub(crate) async fn ask(&self, clocks: Clocks) -> Result<(), TurnError> {
        let turn = Turn::begin(clocks, self.turn_max);
        let taken = match self.take_new(&turn).await {
            Err(TurnError::Arbiter(error)) => return Err(error.into()),
            Err(TurnError::Processor(error)) => {
                if error.is_passing() {
                    turn.not_reached();
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        };
        // Whoever floods a processor with new disputes takes no time from those that are open.
        let turn = turn.anew(self.turn_max);
        self.look_at_all(&turn).await?;
        taken?;
        match turn.is_reached() {
            true => Ok(()),
            false => Err(ProcessorError::Unavailable("it stopped to answer".to_owned()).into()),
        }
    }

    /// Takes the disputes that were not there before, as long as there is room. While it is in doubt what
    /// time it is, none: a time that is counted from the first sight would be wrong for good.
    async fn take_new(&self, turn: &Turn) -> Result<(), TurnError> {
        if !turn.clocks.agree() {
            return Ok(());
        }
        let venue = self.processor.venue;
        let open = self.open_cases()?.len() as u64;
        let mut room = self.arbiter.config().open_cases_max.saturating_sub(open);
        let mut after = self.arbiter.cursor(&venue)?;
        for _ in 0..PAGES_MAX {
            let began = after;
            let page = self.client.list(&self.access(None)?, after, PAGE).await?;
            if page.disputes.len() > PAGE as usize {
                let message = format!("more than {PAGE} disputes where so many were asked for");
                return Err(ProcessorError::InvalidAnswer(message).into());
            }
            for shown in page.disputes {
                if room == 0 {
                    let message = "`open_cases_max` cases are open; more are taken when some end";
                    tracing::warn!(processor = %venue.processor, message);
                    return Ok(());
                }
                if turn.is_over() {
                    return Ok(());
                }
                let number = number_after(after, &shown)?;
                match self.take_shown(number, shown, turn).await? {
                    // It stays where it is, with those behind it, until clocks agree about it.
                    Taken::Early => return Ok(()),
                    Taken::Case(_) => room -= 1,
                    Taken::Known(_) | Taken::Over | Taken::Refused => {}
                }
                after = number;
            }
            match page.next {
                // Those in between are somebody else's, it says.
                Some(next) if next > after => {
                    let why = format!("none after {after} and up to {next} is for this arbiter");
                    let about = About::Dispute(next);
                    self.arbiter.pass((venue, next), about, ("others", why)).await?;
                    after = next;
                }
                // A list that goes nowhere is at its end.
                Some(_) if after > began => {}
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    async fn take_shown(
        &self,
        number: u64,
        shown: Result<DisputeView, UnreadableDispute>,
        turn: &Turn,
    ) -> Result<Taken, ArbiterError> {
        match shown {
            Ok(view) => self.take(view, turn).await,
            Err(unreadable) => {
                let (why, about) = (("unreadable", unreadable.reason), About::Dispute(number));
                self.arbiter.refuse((self.processor.venue, number), about, why).await?;
                Ok(Taken::Refused)
            }
        }
    }

    async fn take(&self, view: DisputeView, turn: &Turn) -> Result<Taken, ArbiterError> {
        let venue = self.processor.venue;
        let checked = match self.arbiter.checked(venue, &view).await? {
            Looked::Right(checked) => checked,
            Looked::Wrong => return Ok(Taken::Refused),
            Looked::Early => return Ok(Taken::Early),
        };
        let account = view.mandate.mandate.account;
        match self.payer(&checked.signer, account, turn).await {
            PayerWord::Check(payer) => {
                let early = turn.clocks.early(self.arbiter.now());
                self.arbiter.take(venue, view, (checked, payer), early).await
            }
            PayerWord::SomebodyElse => {
                let message = "the chain names another owner, key or processor for the account";
                let why = ("not_the_payer", message.to_owned());
                let about = About::Mandate(view.mandate_id.0);
                self.arbiter.refuse((venue, view.number), about, why).await?;
                Ok(Taken::Refused)
            }
        }
    }

    /// Whether whoever signed a dispute is the payer, as the chain has it. Where nobody can say, that is so.
    async fn payer(&self, signer: &AnySigner, account: AccountId, turn: &Turn) -> PayerWord {
        let Processor { venue, is_trusted, accounts, .. } = &self.processor;
        let word = if *is_trusted { PayerCheck::Trusted } else { PayerCheck::Unconfirmed };
        let Some(accounts) = accounts else { return PayerWord::Check(word) };
        let unknown = PayerWord::Check(PayerCheck::Unconfirmed);
        if !turn.node_answers() {
            return unknown;
        }
        match accounts.account(venue, account).await {
            Ok(found) if found.account.is_some_and(|own| own.is(signer, venue.processor)) => {
                PayerWord::Check(PayerCheck::Confirmed)
            }
            Ok(found) if clocks::is_close(found.at, self.arbiter.now()) => PayerWord::SomebodyElse,
            Ok(found) => {
                // It may not know yet whose the account is, or which key it has.
                let at = found.at.get();
                tracing::warn!(%account, at, "the node lags, or a clock is wrong");
                unknown
            }
            Err(error) => {
                turn.node_failed();
                tracing::warn!(%account, %error, "who opened a dispute is not known yet");
                unknown
            }
        }
    }

    /// Goes on with the open cases in the order of their deadlines, from where the last turn left off.
    async fn look_at_all(&self, turn: &Turn) -> Result<(), ArbiterError> {
        let mut cases = self.open_cases()?;
        cases.retain(Case::is_open);
        if let Some(from) = self.left_off().take() {
            let before = cases.partition_point(|case| place(case) < from);
            cases.rotate_left(before);
        }
        let work = stream::iter(cases.into_iter().map(Ok::<_, ArbiterError>));
        work.try_for_each_concurrent(AT_ONCE, |case| self.go_on(case, turn)).await
    }

    async fn go_on(&self, case: Case, turn: &Turn) -> Result<(), ArbiterError> {
        let number = case.number;
        let done = self.go_on_with(case, turn).await;
        self.unless_it_stops(number, done)
    }

    async fn go_on_with(&self, case: Case, turn: &Turn) -> Result<(), ArbiterError> {
        let number = case.number;
        // Read before it is asked: an answer that comes in between is not overlooked.
        let early = turn.clocks.early(self.arbiter.now());
        let mut is_fresh = false;
        if turn.is_reached() && !turn.is_over() {
            is_fresh = match self.look_at(&case, turn).await {
                Ok(is_whole) => is_whole,
                Err(TurnError::Arbiter(error)) => return Err(error),
                Err(TurnError::Processor(error)) => {
                    tracing::warn!(case = number, %error, "the case was not looked at");
                    if error.is_passing() {
                        turn.not_reached();
                    }
                    false
                }
            };
        } else {
            // The next turn begins with the first that was not looked at.
            self.left_off().get_or_insert(place(&case));
        }
        let case = self.arbiter.decide_by_rules(number, early, is_fresh).await?;
        if !case.is_open() {
            self.arbiter.seen().forget(number);
        }
        self.arbiter.decide_by_default(&case, turn.clocks, is_fresh).await
    }

    /// Looks at a case anew: what the processor shows, who the payer is, evidence that has come. Whether
    /// that was taken, and is all that there is.
    async fn look_at(&self, case: &Case, turn: &Turn) -> Result<bool, TurnError> {
        let access = self.access(Some(case.mandate_id))?;
        let Some(view) = self.client.get(&access, case.mandate_id).await? else {
            let what = "end: the processor does not know it";
            self.arbiter.contradict(case, what, B256::ZERO).await?;
            return Ok(false);
        };
        let Some(mut case) = self.take_news(case, &view, turn).await? else { return Ok(false) };
        if case.is_open() && case.payer == PayerCheck::Unconfirmed {
            let file = self.arbiter.file(case.number)?;
            let signer = file.dispute.signer(&case.venue().typed_data_domain());
            if let Some(signer) = signer {
                let word = self.payer(&signer, case.account, turn).await;
                case = self.arbiter.set_payer(case.number, word).await?;
            }
        }
        match case.is_open() {
            true => self.fetch_evidence(&case, &view).await,
            false => Ok(false),
        }
    }

    /// Takes what the processor shows of a case, unless it was taken before. Nothing where it is not taken.
    async fn take_news(
        &self,
        case: &Case,
        view: &DisputeView,
        turn: &Turn,
    ) -> Result<Option<Case>, ArbiterError> {
        let (seen, shown) = (self.arbiter.seen(), shown(view)?);
        if seen.is_taken(case.number, shown, case.version) {
            return Ok(Some(case.clone()));
        }
        let Looked::Right(checked) = self.arbiter.checked_anew(case, view).await? else {
            return Ok(None);
        };
        let payer = match is_succession(case, view) {
            true => self.payer(&checked.signer, case.account, turn).await,
            false => PayerWord::Check(case.payer),
        };
        let taken = self.arbiter.take_news(case, view, (&checked, payer)).await?;
        if let Some(taken) = &taken {
            seen.took(taken.number, shown, taken.version);
        }
        Ok(taken)
    }

    /// Fetches the evidence that the processor has and that is not here. Whether nothing is missing of it that may
    /// speak for the payee: whoever fills the room with a payer's keeps no rule from deciding.
    async fn fetch_evidence(&self, case: &Case, view: &DisputeView) -> Result<bool, TurnError> {
        let mut is_whole = true;
        let has = |hash: B256| view.evidence.iter().any(|Strict(own)| *own == hash);
        for own in case.evidence.iter().filter(|own| !own.is_kept && has(own.piece.hash)) {
            // Before it is fetched.
            if !self.arbiter.has_room(case, &own.piece)? {
                is_whole &= !is_payees_word(own);
                continue;
            }
            let access = self.access(Some(case.mandate_id))?;
            match self.client.evidence(&access, case.mandate_id, &own.piece).await {
                Ok(Some(bytes)) => {
                    let kept = self.arbiter.keep_evidence(case.number, &own.piece, &bytes).await?;
                    is_whole &= kept != Kept::NoRoom || !is_payees_word(own);
                }
                // It says that it has it, and does not: as if nobody had handed it in.
                Ok(None) => {}
                Err(ProcessorError::InvalidAnswer(_)) => {
                    self.arbiter.contradict(case, "evidence", own.piece.hash).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_whole)
    }

    fn left_off(&self) -> MutexGuard<'_, Option<Place>> {
        self.left_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a case stands in the order of the deadlines.
fn place(case: &Case) -> Place {
    (case.decide_by, case.number)
}

/// The number of a dispute that is shown, which comes after those before it.
fn number_after(
    after: u64,
    shown: &Result<DisputeView, UnreadableDispute>,
) -> Result<u64, ProcessorError> {
    let number = match shown {
        Ok(view) => Some(view.number),
        Err(unreadable) => unreadable.number,
    };
    number.filter(|number| *number > after).ok_or_else(|| {
        let message = format!("a dispute after {after} has no number after it");
        ProcessorError::InvalidAnswer(message)
    })
}
