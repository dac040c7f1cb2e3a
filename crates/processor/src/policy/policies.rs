//! All policies of a processor, asked in a row.

use std::sync::Arc;

use aep2_ledger::{Ledger, LedgerError, MandateHash, Sequence, records::MandateRecord};

use super::{
    dispute_shares::DisputeShares,
    nonce_words::NonceWords,
    rule::{Policy, PolicyRefusal, Request},
};
use crate::config::DisputeConfig;

/// How many mandates are read at a time when all that live are looked through.
const READ_TOGETHER: usize = 1_024;

/// All policies, in their order.
#[derive(Clone)]
pub(crate) struct Policies(Arc<[Arc<dyn Policy>]>);

impl Policies {
    /// The built-in ones, then the operator's, with what lives restored in each.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) fn start(
        (nonce_words_max, disputes): (usize, &DisputeConfig),
        others: Vec<Arc<dyn Policy>>,
        ledger: &Ledger,
    ) -> Result<Self, LedgerError> {
        let words: Arc<dyn Policy> = Arc::new(NonceWords::new(nonce_words_max));
        let shares: Arc<dyn Policy> = Arc::new(DisputeShares::new(disputes));
        let this = Self([words, shares].into_iter().chain(others).collect());
        for_each_live(ledger, |mandate, record| {
            this.restore(&Request::of(mandate, record, ledger));
        })?;
        Ok(this)
    }

    /// Whether all would allow it.
    pub(crate) fn allow(&self, request: &Request) -> Result<(), PolicyRefusal> {
        self.0.iter().try_for_each(|policy| policy.allow(request))
    }

    /// Has all allow it and count it, or none.
    pub(crate) fn reserve(&self, request: Request) -> Result<Reservation, PolicyRefusal> {
        let mut reservation = Reservation { policies: self.clone(), request, count: 0 };
        for policy in self.0.iter() {
            policy.reserve(&reservation.request)?;
            reservation.count += 1;
        }
        Ok(reservation)
    }

    pub(crate) fn restore(&self, request: &Request) {
        self.0.iter().for_each(|policy| policy.restore(request));
    }

    pub(crate) fn ended(&self, request: &Request) {
        self.0.iter().for_each(|policy| policy.ended(request));
    }
}

/// A mandate that policies count. Released when it is dropped, unless it is kept.
pub(crate) struct Reservation {
    policies: Policies,
    request: Request,
    /// How many of them count it.
    count: usize,
}

impl Reservation {
    /// It was accepted: counted until it ends.
    pub(crate) fn keep(self) {
        self.policies.restore(&self.request);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.policies.0[..self.count].iter().for_each(|policy| policy.release(&self.request));
    }
}

/// Looks at every mandate that has not ended. For a ledger that nobody writes to meanwhile.
fn for_each_live(
    ledger: &Ledger,
    mut look: impl FnMut(MandateHash, &MandateRecord),
) -> Result<(), LedgerError> {
    for_each_waiting(ledger, &mut look)?;
    for batch in ledger.unfinished()? {
        for member in batch.members.iter().filter(|member| member.status.is_live()) {
            look(member.hash, &member.mandate);
        }
    }
    Ok(())
}

/// Looks at every mandate that could still be kept from being settled: what is queued, held or
/// quarantined. One that moves between these meanwhile may be looked at twice, or not.
pub(crate) fn for_each_waiting(
    ledger: &Ledger,
    mut look: impl FnMut(MandateHash, &MandateRecord),
) -> Result<(), LedgerError> {
    for (path, token) in ledger.queues()? {
        let mut from = Sequence::new(0);
        loop {
            let entries = ledger.window(path, token, from, READ_TOGETHER)?;
            entries.iter().for_each(|entry| look(entry.hash, &entry.mandate));
            match entries.last() {
                Some(last) if entries.len() == READ_TOGETHER => {
                    from = Sequence::new(last.mandate.sequence.get() + 1);
                }
                _ => break,
            }
        }
    }
    for mandate in ledger.held().into_iter().chain(ledger.quarantined()?) {
        if let Some(view) = ledger.mandate(mandate)? {
            look(mandate, &view.mandate);
        }
    }
    Ok(())
}
