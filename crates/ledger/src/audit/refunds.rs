//! The rules on refunds.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use super::{
    finding::Finding,
    raw::{Raw, RefundPlace},
};
use crate::{
    limits,
    records::{RefundName, Status},
    units::MandateHash,
};

/// A mandate's refunds come to no more than it paid, each is found by its nonce, and what the chain paid
/// was announced.
pub(super) fn refunds_fit(raw: &Raw, findings: &mut Vec<Finding>) {
    sums_are_covered(raw, findings);
    nonces_lead_to_them(raw, findings);
    for ((mandate, refund), paid) in &raw.refunds_paid {
        let announced = raw.refunds.get(&(*mandate, *refund));
        if announced.is_none_or(|own| paid.amount < own.amount.amount().into()) {
            let defect = "the chain paid less than it, or it was never announced";
            findings.push(Finding::RefundDiffers { mandate: *mandate, refund: *refund, defect });
        }
    }
}

/// A mandate that is not settled any more, since its block was undone, may have paid up to its amount.
fn sums_are_covered(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut sums: BTreeMap<MandateHash, (u128, usize)> = BTreeMap::new();
    for ((mandate, _), record) in &raw.refunds {
        let (sum, count) = sums.entry(*mandate).or_default();
        *sum = sum.saturating_add(record.amount.get());
        *count += 1;
    }
    for (mandate, (refunded, count)) in sums {
        let ceiling = raw.mandates.get(&mandate).map(|record| record.promise.amount().get());
        let settled = raw.states.get(&mandate).and_then(|state| match &state.status {
            Status::Settled { amount, .. } => Some(amount.get()),
            _ => None,
        });
        let most = settled.or(ceiling).unwrap_or(0);
        if refunded > most || count > limits::REFUNDS_MAX {
            findings.push(Finding::OverRefunded { mandate, refunded, most });
        }
    }
}

fn nonces_lead_to_them(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut expected: BTreeMap<(RefundPlace, B256), RefundName> = BTreeMap::new();
    for ((mandate, refund), record) in &raw.refunds {
        // That it lacks its mandate is told by its sum.
        let Some(promise) = raw.mandates.get(mandate).map(|own| &own.promise) else { continue };
        let place = ((promise.account(), promise.token()), promise.payee());
        let name = RefundName { mandate: *mandate, refund: *refund };
        expected.insert((place, record.nonce), name);
    }
    for (key, name) in raw.refund_nonces.iter().chain(&expected) {
        if raw.refund_nonces.get(key) != expected.get(key) {
            let (mandate, refund) = (name.mandate, name.refund);
            let defect = "it is not found by its deposit's nonce, or by another";
            findings.push(Finding::RefundDiffers { mandate, refund, defect });
        }
    }
}
