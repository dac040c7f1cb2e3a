//! Capturing: a payee takes less than the ceiling, once, before its mandate is in a batch.
//!
//! Who may ask is the caller's to check; the ledger keeps what was asked and answered. Capturing 0
//! voids the payment, but the mandate is settled all the same, since its nonce must be spent.

use aep2_mandate::units::{Amount, Ceiling, UnixTime};
use thiserror::Error;

use crate::{
    error::{LedgerError, by_way_of_ledger_error},
    life::Entry,
    limits,
    records::{CaptureRecord, Status},
    schema::{self, Family},
    source::Source,
    tx::Tx,
    units::MandateHash,
};

/// What a payee captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The mandate.
    pub mandate: MandateHash,
    /// How much of it.
    pub amount: Amount,
    /// The payee's request and the processor's signed answer, to be given when the capture is on
    /// disk. Opaque here, at most [`limits::STATEMENT_BYTES_MAX`].
    pub statement: Vec<u8>,
}

/// A capture that is noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// What was captured, when, and the answer to give.
    pub record: CaptureRecord,
    /// Whether it was captured before, and this is the answer of then.
    pub again: bool,
}

/// Why nothing was captured.
#[derive(Clone, Debug, Error)]
pub enum CaptureError {
    /// No such mandate was accepted.
    #[error("mandate {mandate} is not known")]
    UnknownMandate {
        /// The mandate.
        mandate: MandateHash,
    },
    /// A mandate is captured once.
    #[error("{captured} was captured of it before")]
    Conflict {
        /// What was captured.
        captured: Amount,
    },
    /// More than the payer allowed.
    #[error("{asked} is above the ceiling {ceiling}")]
    AboveCeiling {
        /// What was asked for.
        asked: Amount,
        /// The mandate's amount.
        ceiling: Ceiling,
    },
    /// The mandate is in a batch, or was, or has ended: it pays what was fixed then.
    #[error("too late to capture: the mandate is {}", status.name())]
    TooLate {
        /// Where the mandate is.
        status: Status,
    },
    /// The ledger could not take it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

by_way_of_ledger_error!(CaptureError);

/// Notes a capture.
pub(crate) fn capture(
    tx: &mut Tx<'_, '_>,
    capture: Capture,
    now: UnixTime,
) -> Result<Captured, CaptureError> {
    let Capture { mandate, amount, statement } = capture;
    limits::within("the capture statement", &statement, limits::STATEMENT_BYTES_MAX)?;
    let Some(mut entry) = Entry::find(tx, mandate)? else {
        return Err(CaptureError::UnknownMandate { mandate });
    };
    let key = schema::mandate(mandate);
    if let Some(captured) = entry.state.captured {
        if captured != amount {
            return Err(CaptureError::Conflict { captured });
        }
        let record = tx.expect(Family::Captures, &key, "its mandate")?;
        return Ok(Captured { record, again: true });
    }
    let ceiling = entry.mandate.promise.amount();
    if amount > ceiling.amount() {
        return Err(CaptureError::AboveCeiling { asked: amount, ceiling });
    }
    if !entry.state.status.is_live() || entry.state.was_sealed {
        return Err(CaptureError::TooLate { status: entry.state.status });
    }
    entry.capture(tx, amount)?;
    let record = CaptureRecord { amount, at: now, statement };
    tx.put_record(Family::Captures, key, &record);
    Ok(Captured { record, again: false })
}
