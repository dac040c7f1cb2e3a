//! Whether a payment is allowed, as far as that can be told from the payment alone.
//!
//! Budgets, numbers of payments and rates need a count of what was paid before. Whoever issues
//! payments keeps it, and decides them.

use aep2_mandate::units::{Ceiling, UnixTime};
use alloy_primitives::Address;
use thiserror::Error;

use crate::{
    host::Host,
    restrictions::{Restrictions, Tool},
};

/// A payment that somebody wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The time, by the clock of whoever decides.
    pub now: UnixTime,
    /// Where it is bought. None where that is no host, as for a tool of a local server.
    pub host: Option<Host>,
    /// The tool that is called, if it is one.
    pub tool: Option<ToolCall>,
    /// Who is paid.
    pub payee: Address,
    /// The ERC-20 token.
    pub token: Address,
    /// How much at most, in the token's base units.
    pub amount: Ceiling,
    /// Whether the payee captures what the call came to, instead of the full amount.
    pub metered: bool,
}

/// A call of a tool over the Model Context Protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Whose tool it is.
    pub server: String,
    /// Its name.
    pub tool: String,
}

/// What is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The payment.
    Pay,
    /// The payment, if a human says so.
    Ask,
}

/// Why a payment is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Denied {
    /// Its time has not come.
    #[error("the card is not valid yet")]
    NotYetValid,
    /// Its time is over.
    #[error("the card has expired")]
    Expired,
    /// Another time of day.
    #[error("the card is not valid at this time of day")]
    OutsideHours,
    /// Another host, or none.
    #[error("the card does not allow this host")]
    HostNotAllowed,
    /// Another tool, or none.
    #[error("the card does not allow this tool")]
    ToolNotAllowed,
    /// Another payee.
    #[error("the card does not allow this payee")]
    PayeeNotAllowed,
    /// Another token, or one for which there is no amount.
    #[error("the card does not allow this token")]
    TokenNotAllowed,
    /// The price is not fixed.
    #[error("the card does not allow metered payments")]
    MeteredNotAllowed,
    /// Too much at once.
    #[error("the payment is above the card's limit for one payment")]
    AbovePerPayment,
}

impl Denied {
    /// Its name, stable across releases.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::OutsideHours => "outside_hours",
            Self::HostNotAllowed => "host_not_allowed",
            Self::ToolNotAllowed => "tool_not_allowed",
            Self::PayeeNotAllowed => "payee_not_allowed",
            Self::TokenNotAllowed => "token_not_allowed",
            Self::MeteredNotAllowed => "metered_not_allowed",
            Self::AbovePerPayment => "above_per_payment",
        }
    }
}

/// Whether all of `restrictions` allow the payment. One more in the list allows the same or less.
///
/// # Errors
/// The first reason, in the order of the list, and in each of its entries in that of [`Denied`].
pub fn allows<'a>(
    restrictions: impl IntoIterator<Item = &'a Restrictions>,
    facts: &Facts,
) -> Result<Verdict, Denied> {
    restrictions.into_iter().try_fold(Verdict::Pay, |verdict, restrictions| {
        restrictions.allow(facts).map(|own| verdict.max(own))
    })
}

/// Whether a restriction that may be absent holds.
fn holds<T>(restriction: Option<&T>, holds: impl FnOnce(&T) -> bool) -> bool {
    restriction.is_none_or(holds)
}

impl Restrictions {
    /// Whether these alone allow the payment.
    ///
    /// # Errors
    /// The first reason, in the order of [`Denied`].
    pub fn allow(&self, facts: &Facts) -> Result<Verdict, Denied> {
        let amount = facts.amount.amount();
        let budgeted = |token| {
            holds(self.budgets.as_ref(), |all| all.iter().any(|budget| budget.token == token))
        };
        let limited =
            |token| holds(self.per_payment.as_ref(), |limits| limits.get(token).is_some());
        let named = |token| holds(self.tokens.as_ref(), |tokens| tokens.contains(&token));

        let conditions = [
            (holds(self.not_before.as_ref(), |start| facts.now >= *start), Denied::NotYetValid),
            (holds(self.expires.as_ref(), |end| facts.now < *end), Denied::Expired),
            (
                holds(self.hours.as_ref(), |all| all.iter().any(|part| part.include(facts.now))),
                Denied::OutsideHours,
            ),
            (
                holds(self.hosts.as_ref(), |hosts| {
                    facts.host.as_ref().is_some_and(|host| hosts.contains(host))
                }),
                Denied::HostNotAllowed,
            ),
            (
                holds(self.tools.as_ref(), |tools| {
                    facts.tool.as_ref().is_some_and(|call| tools.iter().any(|tool| tool.is(call)))
                }),
                Denied::ToolNotAllowed,
            ),
            (
                holds(self.payees.as_ref(), |payees| payees.contains(&facts.payee)),
                Denied::PayeeNotAllowed,
            ),
            (
                named(facts.token) && limited(facts.token) && budgeted(facts.token),
                Denied::TokenNotAllowed,
            ),
            (self.metered != Some(false) || !facts.metered, Denied::MeteredNotAllowed),
            (
                holds(self.per_payment.as_ref(), |limits| {
                    limits.get(facts.token).is_some_and(|limit| amount <= limit)
                }),
                Denied::AbovePerPayment,
            ),
        ];
        if let Some((_, denied)) = conditions.into_iter().find(|(holds, _)| !holds) {
            return Err(denied);
        }
        let unasked = holds(self.approve_above.as_ref(), |limits| {
            limits.get(facts.token).is_some_and(|limit| amount <= limit)
        });
        Ok(if unasked { Verdict::Pay } else { Verdict::Ask })
    }
}

impl Tool {
    fn is(&self, call: &ToolCall) -> bool {
        self.server == call.server && holds(self.tool.as_ref(), |tool| *tool == call.tool)
    }
}
