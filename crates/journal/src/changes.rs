//! Changes that are not written yet, on disk and in memory.

use std::collections::BTreeMap;

use crate::state::Delta;

/// A key, and the value that it had; none when it had none.
pub type Before = (Vec<u8>, Option<Vec<u8>>);

/// New values by key; none where a key is removed.
type Values = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

#[derive(Debug, Default)]
pub(crate) struct Changes<D> {
    values: BTreeMap<&'static str, Values>,
    pub(crate) delta: D,
}

impl<D: Delta> Changes<D> {
    /// Puts later changes on top.
    pub(crate) fn add(&mut self, later: Self) {
        for (family, values) in later.values {
            self.values.entry(family).or_default().extend(values);
        }
        self.delta.add(later.delta);
    }

    /// Sets a value, or removes it.
    pub(crate) fn set(&mut self, family: &'static str, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.values.entry(family).or_default().insert(key, value);
    }

    /// What a key is changed to, if it is changed.
    pub(crate) fn value(&self, family: &'static str, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.values.get(family)?.get(key)
    }

    /// What is changed in a family, in order of the keys.
    pub(crate) fn of(
        &self,
        family: &'static str,
    ) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        self.values.get(family).into_iter().flatten()
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.values().all(BTreeMap::is_empty)
    }

    /// The values to write.
    pub(crate) fn writes(&self) -> impl Iterator<Item = (&'static str, &[u8], Option<&[u8]>)> {
        self.values.iter().flat_map(|(family, values)| {
            values.iter().map(|(key, value)| (*family, key.as_slice(), value.as_deref()))
        })
    }
}
