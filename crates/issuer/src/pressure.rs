//! What one card may ask of the issuer at once, so that no agent stands in anybody else's way.
//!
//! Requests in flight are bounded for each card, with all cards that were made of it: the writer's queue
//! keeps places for owners, who freeze. Refusals are worth a line in the log, but not any number of lines:
//! after some in a minute, a card's refusals are answered and no longer written down.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aep2_mandate::units::UnixTime;

use crate::ids::CardId;

/// How many requests of a card may be in flight.
const IN_FLIGHT_MAX: u32 = 256;
/// How many refusals of a card are written down in a minute.
const LINES_A_MINUTE: u32 = 60;

/// What cards ask for at the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pressure {
    cards: Arc<Mutex<HashMap<CardId, OfCard>>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct OfCard {
    in_flight: u32,
    minute: u64,
    lines: u32,
}

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    pressure: Pressure,
    card: CardId,
}

impl Pressure {
    /// Lets a request of a card in; nothing where too many are in flight.
    pub(crate) fn enter(&self, card: CardId, now: UnixTime) -> Option<InFlight> {
        let minute = now.get() / 60;
        let mut cards = self.lock();
        if cards.len() >= 1_024 {
            cards.retain(|_, one| one.in_flight > 0 || one.minute == minute);
        }
        let one = cards.entry(card).or_default();
        if one.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        one.in_flight += 1;
        Some(InFlight { pressure: self.clone(), card })
    }

    /// Whether a refusal of a card is written down.
    pub(crate) fn writes_refusal(&self, card: CardId, now: UnixTime) -> bool {
        let minute = now.get() / 60;
        let mut cards = self.lock();
        let one = cards.entry(card).or_default();
        if one.minute != minute {
            (one.minute, one.lines) = (minute, 0);
        }
        one.lines = one.lines.saturating_add(1);
        one.lines <= LINES_A_MINUTE
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CardId, OfCard>> {
        // Nothing panics while it is held.
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(one) = self.pressure.lock().get_mut(&self.card) {
            one.in_flight = one.in_flight.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_card_does_not_fill_the_queue_or_the_log() {
        let (pressure, now) = (Pressure::default(), UnixTime::new(1_000).expect("in range"));
        let (one, other) = (CardId::random(), CardId::random());
        let held: Vec<_> = (0..IN_FLIGHT_MAX).map(|_| pressure.enter(one, now)).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(pressure.enter(one, now).is_none());
        assert!(pressure.enter(other, now).is_some());
        drop(held);
        assert!(pressure.enter(one, now).is_some());

        let written = (0..1_000).filter(|_| pressure.writes_refusal(one, now)).count();
        assert_eq!(written, LINES_A_MINUTE as usize);
        assert!(pressure.writes_refusal(other, now));
        let later = UnixTime::new(1_060).expect("in range");
        assert!(pressure.writes_refusal(one, later));
    }
}
