//! Periods, in the time zone of a budget's owner.
//!
//! A day begins at its owner's midnight, a week on Monday, a month on the first. What is reserved counts
//! in the period in which it was reserved, and comes back to that one.

use aep2_mandate::units::UnixTime;
use jiff::{Timestamp, ToSpan, Unit, Zoned, civil::Weekday, tz::TimeZone};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How long a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Period {
    /// A minute, of the clock.
    Minute,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first to the last.
    Month,
    /// For ever.
    Total,
}

impl Period {
    /// Those that every payment counts in, whether or not a limit is set: so that a limit that is set
    /// later counts what was spent before.
    pub const COUNTED: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Total];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

impl From<aep2_cards::restrictions::Period> for Period {
    fn from(period: aep2_cards::restrictions::Period) -> Self {
        match period {
            aep2_cards::restrictions::Period::Day => Self::Day,
            aep2_cards::restrictions::Period::Week => Self::Week,
            aep2_cards::restrictions::Period::Month => Self::Month,
            aep2_cards::restrictions::Period::Total => Self::Total,
        }
    }
}

/// An owner's time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A name that is no time zone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no time zone; names are those of the IANA database, as in Europe/Berlin or UTC")]
pub struct NotAZone(String);

impl TryFrom<String> for Zone {
    type Error = NotAZone;

    fn try_from(name: String) -> Result<Self, NotAZone> {
        match TimeZone::get(&name) {
            Ok(zone) => Ok(Self { name, zone }),
            Err(_) => Err(NotAZone(name.chars().take(64).collect())),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// When the period began that `at` lies in, in unix seconds. `Total` began at 0.
    ///
    /// A time that no calendar has counts as its own period's beginning.
    pub fn start_of(&self, period: Period, at: UnixTime) -> u64 {
        let began = match period {
            Period::Total => return 0,
            Period::Minute => return at.get() - at.get() % 60,
            _ => self.at(at).and_then(|now| began(&now, period)),
        };
        began.map_or(at.get(), |began| seconds(&began))
    }

    /// When the turn began that `at` lies in, of a charge once a month (or week, or day) counted from
    /// `anchor`: the 31st is the last of a shorter month. Nothing before the anchor.
    pub fn turn_of(&self, period: Period, anchor: UnixTime, at: UnixTime) -> Option<u64> {
        if at < anchor {
            return None;
        }
        let (first, now) = (self.at(anchor)?, self.at(at)?);
        let unit = match period {
            Period::Minute => return Some(anchor.get() + (at.get() - anchor.get()) / 60 * 60),
            Period::Day => Unit::Day,
            Period::Week => Unit::Week,
            Period::Month => Unit::Month,
            Period::Total => return Some(anchor.get()),
        };
        let passed = first.until((unit, &now)).ok()?;
        let turns = match period {
            Period::Day => passed.get_days(),
            Period::Week => passed.get_weeks(),
            _ => passed.get_months(),
        };
        // Always from the anchor: from turn to turn, the 31st would become the 28th for good.
        let turn = |turns: i32| {
            let span = match period {
                Period::Day => turns.days(),
                Period::Week => turns.weeks(),
                _ => turns.months(),
            };
            first.checked_add(span).ok()
        };
        // The last of a short month is a turn of the 31st, though no whole month has passed.
        let next = turn(turns + 1).filter(|next| *next <= now);
        next.or_else(|| turn(turns)).map(|began| seconds(&began))
    }

    /// The time of day, in minutes since midnight, and the day of the week.
    pub fn clock(&self, at: UnixTime) -> Option<(u16, Weekday)> {
        let now = self.at(at)?;
        let minutes = u16::try_from(i32::from(now.hour()) * 60 + i32::from(now.minute())).ok()?;
        Some((minutes, now.weekday()))
    }

    /// How `at` is written for people: date, time, zone.
    pub fn write(&self, at: UnixTime) -> String {
        match self.at(at) {
            Some(at) => at.strftime("%Y-%m-%d %H:%M %Z").to_string(),
            None => at.get().to_string(),
        }
    }

    fn at(&self, at: UnixTime) -> Option<Zoned> {
        let at = Timestamp::from_second(i64::try_from(at.get()).ok()?).ok()?;
        Some(at.to_zoned(self.zone.clone()))
    }
}

fn began(now: &Zoned, period: Period) -> Option<Zoned> {
    let day = now.start_of_day().ok()?;
    match period {
        Period::Week => {
            let back = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(back.days()).ok()?.start_of_day().ok()
        }
        Period::Month => day.first_of_month().ok()?.start_of_day().ok(),
        _ => Some(day),
    }
}

fn seconds(at: &Zoned) -> u64 {
    u64::try_from(at.timestamp().as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixTime {
        let at: Timestamp = text.parse().expect("a time");
        UnixTime::new(at.as_second().try_into().expect("after 1970")).expect("in range")
    }

    fn zone(name: &str) -> Zone {
        Zone::try_from(name.to_owned()).expect("a zone")
    }

    #[test]
    fn a_day_is_the_owners_and_not_that_of_the_server() {
        let berlin = zone("Europe/Berlin");
        let late = at("2026-11-30T22:59:59Z");
        let next = at("2026-11-30T23:00:00Z");
        assert_eq!(berlin.start_of(Period::Day, late), at("2026-11-29T23:00:00Z").get());
        assert_eq!(berlin.start_of(Period::Day, next), next.get());
        // The same second begins a month there.
        assert_eq!(berlin.start_of(Period::Month, next), next.get());
        assert_eq!(Zone::utc().start_of(Period::Month, next), at("2026-11-01T00:00:00Z").get());
        // A Tuesday.
        assert_eq!(berlin.start_of(Period::Week, next), at("2026-11-29T23:00:00Z").get());
    }

    #[test]
    fn a_day_of_25_hours_is_one_day() {
        let berlin = zone("Europe/Berlin");
        let began = at("2026-10-24T22:00:00Z");
        for hour in 0..25 {
            let now = UnixTime::new(began.get() + hour * 3_600).expect("in range");
            assert_eq!(berlin.start_of(Period::Day, now), began.get(), "hour {hour}");
        }
        let after = UnixTime::new(began.get() + 25 * 3_600).expect("in range");
        assert_eq!(berlin.start_of(Period::Day, after), after.get());
    }

    #[test]
    fn a_subscription_of_the_31st_is_charged_on_the_last_day_and_comes_back_to_the_31st() {
        let utc = Zone::utc();
        let anchor = at("2026-01-31T12:00:00Z");
        let turn = |now: &str| utc.turn_of(Period::Month, anchor, at(now));
        assert_eq!(turn("2026-01-31T11:59:59Z"), None);
        assert_eq!(turn("2026-02-28T11:59:59Z"), Some(anchor.get()));
        assert_eq!(turn("2026-02-28T12:00:00Z"), Some(at("2026-02-28T12:00:00Z").get()));
        assert_eq!(turn("2026-03-31T11:59:59Z"), Some(at("2026-02-28T12:00:00Z").get()));
        assert_eq!(turn("2026-03-31T12:00:00Z"), Some(at("2026-03-31T12:00:00Z").get()));
        // A year later there is one turn, not twelve that were saved up.
        assert_eq!(turn("2027-01-31T12:00:00Z"), Some(at("2027-01-31T12:00:00Z").get()));
    }

    #[test]
    fn nothing_is_a_zone_that_is_none() {
        for wrong in ["", "Mars/Olympus", "../../etc/passwd"] {
            assert!(Zone::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
