//! Reading refunds.

use aep2_mandate::units::AccountId;
use alloy_primitives::Address;

use crate::{
    error::LedgerError,
    ledger::Ledger,
    refund::{RefundView, refund_at},
    schema::{self, Family},
    units::MandateHash,
};

impl Ledger {
    /// The refunds of a mandate, by ascending number.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn refunds(&self, mandate: MandateHash) -> Result<Vec<RefundView>, LedgerError> {
        let view = self.journal.snapshot();
        let mut refunds = Vec::new();
        for entry in view.entries_of(Family::Refunds, schema::mandate(mandate)) {
            let (key, value) = entry?;
            refunds.push(refund_at(&view, &key, &value)?);
        }
        Ok(refunds)
    }

    /// Whether a deposit of this payee into this account may pay a refund: one was announced.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn has_refunds(
        &self,
        account: AccountId,
        token: Address,
        payee: Address,
    ) -> Result<bool, LedgerError> {
        let view = self.journal.view();
        let prefix = schema::refunds_into(account, token, payee);
        let first = view.entries_of(Family::RefundNonces, prefix).next().transpose()?;
        Ok(first.is_some())
    }
}
