//! Disputes: who objected to a mandate, what its payee said, and what was decided.

use aep2_mandate::units::{Amount, UnixTime};

use crate::codec::{Record, fields};

/// A mandate's dispute. The statements are opaque here: who signed them is the caller's to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeRecord {
    /// Its place in the order of opening, from 1.
    pub number: u64,
    /// When it was opened, by the processor's clock.
    pub opened_at: UnixTime,
    /// Until when a ruling counts: the end of the hold.
    pub decide_by: UnixTime,
    /// What the payer signed.
    pub opening: Vec<u8>,
    /// What the payee answered, if it did.
    pub answer: Option<StatementRecord>,
    /// What the arbiter ruled, if it did.
    pub ruling: Option<RulingRecord>,
}
fields!(DisputeRecord { number, opened_at, decide_by, opening, answer, ruling });

impl Record for DisputeRecord {
    const VERSION: u8 = 1;
}

/// Something that was signed, and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRecord {
    /// When it came, by the processor's clock.
    pub at: UnixTime,
    /// What was signed.
    pub statement: Vec<u8>,
}
fields!(StatementRecord { at, statement });

/// A ruling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulingRecord {
    /// When it came, by the processor's clock.
    pub at: UnixTime,
    /// The most that the payee gets.
    pub captured: Amount,
    /// What was signed.
    pub statement: Vec<u8>,
}
fields!(RulingRecord { at, captured, statement });
