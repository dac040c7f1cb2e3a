//! Which set may replace which.

use crate::{
    dated::Dated, hash::FileHash, refusal::Refusal, remembered::RememberedList, set::SanctionSet,
};

/// What was there before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before<'a> {
    /// Nothing.
    Nothing,
    /// The set in force.
    InForce(&'a SanctionSet),
    /// What was kept of the last program's set: no addresses, only how many.
    Remembered(&'a RememberedList),
}

/// How many addresses a replacement adds and removes. Where only numbers are known, their
/// difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) added: usize,
    pub(crate) removed: usize,
    /// Whether it removes more than the settings allow, which an officer accepted.
    pub(crate) was_accepted: bool,
}

/// Whether a set may come in force, and what that changes.
///
/// `accepted` is the file that an officer accepts though it shrinks the list.
pub(crate) fn check(
    new: &SanctionSet,
    before: Before<'_>,
    shrink_percent_max: u8,
    accepted: Option<FileHash>,
    now_s: u64,
) -> Result<Change, Refusal> {
    if new.count() == 0 {
        return Err(Refusal::Empty);
    }
    if new.dated().is_in_future(now_s) {
        return Err(Refusal::InFuture { dated: new.dated() });
    }
    let (dated, count, removed): (Dated, usize, usize) = match before {
        Before::Nothing => {
            return Ok(Change { added: new.count(), removed: 0, was_accepted: false });
        }
        // Not the difference of the numbers: a list that lost most of its addresses and got as many
        // others is another list.
        Before::InForce(set) => (set.dated(), set.count(), set.missing_in(new)),
        Before::Remembered(list) => {
            (list.dated, list.count, list.count.saturating_sub(new.count()))
        }
    };
    if new.dated().is_older_than(&dated) {
        return Err(Refusal::Older { dated: new.dated(), before: dated });
    }
    let shrinks = removed as u128 * 100 > count as u128 * u128::from(shrink_percent_max);
    if shrinks && accepted != Some(new.sha256()) {
        return Err(Refusal::Shrinks {
            removed,
            before: count,
            percent_max: shrink_percent_max,
            sha256: new.sha256(),
        });
    }
    let added = (new.count() + removed).saturating_sub(count);
    Ok(Change { added, removed, was_accepted: shrinks })
}
