//! Lines that may count later: what is said of receipts that were not read yet, and receipts that nobody
//! could be known to have signed, or that were issued by a clock that is ahead.

use std::collections::HashSet;

use aep2_mandate::units::UnixTime;
use aep2_receipts::{Found, Statement};
use serde::{Deserialize, Serialize};

/// How many are held at most: the newest. Whoever can write into a folder can write anything.
const HELD_MAX: usize = 10_000;

/// A line that may count later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Held {
    /// The file that it stood in.
    pub(crate) file: String,
    /// Where in it the line begins, in bytes.
    pub(crate) at: u64,
    /// The line.
    line: String,
    /// When it was read.
    since: UnixTime,
}

impl Held {
    /// None where it has no JSON, which a statement always has.
    pub(crate) fn new(found: &Found, since: UnixTime) -> Option<Self> {
        let statement = found.statement.as_ref().ok()?;
        let line = serde_json::to_string(statement).ok()?;
        Some(Self { file: found.file.clone(), at: found.at, line, since })
    }

    /// What it says.
    pub(crate) fn statement(&self) -> Option<Statement> {
        Statement::parse(self.line.as_bytes()).ok()
    }
}

/// Lets go what was held for longer than `for_s` seconds, what is held twice, and what is too much.
pub(crate) fn trim(held: &mut Vec<Held>, now: UnixTime, for_s: u64) {
    let mut seen = HashSet::new();
    held.retain(|own| {
        let is_old = own.since.checked_add(for_s).is_some_and(|until| until < now);
        !is_old && seen.insert(own.line.clone())
    });
    let too_many = held.len().saturating_sub(HELD_MAX);
    held.drain(..too_many);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(number: u64, since: u64) -> Held {
        let since = UnixTime::new(since).unwrap_or(UnixTime::MAX);
        Held { file: "a.jsonl".to_owned(), at: number, line: number.to_string(), since }
    }

    #[test]
    fn what_is_held_is_bounded_in_time_and_number_and_the_newest_stay() {
        let now = UnixTime::new(1_000).unwrap_or(UnixTime::MAX);
        let mut all = vec![held(1, 899), held(2, 900), held(2, 950)];
        trim(&mut all, now, 100);
        assert_eq!(all, [held(2, 900)]);
        let mut all: Vec<Held> = (0..HELD_MAX as u64 + 5).map(|own| held(own, 1_000)).collect();
        trim(&mut all, now, 100);
        assert_eq!((all.len(), all[0].at), (HELD_MAX, 5));
    }
}
