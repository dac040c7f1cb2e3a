//! The date of a list, and which of two is the older.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Seconds in a day.
const DAY_S: u64 = 86_400;

/// Who says of what date a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatedBy {
    /// The list: OFAC's `DateOfIssue`, or the line `#@date` of a plain one. It is a day; its time is
    /// midnight, UTC.
    Stated,
    /// Nobody: it is the time at which the file was last modified.
    FileModified,
}

/// Of what date a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    /// Seconds since 1970, UTC.
    pub at_s: u64,
    /// Who says so.
    pub by: DatedBy,
}

impl Dated {
    /// How old it is, in seconds. 0 where it lies in the future.
    pub const fn age_s(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.at_s)
    }

    /// Whether it is older than another. Days are compared, unless both are times of files: a file
    /// of today at noon is not newer than a list that says "today", which means midnight.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        if (self.by, other.by) == (DatedBy::FileModified, DatedBy::FileModified) {
            return self.at_s < other.at_s;
        }
        self.at_s / DAY_S < other.at_s / DAY_S
    }

    /// Whether a list of this date is stale. So is one that lies in the future: the clock is wrong,
    /// and nobody knows how old the list is.
    pub(crate) const fn is_stale(&self, max_age_s: u64, now_s: u64) -> bool {
        self.age_s(now_s) > max_age_s || self.is_in_future(now_s)
    }

    /// Whether it lies more than a day ahead. Clocks differ by less.
    pub(crate) const fn is_in_future(&self, now_s: u64) -> bool {
        self.at_s > now_s.saturating_add(DAY_S)
    }
}

impl fmt::Display for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = i64::try_from(self.at_s).ok().and_then(|at_s| Timestamp::from_second(at_s).ok());
        let Some(at) = at else { return write!(f, "{} s after 1970", self.at_s) };
        match self.by {
            DatedBy::Stated => write!(f, "{}", at.strftime("%Y-%m-%d")),
            DatedBy::FileModified => write!(f, "{at}"),
        }
    }
}

/// Midnight, UTC, of a day from 1970 on, in seconds since 1970. None where there is no such day.
pub(crate) fn midnight_s(year: &str, month: &str, day: &str) -> Option<u64> {
    let date = Date::new(number(year)?, number(month)?, number(day)?).ok()?;
    let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(midnight.as_second()).ok()
}

/// A number of one to four digits, without a sign.
fn number<T: TryFrom<u16>>(text: &str) -> Option<T> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse::<u16>().ok()).flatten()?;
    T::try_from(number).ok()
}

/// Seconds since 1970. 0 before that.
pub(crate) fn seconds(at: SystemTime) -> u64 {
    since_1970(at).as_secs()
}

/// Milliseconds since 1970. 0 before that.
pub(crate) fn milliseconds(at: SystemTime) -> u64 {
    u64::try_from(since_1970(at).as_millis()).unwrap_or(u64::MAX)
}

fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}
