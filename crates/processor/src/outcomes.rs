//! What became of mandates and batches: told to listeners, and to the policies that count mandates.

use std::sync::Arc;

use aep2_ledger::{
    Applied, Ledger, LedgerError, MandateHash, Rewound, Status, Step, records::RefundName,
};

use crate::{
    codes::message_of,
    emitter::Emitter,
    event::Event,
    policy::{Policies, Request},
};

/// Tells what a change of the ledger led to.
pub(crate) struct Outcomes {
    ledger: Arc<Ledger>,
    policies: Policies,
    events: Arc<Emitter>,
}

impl Outcomes {
    pub(crate) fn new(ledger: Arc<Ledger>, policies: Policies, events: Arc<Emitter>) -> Self {
        Self { ledger, policies, events }
    }

    /// Tells what applying blocks led to.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn emit_applied(&self, applied: &Applied) -> Result<(), LedgerError> {
        for batch in &applied.confirmed {
            let record = self.ledger.batch(*batch)?;
            if let Some(Step::Confirmed { transaction, block }) = record.map(|record| record.step) {
                self.events.emit(Event::Confirmed { batch: *batch, transaction, block });
            }
        }
        self.emit_ended(&applied.ended)?;
        self.emit_refunded(&applied.refunded)?;
        for batch in &applied.finalised {
            self.events.emit(Event::Final { batch: *batch });
        }
        Ok(())
    }

    /// Tells of refunds that the chain paid.
    fn emit_refunded(&self, paid: &[RefundName]) -> Result<(), LedgerError> {
        for RefundName { mandate, refund } in paid.iter().copied() {
            let refunds = self.ledger.refunds(mandate)?;
            let found = refunds.into_iter().find(|own| own.id == refund);
            // Undone since, if it is not paid any more.
            let Some((record, paid)) = found.and_then(|own| Some((own.record, own.paid?))) else {
                continue;
            };
            self.events.emit(Event::RefundPaid {
                mandate,
                refund_id: refund,
                amount: record.amount.amount(),
                transaction: paid.transaction,
                block: paid.block,
            });
        }
        Ok(())
    }

    /// Tells that blocks above `to_block` were undone, and what that led to.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn emit_rewound(&self, to_block: u64, rewound: &Rewound) -> Result<(), LedgerError> {
        let (mandates, batches) = (rewound.revived.len(), rewound.unconfirmed.len());
        for mandate in rewound.revived.iter().copied() {
            if let Some(view) =
                self.ledger.mandate(mandate)?.filter(|view| view.state.status.is_live())
            {
                self.policies.restore(&Request::of(mandate, &view.mandate, &self.ledger));
            }
        }
        self.events.emit(Event::ReorgedOut { to_block, mandates, batches });
        Ok(())
    }

    /// Tells what became of mandates that ended, by the chain or otherwise: each once, as soon as it
    /// is on disk. Policies do not count them any more.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn emit_ended(&self, mandates: &[MandateHash]) -> Result<(), LedgerError> {
        for mandate in mandates.iter().copied() {
            let Some(view) = self.ledger.mandate(mandate)? else { continue };
            if !view.state.status.is_live() {
                self.policies.ended(&Request::of(mandate, &view.mandate, &self.ledger));
            }
            match view.state.status {
                Status::Settled { batch, amount, block } => {
                    self.events.emit(Event::Settled { mandate, amount, batch, block });
                }
                Status::Failed { reason } => {
                    self.events.emit(Event::Failed { mandate, reason: message_of(&reason) });
                }
                // Brought back since.
                Status::Queued | Status::InBatch { .. } | Status::Quarantined { .. } => {}
            }
        }
        Ok(())
    }
}
