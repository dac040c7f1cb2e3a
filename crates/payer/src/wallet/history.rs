//! What a journal says, payment by payment.

use std::collections::HashMap;

use aep2_mandate::{
    mandate::MandateId,
    units::{Amount, Nonce, UnixTime},
};
use aep2_x402::terms::WireAddress;
use serde::Serialize;

use crate::journal::Record;

/// A payment, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was signed.
    pub at: UnixTime,
    /// The mandate's id.
    pub id: MandateId,
    /// The host that was paid.
    pub host: String,
    /// Who was paid.
    pub payee: WireAddress,
    /// In which token.
    pub token: WireAddress,
    /// The most that it could come to, in base units.
    pub amount: Amount,
    /// The mandate's nonce.
    pub nonce: Nonce,
    /// Until when it could be settled.
    pub deadline: UnixTime,
    /// What is known of it.
    #[serde(flatten)]
    pub state: State,
    /// What was captured, where the processor stated it; else everything, or nothing is known.
    pub captured: Option<Amount>,
    /// The request that it was for, where it was signed for one.
    #[serde(flatten)]
    pub request: Option<PaidRequest>,
    /// Whether that request has its answer, to the end.
    pub answered: bool,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaidRequest {
    /// The method.
    pub method: String,
    /// The resource.
    pub resource: String,
}

impl Entry {
    /// Whether it left, or may have, and has no final answer: the same request sends it again until its
    /// deadline.
    pub fn is_unanswered(&self) -> bool {
        match self.state {
            State::Unanswered => !self.answered,
            // Its receipt came, and what was bought did not come to its end.
            State::Accepted { .. } => !self.answered && self.request.is_some(),
            State::Withheld | State::Refused { .. } => false,
        }
    }
}

/// What a payer knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// It may have left, and nothing was heard. It counts as spent.
    Unanswered,
    /// It never left.
    Withheld,
    /// The processor promised to settle it by then.
    Accepted {
        /// The receipt's promise.
        settle_by: UnixTime,
    },
    /// The payee said no. It may still be handed in until its deadline.
    Refused {
        /// Why.
        reason: String,
    },
}

/// The payments of a journal, in the order of signing.
pub(super) fn entries(records: impl IntoIterator<Item = Record>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut places: HashMap<MandateId, usize> = HashMap::new();
    for record in records {
        let (id, state, captured) = match record {
            Record::Opened { .. } => continue,
            Record::Signed { at, host, id, mandate, request } => {
                let request = request.map(|requested| PaidRequest {
                    method: requested.method,
                    resource: requested.resource,
                });
                let mandate = mandate.mandate;
                places.insert(id, entries.len());
                entries.push(Entry {
                    at,
                    id,
                    host,
                    payee: mandate.payee.into(),
                    token: mandate.token.into(),
                    amount: mandate.amount.amount(),
                    nonce: mandate.nonce,
                    deadline: mandate.deadline,
                    state: State::Unanswered,
                    captured: None,
                    request,
                    answered: false,
                });
                continue;
            }
            Record::Withheld { id } => (id, Some(State::Withheld), None),
            Record::Accepted { id, receipt, .. } => {
                let settle_by = receipt.message.settle_by;
                (id, Some(State::Accepted { settle_by }), None)
            }
            Record::Refused { id, reason, .. } => (id, Some(State::Refused { reason }), None),
            Record::Captured { id, amount, .. } => (id, None, Some(amount)),
            Record::Answered { id, .. } => {
                if let Some(entry) = places.get(&id).and_then(|place| entries.get_mut(*place)) {
                    entry.answered = true;
                }
                continue;
            }
        };
        let Some(entry) = places.get(&id).and_then(|place| entries.get_mut(*place)) else {
            continue;
        };
        if let Some(state) = state {
            entry.state = state;
        }
        entry.captured = captured.or(entry.captured);
    }
    entries
}
