//! Spans of time as people write them, and times as people read them.

use std::{fmt, str::FromStr};

use aep2_mandate::units::UnixTime;

/// The units, the largest first, and how many seconds each has.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A span of time in whole seconds, written `7d`, `12h`, `30m`, `90s`, or joined: `1d12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeSpan {
    pub(crate) seconds: u64,
}

/// A text is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a span of time is written as 7d, 12h, 30m, 90s, or 1d12h: the largest unit first")]
pub(crate) struct NotATimeSpan;

impl FromStr for TimeSpan {
    type Err = NotATimeSpan;

    fn from_str(text: &str) -> Result<Self, NotATimeSpan> {
        let mut rest = text;
        let mut units = UNITS.iter();
        let mut seconds = 0u64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(NotATimeSpan)?;
            let (digits, tail) = rest.split_at(end);
            let number = digits.parse::<u64>().map_err(|_| NotATimeSpan)?;
            // Units that were passed over do not come again, so they only descend.
            let (unit, each) =
                units.find(|(unit, _)| tail.starts_with(*unit)).ok_or(NotATimeSpan)?;
            seconds = number
                .checked_mul(*each)
                .and_then(|part| seconds.checked_add(part))
                .ok_or(NotATimeSpan)?;
            rest = &tail[unit.len_utf8()..];
        }
        if text.is_empty() { Err(NotATimeSpan) } else { Ok(Self { seconds }) }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.seconds;
        for (unit, each) in UNITS {
            if rest >= each {
                write!(f, "{}{unit}", rest / each)?;
                rest %= each;
            }
        }
        Ok(())
    }
}

/// A time of the chain for people: the second, and how far it is from the chain's present.
pub(crate) fn relative(time: UnixTime, now: UnixTime) -> String {
    format!("{time} ({})", distance(time, now))
}

/// How far a time is from the chain's present.
pub(crate) fn distance(time: UnixTime, now: UnixTime) -> String {
    match (time.seconds_since(now), now.seconds_since(time)) {
        (Some(0), _) | (None, None) => "now".to_owned(),
        (Some(seconds), _) => format!("in {}", TimeSpan { seconds }),
        (None, Some(seconds)) => format!("{} ago", TimeSpan { seconds }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds) in
            [("1d", 86_400), ("90s", 90), ("1d12h", 129_600), ("2h30m1s", 9_001), ("0s", 0)]
        {
            assert_eq!(text.parse(), Ok(TimeSpan { seconds }), "{text}");
        }
        for (seconds, text) in [(86_400, "1d"), (90, "1m30s"), (129_600, "1d12h"), (0, "0s")] {
            assert_eq!(TimeSpan { seconds }.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_span_is_not_guessed_at() {
        let too_long = "99999999999999999999d";
        for text in
            ["", "5", "d", "1w", "-1d", "1.5h", "1h1d", "1d1d", " 1d", "1d ", "1 d", too_long]
        {
            assert_eq!(text.parse::<TimeSpan>(), Err(NotATimeSpan), "{text:?}");
        }
        assert_eq!("18446744073709551615d".parse::<TimeSpan>(), Err(NotATimeSpan));
    }

    #[test]
    fn times_are_told_from_the_chains_present() {
        let at = |seconds| UnixTime::new(seconds).expect("in range");
        assert_eq!(relative(at(100), at(100)), "100 (now)");
        assert_eq!(relative(at(3_700), at(100)), "3700 (in 1h)");
        assert_eq!(relative(at(40), at(100)), "40 (1m ago)");
    }
}
