//! Payments that have no final answer yet, out of the journal.
//!
//! A mandate that left may have been taken, whatever came back or did not. So it waits here, from its
//! signature to its final answer, for the same request to be asked for again: then it is sent again, and
//! nothing else is signed. What one task is sending is not given to another one of the same process; what
//! another process is sending cannot be told from what it left behind when it was killed, so two processes
//! that ask for the same at once may share a payment and its answer.
//!
//! After its deadline a mandate is worth nothing to a payee that does not have it. It waits no longer.

use std::collections::{HashMap, HashSet};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::UnixTime,
};

use crate::{journal::Requested, request_key::RequestKey};

/// At how many payments the expired ones are looked for.
const PRUNE_AT: usize = 1_024;

/// A payment without a final answer.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) id: MandateId,
    pub(super) mandate: SignedMandate,
    pub(super) requested: Requested,
    /// When it was signed.
    pub(super) at: UnixTime,
}

/// Which payment is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// One for this request.
    Request(RequestKey),
    /// This one.
    Id(MandateId),
}

/// All that wait.
#[derive(Debug)]
pub(super) struct WaitingPayments {
    payments: HashMap<MandateId, Waiting>,
    by_request: HashMap<RequestKey, Vec<MandateId>>,
    /// Those that a task of this process is sending.
    taken: HashSet<MandateId>,
    prune_at: usize,
}

impl Default for WaitingPayments {
    fn default() -> Self {
        Self {
            payments: HashMap::new(),
            by_request: HashMap::new(),
            taken: HashSet::new(),
            prune_at: PRUNE_AT,
        }
    }
}

impl WaitingPayments {
    /// One was signed at `payment.at`.
    pub(super) fn add(&mut self, payment: Waiting) {
        if self.payments.len() >= self.prune_at {
            self.forget_expired(payment.at);
            self.prune_at = PRUNE_AT.max(2 * self.payments.len());
        }
        self.by_request.entry(payment.requested.key).or_default().push(payment.id);
        self.payments.insert(payment.id, payment);
    }

    /// It has its final answer, or never left.
    pub(super) fn remove(&mut self, id: MandateId) {
        self.taken.remove(&id);
        let Some(payment) = self.payments.remove(&id) else { return };
        let key = payment.requested.key;
        if let Some(ids) = self.by_request.get_mut(&key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_request.remove(&key);
            }
        }
    }

    /// A task of this process sends it.
    pub(super) fn take(&mut self, id: MandateId) {
        self.taken.insert(id);
    }

    /// Nobody is sending it any more.
    pub(super) fn let_go(&mut self, id: MandateId) {
        self.taken.remove(&id);
    }

    /// The one that is meant, if it can still be taken; the newest of several. It is the caller's until it
    /// is let go.
    pub(super) fn find(&mut self, which: Which, now: UnixTime) -> Option<Waiting> {
        let ids = match &which {
            Which::Request(key) => self.by_request.get(key)?.as_slice(),
            Which::Id(id) => std::slice::from_ref(id),
        };
        let free = ids.iter().rev().filter(|id| !self.taken.contains(*id));
        let mut found = free.filter_map(|id| self.payments.get(id));
        let found = found.find(|payment| payment.mandate.mandate.deadline >= now)?.clone();
        self.take(found.id);
        Some(found)
    }

    fn forget_expired(&mut self, now: UnixTime) {
        let expired = self.payments.values().filter(|payment| {
            payment.mandate.mandate.deadline < now && !self.taken.contains(&payment.id)
        });
        let expired: Vec<_> = expired.map(|payment| payment.id).collect();
        for id in expired {
            self.remove(id);
        }
    }
}
