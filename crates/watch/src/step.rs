//! What to do about a receipt: a pure function of what was signed, what the chain has, and the time there.
//!
//! ```text
//! not demanded   settled at what is due            over
//!                before settleBy and the grace     wait
//!                settled for less, or not at all   demand
//!                nonce spent, and nobody shows     demand, late in the demand period
//!                  for how much
//!                the demand period is over         over: too late
//! demanded       more is due than the payee took   lower, by what the payee signed
//!                the response window is open       wait
//!                it was settled at what is due,    wait for a second response window
//!                  and nobody has shown it
//!                something is owed, or a deposit   claim
//!                  comes back
//!                nothing of that                   over
//! ```

use aep2_chain::wallet::guarantee::{Demand, Paid, Periods};
use aep2_mandate::units::{Amount, UnixTime};
use alloy::primitives::{Address, U256};

use crate::watched::{Shown, Watched};

/// What the chain has of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The demand, if it was demanded.
    pub demand: Option<Demand>,
    /// What was shown and claimed of its payment.
    pub paid: Paid,
    /// Whether its nonce is spent.
    pub is_spent: bool,
    /// What is proved to have been settled.
    pub settled: Settled,
    /// Whether its account is another processor's by now.
    pub is_moved: bool,
}

/// What is proved to have been settled of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is proved.
    Unproven,
    /// It is, in a block that may still be replaced.
    NotFinal,
    /// So much, in a block that stays.
    Shown(Amount),
}

impl Settled {
    /// What a proof is worth when the newest block is `head`.
    pub(crate) fn at(shown: Shown, head: u64, confirmations: u64) -> Self {
        match shown.block.saturating_add(confirmations) <= head {
            true => Self::Shown(shown.amount),
            false => Self::NotFinal,
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing now.
    Wait,
    /// Demand what was promised.
    Demand(Reason),
    /// Show what the payee took, which is less than what was demanded.
    Lower,
    /// Claim what nobody showed, or fetch the deposit.
    Claim {
        /// What is owed still.
        owed: u128,
    },
    /// It is over.
    Over(Ending),
}

/// Why something is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was not settled.
    NotSettled,
    /// It was settled for less than what is due.
    Short {
        /// For so much.
        settled: Amount,
    },
    /// Its nonce is spent, and nobody shows that the payee was paid.
    NotShown,
}

/// How a receipt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was settled at what is due.
    Settled,
    /// The payee took nothing.
    Nothing,
    /// It was demanded, and what is due was shown.
    Answered {
        /// So much.
        shown: u128,
        /// Whether the deposit went to the processor: everything had been paid before the demand.
        deposit_lost: bool,
    },
    /// Bonds paid.
    Claimed {
        /// So much.
        claimed: u128,
        /// And so much was settled.
        shown: u128,
    },
    /// It was not demanded in time.
    TooLate,
}

/// The times that decide.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Those of the deployment.
    pub periods: Periods,
    /// How long after `settleBy` nothing is demanded yet, in seconds.
    pub grace_s: u64,
}

impl Times {
    /// From when on something is demanded that was not settled. The grace is at most half of the demand
    /// period: later it could be too late.
    pub fn demand_from(&self, settle_by: UnixTime) -> UnixTime {
        let grace_s = self.grace_s.min(self.periods.demand_seconds / 2);
        later(settle_by, grace_s.saturating_add(1))
    }

    /// From when on something is demanded whose nonce is spent and that nobody shows to have been paid. A
    /// processor that is away for a while has most of the demand period to come back and show it: else the
    /// deposit would be lost.
    pub fn demand_unshown_from(&self, settle_by: UnixTime) -> UnixTime {
        let late = later(settle_by, self.periods.demand_seconds / 4 * 3);
        late.max(self.demand_from(settle_by))
    }

    /// The last second at which it can be demanded.
    pub fn demand_until(&self, settle_by: UnixTime) -> UnixTime {
        later(settle_by, self.periods.demand_seconds)
    }

    /// The first second at which a demand is claimed, after so many response windows.
    fn claim_from(&self, made_at: UnixTime, deadline: Option<UnixTime>, windows: u64) -> UnixTime {
        let since = deadline.map_or(made_at, |deadline| made_at.max(deadline));
        later(since, self.periods.response_seconds.saturating_mul(windows).saturating_add(1))
    }
}

fn later(time: UnixTime, seconds: u64) -> UnixTime {
    time.checked_add(seconds).unwrap_or(UnixTime::MAX)
}

/// What to do about a receipt at the chain's time `now`. `own` is who demands and claims.
pub fn decide(
    watched: &Watched,
    standing: &Standing,
    now: UnixTime,
    times: &Times,
    own: Address,
) -> Step {
    match &standing.demand {
        None => undemanded(watched, standing, now, times),
        Some(demand) => demanded(watched, standing, demand, now, times, own),
    }
}

fn undemanded(watched: &Watched, standing: &Standing, now: UnixTime, times: &Times) -> Step {
    let (due, settle_by) = (watched.due(), watched.promise().settle_by);
    if due == Amount::ZERO {
        return Step::Over(Ending::Nothing);
    }
    let Paid { shown, claimed } = standing.paid;
    if shown.get().saturating_add(claimed.get()) >= due.get() {
        // By another receipt on the same payment.
        return Step::Over(Ending::Claimed { claimed: claimed.get(), shown: shown.get() });
    }
    let reason = match standing.settled {
        Settled::Shown(settled) if settled >= due => return Step::Over(Ending::Settled),
        Settled::Shown(settled) => Reason::Short { settled },
        // Whatever is said, it is not waited for until it is too late.
        Settled::NotFinal => Reason::NotShown,
        Settled::Unproven if standing.is_spent => Reason::NotShown,
        Settled::Unproven => Reason::NotSettled,
    };
    if now > times.demand_until(settle_by) {
        return Step::Over(Ending::TooLate);
    }
    let from = match reason {
        Reason::NotShown => times.demand_unshown_from(settle_by),
        Reason::NotSettled | Reason::Short { .. } => times.demand_from(settle_by),
    };
    if now < from { Step::Wait } else { Step::Demand(reason) }
}

fn demanded(
    watched: &Watched,
    standing: &Standing,
    demand: &Demand,
    now: UnixTime,
    times: &Times,
    own: Address,
) -> Step {
    let Paid { shown, claimed } = standing.paid;
    let (shown, claimed) = (shown.get(), claimed.get());
    let owed = demand.due.get().saturating_sub(shown.saturating_add(claimed));
    let is_ours = demand.deposit > U256::ZERO && demand.demander == own;
    if owed == 0 && !is_ours {
        return Step::Over(match claimed {
            0 => Ending::Answered { shown, deposit_lost: demand.demander == own },
            _ => Ending::Claimed { claimed, shown },
        });
    }
    // Whoever took less does not have the bond pay more. A capture receipt that came with the demand has
    // lowered it already.
    let took_less = watched.capture.is_some_and(|own| own.message.amount.get() < demand.due.get());
    if owed > 0 && took_less && !demand.capture_fixed {
        return Step::Lower;
    }
    // A claim pays once more what was settled and not shown. So who knows that it was paid leaves its processor
    // more time to show it; not for ever, since the deposit comes back with the claim only.
    let due = demand.due.get().min(watched.due().get());
    let is_paid = matches!(standing.settled, Settled::Shown(settled) if settled.get() >= due);
    let windows = if owed > 0 && is_paid { 2 } else { 1 };
    let deadline = standing.is_moved.then_some(watched.promise().deadline);
    match now < times.claim_from(demand.made_at, deadline.filter(|_| owed > 0), windows) {
        true => Step::Wait,
        false => Step::Claim { owed },
    }
}
