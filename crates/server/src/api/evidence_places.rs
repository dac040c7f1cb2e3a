//! Places of those who hand in evidence: each holds the memory of a piece until its bytes have come. So many
//! in all, and whoever finds none waits in a line. And so few of each who hands in evidence of a dispute, in places and
//! in the line: who says by a signature who it is has its own, and whoever does not say it takes none of these.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aep2_mandate::{field, typed_data::keyed::AnySigner};
use alloy::primitives::B256;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many pieces may come in at the same time.
const PLACES_MAX: usize = 64;
/// How many of one who hands in evidence of a dispute may come in, or wait for a place.
const OF_SIDE_MAX: usize = 2;

/// Who hands in: who has signed that it does, or anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bringer {
    /// Somebody whom the dispute concerns, by address or by the key's hash.
    Party(B256),
    /// Whoever knows a hash that was named. All of these share what one party has.
    Anybody,
}

impl From<&AnySigner> for Bringer {
    fn from(signer: &AnySigner) -> Self {
        Self::Party(match signer {
            AnySigner::Address(address) => address.into_word(),
            AnySigner::Key(key) => B256::from(field::to_be_bytes(&key.hash())),
        })
    }
}

/// Who hands in evidence of which dispute.
type Side = (B256, Bringer);

/// How many pieces of which dispute come in now. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct EvidencePlaces {
    sides: Sides,
    all: Arc<Semaphore>,
}

/// How many there are of each side.
#[derive(Clone, Debug, Default)]
struct Sides(Arc<Mutex<HashMap<Side, usize>>>);

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct EvidencePlace {
    _place: OwnedSemaphorePermit,
    _one: OfSide,
}

/// One of a side's.
#[derive(Debug)]
struct OfSide {
    sides: Sides,
    side: Side,
}

impl Default for EvidencePlaces {
    fn default() -> Self {
        Self { sides: Sides::default(), all: Arc::new(Semaphore::new(PLACES_MAX)) }
    }
}

impl EvidencePlaces {
    /// A place for a piece of one side of a dispute, waited for so long; nothing where there is none until then, or
    /// that side has as many as it may.
    pub(super) async fn take(&self, side: Side, within: Duration) -> Option<EvidencePlace> {
        let one = self.sides.one_of(side)?;
        let place = timeout(within, Arc::clone(&self.all).acquire_owned()).await.ok()?.ok()?;
        Some(EvidencePlace { _place: place, _one: one })
    }
}

impl Sides {
    fn one_of(&self, side: Side) -> Option<OfSide> {
        let mut counts = self.counts();
        let own = counts.entry(side).or_default();
        if *own >= OF_SIDE_MAX {
            return None;
        }
        *own += 1;
        Some(OfSide { sides: self.clone(), side })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Side, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OfSide {
    fn drop(&mut self) {
        let mut counts = self.sides.counts();
        let left = counts.get(&self.side).map_or(0, |own| own.saturating_sub(1));
        match left {
            0 => drop(counts.remove(&self.side)),
            left => drop(counts.insert(self.side, left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);
    const PAYER: Bringer = Bringer::Party(B256::repeat_byte(1));
    const PAYEE: Bringer = Bringer::Party(B256::repeat_byte(2));

    fn dispute(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    async fn many(
        places: &EvidencePlaces,
        sides: impl Iterator<Item = Side>,
    ) -> Vec<EvidencePlace> {
        let mut held = Vec::new();
        for side in sides {
            held.extend(places.take(side, Duration::ZERO).await);
        }
        held
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_stands_in_nobody_elses_way() {
        let places = EvidencePlaces::default();
        let payers = many(&places, [(dispute(1), PAYER); 10].into_iter()).await;
        assert_eq!(payers.len(), OF_SIDE_MAX);
        assert!(places.take((dispute(1), PAYER), WITHIN).await.is_none());
        assert!(places.take((dispute(1), PAYEE), WITHIN).await.is_some(), "the other side");
        assert!(places.take((dispute(1), Bringer::Anybody), WITHIN).await.is_some(), "a stranger");
        assert!(places.take((dispute(2), PAYER), WITHIN).await.is_some(), "another dispute");
        drop(payers);
        assert!(places.take((dispute(1), PAYER), WITHIN).await.is_some());
        assert_eq!(places.sides.counts().len(), 0, "nothing stays of those who are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_all_places_taken_waits_in_a_line_and_is_not_turned_away() {
        let places = EvidencePlaces::default();
        let strangers = (0..100).flat_map(|own| [(dispute(own), PAYER); 2]);
        let held = many(&places, strangers).await;
        assert_eq!(held.len(), PLACES_MAX);
        let waits = |number| {
            let places = places.clone();
            tokio::spawn(async move { places.take((dispute(number), PAYEE), WITHIN).await })
        };
        let first = waits(1);
        sleep(Duration::from_secs(1)).await;
        let second = waits(2);
        sleep(Duration::from_secs(1)).await;
        let mut held = held.into_iter();
        drop(held.next());
        let first = first.await.expect("it ends");
        assert!(first.is_some() && !second.is_finished(), "in the order in which they came");
        advance(WITHIN).await;
        assert!(second.await.expect("it ends").is_none(), "not for ever");
        assert!(!places.sides.counts().contains_key(&(dispute(2), PAYEE)));
    }
}
