//! What was seen of each open case last, in memory: so that nothing is checked again that was checked, no
//! rule is asked again what it was asked, and nothing is told every turn that was told once.
//!
//! What is forgotten by a kill is done once more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::B256;

/// What was seen of open cases.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    cases: Mutex<HashMap<u64, Last>>,
}

/// What was seen of a case last.
#[derive(Debug, Default)]
struct Last {
    /// What its processor showed that was taken, and the version of the case afterwards.
    taken: Option<(B256, u64)>,
    /// What was told of what its processor showed.
    told: Option<(&'static str, B256)>,
    /// What rules were asked, and had nothing to say to.
    asked: Option<Asked>,
}

/// All that an answer of the rules depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The case's version.
    pub(crate) version: u64,
    /// Whether its payee had its say.
    pub(crate) is_heard: bool,
    /// The other cases of the same order, with their versions.
    pub(crate) others: Vec<(u64, u64)>,
}

impl Seen {
    /// Whether exactly this was shown before and taken, and the case was not changed since.
    pub(crate) fn is_taken(&self, number: u64, shown: B256, version: u64) -> bool {
        let cases = self.cases();
        cases.get(&number).is_some_and(|last| last.taken == Some((shown, version)))
    }

    /// Notes that this was shown and taken, with the version that the case has now.
    pub(crate) fn took(&self, number: u64, shown: B256, version: u64) {
        self.cases().entry(number).or_default().taken = Some((shown, version));
    }

    /// Whether this is to be told: it was not what was told last. It is from now on.
    pub(crate) fn is_new(&self, number: u64, what: &'static str, shown: B256) -> bool {
        let told = self.cases().entry(number).or_default().told.replace((what, shown));
        told != Some((what, shown))
    }

    /// Whether rules were asked the same before.
    pub(crate) fn was_asked(&self, number: u64, asked: &Asked) -> bool {
        self.cases().get(&number).is_some_and(|last| last.asked.as_ref() == Some(asked))
    }

    /// Notes that rules were asked, and had nothing to say.
    pub(crate) fn asked(&self, number: u64, asked: Asked) {
        self.cases().entry(number).or_default().asked = Some(asked);
    }

    /// Forgets a case that is not open any more.
    pub(crate) fn forget(&self, number: u64) {
        self.cases().remove(&number);
    }

    fn cases(&self) -> MutexGuard<'_, HashMap<u64, Last>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_told_again_only_when_it_is_something_else() {
        let (seen, shown) = (Seen::default(), B256::repeat_byte(1));
        assert!(seen.is_new(1, "answer", shown) && !seen.is_new(1, "answer", shown));
        assert!(seen.is_new(1, "dispute", shown) && seen.is_new(1, "dispute", B256::ZERO));
        assert!(seen.is_new(2, "dispute", B256::ZERO), "another case");
        seen.forget(1);
        assert!(seen.is_new(1, "dispute", B256::ZERO));
    }

    #[test]
    fn rules_are_asked_again_when_anything_changed_that_they_look_at() {
        let seen = Seen::default();
        let asked = Asked { version: 1, is_heard: false, others: vec![(2, 1)] };
        assert!(!seen.was_asked(1, &asked));
        seen.asked(1, asked.clone());
        assert!(seen.was_asked(1, &asked));
        for changed in [
            Asked { version: 2, ..asked.clone() },
            Asked { is_heard: true, ..asked.clone() },
            Asked { others: vec![(2, 2)], ..asked.clone() },
        ] {
            assert!(!seen.was_asked(1, &changed), "{changed:?}");
        }
    }
}
