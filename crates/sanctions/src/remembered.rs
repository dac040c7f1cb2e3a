//! What is kept of the lists beyond the program's end.

use serde::{Deserialize, Serialize};

use crate::{dated::Dated, hash::FileHash, in_force::InForce, set::SanctionSet};

/// Raised when the same file may be read as another set than before.
const READER: u32 = 1;

/// What is kept of the lists beyond the program's end, so that a start is no way around the rules on
/// what replaces what, and so that numbers never come twice. Whoever has a store keeps it there, as
/// JSON or otherwise, and replaces it after each change of the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// Which version of this crate's readers it is of.
    pub reader: u32,
    /// The number of the lists in force.
    pub number: u64,
    /// The lists, in the order of the settings.
    pub lists: Vec<RememberedList>,
}

/// What is kept of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RememberedList {
    /// Its name in the settings.
    pub name: String,
    /// The SHA-256 of its file.
    pub sha256: FileHash,
    /// Its date.
    pub dated: Dated,
    /// How many addresses it had.
    pub count: usize,
    /// The version of its set.
    pub version: u64,
}

impl Remembered {
    pub(crate) fn of(in_force: &InForce) -> Self {
        let lists = in_force.sets().map(|set| RememberedList {
            name: set.list().to_owned(),
            sha256: set.sha256(),
            dated: set.dated(),
            count: set.count(),
            version: set.version(),
        });
        Self { reader: READER, number: in_force.number(), lists: lists.collect() }
    }

    /// What is kept of a list.
    pub fn list(&self, name: &str) -> Option<&RememberedList> {
        self.lists.iter().find(|list| list.name == name)
    }

    /// Forgets a list, so that any file may take its place at the next start: an officer's decision.
    /// False where nothing was known of it.
    pub fn forget(&mut self, name: &str) -> bool {
        let before = self.lists.len();
        self.lists.retain(|list| list.name != name);
        self.lists.len() < before
    }

    /// The version of a set, if it is the one that was in force.
    pub(crate) fn version_of(&self, set: &SanctionSet) -> Option<u64> {
        let known = self.list(set.list()).filter(|known| known.sha256 == set.sha256())?;
        (self.reader == READER).then_some(known.version)
    }

    /// Whether these sets are those that were in force, so that their number holds on.
    pub(crate) fn is_of(&self, sets: &[SanctionSet]) -> bool {
        let known = self.lists.iter().map(|list| (list.name.as_str(), list.sha256));
        self.reader == READER && known.eq(sets.iter().map(|set| (set.list(), set.sha256())))
    }
}
