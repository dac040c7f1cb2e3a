//! The last so many events, numbered, which every subscriber reads at its own pace.
//!
//! A subscriber that reconnects says which event it had last, and goes on from there. One that asks for
//! events that are no longer kept, or are of another run of the server, is told that it missed some.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_processor::Event;
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};

/// Which event: the run of the server, and the number within it. Written `run-number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) run: u64,
    pub(super) number: u64,
}

impl EventId {
    /// The id in its written form; nothing for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        let id = Self { run: run.parse().ok()?, number: number.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.run, self.number)
    }
}

/// The events that are kept.
pub(super) struct EventBuffer {
    run: u64,
    kept_max: usize,
    kept: Mutex<Kept>,
    /// The number of the next event, for those who wait for it. Closed when the processor has ended.
    next: watch::Sender<u64>,
}

struct Kept {
    /// The number of the first of `events`. The first of a run has 1.
    first: u64,
    events: VecDeque<Event>,
}

/// What a subscriber reads next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// An event and its number.
    Event(u64, Event),
    /// Some were not kept; the next one has this number.
    Missed(u64),
    /// None yet.
    Wait,
}

impl EventBuffer {
    /// An empty buffer. `run` tells this run of the server from others.
    pub(super) fn new(run: u64, kept_max: usize) -> Self {
        let kept = Mutex::new(Kept { first: 1, events: VecDeque::new() });
        Self { run, kept_max, kept, next: watch::Sender::new(1) }
    }

    /// Takes in what the processor emits, until it ends.
    pub(super) async fn fill(self: Arc<Self>, mut events: Receiver<Event>) {
        loop {
            match events.recv().await {
                Ok(event) => self.push(event),
                Err(RecvError::Lagged(count)) => self.skip(count),
                Err(RecvError::Closed) => return self.wake(),
            }
            // Nobody is woken for one of many.
            if events.is_empty() {
                self.wake();
            }
        }
    }

    fn push(&self, event: Event) {
        let mut kept = self.kept();
        kept.events.push_back(event);
        if kept.events.len() > self.kept_max {
            kept.events.pop_front();
            kept.first += 1;
        }
    }

    /// So many went by unseen: their numbers are passed over, and nothing before them is kept.
    fn skip(&self, count: u64) {
        let mut kept = self.kept();
        kept.first += kept.events.len() as u64 + count;
        kept.events.clear();
    }

    fn wake(&self) {
        self.next.send_replace(self.end());
    }

    /// The number that the next event will have.
    pub(super) fn end(&self) -> u64 {
        let kept = self.kept();
        kept.first + kept.events.len() as u64
    }

    /// The run.
    pub(super) fn run(&self) -> u64 {
        self.run
    }

    /// Where a subscriber begins that had this event last: behind it, or where it missed some.
    pub(super) fn after(&self, last: Option<EventId>) -> u64 {
        match last {
            // From now on.
            None => self.end(),
            Some(last) if last.run == self.run => last.number.saturating_add(1).min(self.end()),
            // Of another run: all of this one, and it is told that there is a gap.
            Some(_) => 0,
        }
    }

    /// The event with this number, or what there is instead.
    pub(super) fn read(&self, number: u64) -> Read {
        let kept = self.kept();
        if number < kept.first {
            return Read::Missed(kept.first);
        }
        let index = usize::try_from(number - kept.first).unwrap_or(usize::MAX);
        kept.events.get(index).map_or(Read::Wait, |event| Read::Event(number, event.clone()))
    }

    /// Tells of the numbers of events to come.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it is held.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use aep2_ledger::BatchNumber;
    use tokio::sync::broadcast;

    use super::*;

    fn event(number: u64) -> Event {
        Event::Submitted { batch: BatchNumber::new(number) }
    }

    fn filled(kept_max: usize, count: u64) -> EventBuffer {
        let buffer = EventBuffer::new(7, kept_max);
        (1..=count).for_each(|number| buffer.push(event(number)));
        buffer
    }

    #[test]
    fn a_subscriber_that_reconnects_goes_on_where_it_was() {
        let buffer = filled(8, 5);
        let from = buffer.after(Some(EventId { run: 7, number: 3 }));
        assert_eq!(buffer.read(from), Read::Event(4, event(4)));
        assert_eq!(buffer.read(from + 1), Read::Event(5, event(5)));
        assert_eq!(buffer.read(from + 2), Read::Wait);
        assert_eq!(buffer.after(None), 6);
        assert_eq!(buffer.after(Some(EventId { run: 7, number: 0 })), 1);
        // A number that is still to come is not waited for: it is a mistake or a lie.
        assert_eq!(buffer.after(Some(EventId { run: 7, number: u64::MAX })), 6);
    }

    #[test]
    fn what_was_missed_is_told() {
        let buffer = filled(3, 10);
        assert_eq!(buffer.read(buffer.after(Some(EventId { run: 7, number: 1 }))), Read::Missed(8));
        assert_eq!(buffer.read(8), Read::Event(8, event(8)));
        assert_eq!(buffer.read(buffer.after(Some(EventId { run: 6, number: 9 }))), Read::Missed(8));
        buffer.skip(5);
        assert_eq!(buffer.read(10), Read::Missed(16));
        buffer.push(event(0));
        assert_eq!(buffer.read(16), Read::Event(16, event(0)));
    }

    #[tokio::test]
    async fn a_burst_that_is_too_much_leaves_a_gap_and_no_silence() {
        let (sender, receiver) = broadcast::channel(4);
        for number in 1..=10 {
            sender.send(event(number)).expect("there is a receiver");
        }
        let buffer = Arc::new(EventBuffer::new(1, 100));
        let waiting = buffer.watch();
        drop(sender);
        Arc::clone(&buffer).fill(receiver).await;
        assert_eq!(buffer.read(1), Read::Missed(7));
        assert_eq!(buffer.read(7), Read::Event(7, event(7)));
        assert_eq!(buffer.read(10), Read::Event(10, event(10)));
        assert!(waiting.has_changed().is_ok_and(|changed| changed));
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = EventId { run: 12, number: 34 };
        assert_eq!(EventId::parse(&id.to_string()), Some(id));
        for text in ["", "1", "-", "1-", "-1", "01-2", "1-2-3", "1-+2", "99999999999999999999-1"] {
            assert_eq!(EventId::parse(text), None, "{text:?}");
        }
    }
}
