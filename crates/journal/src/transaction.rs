//! One request's changes, before they are written.
//!
//! The writer carries requests out one after another, each on top of what those before it in the
//! same group changed. What a request changes is kept apart until it has succeeded: one that is
//! refused leaves no trace.

use std::collections::BTreeMap;

use crate::{
    changes::{Before, Changes},
    error::JournalError,
    family::ColumnFamily,
    state::State,
    view::View,
};

/// A request at work: what is on disk, with what was changed since on top.
pub struct Transaction<'a, S: State> {
    view: View<'a>,
    state: &'a S,
    group: &'a mut Changes<S::Delta>,
    /// What earlier parts of the request changed.
    earlier: Changes<S::Delta>,
    own: Changes<S::Delta>,
}

impl<'a, S: State> Transaction<'a, S> {
    /// A request on top of a group's changes.
    pub(crate) fn new(view: View<'a>, state: &'a S, group: &'a mut Changes<S::Delta>) -> Self {
        Self { view, state, group, earlier: empty(), own: empty() }
    }

    /// Ends one part of the request, and begins the next: [`before`](Self::before) is about the
    /// present part.
    pub fn next_part(&mut self) {
        let part = std::mem::replace(&mut self.own, empty());
        self.earlier.add(part);
    }

    /// Makes the changes part of the group's.
    pub(crate) fn keep(self) {
        self.group.add(self.earlier);
        self.group.add(self.own);
    }

    /// The layers of changes, the latest first.
    fn layers(&self) -> [&Changes<S::Delta>; 3] {
        [&self.own, &self.earlier, self.group]
    }

    /// The value at a key.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn get(
        &self,
        family: impl ColumnFamily,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, JournalError> {
        match self.layers().into_iter().find_map(|layer| layer.value(family.name(), key)) {
            Some(value) => Ok(value.clone()),
            None => self.view.get(family, key),
        }
    }

    /// The entries with keys from `from` to below `to`, in order. All of them are held in memory.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn scan(
        &self,
        family: impl ColumnFamily,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, JournalError> {
        let within = |key: &[u8]| key >= from && to.is_none_or(|to| key < to);
        let mut entries = BTreeMap::new();
        for entry in self.view.entries(family, from) {
            let (key, value) = entry?;
            if !within(&key) {
                break;
            }
            entries.insert(key.into_vec(), value.into_vec());
        }
        for layer in self.layers().into_iter().rev() {
            for (key, value) in layer.of(family.name()) {
                match value {
                    Some(value) if within(key) => entries.insert(key.clone(), value.clone()),
                    _ => entries.remove(key),
                };
            }
        }
        Ok(entries)
    }

    /// Sets a value.
    pub fn put(&mut self, family: impl ColumnFamily, key: Vec<u8>, value: Vec<u8>) {
        self.own.set(family.name(), key, Some(value));
    }

    /// Removes a value.
    pub fn delete(&mut self, family: impl ColumnFamily, key: Vec<u8>) {
        self.own.set(family.name(), key, None);
    }

    /// The value of every key of a family that this part of the request changed, before it did.
    ///
    /// # Errors
    /// When RocksDB cannot read.
    pub fn before(&self, family: impl ColumnFamily) -> Result<Vec<Before>, JournalError> {
        let [own, earlier @ ..] = self.layers();
        let mut values = Vec::new();
        for (key, _) in own.of(family.name()) {
            let staged = earlier.into_iter().find_map(|layer| layer.value(family.name(), key));
            let before = match staged {
                Some(value) => value.clone(),
                None => self.view.get(family, key)?,
            };
            values.push((key.clone(), before));
        }
        Ok(values)
    }

    /// What is in memory, as it is on disk: without what was changed since.
    pub fn state(&self) -> &'a S {
        self.state
    }

    /// What was changed in memory since, in layers, the latest first.
    pub fn deltas(&self) -> [&S::Delta; 3] {
        self.layers().map(|layer| &layer.delta)
    }

    /// What this part of the request changes in memory. It is published with its commit; a group
    /// that writes nothing has none, and publishes nothing.
    pub fn delta_mut(&mut self) -> &mut S::Delta {
        &mut self.own.delta
    }
}

fn empty<D: Default>() -> Changes<D> {
    Changes::default()
}
