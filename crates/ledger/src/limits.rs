//! How much the ledger keeps of what others hand it.

use crate::error::LedgerError;

/// The longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 1 << 10;
/// The longest name of who holds a mandate or closes a gate, in bytes.
pub const BY_BYTES_MAX: usize = 128;
/// The longest terms of a payee, in bytes.
pub const TERMS_BYTES_MAX: usize = 16 << 10;
/// The longest capture statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 4 << 10;
/// The longest statement of a dispute, in bytes: text in JSON, with every character escaped.
pub const DISPUTE_BYTES_MAX: usize = 32 << 10;
/// The most refunds of one mandate.
pub const REFUNDS_MAX: usize = 32;
/// The longest reference of a submitted batch, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 4 << 10;
/// The longest proof of one segment, in bytes.
pub const SEGMENT_BYTES_MAX: usize = 64 << 10;
/// The longest proof of a batch, in bytes.
pub const PROOF_BYTES_MAX: usize = 16 << 20;
/// The longest entry of the sender's journal, in bytes.
pub const TRANSACTION_BYTES_MAX: usize = 1 << 20;
/// The longest cursor, in bytes.
pub const CURSOR_BYTES_MAX: usize = 1 << 20;

/// Checks that `bytes` is within its limit.
pub(crate) fn within(what: &'static str, bytes: &[u8], max: usize) -> Result<(), LedgerError> {
    if bytes.len() <= max {
        Ok(())
    } else {
        Err(LedgerError::TooLong { what, found: bytes.len(), max })
    }
}
