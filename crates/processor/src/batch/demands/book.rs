//! The demands that are known, and when each is looked at again.
//!
//! Those come first that can be claimed first. What is covered by answers and claims is kept until it can
//! be answered no more, so that it is not found anew each time the logs are read, and looked at seldom: a
//! reorganisation may undo an answer.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy::primitives::B256;

use super::{
    node::AnswerError,
    standing::{Demand, Needed, Standing},
};

/// How long after a look at a demand that is not answered it is looked at again, at least and at most.
const WAIT_MIN: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long after a look at one that is covered, at most: a quarter of the response window.
const COVERED_WAIT_MAX: Duration = Duration::from_secs(1_800);
/// How soon one is looked at again whose answer could not be sent because others were on their way.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// The demands, by their receipts' digests.
pub(super) struct Book {
    entries: BTreeMap<B256, Entry>,
    /// How long a demand can be answered, in seconds.
    response_s: u64,
}

struct Entry {
    demand: Demand,
    state: State,
    /// When it is looked at again.
    next: Instant,
    wait: Duration,
    /// What was last said of it in the log.
    said: String,
    /// How often an answer was mined and failed.
    failed: u32,
    /// With how many others at most it is answered by one transaction, itself included: larger ones were
    /// refused.
    group_max: usize,
    /// Whether what its payee took was refused as an answer.
    capture_refused: bool,
}

/// How a demand is to be answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// Until when it cannot be claimed, unix seconds.
    pub(super) until: u64,
    /// How often an answer was mined and failed.
    pub(super) failed: u32,
    /// How many demands one transaction with it may answer.
    pub(super) group_max: usize,
    /// Whether what its payee took was refused as an answer.
    pub(super) capture_refused: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not looked at yet, or an answer was mined since.
    New,
    /// Nothing can be said to it yet, or it could not be sent.
    Open,
    /// An answer is on its way.
    OnItsWay,
    /// An answer is sent, and does not get on.
    Stalled,
    /// Answers and claims cover it.
    Covered,
}

impl Book {
    /// No demands, each of which can be answered for so many seconds.
    pub(super) fn new(response_s: u64) -> Self {
        Self { entries: BTreeMap::new(), response_s }
    }

    /// Adds a demand, unless it is known.
    pub(super) fn add(&mut self, digest: B256, demand: Demand) {
        self.entries.entry(digest).or_insert_with(|| {
            let Demand { mandate, answer_until, .. } = demand;
            tracing::info!(%mandate, %digest, %answer_until, "a receipt was demanded");
            Entry {
                demand,
                state: State::New,
                next: Instant::now(),
                wait: WAIT_MIN,
                said: String::new(),
                failed: 0,
                group_max: usize::MAX,
                capture_refused: false,
            }
        });
    }

    /// Those that are to be looked at, the first ones that can be claimed first.
    pub(super) fn due(&self, now: Instant, most: usize) -> Vec<(B256, Demand)> {
        let due = self.entries.iter();
        let sent = |own: &Entry| matches!(own.state, State::OnItsWay | State::Stalled);
        let due = due.filter(|(_, own)| !sent(own) && own.next <= now);
        let mut due: Vec<_> = due.map(|(digest, own)| (*digest, own.demand)).collect();
        due.sort_unstable_by_key(|(digest, own)| (own.answer_until, *digest));
        due.truncate(most);
        due
    }

    /// Notes how a demand stands, at a time of the chain: what is needed to answer it, if anything is.
    pub(super) fn note(
        &mut self,
        digest: B256,
        standing: Result<Standing, AnswerError>,
        now: u64,
    ) -> Option<Needed> {
        let own = self.entries.get_mut(&digest)?;
        let (mandate, over) = (own.demand.mandate, own.demand.answer_until.get() < now);
        // Whether it may be answered even when it can be claimed.
        let hope;
        let problem = match standing {
            Ok(Standing::Gone) => {
                self.entries.remove(&digest);
                return None;
            }
            Ok(Standing::Covered { claimed }) => {
                if claimed > 0 && own.state != State::Covered {
                    tracing::error!(%mandate, %digest, claimed, "the bond paid what was not answered");
                }
                // Kept until its log is not read any more.
                if own.demand.answer_until.get().saturating_add(self.response_s) < now {
                    self.entries.remove(&digest);
                } else {
                    own.state = State::Covered;
                    let quarter = Duration::from_secs(self.response_s / 4);
                    own.next = Instant::now() + COVERED_WAIT_MAX.min(quarter);
                }
                return None;
            }
            Ok(Standing::Answerable(needed)) => return Some(*needed),
            Ok(Standing::NotSettled { live }) => {
                hope = live;
                "its mandate is not settled".to_owned()
            }
            Err(error) => {
                hope = !matches!(error, AnswerError::Evidence(_));
                error.to_string()
            }
        };
        self.put_off(digest, &problem);
        if over && !hope {
            tracing::error!(%mandate, %digest, problem, "a demand was not answered: the bond pays");
            self.entries.remove(&digest);
        }
        None
    }

    /// An answer to these is on its way.
    pub(super) fn sent(&mut self, digests: &[B256]) {
        self.each(digests, |own| (own.state, own.group_max) = (State::OnItsWay, usize::MAX));
    }

    /// An answer to these was sent and does not get on, and why.
    pub(super) fn stalled(&mut self, digests: &[B256], problem: &str) {
        for digest in digests {
            self.put_off(*digest, problem);
        }
        self.each(digests, |own| own.state = State::Stalled);
    }

    /// These have to wait until others are answered.
    pub(super) fn wait_for_a_turn(&mut self, digests: &[B256]) {
        self.each(digests, |own| own.next = Instant::now() + TURN_WAIT);
    }

    /// What their payees took was refused as an answer.
    pub(super) fn capture_refused(&mut self, digest: B256) {
        self.each(&[digest], |own| own.capture_refused = true);
    }

    /// An answer to these was mined: they are looked at at once.
    pub(super) fn mined(&mut self, digests: &[B256], succeeded: bool) {
        self.each(digests, |own| {
            (own.state, own.next, own.wait) = (State::New, Instant::now(), WAIT_MIN);
            own.failed += u32::from(!succeeded);
        });
    }

    /// An answer to these together was refused. One of them may be why: they are parted.
    pub(super) fn part(&mut self, digests: &[B256]) {
        let half = (digests.len() / 2).max(1);
        self.each(digests, |own| {
            (own.group_max, own.state, own.next) = (half, State::New, Instant::now());
        });
    }

    /// A demand cannot be answered now, and why.
    pub(super) fn put_off(&mut self, digest: B256, problem: &str) {
        let Some(own) = self.entries.get_mut(&digest) else { return };
        own.state = State::Open;
        own.next = Instant::now() + own.wait;
        own.wait = (own.wait * 2).min(WAIT_MAX);
        if own.said != problem {
            let mandate = own.demand.mandate;
            tracing::warn!(%mandate, %digest, "a demand is not answered yet: {problem}");
            problem.clone_into(&mut own.said);
        }
    }

    /// How a demand is to be answered.
    pub(super) fn terms(&self, digest: &B256) -> Terms {
        self.entries.get(digest).map_or(Terms::default(), |own| Terms {
            until: own.demand.answer_until.get(),
            failed: own.failed,
            group_max: own.group_max,
            capture_refused: own.capture_refused,
        })
    }

    /// How many demands an operator has to look at: there is nothing to say to them, or half of the time for
    /// it has passed.
    pub(super) fn unanswered(&self, now: u64) -> usize {
        let unanswered = |own: &&Entry| match own.state {
            State::Covered => false,
            State::Open | State::Stalled => true,
            State::New | State::OnItsWay => {
                own.demand.answer_until.get() < now.saturating_add(self.response_s / 2)
            }
        };
        self.entries.values().filter(unanswered).count()
    }

    fn each(&mut self, digests: &[B256], change: impl Fn(&mut Entry)) {
        for digest in digests {
            if let Some(own) = self.entries.get_mut(digest) {
                change(own);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aep2_ledger::MandateHash;
    use aep2_mandate::units::UnixTime;

    use super::*;

    const RESPONSE_S: u64 = 600;

    fn digest(number: u8) -> B256 {
        B256::repeat_byte(number)
    }

    fn demand(until: u64) -> Demand {
        let answer_until = UnixTime::new(until).expect("a time");
        Demand { mandate: MandateHash::from_bytes(digest(9)), answer_until, transaction: digest(8) }
    }

    fn book(until: &[u64]) -> Book {
        let mut book = Book::new(RESPONSE_S);
        for (number, until) in (1..).zip(until) {
            book.add(digest(number), demand(*until));
        }
        book
    }

    fn due(book: &Book) -> Vec<B256> {
        book.due(Instant::now(), 10).into_iter().map(|(digest, _)| digest).collect()
    }

    #[test]
    fn what_can_be_claimed_first_comes_first() {
        let book = book(&[900, 700, 800]);
        assert_eq!(due(&book), [digest(2), digest(3), digest(1)]);
        assert_eq!(book.due(Instant::now(), 1).len(), 1);
    }

    /// Else whoever demands much that is covered would be looked at before all others, each time the logs
    /// are read.
    #[test]
    fn what_is_covered_is_not_found_anew() {
        let mut book = book(&[700, 800]);
        assert_eq!(book.note(digest(1), Ok(Standing::Covered { claimed: 0 }), 100).map(drop), None);
        book.add(digest(1), demand(700));
        assert_eq!(due(&book), [digest(2)]);
        assert_eq!(book.unanswered(100), 0);
        // And forgotten when its log is not read any more.
        book.note(digest(1), Ok(Standing::Covered { claimed: 0 }), 701);
        book.add(digest(1), demand(700));
        assert_eq!(due(&book), [digest(2)]);
        book.note(digest(1), Ok(Standing::Covered { claimed: 0 }), 701 + RESPONSE_S);
        book.add(digest(1), demand(700));
        assert_eq!(due(&book), [digest(1), digest(2)]);
    }

    #[test]
    fn what_cannot_be_answered_waits_and_raises_an_alarm() {
        let mut book = book(&[700, 800]);
        book.note(digest(1), Ok(Standing::NotSettled { live: true }), 100);
        assert_eq!((due(&book), book.unanswered(100)), (vec![digest(2)], 1));
        // It may be settled yet, and is not given up while it is not claimed.
        book.note(digest(1), Ok(Standing::NotSettled { live: true }), 900);
        assert_eq!(book.entries.len(), 2);
        book.note(digest(1), Ok(Standing::NotSettled { live: false }), 900);
        assert_eq!(book.entries.len(), 1);
    }

    #[test]
    fn half_of_the_time_without_an_answer_raises_an_alarm_whatever_is_on_its_way() {
        let mut book = book(&[700]);
        book.sent(&[digest(1)]);
        assert_eq!((due(&book), book.unanswered(400)), (vec![], 0));
        assert_eq!(book.unanswered(401), 1);
        book.mined(&[digest(1)], false);
        assert_eq!((due(&book), book.terms(&digest(1)).failed), (vec![digest(1)], 1));
        book.part(&[digest(1), digest(2), digest(3), digest(4)]);
        assert_eq!(book.terms(&digest(1)).group_max, 2);
        book.stalled(&[digest(1)], "fees");
        assert_eq!((due(&book), book.unanswered(0)), (vec![], 1));
    }

    /// A node that is away says nothing of a demand.
    #[test]
    fn a_node_that_does_not_answer_makes_nothing_forgotten() {
        let mut book = book(&[700]);
        book.note(digest(1), Err(AnswerError::Node("away".into())), 900);
        assert_eq!(book.entries.len(), 1);
        book.note(digest(1), Err(AnswerError::Evidence("damaged".into())), 900);
        assert_eq!(book.entries.len(), 0);
    }
}
