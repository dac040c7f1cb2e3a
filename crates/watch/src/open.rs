//! The receipts that are open, and which of them may have changed since they were written down.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;

use crate::watched::Watched;

/// The receipts that are open, by their digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    receipts: BTreeMap<B256, Watched>,
    changed: BTreeSet<B256>,
}

impl Open {
    /// Those that are written down.
    pub(crate) fn written(receipts: BTreeMap<B256, Watched>) -> Self {
        Self { receipts, changed: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.receipts.len()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Watched> {
        self.receipts.values()
    }

    pub(crate) fn get(&self, digest: &B256) -> Option<&Watched> {
        self.receipts.get(digest)
    }

    pub(crate) fn get_mut(&mut self, digest: &B256) -> Option<&mut Watched> {
        let found = self.receipts.get_mut(digest)?;
        self.changed.insert(*digest);
        Some(found)
    }

    /// Adds a receipt that is not there yet. Whether it was not.
    pub(crate) fn add(&mut self, watched: Watched) -> bool {
        let is_new = !self.receipts.contains_key(&watched.digest);
        if is_new {
            self.changed.insert(watched.digest);
            self.receipts.insert(watched.digest, watched);
        }
        is_new
    }

    pub(crate) fn remove(&mut self, digest: &B256) -> Option<Watched> {
        let removed = self.receipts.remove(digest)?;
        self.changed.insert(*digest);
        Some(removed)
    }

    /// Removes those that are not to be kept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Watched) -> bool) {
        let changed = &mut self.changed;
        self.receipts.retain(|digest, own| {
            let kept = keep(own);
            if !kept {
                changed.insert(*digest);
            }
            kept
        });
    }

    /// Those that may have changed, or are gone.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (&B256, Option<&Watched>)> {
        self.changed.iter().map(|digest| (digest, self.receipts.get(digest)))
    }

    /// All of them are written down now.
    pub(crate) fn note_written(&mut self) {
        self.changed.clear();
    }
}
