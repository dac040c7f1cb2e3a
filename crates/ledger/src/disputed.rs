//! Reading disputes.

use alloy_primitives::B256;

use crate::{
    error::LedgerError,
    ledger::Ledger,
    records::DisputeRecord,
    schema::{self, Family},
    source::Source,
    units::MandateHash,
};

impl Ledger {
    /// A mandate's dispute.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn dispute(&self, mandate: MandateHash) -> Result<Option<DisputeRecord>, LedgerError> {
        self.snapshot().record(Family::Disputes, &schema::mandate(mandate))
    }

    /// The mandates of disputes that concern a party, with numbers above `after`, in the order of opening, at
    /// most `limit`.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn disputes_of(
        &self,
        party: B256,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, MandateHash)>, LedgerError> {
        let view = self.snapshot();
        let from = schema::dispute_of(party, after.saturating_add(1));
        let mut found = Vec::new();
        for entry in view.entries(Family::DisputeParties, &from).take(limit) {
            let (key, value) = entry?;
            let damaged = |defect| LedgerError::damaged(Family::DisputeParties, &key, defect);
            let (whose, number): (B256, u64) = schema::read_key(&key).map_err(damaged)?;
            if whose != party {
                break;
            }
            found.push((number, schema::read_key(&value).map_err(damaged)?));
        }
        Ok(found)
    }
}
