//! What a payment counts for: in its card, in each block that narrowed the card, and in every budget
//! above it.

use aep2_cards::{
    decision::Facts,
    host::Host,
    restrictions::{Budget, Restrictions},
};

use crate::{
    counter::{Claim, Counted, Scope, charge, name},
    error::{Code, IssuerError, Refusal},
    period::{Period, Zone},
    records::{BudgetRecord, CardRecord},
};

/// Everything that a payment is held against.
pub(crate) struct Against<'a> {
    pub(crate) zone: &'a Zone,
    pub(crate) card: &'a CardRecord,
    /// The card's blocks: their revocation ids, and what they restrict.
    pub(crate) blocks: &'a [(String, Restrictions)],
    /// The budget that the card is under, and those above it.
    pub(crate) budgets: &'a [BudgetRecord],
}

impl Against<'_> {
    /// What the payment counts for.
    ///
    /// # Errors
    /// [`IssuerError::Refused`] when there are limits somewhere that say nothing of such a payment: a
    /// limit in one token is no leave to pay in another.
    pub(crate) fn claims(&self, facts: &Facts) -> Result<Vec<Claim>, IssuerError> {
        let mut claims = Vec::new();
        let mut add = |scope, whose: &str, restrictions: &Restrictions| {
            let limits = restrictions.budgets.as_deref();
            let scope = Scoped { scope, whose, zone: self.zone, facts };
            scope.amounts(limits, &mut claims)?;
            scope.payments(restrictions, &mut claims);
            Ok::<_, IssuerError>(())
        };
        add(Scope::Card(self.card.id), "the card", &self.card.restrictions)?;
        for (id, restrictions) in self.blocks {
            add(Scope::Block(id), "the narrower card", restrictions)?;
        }
        self.subscription(facts, &mut claims)?;
        for budget in self.budgets {
            let whose = format!("the budget {:?}", budget.name);
            let scope = Scope::Budget(budget.id);
            let scope = Scoped { scope, whose: &whose, zone: self.zone, facts };
            // One without limits only counts, and has those above it.
            let limits = Some(&*budget.limits).filter(|limits| !limits.is_empty());
            scope.amounts(limits, &mut claims)?;
        }
        Ok(claims)
    }

    fn subscription(&self, facts: &Facts, claims: &mut Vec<Claim>) -> Result<(), IssuerError> {
        let Some(subscription) = self.card.subscription else { return Ok(()) };
        let period = Period::from(subscription.period);
        let Some(turn) = self.zone.turn_of(period, subscription.anchor, facts.now) else {
            let message = "the subscription has not begun";
            return Err(Refusal::new(Code::CardDenied, message).into());
        };
        let counter = name(Scope::Card(self.card.id), &Counted::Charges, period);
        claims.push(Claim {
            charge: charge(counter, turn, true),
            limit: Some(1),
            code: Code::AlreadyCharged,
            whose: "the subscription".to_owned(),
        });
        Ok(())
    }
}

/// One scope, and a payment that is held against its limits.
struct Scoped<'a> {
    scope: Scope<'a>,
    whose: &'a str,
    zone: &'a Zone,
    facts: &'a Facts,
}

impl Scoped<'_> {
    /// Amounts: in each of the periods that are always counted, and for each limit that is about such a
    /// payment.
    fn amounts(
        &self,
        limits: Option<&[Budget]>,
        claims: &mut Vec<Claim>,
    ) -> Result<(), IssuerError> {
        let facts = self.facts;
        let all = Counted::Amount { token: facts.token, host: None, payee: None };
        for period in Period::COUNTED {
            claims.push(self.claim(&all, period, None));
        }
        let Some(limits) = limits else { return Ok(()) };
        let mut is_covered = false;
        for limit in limits.iter().filter(|limit| is_about(limit, facts)) {
            is_covered = true;
            let limited = limit.amount.get();
            claims.push(self.claim(&Counted::of(limit), limit.period.into(), Some(limited)));
        }
        if is_covered {
            return Ok(());
        }
        let whose = self.whose;
        let message = format!("{whose} has no limit for such a payment, and so does not allow it");
        Err(Refusal::new(Code::NotBudgeted, message).into())
    }

    /// Numbers of payments.
    fn payments(&self, restrictions: &Restrictions, claims: &mut Vec<Claim>) {
        let limits = [
            (restrictions.payments, Period::Total, Code::PaymentsUsedUp),
            (restrictions.rate, Period::Minute, Code::RateExceeded),
        ];
        for (limit, period, code) in limits {
            let counts = Counted::Payments;
            // The number of all payments is always counted, that of a minute only where it is limited.
            if limit.is_none() && period == Period::Minute {
                continue;
            }
            let claim = self.claim(&counts, period, limit.map(u128::from));
            claims.push(Claim { code, ..claim });
        }
    }

    fn claim(&self, counted: &Counted<'_>, period: Period, limit: Option<u128>) -> Claim {
        let counter = name(self.scope, counted, period);
        let start = self.zone.start_of(period, self.facts.now);
        let counts = !matches!(counted, Counted::Amount { .. });
        let whose = match period {
            Period::Total => format!("{}, in all", self.whose),
            period => format!("{}, a {}", self.whose, period.name()),
        };
        let charge = charge(counter, start, counts);
        Claim { charge, limit, code: Code::BudgetExceeded, whose }
    }
}

/// Whether a limit is about such a payment.
fn is_about(limit: &Budget, facts: &Facts) -> bool {
    let host = |host: &Host| facts.host.as_ref() == Some(host);
    limit.token == facts.token
        && limit.host.as_ref().is_none_or(host)
        && limit.payee.is_none_or(|payee| payee == facts.payee)
}
