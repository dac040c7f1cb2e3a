//! The times of a deployment, and how they must fit.

use alloy::primitives::aliases::U40;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::contracts::IGuarantee;

const HOUR: u64 = 3_600;
const YEAR: u64 = 365 * 24 * HOUR;

/// The times by which a wallet and its guarantee go, in seconds. A payee must have been able to claim
/// before a payer's withdrawal, a payer's change of processor, or the withdrawal of a bond can come into
/// force; the contracts' constructors refuse others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Periods {
    /// Between asking for a withdrawal or a change and having it.
    pub withdrawal_seconds: u64,
    /// Between asking for a bond and having it.
    pub unbonding_seconds: u64,
    /// How long after its issue at most a receipt may promise settlement.
    pub promise_seconds: u64,
    /// How long after `settleBy` a payee may demand.
    pub demand_seconds: u64,
    /// How long a demand can be answered before it can be claimed.
    pub response_seconds: u64,
    /// How old a view of the chain may be on which a processor still accepts mandates.
    pub view_age_seconds: u64,
    /// How long the wallet remembers at least what a batch captured.
    pub keep_seconds: u64,
}

impl Default for Periods {
    /// A day to answer, which outlasts outages of chains; three for withdrawals and a week for bonds.
    fn default() -> Self {
        Self {
            withdrawal_seconds: 72 * HOUR,
            unbonding_seconds: 168 * HOUR,
            promise_seconds: 12 * HOUR,
            demand_seconds: 12 * HOUR,
            response_seconds: 24 * HOUR,
            view_age_seconds: 600,
            keep_seconds: 72 * HOUR,
        }
    }
}

/// Why contracts are not made with these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeriodsError {
    /// A time is none, or a mistake.
    #[error("{name} is {seconds} s; it must be between 1 s and a year")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// How long.
        seconds: u64,
    },
    /// A time ends before others could use theirs.
    #[error("{name} is {seconds} s; it must be more than {parts}, which is {more_than} s")]
    TooShort {
        /// Which.
        name: &'static str,
        /// How long.
        seconds: u64,
        /// What it must outlast.
        parts: &'static str,
        /// How long that is.
        more_than: u64,
    },
}

impl Periods {
    /// What the constructors would refuse.
    ///
    /// # Errors
    /// See [`PeriodsError`].
    pub fn check(&self) -> Result<(), PeriodsError> {
        let all = [
            ("the withdrawal delay", self.withdrawal_seconds),
            ("the unbonding delay", self.unbonding_seconds),
            ("the longest promise", self.promise_seconds),
            ("the demand period", self.demand_seconds),
            ("the response window", self.response_seconds),
            ("the age of a view", self.view_age_seconds),
            ("the time that evidence is kept", self.keep_seconds),
        ];
        for (name, seconds) in all {
            if seconds == 0 || seconds > YEAR {
                return Err(PeriodsError::OutOfRange { name, seconds });
            }
        }
        let open = self.promise_seconds + self.demand_seconds + self.response_seconds;
        let rules = [
            (
                all[0],
                "the longest promise, the demand period, the response window and the age of a view",
                open + self.view_age_seconds,
            ),
            (
                all[1],
                "the longest promise, the demand period and twice the response window",
                open + self.response_seconds,
            ),
            (all[6], "the longest promise, the demand period and the response window", open),
        ];
        for ((name, seconds), parts, more_than) in rules {
            if seconds <= more_than {
                return Err(PeriodsError::TooShort { name, seconds, parts, more_than });
            }
        }
        Ok(())
    }

    /// As the constructors take them. None is more than a year: [`Self::check`] has looked.
    pub(crate) fn to_abi(self) -> IGuarantee::Periods {
        IGuarantee::Periods {
            withdrawal: U40::from(self.withdrawal_seconds),
            unbonding: U40::from(self.unbonding_seconds),
            promise_: U40::from(self.promise_seconds),
            demand: U40::from(self.demand_seconds),
            response: U40::from(self.response_seconds),
            viewAge: U40::from(self.view_age_seconds),
            keep: U40::from(self.keep_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_taken_where_nobody_says_others_fit() {
        assert_eq!(Periods::default().check(), Ok(()));
    }

    /// As `contracts/test/guarantee/Periods.t.sol` has it of the constructors.
    #[test]
    fn times_that_do_not_fit_are_refused() {
        let fit = Periods {
            withdrawal_seconds: 65,
            unbonding_seconds: 91,
            promise_seconds: 10,
            demand_seconds: 20,
            response_seconds: 30,
            view_age_seconds: 4,
            keep_seconds: 61,
        };
        assert_eq!(fit.check(), Ok(()));
        let short = |periods: Periods| match periods.check() {
            Err(PeriodsError::TooShort { seconds, more_than, .. }) => seconds == more_than,
            _ => false,
        };
        assert!(short(Periods { withdrawal_seconds: 64, ..fit }));
        assert!(short(Periods { unbonding_seconds: 90, ..fit }));
        assert!(short(Periods { keep_seconds: 60, ..fit }));
        for seconds in [0, YEAR + 1] {
            let out = Periods { demand_seconds: seconds, ..fit }.check();
            assert!(matches!(out, Err(PeriodsError::OutOfRange { .. })), "{out:?}");
        }
    }
}
