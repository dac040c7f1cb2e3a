//! Exact counters: what was issued in a period, and is not known to be unspent.
//!
//! What is issued counts at its ceiling from the moment on at which it is issued, in the same write as
//! the signed mandate. It counts less, or not at all, once its outcome is known. A release goes back to
//! the period in which it was counted.

use aep2_cards::{host::Host, restrictions::Budget};
use aep2_journal::ColumnFamily;
use aep2_mandate::{units::Amount, wire::Strict};
use alloy_primitives::{Address, B256, hex, keccak256};

use crate::{
    error::{Code, IssuerError, Refusal},
    family::Family,
    ids::{BudgetId, CardId},
    period::Period,
    records::Charge,
    store::{Source, Tx, key},
};

/// Whose counter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// A card's.
    Card(CardId),
    /// That of a block of a card: of a narrower card and all that are made of it.
    Block(&'a str),
    /// A shared budget's.
    Budget(BudgetId),
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted<'a> {
    /// Base units of a token: in all, at a host, to a payee, or at a host to a payee.
    Amount { token: Address, host: Option<&'a Host>, payee: Option<Address> },
    /// Payments.
    Payments,
    /// Charges of a subscription.
    Charges,
}

impl<'a> Counted<'a> {
    /// What a limit limits.
    pub(crate) fn of(limit: &'a Budget) -> Self {
        Self::Amount { token: limit.token, host: limit.host.as_ref(), payee: limit.payee }
    }
}

/// A counter's name: of the same scope, thing and length of period, whatever the limit is.
pub(crate) fn name(scope: Scope<'_>, counted: &Counted<'_>, period: Period) -> B256 {
    let scope = match scope {
        Scope::Card(card) => card.to_string(),
        Scope::Block(id) => format!("block_{id}"),
        Scope::Budget(budget) => budget.to_string(),
    };
    let counted = match counted {
        Counted::Amount { token, host, payee } => {
            let host = host.map_or("", Host::as_str);
            let payee = payee.map_or_else(String::new, |payee| payee.to_string());
            format!("amount {token} {host} {payee}")
        }
        Counted::Payments => "payments".to_owned(),
        Counted::Charges => "charges".to_owned(),
    };
    keccak256(format!("{scope}\n{counted}\n{period:?}"))
}

/// What a payment would count for, and how much the counter may hold.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) charge: Charge,
    /// The most that the counter may hold; none where it is only counted.
    pub(crate) limit: Option<u128>,
    /// The refusal when it would hold more.
    pub(crate) code: Code,
    /// Whose limit it is, for people.
    pub(crate) whose: String,
}

/// The value of a counter in the period that began at `start`.
pub(crate) fn value(on: &impl Source, counter: B256, start: u64) -> Result<u128, IssuerError> {
    let key = counter_key(counter, start);
    let Some(value) = on.value(Family::Counters, &key)? else {
        return Ok(0);
    };
    let value = <[u8; 16]>::try_from(value).map_err(|value| IssuerError::Damaged {
        family: Family::Counters.name(),
        key: hex::encode(&key),
        reason: format!("{} bytes, expected 16", value.len()),
    })?;
    Ok(u128::from_be_bytes(value))
}

fn counter_key(counter: B256, start: u64) -> Vec<u8> {
    key(&[counter.as_slice(), &start.to_be_bytes()])
}

fn amount_of(charge: &Charge, amount: Amount) -> u128 {
    if charge.counts { 1 } else { amount.get() }
}

/// Checks that all claims fit. Nothing is counted.
///
/// # Errors
/// [`IssuerError::Refused`] with the first that does not.
pub(crate) fn check(on: &impl Source, claims: &[Claim], amount: Amount) -> Result<(), IssuerError> {
    for Claim { charge, limit, code, whose } in claims {
        let Some(limit) = *limit else { continue };
        let spent = value(on, charge.counter.0, charge.start)?;
        let more = amount_of(charge, amount);
        if spent.checked_add(more).is_none_or(|sum| sum > limit) {
            let message = format!("{whose}: {spent} of {limit} is spent, and {more} is asked for");
            return Err(Refusal::new(*code, message).into());
        }
    }
    Ok(())
}

/// Counts a payment. Its claims were checked in the same transaction.
pub(crate) fn count(
    tx: &mut Tx<'_>,
    claims: Vec<Claim>,
    amount: Amount,
) -> Result<Vec<Charge>, IssuerError> {
    let mut charges = Vec::with_capacity(claims.len());
    for Claim { charge, .. } in claims {
        // A counter that several limits look at counts once.
        if charges.contains(&charge) {
            continue;
        }
        let spent = value(tx, charge.counter.0, charge.start)?;
        let sum = spent.checked_add(amount_of(&charge, amount));
        let sum = sum.ok_or_else(|| IssuerError::Internal("a counter overflows".to_owned()))?;
        set(tx, &charge, sum);
        charges.push(charge);
    }
    Ok(charges)
}

/// Gives back what was not spent: all but `settled` of `amount`, and the payment itself where nothing was
/// settled at all.
pub(crate) fn release(
    tx: &mut Tx<'_>,
    charges: &[Charge],
    amount: Amount,
    settled: Option<Amount>,
) -> Result<(), IssuerError> {
    let back = amount.checked_sub(settled.unwrap_or(Amount::ZERO)).unwrap_or(Amount::ZERO);
    for charge in charges {
        let less = match (charge.counts, settled) {
            (true, Some(_)) => 0,
            (true, None) => 1,
            (false, _) => back.get(),
        };
        let spent = value(tx, charge.counter.0, charge.start)?;
        let left = spent.checked_sub(less);
        let left = left.ok_or_else(|| IssuerError::Internal("a counter underflows".to_owned()))?;
        set(tx, charge, left);
    }
    Ok(())
}

fn set(tx: &mut Tx<'_>, charge: &Charge, value: u128) {
    let key = counter_key(charge.counter.0, charge.start);
    tx.put(Family::Counters, key, value.to_be_bytes().to_vec());
}

/// A charge on a counter.
pub(crate) fn charge(counter: B256, start: u64, counts: bool) -> Charge {
    Charge { counter: Strict(counter), start, counts }
}
