//! Places of those who hand in evidence: each holds the memory of a piece until its bytes have come. So many
//! in all, and so few of one dispute that those who are slow in some leave places to others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::B256;

/// How many pieces may come in at the same time.
const PLACES_MAX: usize = 64;
/// How many of one dispute.
const OF_DISPUTE_MAX: usize = 2;

/// How many pieces of which dispute come in now. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct EvidencePlaces {
    taken: Arc<Mutex<HashMap<B256, usize>>>,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct EvidencePlace {
    places: EvidencePlaces,
    dispute: B256,
}

impl EvidencePlaces {
    /// A place for a piece of a dispute; nothing where there is none.
    pub(super) fn take(&self, dispute: B256) -> Option<EvidencePlace> {
        let mut taken = self.taken();
        if taken.values().sum::<usize>() >= PLACES_MAX {
            return None;
        }
        let own = taken.entry(dispute).or_default();
        if *own >= OF_DISPUTE_MAX {
            return None;
        }
        *own += 1;
        Some(EvidencePlace { places: self.clone(), dispute })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<B256, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EvidencePlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        let left = taken.get(&self.dispute).map_or(0, |own| own.saturating_sub(1));
        match left {
            0 => drop(taken.remove(&self.dispute)),
            left => drop(taken.insert(self.dispute, left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_are_slow_in_one_dispute_leave_places_to_others() {
        let places = EvidencePlaces::default();
        let (one, other) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let held: Vec<_> = (0..10).filter_map(|_| places.take(one)).collect();
        assert_eq!(held.len(), OF_DISPUTE_MAX);
        assert!(places.take(other).is_some());
        drop(held);
        assert!(places.take(one).is_some());
        assert_eq!(places.taken().len(), 0, "nothing stays of those who are gone");
    }

    #[test]
    fn there_are_so_many_in_all() {
        let places = EvidencePlaces::default();
        let of = |byte| (0..2).map(move |_| B256::repeat_byte(byte));
        let held: Vec<_> = (0..100).flat_map(of).filter_map(|own| places.take(own)).collect();
        assert_eq!(held.len(), PLACES_MAX);
    }
}
