//! What is done with one processor, over and over: new disputes are taken, cases are looked at anew, decided
//! and delivered, the one that ends first before the others.
//!
//! Nothing is kept between two turns but what is in the store: a program that is killed goes on where it was.

use std::{sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed, time::Duration};

use aep2_mandate::{
    typed_data::{
        access::{Access, SignedAccess},
        keyed::AnySigner,
    },
    units::{AccountId, UnixTime},
    wire::Strict,
};
use aep2_processor_client::{
    ProcessorError, RetryPolicy, dispute_view::DisputeView, disputes::DisputesClient,
};
use alloy_primitives::B256;
use futures::{TryStreamExt, stream};
use thiserror::Error;

use crate::{
    arbiter::Arbiter,
    audit::About,
    case::{Case, PayerCheck},
    error::ArbiterError,
    evidence::Kept,
    processor::Processor,
    taking::{PayerWord, Taken},
    verify::SKEW_S,
};

/// How many disputes are asked for at once.
const PAGE: u32 = 20;
/// How long an access counts, in seconds.
const ACCESS_S: u64 = 300;
/// How many cases are looked at at the same time.
const AT_ONCE: usize = 8;
/// How long an answer may take. Whoever does not answer is asked again in the next turn.
const ANSWER: RetryPolicy =
    RetryPolicy { timeout: Duration::from_secs(10), attempts: 1, pause: Duration::ZERO };

/// Why a turn did not do all that there was to do.
#[derive(Debug, Error)]
pub enum TurnError {
    /// The processor.
    #[error(transparent)]
    Processor(#[from] ProcessorError),
    /// The store.
    #[error(transparent)]
    Arbiter(#[from] ArbiterError),
}

/// Works with one processor.
#[derive(Clone, Debug)]
pub struct Worker {
    arbiter: Arbiter,
    processor: Processor,
    client: DisputesClient,
}

/// What time it is: clocks differ.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// No later than on either clock: what is over is over by both.
    early: UnixTime,
    /// No earlier than on either clock.
    late: UnixTime,
}

impl Worker {
    /// What works with a processor for an arbiter.
    pub fn new(arbiter: Arbiter, processor: Processor, http: reqwest::Client) -> Self {
        let client = DisputesClient::new(http, processor.url.clone(), ANSWER);
        Self { arbiter, processor, client }
    }

    /// Works for ever, with a pause between two turns.
    pub async fn run(self, pause: Duration) {
        let processor = self.processor.venue.processor;
        loop {
            if let Err(error) = self.turn().await {
                self.arbiter.metrics().failed(processor);
                tracing::warn!(%processor, %error, "some disputes were not looked at; soon again");
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Does all that there is to do now.
    ///
    /// # Errors
    /// When the processor was not read to the end; what could be done without it is done. When the store
    /// fails.
    pub async fn turn(&self) -> Result<(), TurnError> {
        let venue = self.processor.venue;
        let times = self.times().await;
        let until = self.arbiter.now().checked_add(ACCESS_S).unwrap_or(UnixTime::MAX);
        let access = Access { processor: venue.processor, about: B256::ZERO, until };
        let access = self.arbiter.sign_access(access, &venue)?;
        let taken = match self.take_new(&access).await {
            Err(TurnError::Arbiter(error)) => return Err(error.into()),
            Err(TurnError::Processor(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        let mut cases = self.arbiter.open_cases()?;
        cases.retain(|case| case.venue() == venue);
        self.arbiter.metrics().open(venue.processor, cases.len());
        let is_reached = AtomicBool::new(taken.is_ok());
        let work = stream::iter(cases.into_iter().map(Ok::<_, ArbiterError>));
        work.try_for_each_concurrent(AT_ONCE, |case| self.work(case, &access, times, &is_reached))
            .await?;
        self.arbiter.sweep().await?;
        taken?;
        match is_reached.load(Relaxed) {
            true => Ok(()),
            false => Err(ProcessorError::Unavailable("it stopped to answer".to_owned()).into()),
        }
    }

    /// The processor's clock counts as far as it can be right.
    async fn times(&self) -> Times {
        let own = self.arbiter.now();
        let Some(theirs) = self.client.time().await else { return Times { early: own, late: own } };
        let ahead = i128::from(theirs.get()) - i128::from(own.get());
        let processor = self.processor.venue.processor;
        self.arbiter.metrics().clock_ahead(processor, i64::try_from(ahead).unwrap_or(i64::MAX));
        if ahead.unsigned_abs() > u128::from(SKEW_S) {
            tracing::warn!(%processor, ahead_s = %ahead, "its clock and this machine's differ");
        }
        let least = UnixTime::new(own.get().saturating_sub(SKEW_S)).unwrap_or(own);
        let most = own.checked_add(SKEW_S).unwrap_or(own);
        let theirs = theirs.clamp(least, most);
        Times { early: own.min(theirs), late: own.max(theirs) }
    }

    /// Takes the disputes that were not there before, as long as there is room.
    async fn take_new(&self, access: &SignedAccess) -> Result<(), TurnError> {
        let venue = self.processor.venue;
        let open = self.arbiter.open_cases()?;
        let open = open.iter().filter(|case| case.venue() == venue).count() as u64;
        let mut room = self.arbiter.config().open_cases_max.saturating_sub(open);
        let mut after = self.arbiter.cursor(&venue)?;
        loop {
            let began = after;
            let page = self.client.list(access, after, PAGE).await?;
            for shown in page.disputes {
                if room == 0 {
                    let message = "`open_cases_max` cases are open; more are taken when some end";
                    tracing::warn!(processor = %venue.processor, message);
                    return Ok(());
                }
                let number = match &shown {
                    Ok(view) => Some(view.number),
                    Err(unreadable) => unreadable.number,
                };
                let number = number.filter(|number| *number > after).ok_or_else(|| {
                    let message = format!("a dispute after {after} has no number after it");
                    ProcessorError::InvalidAnswer(message)
                })?;
                let taken = match shown {
                    Ok(view) => self.take(view).await?,
                    Err(unreadable) => {
                        let why = ("unreadable", unreadable.reason);
                        let about = About::Dispute(number);
                        self.arbiter.refuse((venue, number), about, why).await?;
                        Taken::Refused
                    }
                };
                room -= u64::from(matches!(taken, Taken::Case(_)));
                after = number;
            }
            match page.next {
                // Those in between are somebody else's.
                Some(next) if next > after => {
                    self.arbiter.pass(venue, next).await?;
                    after = next;
                }
                // A list that goes nowhere is at its end.
                Some(_) if after > began => {}
                _ => return Ok(()),
            }
        }
    }

    async fn take(&self, view: DisputeView) -> Result<Taken, ArbiterError> {
        let venue = self.processor.venue;
        let Some(checked) = self.arbiter.checked(venue, &view).await? else {
            return Ok(Taken::Refused);
        };
        let account = view.mandate.mandate.account;
        match self.payer(&checked.signer, account).await {
            PayerWord::Check(payer) => self.arbiter.take(venue, view, checked, payer).await,
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
    async fn payer(&self, signer: &AnySigner, account: AccountId) -> PayerWord {
        let Processor { venue, is_trusted, accounts, .. } = &self.processor;
        let word = if *is_trusted { PayerCheck::Trusted } else { PayerCheck::Unconfirmed };
        let Some(accounts) = accounts else { return PayerWord::Check(word) };
        match accounts.account(venue, account).await {
            Ok(Some(found)) if found.is(signer, venue.processor) => {
                PayerWord::Check(PayerCheck::Confirmed)
            }
            Ok(_) => PayerWord::SomebodyElse,
            Err(error) => {
                tracing::warn!(%account, %error, "who opened a dispute is not known yet");
                PayerWord::Check(PayerCheck::Unconfirmed)
            }
        }
    }

    /// One case, as far as it goes now. A case that changes meanwhile is left for the next turn, and one
    /// that cannot be worked on keeps nobody from the others.
    async fn work(
        &self,
        case: Case,
        access: &SignedAccess,
        times: Times,
        is_reached: &AtomicBool,
    ) -> Result<(), ArbiterError> {
        let number = case.number;
        match self.go_on(case, access, times, is_reached).await {
            Err(ArbiterError::CaseChanged { .. } | ArbiterError::CaseClosed(_)) => {
                tracing::debug!(case = number, "the case was changed meanwhile");
                Ok(())
            }
            Err(error @ ArbiterError::Journal(_)) => Err(error),
            Err(error) => {
                self.arbiter.metrics().failed(self.processor.venue.processor);
                tracing::error!(case = number, %error, "the case cannot be worked on");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    async fn go_on(
        &self,
        case: Case,
        access: &SignedAccess,
        times: Times,
        is_reached: &AtomicBool,
    ) -> Result<(), ArbiterError> {
        let number = case.number;
        let mut is_fresh = false;
        if case.is_open() && is_reached.load(Relaxed) {
            is_fresh = match self.look_at(&case, access).await {
                Ok(is_whole) => is_whole,
                Err(TurnError::Arbiter(error)) => return Err(error),
                Err(TurnError::Processor(error)) => {
                    tracing::warn!(case = number, %error, "the case was not looked at");
                    if error.is_passing() {
                        is_reached.store(false, Relaxed);
                    }
                    false
                }
            };
        }
        self.arbiter.decide_by_rules(number, times.early, is_fresh).await?;
        self.arbiter.decide_by_default(number, times.late).await?;
        self.arbiter.deliver(&self.client, number, self.arbiter.now()).await?;
        Ok(())
    }

    /// Looks at a case anew: what the processor shows, who the payer is, evidence that has come. Whether
    /// that is all that there is.
    async fn look_at(&self, case: &Case, access: &SignedAccess) -> Result<bool, TurnError> {
        let number = case.number;
        let Some(view) = self.client.get(access, case.mandate_id).await? else {
            self.arbiter.contradict(case, "end: the processor does not know it").await?;
            return Ok(false);
        };
        let mut case = self.arbiter.take_news(number, &view).await?;
        if case.is_open() && case.payer == PayerCheck::Unconfirmed {
            let file = self.arbiter.file(number)?;
            let signer = file.dispute.signer(&case.venue().typed_data_domain());
            if let Some(signer) = signer {
                let word = self.payer(&signer, case.account).await;
                case = self.arbiter.set_payer(number, word).await?;
            }
        }
        match case.is_open() {
            true => self.fetch_evidence(&case, &view, access).await,
            false => Ok(false),
        }
    }

    /// Fetches the evidence that the processor has and that is not here. Whether nothing is missing of it.
    async fn fetch_evidence(
        &self,
        case: &Case,
        view: &DisputeView,
        access: &SignedAccess,
    ) -> Result<bool, TurnError> {
        let mut is_whole = true;
        let has = |hash: B256| view.evidence.iter().any(|Strict(own)| *own == hash);
        for own in case.evidence.iter().filter(|own| !own.is_kept && has(own.piece.hash)) {
            match self.client.evidence(access, case.mandate_id, &own.piece).await {
                Ok(Some(bytes)) => {
                    let kept = self.arbiter.keep_evidence(case.number, &own.piece, &bytes).await?;
                    is_whole &= kept != Kept::NoRoom;
                }
                // It says that it has it, and does not: as if nobody had handed it in.
                Ok(None) => {}
                Err(ProcessorError::InvalidAnswer(_)) => {
                    self.arbiter.contradict(case, "evidence").await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_whole)
    }
}
