//! Limits on what payments of a period may come to, as owners write them.

use std::str::FromStr;

use aep2_cards::{
    host::Host,
    restrictions::{Budget, Period},
};
use alloy::primitives::Address;
use clap::Args;

use super::money::units;
use crate::onchain::amount::{Decimal, DecimalError, TokenInfo};

/// What all payments of a period together may be.
#[derive(Args)]
pub(super) struct LimitOptions {
    /// The most in a day, in tokens. A day begins at the owner's midnight
    #[arg(long, value_name = "TOKENS")]
    per_day: Option<Decimal>,

    /// The most in a week, from Monday on, in tokens
    #[arg(long, value_name = "TOKENS")]
    per_week: Option<Decimal>,

    /// The most in a month, from the first on, in tokens
    #[arg(long, value_name = "TOKENS")]
    per_month: Option<Decimal>,

    /// The most in all, in tokens
    #[arg(long, value_name = "TOKENS")]
    total: Option<Decimal>,

    /// A limit on one host's or payee's payments: 0.5/day,host=api.example or 10/month,payee=0x…; may be
    /// repeated. Periods are day, week, month, total
    #[arg(long = "limit", value_name = "LIMIT")]
    limits: Vec<LimitText>,
}

/// A limit as it is written: `0.5/day,host=api.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LimitText {
    amount: Decimal,
    period: Period,
    host: Option<Host>,
    payee: Option<Address>,
}

/// Why a text is no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LimitError {
    /// No amount.
    #[error(transparent)]
    Amount(#[from] DecimalError),
    /// No period.
    #[error("a limit is written as 0.5/day, the period one of day, week, month, total")]
    Period,
    /// Something that there is not, or that is there twice.
    #[error("{0:?} is neither host=HOST nor payee=ADDRESS, or is there twice")]
    Part(String),
}

impl FromStr for LimitText {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let mut parts = text.split(',');
        let (amount, period) =
            parts.next().and_then(|part| part.split_once('/')).ok_or(LimitError::Period)?;
        let period = period_of(period).ok_or(LimitError::Period)?;
        let mut limit = Self { amount: amount.parse()?, period, host: None, payee: None };
        for part in parts {
            let wrong = || LimitError::Part(part.to_owned());
            match part.split_once('=') {
                Some(("host", host)) if limit.host.is_none() => {
                    limit.host = Some(host.parse().map_err(|_| wrong())?);
                }
                Some(("payee", payee)) if limit.payee.is_none() => {
                    limit.payee = Some(payee.parse().map_err(|_| wrong())?);
                }
                _ => return Err(wrong()),
            }
        }
        Ok(limit)
    }
}

/// A period, from its name.
pub(super) fn period_of(name: &str) -> Option<Period> {
    match name {
        "day" => Some(Period::Day),
        "week" => Some(Period::Week),
        "month" => Some(Period::Month),
        "total" => Some(Period::Total),
        _ => None,
    }
}

/// What people call a period.
pub(super) fn period_name(period: Period) -> &'static str {
    match period {
        Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Total => "in all",
    }
}

impl LimitOptions {
    /// Whether any limit is given.
    pub(super) fn is_given(&self) -> bool {
        !self.given().is_empty()
    }

    fn given(&self) -> Vec<LimitText> {
        let periods = [
            (&self.per_day, Period::Day),
            (&self.per_week, Period::Week),
            (&self.per_month, Period::Month),
            (&self.total, Period::Total),
        ];
        let plain = periods.into_iter().filter_map(|(amount, period)| {
            let amount = amount.clone()?;
            Some(LimitText { amount, period, host: None, payee: None })
        });
        plain.chain(self.limits.iter().cloned()).collect()
    }

    /// Puts what is given among `limits`. One for the same token, period, host and payee is replaced.
    pub(super) fn apply(&self, limits: &mut Vec<Budget>, token: &TokenInfo) -> anyhow::Result<()> {
        for LimitText { amount, period, host, payee } in self.given() {
            let amount = units(&amount, token)?;
            let limit = Budget { token: token.address, amount, period, host, payee };
            let same = |own: &&mut Budget| Budget { amount, ..(**own).clone() } == limit;
            match limits.iter_mut().find(same) {
                Some(own) => own.amount = amount,
                None => limits.push(limit),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_whole_or_not_at_all() -> Result<(), Box<dyn std::error::Error>> {
        let limit: LimitText = "0.5/day,host=api.example:8443".parse()?;
        assert_eq!((limit.amount, limit.period), ("0.5".parse()?, Period::Day));
        assert_eq!(limit.host.map(|host| host.to_string()).as_deref(), Some("api.example:8443"));
        for wrong in [
            "",
            "1",
            "1/year",
            "/day",
            "x/day",
            "-1/day",
            "1/day,",
            "1/day,host=",
            "1/day,host=API.example",
            "1/day,hosts=api.example",
            "1/day,host=a.example,host=b.example",
            "1/day,payee=1",
        ] {
            assert!(wrong.parse::<LimitText>().is_err(), "{wrong:?} was taken for a limit");
        }
        Ok(())
    }
}
