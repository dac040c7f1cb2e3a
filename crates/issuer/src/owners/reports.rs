//! What owners look at: how much of each limit is used, and what was paid.

use aep2_mandate::units::UnixTime;
use serde::Serialize;

use crate::{
    counter::{self, Counted, Scope},
    error::IssuerError,
    family::Family,
    ids::OwnerId,
    issuer::Issuer,
    keys,
    period::{Period, Zone},
    records::{BudgetRecord, CardRecord, Limit, OwnerRecord, PaymentRecord},
    store::{self, Source, expect},
};

/// A limit, and what of it is used in the present period: issued, and not known to be unspent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitReport {
    /// The limit.
    pub limit: Limit,
    /// What is used, in base units, as a decimal string.
    pub used: String,
    /// When the period began, in unix seconds; 0 for `total`.
    pub since: u64,
}

/// A card with its limits.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CardReport {
    /// The card.
    pub card: CardRecord,
    /// Its own limits.
    pub limits: Vec<LimitReport>,
    /// How many payments were issued on it and may have been made.
    pub payments: String,
}

/// A shared budget with its limits.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetReport {
    /// The budget.
    pub budget: BudgetRecord,
    /// Its limits.
    pub limits: Vec<LimitReport>,
}

impl Issuer {
    /// An owner's cards, with what of their limits is used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn card_reports(&self, owner: OwnerId) -> Result<Vec<CardReport>, IssuerError> {
        let (view, now) = (self.snapshot(), self.now());
        let zone = expect::<OwnerRecord>(&view, &keys::owner(owner), "the owner's")?.zone;
        let cards: Vec<CardRecord> = store::all(&view, owner.bytes())?;
        let report = |card: CardRecord| {
            let scope = Scope::Card(card.id);
            let own = card.restrictions.budgets.as_deref().unwrap_or_default();
            let limits = limits(&view, scope, own, &zone, now)?;
            let payments = counter::name(scope, &Counted::Payments, Period::Total);
            let payments = counter::value(&view, payments, 0)?.to_string();
            Ok(CardReport { limits, payments, card })
        };
        cards.into_iter().map(report).collect()
    }

    /// An owner's shared budgets, with what of their limits is used.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn budget_reports(&self, owner: OwnerId) -> Result<Vec<BudgetReport>, IssuerError> {
        let (view, now) = (self.snapshot(), self.now());
        let zone = expect::<OwnerRecord>(&view, &keys::owner(owner), "the owner's")?.zone;
        let budgets: Vec<BudgetRecord> = store::all(&view, owner.bytes())?;
        let report = |budget: BudgetRecord| {
            let limits = limits(&view, Scope::Budget(budget.id), &budget.limits, &zone, now)?;
            Ok(BudgetReport { limits, budget })
        };
        budgets.into_iter().map(report).collect()
    }

    /// Up to `limit` of an owner's payments, the newest first, those before the payment with the number
    /// `before` if it is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn payments(
        &self,
        owner: OwnerId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<PaymentRecord>, IssuerError> {
        let view = self.snapshot();
        let from = match before {
            // Keys count backwards: the one after is that of the payment before.
            Some(number) => keys::history(owner, number.saturating_sub(1)),
            None => owner.bytes().to_vec(),
        };
        if before == Some(0) {
            return Ok(Vec::new());
        }
        let entries = view.entries(Family::History, &from);
        let of_owner = entries.take_while(|entry| {
            entry.as_ref().map_or(true, |(key, _)| key.starts_with(owner.bytes()))
        });
        let payments = of_owner.take(limit).map(|entry| {
            let (_, id) = entry?;
            expect(&view, &id, "the history's")
        });
        payments.collect()
    }
}

fn limits(
    on: &impl Source,
    scope: Scope<'_>,
    limits: &[Limit],
    zone: &Zone,
    now: UnixTime,
) -> Result<Vec<LimitReport>, IssuerError> {
    let report = |limit: &Limit| {
        let period = Period::from(limit.period);
        let since = zone.start_of(period, now);
        let counter = counter::name(scope, &Counted::of(limit), period);
        let used = counter::value(on, counter, since)?.to_string();
        Ok(LimitReport { limit: limit.clone(), used, since })
    };
    limits.iter().map(report).collect()
}
