//! A mandate's life: the one place where its status changes.
//!
//! A live mandate is in exactly one of the queue, the held, a batch, or quarantined, and what it pays is
//! reserved.
//! Changing its status moves it out of one index, into another, and settles the reservation, all
//! in one write.

use aep2_mandate::units::Amount;

use crate::{
    error::LedgerError,
    records::{HoldRecord, MandateRecord, QueueRecord, StateRecord, Status},
    schema::{self, Family},
    source::Source,
    summary,
    tx::Tx,
    units::{Balance, MandateHash},
};

/// A mandate with its state.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) hash: MandateHash,
    pub(crate) mandate: MandateRecord,
    pub(crate) state: StateRecord,
}

impl Entry {
    /// The mandate, if there is one.
    pub(crate) fn find(on: &impl Source, hash: MandateHash) -> Result<Option<Self>, LedgerError> {
        let key = schema::mandate(hash);
        let mandate = on.record(Family::Mandates, &key)?;
        mandate.map(|mandate| Self::of(on, hash, mandate)).transpose()
    }

    /// The mandate whose record is this.
    pub(crate) fn of(
        on: &impl Source,
        hash: MandateHash,
        mandate: MandateRecord,
    ) -> Result<Self, LedgerError> {
        let state = on.expect(Family::States, &schema::mandate(hash), "its mandate")?;
        Ok(Self { hash, mandate, state })
    }

    /// The mandate, which `referrer` says is there.
    pub(crate) fn expect(
        on: &impl Source,
        hash: MandateHash,
        referrer: &'static str,
    ) -> Result<Self, LedgerError> {
        let key = schema::mandate(hash);
        Self::of(on, hash, on.expect(Family::Mandates, &key, referrer)?)
    }

    /// What it pays when it settles.
    pub(crate) fn due(&self) -> Amount {
        self.state.due(self.mandate.promise.amount())
    }

    /// Moves it to another status.
    pub(crate) fn move_to(
        &mut self,
        tx: &mut Tx<'_, '_>,
        status: Status,
    ) -> Result<(), LedgerError> {
        let promise = &self.mandate.promise;
        let due = |live: bool| if live { Balance::from(self.due()) } else { Balance::ZERO };
        let (less, more) = (due(self.state.status.is_live()), due(status.is_live()));
        tx.reserve(promise.account(), promise.token(), less, more)?;

        let quarantined = schema::sequence(self.mandate.sequence);
        match &self.state.status {
            Status::Queued => self.stop_waiting(tx),
            Status::Quarantined { .. } => tx.delete(Family::Quarantined, quarantined.clone()),
            _ => {}
        }
        match &status {
            Status::Queued => self.wait(tx),
            Status::Quarantined { .. } => {
                tx.put(Family::Quarantined, quarantined, self.hash.bytes().to_vec())
            }
            Status::InBatch { .. } => self.state.was_sealed = true,
            _ => {}
        }
        summary::moved(tx, self.mandate.promise.path(), self.hash, &self.state.status, &status)?;
        self.state.status = status;
        tx.put_record(Family::States, schema::mandate(self.hash), &self.state);
        Ok(())
    }

    /// Puts a queued mandate where its holds let it wait: among the held or in the queue.
    pub(crate) fn wait(&self, tx: &mut Tx<'_, '_>) {
        let (promise, sequence) = (&self.mandate.promise, self.mandate.sequence);
        match self.state.held_until() {
            Some(until) => tx.put_held(until, sequence, self.hash),
            None => {
                let record = QueueRecord {
                    mandate: self.hash,
                    account: promise.account(),
                    deadline: promise.deadline(),
                    settle_by: self.mandate.settle_by,
                };
                tx.enqueue((promise.path(), promise.token()), sequence, &record);
            }
        }
    }

    /// Takes a queued mandate from where it waits.
    fn stop_waiting(&self, tx: &mut Tx<'_, '_>) {
        let (promise, sequence) = (&self.mandate.promise, self.mandate.sequence);
        match self.state.held_until() {
            Some(until) => tx.delete_held(until, sequence),
            None => tx.dequeue((promise.path(), promise.token()), sequence),
        }
    }

    /// Changes what holds a queued mandate.
    pub(crate) fn change_holds(
        &mut self,
        tx: &mut Tx<'_, '_>,
        change: impl FnOnce(&mut Vec<HoldRecord>),
    ) {
        self.stop_waiting(tx);
        change(&mut self.state.holds);
        self.wait(tx);
        tx.put_record(Family::States, schema::mandate(self.hash), &self.state);
    }

    /// Notes what its payee captured. It must be live.
    pub(crate) fn capture(
        &mut self,
        tx: &mut Tx<'_, '_>,
        amount: Amount,
    ) -> Result<(), LedgerError> {
        self.change_due(tx, |state| state.captured = Some(amount))
    }

    /// Notes the most that its payee gets. It must be live.
    pub(crate) fn rule(&mut self, tx: &mut Tx<'_, '_>, most: Amount) -> Result<(), LedgerError> {
        self.change_due(tx, |state| state.ruled = Some(most))
    }

    fn change_due(
        &mut self,
        tx: &mut Tx<'_, '_>,
        change: impl FnOnce(&mut StateRecord),
    ) -> Result<(), LedgerError> {
        let before = self.due();
        change(&mut self.state);
        let promise = &self.mandate.promise;
        tx.reserve(promise.account(), promise.token(), before.into(), self.due().into())?;
        tx.put_record(Family::States, schema::mandate(self.hash), &self.state);
        Ok(())
    }
}
