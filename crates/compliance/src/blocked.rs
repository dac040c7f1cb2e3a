//! The register of payments that were refused because somebody in them is not served, with dates: what
//! many laws want reported.

use std::{
    collections::{HashMap, HashSet},
    sync::PoisonError,
};

use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::{Compliance, Payment, subject_key},
    error::ComplianceError,
    family::Family,
    store,
    subject::Subject,
    verdict::Reason,
};

const DAY_S: u64 = 86_400;

/// How many there are of each subject on one day.
#[derive(Debug, Default)]
pub(crate) struct BlockedToday {
    day: u64,
    noted: HashMap<Subject, HashSet<B256>>,
}

impl BlockedToday {
    /// Whether this mandate is to be noted, too: it was not on that day, and there is room.
    fn take(&mut self, (subject, mandate): (Subject, B256), day: u64, most: u32) -> bool {
        if self.day != day {
            *self = Self { day, noted: HashMap::new() };
        }
        let noted = self.noted.entry(subject).or_default();
        noted.len() < most as usize && noted.insert(mandate)
    }
}

/// A payment that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockedPayment {
    /// When, the first time on that day.
    pub at: UnixTime,
    /// Because of whom.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
    /// The mandate.
    pub mandate: B256,
    /// The account that was to pay.
    pub account: AccountId,
    /// The token.
    pub token: Address,
    /// Who was to be paid.
    pub payee: Address,
    /// The most that was to be paid, in base units.
    pub amount: Amount,
}

impl Compliance {
    /// Notes a refused payment, up to so many of a subject a day, each mandate once a day.
    pub(crate) fn note_blocked(&self, payment: &Payment, subject: Subject, reason: Reason) {
        let (at, day) = (payment.at, payment.at.get() / DAY_S);
        let most = self.inner.config.blocked_per_day_max;
        let mut today = self.inner.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if !today.take((subject, payment.mandate), day, most) {
            return;
        }
        drop(today);
        let Payment { mandate, account, token, payee, amount, .. } = *payment;
        let blocked =
            BlockedPayment { at, subject, reason, mandate, account, token, payee, amount };
        self.write_later(move |tx| {
            let subject = subject_key(&blocked.subject);
            let key = [&day.to_be_bytes()[..], &subject, blocked.mandate.as_slice()].concat();
            if tx.get(Family::Blocked, &key)?.is_some() {
                return Ok(());
            }
            store::put(tx, Family::Blocked, key, &blocked)?;
            let about = (action::BLOCKED, About::Mandate(blocked.mandate));
            let details = json!({
                "subject": blocked.subject,
                "reason": blocked.reason,
                "amount": blocked.amount.to_string(),
                "token": blocked.token,
            });
            audit::write(tx, blocked.at, &Actor::Processor, about, details)
        });
    }

    /// Payments that were refused, from `from` to before `to`, at most `limit`, by day and subject.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn blocked(
        &self,
        (from, to): (UnixTime, UnixTime),
        limit: usize,
    ) -> Result<Vec<BlockedPayment>, ComplianceError> {
        let view = self.snapshot();
        let first = (from.get() / DAY_S).to_be_bytes();
        let mut found = Vec::new();
        for entry in view.entries(Family::Blocked, &first) {
            let (key, value) = entry?;
            let blocked: BlockedPayment = store::read(Family::Blocked, &key, &value)?;
            if blocked.at.get() / DAY_S > to.get() / DAY_S || found.len() == limit {
                break;
            }
            if (from..to).contains(&blocked.at) {
                found.push(blocked);
            }
        }
        Ok(found)
    }
}
