//! Refunds: a payee gives back some of what a mandate paid, in parts as it likes.
//!
//! Who may announce one is the caller's to check. The ledger keeps what was announced, and that all
//! refunds of a mandate come to no more than was settled of it. An announcement is the payee's word and
//! moves nothing. The deposit that pays it is the chain's to show: see `chain/refunds.rs`.

use aep2_mandate::units::{Amount, Ceiling, UnixTime};
use alloy_primitives::B256;
use thiserror::Error;

use crate::{
    error::{LedgerError, by_way_of_ledger_error},
    life::Entry,
    limits,
    memory::{key_of, value_of},
    records::{RefundDeposit, RefundName, RefundRecord, Status},
    schema::{self, Family},
    source::Source,
    tx::Tx,
    units::MandateHash,
};

/// What a payee announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The mandate.
    pub mandate: MandateHash,
    /// The payee's number of the refund.
    pub id: B256,
    /// How much.
    pub amount: Ceiling,
    /// The EIP-3009 nonce of the deposit that is to pay it.
    pub nonce: B256,
    /// What the payee signed. Opaque here, at most [`limits::STATEMENT_BYTES_MAX`].
    pub statement: Vec<u8>,
}

/// A refund that is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundView {
    /// The payee's number of it.
    pub id: B256,
    /// What was announced.
    pub record: RefundRecord,
    /// The deposit that paid it; none as long as the chain does not show one.
    pub paid: Option<RefundDeposit>,
}

/// A refund that was asked for, and is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// The refund.
    pub refund: RefundView,
    /// Whether it was announced before, and this is what was noted then.
    pub again: bool,
}

/// Why no refund was noted.
#[derive(Clone, Debug, Error)]
pub enum RefundError {
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// Another amount was announced under the same number.
    #[error("under this number {announced} was announced before")]
    Conflict {
        /// What was announced.
        announced: Ceiling,
    },
    /// Nothing was paid that could be given back.
    #[error("the mandate is {}, not settled", status.name())]
    NotSettled {
        /// Where the mandate is.
        status: Status,
    },
    /// More than is left of what was paid.
    #[error("{asked} is above the {left} that is left of the {settled} settled")]
    AboveSettled {
        /// What was asked for.
        asked: Ceiling,
        /// What was settled.
        settled: Amount,
        /// What was not refunded yet.
        left: Amount,
    },
    /// It was refunded in so many parts already.
    #[error("a mandate has at most {most} refunds")]
    TooMany {
        /// The most.
        most: usize,
    },
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(RefundError);

/// Notes a refund.
pub(crate) fn announce(
    tx: &mut Tx<'_, '_>,
    refund: Refund,
    now: UnixTime,
) -> Result<Refunded, RefundError> {
    let Refund { mandate, id, amount, nonce, statement } = refund;
    limits::within("the refund statement", &statement, limits::STATEMENT_BYTES_MAX)?;
    let Some(entry) = Entry::find(tx, mandate)? else {
        return Err(RefundError::UnknownMandate { mandate });
    };
    let prefix = schema::mandate(mandate);
    let end = schema::after(&prefix);
    let before = tx.scan(Family::Refunds, &prefix, end.as_deref())?;
    let before = before.iter().map(|(key, value)| refund_at(tx, key, value));
    let before = before.collect::<Result<Vec<_>, _>>()?;
    check(&entry.state.status, &before, (id, amount))?;
    if let Some(refund) = before.into_iter().find(|refund| refund.id == id) {
        return Ok(Refunded { refund, again: true });
    }
    let promise = &entry.mandate.promise;
    let place = (promise.account(), promise.token(), promise.payee());
    let record = RefundRecord { amount, nonce, at: now, statement };
    tx.put_record(Family::Refunds, schema::refund(mandate, id), &record);
    let key = schema::refund_nonce(place.0, place.1, place.2, nonce);
    tx.put_record(Family::RefundNonces, key, &RefundName { mandate, refund: id });
    Ok(Refunded { refund: RefundView { id, record, paid: None }, again: false })
}

/// Whether a refund may be noted beside those that were announced before, or is one of them.
///
/// # Errors
/// Why not.
pub fn check(
    status: &Status,
    before: &[RefundView],
    (id, asked): (B256, Ceiling),
) -> Result<(), RefundError> {
    if let Some(known) = before.iter().find(|refund| refund.id == id) {
        let announced = known.record.amount;
        return match announced == asked {
            true => Ok(()),
            false => Err(RefundError::Conflict { announced }),
        };
    }
    let Status::Settled { amount: settled, .. } = status else {
        return Err(RefundError::NotSettled { status: status.clone() });
    };
    let sum = before.iter().map(|refund| refund.record.amount.get()).sum::<u128>();
    // They come to no more than was settled, unless a reorganisation settled less since.
    let left = Amount::new(settled.get().saturating_sub(sum)).unwrap_or(*settled);
    if asked.amount() > left {
        return Err(RefundError::AboveSettled { asked, settled: *settled, left });
    }
    if before.len() >= limits::REFUNDS_MAX {
        return Err(RefundError::TooMany { most: limits::REFUNDS_MAX });
    }
    Ok(())
}

/// The refund that is noted at a key of [`Family::Refunds`].
pub(crate) fn refund_at(
    on: &impl Source,
    key: &[u8],
    value: &[u8],
) -> Result<RefundView, LedgerError> {
    let record = value_of(Family::Refunds, key, value)?;
    let (_, id): (MandateHash, B256) = key_of(Family::Refunds, key)?;
    Ok(RefundView { id, record, paid: on.record(Family::RefundsPaid, key)? })
}
