//! Mandates that are under suspicion since a batch with them was refused, and from whom they are kept
//! apart.
//!
//! - A batch refused without a name is split: each half settles by itself, and is split again if it
//!   is refused. So one bad mandate is alone after as many proofs as its batch's size has bits.
//! - A mandate that was quarantined is tried again, alone, after a wait that doubles, and only so often:
//!   the chain may have been seen too late, or a payer's money may come. In the end it stays quarantined
//!   until it expires, or its operator decides.
//!
//! This is in memory. After a restart what was split may be put together again, which costs proofs and
//! nothing else, and what is quarantined is tried again from the first wait on.

use std::collections::{BTreeMap, BTreeSet};

use aep2_ledger::MandateHash;
use aep2_mandate::units::UnixTime;

use crate::window::Isolation;

/// How long a mandate is quarantined before it is tried again for the first time, in seconds.
const FIRST_WAIT_S: u64 = 30;
/// The longest wait, in seconds.
const LONGEST_WAIT_S: u64 = 3_600;
/// How often a mandate is tried again.
const TRIES_MAX: u32 = 8;

/// Which mandates are isolated, and which are tried again when.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    next_group: u64,
    groups: BTreeMap<MandateHash, u64>,
    quarantined: BTreeMap<MandateHash, Quarantined>,
}

/// A mandate that is quarantined, or was.
#[derive(Clone, Copy, Debug)]
struct Quarantined {
    tries: u32,
    /// When it is tried again; nothing when it is being tried, or not tried any more.
    again_at: Option<UnixTime>,
}

impl Quarantine {
    /// From whom a mandate is kept apart.
    pub(super) fn isolation(&self, mandate: MandateHash) -> Isolation {
        match self.groups.get(&mandate) {
            Some(group) => Isolation::Group(*group),
            None => Isolation::None,
        }
    }

    /// Has mandates settle among themselves.
    pub(super) fn group(&mut self, mandates: impl IntoIterator<Item = MandateHash>) {
        self.next_group += 1;
        let group = self.next_group;
        self.groups.extend(mandates.into_iter().map(|mandate| (mandate, group)));
    }

    /// Splits mandates into two halves, each by itself.
    pub(super) fn halve(&mut self, mandates: &[MandateHash]) {
        let (first, second) = mandates.split_at(mandates.len() / 2);
        for half in [first, second] {
            self.group(half.iter().copied());
        }
    }

    /// Notes that a mandate is quarantined. Once more is noted once more: the wait doubles.
    pub(super) fn add(&mut self, mandate: MandateHash, now: UnixTime) {
        self.groups.remove(&mandate);
        let tries = self.quarantined.get(&mandate).map_or(0, |known| known.tries + 1);
        let wait = FIRST_WAIT_S.saturating_mul(1 << tries.min(16)).min(LONGEST_WAIT_S);
        let again_at = (tries < TRIES_MAX).then(|| now.checked_add(wait)).flatten();
        self.quarantined.insert(mandate, Quarantined { tries, again_at });
    }

    /// Of the mandates that are quarantined, those that are to be tried again now, each alone. The others
    /// are noted if they were not known: another process quarantined them.
    pub(super) fn try_again(
        &mut self,
        quarantined: &[MandateHash],
        now: UnixTime,
    ) -> Vec<MandateHash> {
        let mut due = Vec::new();
        for mandate in quarantined.iter().copied() {
            match self.quarantined.get_mut(&mandate) {
                None => self.add(mandate, now),
                Some(known) if known.again_at.is_some_and(|at| at <= now) => {
                    known.again_at = None;
                    due.push(mandate);
                }
                Some(_) => {}
            }
        }
        for mandate in &due {
            self.group([*mandate]);
        }
        due
    }

    /// Every mandate that something is known of.
    pub(super) fn known(&self) -> BTreeSet<MandateHash> {
        self.groups.keys().chain(self.quarantined.keys()).copied().collect()
    }

    /// Forgets mandates: they have ended.
    pub(super) fn forget(&mut self, mandates: impl IntoIterator<Item = MandateHash>) {
        for mandate in mandates {
            self.groups.remove(&mandate);
            self.quarantined.remove(&mandate);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(1_000 + seconds).expect("in range")
    }

    fn hash(number: u8) -> MandateHash {
        MandateHash::from_bytes(B256::with_last_byte(number))
    }

    #[test]
    fn halving_ends_with_each_alone() {
        let mut quarantine = Quarantine::default();
        let mut batches = vec![(0..13).map(hash).collect::<Vec<_>>()];
        let mut rounds = 0;
        while batches.iter().any(|batch| batch.len() > 1) {
            let mut next = Vec::new();
            for batch in &batches {
                if batch.len() > 1 {
                    quarantine.halve(batch);
                }
                let mut groups = BTreeMap::<u64, Vec<MandateHash>>::new();
                for mandate in batch {
                    match quarantine.isolation(*mandate) {
                        Isolation::Group(group) => {
                            groups.entry(group).or_default().push(*mandate);
                        }
                        Isolation::None => panic!("kept apart"),
                    }
                }
                next.extend(groups.into_values());
            }
            batches = next;
            rounds += 1;
        }
        assert_eq!((batches.len(), rounds), (13, 4));
    }

    #[test]
    fn what_is_quarantined_is_tried_alone_ever_less_often_and_in_the_end_not_at_all() {
        let mut quarantine = Quarantine::default();
        let (mut now, mut waits) = (0, Vec::new());
        quarantine.add(hash(1), at(now));
        for _ in 0..20_000 {
            if quarantine.try_again(&[hash(1)], at(now)) == [hash(1)] {
                assert_ne!(quarantine.isolation(hash(1)), Isolation::None);
                waits.push(now);
                quarantine.add(hash(1), at(now));
            }
            now += 1;
        }
        assert_eq!(waits, [30, 90, 210, 450, 930, 1_890, 3_810, 7_410]);
    }

    #[test]
    fn what_another_process_quarantined_is_tried_too() {
        let mut quarantine = Quarantine::default();
        assert_eq!(quarantine.try_again(&[hash(1)], at(0)), []);
        assert_eq!(quarantine.try_again(&[hash(1)], at(29)), []);
        assert_eq!(quarantine.try_again(&[hash(1)], at(30)), [hash(1)]);
        assert_eq!(quarantine.try_again(&[hash(1)], at(31)), [], "it is being tried");
        quarantine.forget([hash(1)]);
        assert_eq!(
            (quarantine.isolation(hash(1)), quarantine.known()),
            (Isolation::None, BTreeSet::new())
        );
    }
}
