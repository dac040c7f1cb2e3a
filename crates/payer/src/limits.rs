//! What a payer may spend: on whom, in what, how much at once, on one host and in a day.
//!
//! What counts is what was **signed**, from the moment on at which it was written down, whether or
//! not anybody was heard to accept it: a mandate that left can be handed in until it expires. It
//! counts for 24 hours, and counts less once the processor's own signature says that less was
//! captured.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aep2_mandate::{
    mandate::MandateId,
    units::{Amount, UnixTime},
};
use alloy_primitives::Address;
use thiserror::Error;

/// How long a payment counts, in seconds.
pub const DAY_S: u64 = 86_400;

/// What may be spent in one token, in base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// In one payment.
    pub per_call: Amount,
    /// On one host, in 24 hours.
    pub per_host: Amount,
    /// In all, in 24 hours.
    pub per_day: Amount,
}

impl Allowance {
    /// The same bound for a call, a host and a day.
    pub fn at_most(amount: Amount) -> Self {
        Self { per_call: amount, per_host: amount, per_day: amount }
    }
}

/// What a payer may spend. Nothing, unless it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The tokens that may be paid in. No other is.
    pub tokens: BTreeMap<Address, Allowance>,
    /// The payees that may be paid; `None` for any.
    pub payees: Option<BTreeSet<Address>>,
    /// The hosts that may be paid, in lower case, with the port where it is not the scheme's own;
    /// `None` for any.
    pub hosts: Option<BTreeSet<String>>,
}

/// Which limit would be broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// The token may not be paid in.
    #[error("payments in the token {token} are not allowed")]
    Token {
        /// The token.
        token: Address,
    },
    /// The payee may not be paid.
    #[error("payments to {payee} are not allowed")]
    Payee {
        /// The payee.
        payee: Address,
    },
    /// The host may not be paid.
    #[error("payments to the host {host} are not allowed")]
    Host {
        /// The host.
        host: String,
    },
    /// Too much at once.
    #[error("{amount} is asked for, and one payment may be at most {limit}")]
    PerCall {
        /// The price.
        amount: Amount,
        /// The limit.
        limit: Amount,
    },
    /// Too much for the host.
    #[error("{amount} is asked for; {spent} of {limit} was spent on {host} in the last 24 hours")]
    PerHost {
        /// The price.
        amount: Amount,
        /// What was spent there.
        spent: Amount,
        /// The limit.
        limit: Amount,
        /// The host.
        host: String,
    },
    /// Too much for the day.
    #[error("{amount} is asked for; {spent} of {limit} was spent in the last 24 hours")]
    PerDay {
        /// The price.
        amount: Amount,
        /// What was spent.
        spent: Amount,
        /// The limit.
        limit: Amount,
    },
}

/// A payment that was signed.
#[derive(Clone, Debug)]
struct Spend {
    token: Address,
    host: String,
    amount: Amount,
}

/// What was spent in the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct Spent {
    /// By time, then in the order of signing.
    spends: BTreeMap<(UnixTime, u64), Spend>,
    places: HashMap<MandateId, (UnixTime, u64)>,
    next: u64,
}

impl Spent {
    /// Counts a payment.
    pub(super) fn add(
        &mut self,
        id: MandateId,
        at: UnixTime,
        token: Address,
        host: &str,
        amount: Amount,
    ) {
        let place = (at, self.next);
        self.next += 1;
        self.places.insert(id, place);
        self.spends.insert(place, Spend { token, host: host.to_owned(), amount });
    }

    /// Lets a payment count for `captured` only, if it counted for more.
    pub(super) fn captured(&mut self, id: MandateId, captured: Amount) {
        let spend = self.places.get(&id).and_then(|place| self.spends.get_mut(place));
        if let Some(spend) = spend {
            spend.amount = spend.amount.min(captured);
        }
    }

    /// Forgets what is older than a day.
    pub(super) fn forget_before(&mut self, now: UnixTime) {
        while let Some(entry) = self.spends.first_entry() {
            let (at, _) = *entry.key();
            if at.checked_add(DAY_S).is_none_or(|end| end > now) {
                break;
            }
            entry.remove();
        }
        if self.places.len() > 2 * self.spends.len() + 64 {
            let spends = &self.spends;
            self.places.retain(|_, place| spends.contains_key(place));
        }
    }

    /// What was spent in a token: in all, or on one host.
    pub(super) fn total(&self, token: Address, host: Option<&str>) -> Amount {
        let counted = self
            .spends
            .values()
            .filter(|spend| spend.token == token && host.is_none_or(|host| spend.host == host));
        counted
            .fold(Amount::ZERO, |sum, spend| sum.checked_add(spend.amount).unwrap_or(Amount::MAX))
    }
}

impl Limits {
    /// Checks whom and what may be paid, and how much at once.
    ///
    /// # Errors
    /// The first limit that would be broken.
    pub fn check_call(
        &self,
        token: Address,
        payee: Address,
        host: &str,
        amount: Amount,
    ) -> Result<Allowance, LimitError> {
        let Some(allowance) = self.tokens.get(&token) else {
            return Err(LimitError::Token { token });
        };
        if self.payees.as_ref().is_some_and(|payees| !payees.contains(&payee)) {
            return Err(LimitError::Payee { payee });
        }
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.contains(host)) {
            return Err(LimitError::Host { host: host.to_owned() });
        }
        if amount > allowance.per_call {
            return Err(LimitError::PerCall { amount, limit: allowance.per_call });
        }
        Ok(*allowance)
    }

    /// Checks everything: [`Limits::check_call`], then what was spent before.
    pub(super) fn check(
        &self,
        spent: &Spent,
        token: Address,
        payee: Address,
        host: &str,
        amount: Amount,
    ) -> Result<(), LimitError> {
        let Allowance { per_host, per_day, .. } = self.check_call(token, payee, host, amount)?;
        let fits = |spent: Amount, limit| spent.checked_add(amount).is_some_and(|sum| sum <= limit);
        let on_host = spent.total(token, Some(host));
        if !fits(on_host, per_host) {
            let host = host.to_owned();
            return Err(LimitError::PerHost { amount, spent: on_host, limit: per_host, host });
        }
        let in_all = spent.total(token, None);
        if !fits(in_all, per_day) {
            return Err(LimitError::PerDay { amount, spent: in_all, limit: per_day });
        }
        Ok(())
    }
}
