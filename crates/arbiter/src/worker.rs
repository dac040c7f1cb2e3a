//! What is done with one processor, over and over.
//!
//! Two things, side by side. What has a deadline needs no answer of anybody: the default is
//! ruled, what is over is ended, and rulings are sent. And the processor is asked: new disputes are taken,
//! cases are looked at anew, and rules decide (`asking.rs`). So a processor that is slow, or shows a flood of
//! disputes, delays none of the deadlines.
//!
//! Nothing that a kill would lose is kept between two turns: a program goes on where it was.

use std::{sync::Mutex, time::Duration};

use aep2_mandate::{
    typed_data::access::{Access, SignedAccess},
    units::UnixTime,
};
use aep2_processor_client::{RetryPolicy, disputes::DisputesClient};
use alloy_primitives::B256;
use futures::{StreamExt, TryStreamExt, future::join, stream};

use crate::{
    arbiter::Arbiter,
    case::{Case, CaseState, Delivery},
    clocks::{self, Clocks},
    error::ArbiterError,
    processor::Processor,
    turn::{TURN_MAX, Turn, TurnError},
};

/// How long an access counts, in seconds.
const ACCESS_S: u64 = 300;
/// How often deadlines are looked at, at least.
const DEADLINES_EVERY: Duration = Duration::from_secs(10);
/// How many requests are on their way to a processor at the same time.
pub(crate) const AT_ONCE: usize = 8;
/// How long an answer may take. Whoever does not answer is asked again in the next turn.
const ANSWER: RetryPolicy =
    RetryPolicy { timeout: Duration::from_secs(10), attempts: 1, pause: Duration::ZERO };

/// Where a case stands in the order of the deadlines.
pub(crate) type Place = (UnixTime, u64);

/// Works with one processor.
#[derive(Debug)]
pub struct Worker {
    pub(crate) arbiter: Arbiter,
    pub(crate) processor: Processor,
    pub(crate) client: DisputesClient,
    /// Where the last turn ended that did not come to the last case.
    pub(crate) left_off: Mutex<Option<Place>>,
    pub(crate) turn_max: Duration,
}

impl Worker {
    /// What works with a processor for an arbiter.
    pub fn new(arbiter: Arbiter, processor: Processor, http: reqwest::Client) -> Self {
        let client = DisputesClient::new(http, processor.url.clone(), ANSWER);
        Self { arbiter, processor, client, left_off: Mutex::default(), turn_max: TURN_MAX }
    }

    /// The same, for which each part of a turn (taking what is new, looking at what is open, sending rulings) begins
    /// new things for so long, instead of for a minute.
    #[must_use]
    pub fn with_turn_max(self, turn_max: Duration) -> Self {
        Self { turn_max, ..self }
    }

    /// Works for ever, with a pause between two turns.
    pub async fn run(self, pause: Duration) {
        // Both in one task: whoever ends it has ended all of it.
        join(self.keep_on(pause), self.ask_on(pause)).await;
    }

    async fn keep_on(&self, pause: Duration) {
        loop {
            // Not before it was asked once: an answer may have come while nobody was here.
            tokio::time::sleep(pause.min(DEADLINES_EVERY)).await;
            let kept = self.keep_deadlines(self.clocks().await).await;
            self.note(kept.map_err(TurnError::from));
        }
    }

    async fn ask_on(&self, pause: Duration) {
        loop {
            self.note(self.ask(self.clocks().await).await);
            tokio::time::sleep(pause).await;
        }
    }

    fn note(&self, done: Result<(), TurnError>) {
        if let Err(error) = done {
            let processor = self.processor.venue.processor;
            self.arbiter.metrics().failed(processor);
            tracing::warn!(%processor, %error, "not everything was done; soon again");
        }
    }

    /// Does all that there is to do now, once.
    ///
    /// # Errors
    /// When the processor was not read to the end; what could be done without it is done. When the store
    /// fails.
    pub async fn turn(&self) -> Result<(), TurnError> {
        let clocks = self.clocks().await;
        let asked = self.ask(clocks).await;
        self.keep_deadlines(clocks).await?;
        asked
    }

    /// What time it is by the processor's clock, and by the chain's where that does not agree with this one.
    async fn clocks(&self) -> Clocks {
        let (own, processors) = (self.arbiter.now(), self.client.time().await);
        let venue = self.processor.venue;
        let processor = venue.processor;
        if let Some(theirs) = processors {
            let ahead = i128::from(theirs.get()) - i128::from(own.get());
            let ahead = i64::try_from(ahead).unwrap_or(i64::MAX);
            self.arbiter.metrics().clock_ahead(processor, ahead);
        }
        let agrees = processors.is_some_and(|theirs| clocks::is_close(own, theirs));
        let chains = match &self.processor.accounts {
            Some(accounts) if !agrees => accounts.time(venue.chain).await.ok(),
            _ => None,
        };
        let clocks = Clocks::compared(own, processors, chains);
        self.arbiter.metrics().clock_in_doubt(processor, !clocks.agree());
        if !agrees {
            let (processors, chains) = (processors.map(UnixTime::get), chains.map(UnixTime::get));
            tracing::warn!(%processor, own = own.get(), processors, chains, "clocks differ");
        }
        clocks
    }

    /// Does what is to be done by now, whether the processor answers or not: the default is ruled, what is
    /// over is ended, rulings are sent.
    async fn keep_deadlines(&self, clocks: Clocks) -> Result<(), ArbiterError> {
        let cases = self.open_cases()?;
        self.arbiter.metrics().open(self.processor.venue.processor, cases.len());
        for case in cases.iter().filter(|case| case.is_open()) {
            let decided = self.arbiter.decide_by_default(case, clocks, false).await;
            self.unless_it_stops(case.number, decided)?;
        }
        self.deliver(clocks).await
    }

    /// Sends the rulings that are to be sent now: what waits longest before the others.
    async fn deliver(&self, clocks: Clocks) -> Result<(), ArbiterError> {
        let mut waiting = self.open_cases()?;
        waiting.retain(|case| !case.is_open());
        waiting.sort_by_key(|case| match &case.state {
            CaseState::Decided { delivery: Delivery::Waiting { next_at, .. }, .. } => *next_at,
            _ => UnixTime::MAX,
        });
        let turn = Turn::begin(clocks, self.turn_max);
        let work = stream::iter(waiting.into_iter().map(Ok::<_, ArbiterError>));
        let work = work.take_while(|_| std::future::ready(!turn.is_over()));
        work.try_for_each_concurrent(AT_ONCE, |case| self.deliver_one(case.number, clocks)).await
    }

    async fn deliver_one(&self, number: u64, clocks: Clocks) -> Result<(), ArbiterError> {
        let delivered = self.arbiter.deliver(&self.client, number, clocks).await;
        self.unless_it_stops(number, delivered.map(drop))
    }

    /// This processor's cases that are not at their end, in the order of their deadlines.
    pub(crate) fn open_cases(&self) -> Result<Vec<Case>, ArbiterError> {
        let mut cases = self.arbiter.open_cases()?;
        cases.retain(|case| case.venue() == self.processor.venue);
        Ok(cases)
    }

    /// A case that changes meanwhile is left for the next turn, and one that cannot be worked on keeps nobody
    /// from the others. Only a store that fails does.
    pub(crate) fn unless_it_stops(
        &self,
        number: u64,
        done: Result<(), ArbiterError>,
    ) -> Result<(), ArbiterError> {
        match done {
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

    /// An access to a dispute, or to all of this arbiter's. Made when it is used: it counts for a while.
    pub(crate) fn access(&self, about: Option<B256>) -> Result<SignedAccess, ArbiterError> {
        let venue = self.processor.venue;
        let until = self.arbiter.now().checked_add(ACCESS_S).unwrap_or(UnixTime::MAX);
        let about = about.unwrap_or_default();
        self.arbiter.sign_access(Access { processor: venue.processor, about, until }, &venue)
    }
}
