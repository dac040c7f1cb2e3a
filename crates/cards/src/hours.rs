//! Times of day.

use std::{fmt, str::FromStr};

use aep2_mandate::units::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::object::object;

const MINUTES_A_DAY: u16 = 24 * 60;

/// A part of each day, `from` included and `to` not, as clocks show it that are `offset` from UTC.
/// Where `from` is later than `to`, it lasts over midnight.
///
/// The offset is fixed. A zone that puts its clocks forward has two offsets in a year; the owner
/// says which one counts, and nothing changes behind the owner's back when a zone's rules do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Hours {
    from: TimeOfDay,
    to: TimeOfDay,
    offset: Offset,
}

/// The fields of [`Hours`] before they are compared.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    from: TimeOfDay,
    to: TimeOfDay,
    offset: Offset,
}

object! { Written }

/// Why a time of day cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HoursError {
    /// No time of day.
    #[error("{0:?} is not a time of day, as in 08:30")]
    Time(String),
    /// No offset.
    #[error("{0:?} is not an offset from UTC, as in +02:00, at most 14 hours")]
    Offset(String),
    /// It begins when it ends: never and always would be written the same.
    #[error("from and to are the same time")]
    Nothing,
}

impl Hours {
    /// The part of the day from `from` to `to`.
    ///
    /// # Errors
    /// [`HoursError::Nothing`] where both are the same.
    pub fn new(from: TimeOfDay, to: TimeOfDay, offset: Offset) -> Result<Self, HoursError> {
        if from == to { Err(HoursError::Nothing) } else { Ok(Self { from, to, offset }) }
    }

    /// Whether it is that part of the day at `time`.
    pub fn include(&self, time: UnixTime) -> bool {
        let minutes = i64::try_from(time.get() / 60).unwrap_or(i64::MAX) + i64::from(self.offset.0);
        let now = minutes.rem_euclid(i64::from(MINUTES_A_DAY));
        let (from, to) = (i64::from(self.from.0), i64::from(self.to.0));
        if from < to { (from..to).contains(&now) } else { now >= from || now < to }
    }
}

impl From<Hours> for Written {
    fn from(Hours { from, to, offset }: Hours) -> Self {
        Self { from, to, offset }
    }
}

impl TryFrom<Written> for Hours {
    type Error = HoursError;

    fn try_from(Written { from, to, offset }: Written) -> Result<Self, HoursError> {
        Self::new(from, to, offset)
    }
}

/// A time of day, in minutes after midnight. As text `HH:MM`, up to `23:59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// How many minutes clocks are ahead of UTC. As text `+HH:MM` or `-HH:MM`, at most 14 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(i16);

/// `HH:MM` as minutes, both in two digits, the minutes below 60.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        two.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

impl FromStr for TimeOfDay {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let time = minutes(text).filter(|time| *time < MINUTES_A_DAY);
        time.map(Self).ok_or_else(|| HoursError::Time(text.to_owned()))
    }
}

impl FromStr for Offset {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let read = || {
            let (sign, rest) = match text.strip_prefix('+') {
                Some(rest) => (1, rest),
                None => (-1, text.strip_prefix('-')?),
            };
            let minutes = minutes(rest).filter(|minutes| *minutes <= 14 * 60)?;
            // One spelling of no offset at all.
            (minutes > 0 || sign > 0).then_some(sign * i16::try_from(minutes).ok()?)
        };
        read().map(Self).ok_or_else(|| HoursError::Offset(text.to_owned()))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        let minutes = self.0.unsigned_abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

macro_rules! as_text {
    ($($name:ident)+) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )+ };
}

as_text! { TimeOfDay Offset }
