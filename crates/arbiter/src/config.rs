//! How an arbiter decides, and its bounds: the section `[deciding]` of its settings.

use std::collections::BTreeMap;

use aep2_mandate::units::{Amount, UnixTime};
use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

/// What is ruled where neither a rule nor a judge decided in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultRuling {
    /// The payee keeps what is owed: nothing was shown.
    #[default]
    Payee,
    /// The payer gets it back. Then whoever disputes often enough, with judges that are busy enough,
    /// pays nothing: only for terms whose payees agreed to that.
    Payer,
}

/// How an arbiter decides, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecidingConfig {
    /// How long a payee has to answer: this part of the time between when the dispute was first seen here
    /// and when a ruling has to be there, in percent.
    pub answer_percent: u64,
    /// What is ruled where nobody decided in time.
    pub default_ruling: DefaultRuling,
    /// How long before the last moment that is done, in seconds; at most a quarter of the whole time.
    pub default_before_s: u64,
    /// Above so much at stake a decision takes two judges, by token, in base units. Tokens that are not here
    /// take one.
    pub confirm_above: BTreeMap<Address, Amount>,
    /// How many cases of one processor may be open at a time.
    pub open_cases_max: u64,
    /// How many refused disputes of one processor get a line in the audit log in an hour. All are counted.
    pub refused_lines_per_hour_max: u32,
    /// How many bytes of evidence are kept of each processor's cases, in MiB.
    pub evidence_mib_max: u64,
    /// How long a case's file and its evidence are kept after its end, in days.
    pub kept_days: u64,
}

impl Default for DecidingConfig {
    /// Half the time to answer; the payee keeps what is owed; one judge decides; two years.
    fn default() -> Self {
        Self {
            answer_percent: 50,
            default_ruling: DefaultRuling::default(),
            default_before_s: 120,
            confirm_above: BTreeMap::new(),
            open_cases_max: 10_000,
            refused_lines_per_hour_max: 60,
            evidence_mib_max: 4_096,
            kept_days: 730,
        }
    }
}

impl DecidingConfig {
    /// When a payee's silence counts, in a case that was first seen and ends then.
    pub(crate) fn answer_by(&self, seen_at: UnixTime, decide_by: UnixTime) -> UnixTime {
        let time = decide_by.seconds_since(seen_at).unwrap_or(0);
        let share = time.saturating_mul(self.answer_percent) / 100;
        seen_at.checked_add(share).unwrap_or(decide_by)
    }

    /// When it is ruled although nobody decided.
    pub(crate) fn default_at(&self, seen_at: UnixTime, decide_by: UnixTime) -> UnixTime {
        let time = decide_by.seconds_since(seen_at).unwrap_or(0);
        let before = self.default_before_s.min(time / 4);
        UnixTime::new(decide_by.get() - before).unwrap_or(decide_by)
    }

    /// The same where the processor could not be asked before whether there is an answer: half of the time
    /// that was left then is waited for it.
    pub(crate) fn default_latest_at(&self, seen_at: UnixTime, decide_by: UnixTime) -> UnixTime {
        let at = self.default_at(seen_at, decide_by);
        let left = decide_by.seconds_since(at).unwrap_or(0);
        at.checked_add(left / 2).unwrap_or(decide_by)
    }

    /// Whether a decision about so much takes two judges.
    pub(crate) fn takes_two(&self, token: Address, at_stake: Amount) -> bool {
        self.confirm_above.get(&token).is_some_and(|above| at_stake > *above)
    }

    /// The most bytes of evidence of one processor's cases.
    pub(crate) fn evidence_bytes_max(&self) -> u64 {
        self.evidence_mib_max.saturating_mul(1 << 20)
    }

    /// Until when what ended now is kept.
    pub(crate) fn kept_until(&self, now: UnixTime) -> UnixTime {
        now.checked_add(self.kept_days.saturating_mul(86_400)).unwrap_or(UnixTime::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(seconds).expect("in range")
    }

    #[test]
    fn times_lie_between_the_first_sight_and_the_end() {
        let config = DecidingConfig::default();
        assert_eq!(config.answer_by(at(1_000), at(2_000)), at(1_500));
        assert_eq!(config.default_at(at(1_000), at(2_000)), at(1_880));
        assert_eq!(config.default_latest_at(at(1_000), at(2_000)), at(1_940));
        // Little time: the default does not come before there was any to decide in.
        assert_eq!(config.default_at(at(1_000), at(1_040)), at(1_030));
        // Seen after its end.
        assert_eq!(config.answer_by(at(3_000), at(2_000)), at(3_000));
        assert_eq!(config.default_at(at(3_000), at(2_000)), at(2_000));
    }

    #[test]
    fn two_judges_are_for_more_than_the_amount_that_is_set() {
        let token = Address::repeat_byte(1);
        let amount = |units| Amount::new(units).expect("in range");
        let confirm_above = [(token, amount(100))].into();
        let config = DecidingConfig { confirm_above, ..DecidingConfig::default() };
        assert!(!config.takes_two(token, amount(100)) && config.takes_two(token, amount(101)));
        assert!(!config.takes_two(Address::repeat_byte(2), amount(101)));
    }
}
