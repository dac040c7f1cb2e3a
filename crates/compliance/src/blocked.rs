//! The register of payments that were refused because somebody in them is not served, with dates: what
//! many laws want reported.

use std::sync::PoisonError;

use aep2_mandate::units::UnixTime;
use serde_json::json;

use crate::{
    audit::{self, About, Actor, action},
    compliance::Compliance,
    error::ComplianceError,
    family::Family,
    payment::Payment,
    register::BlockedPayment,
    store::{self, subject_key},
    subject::Subject,
    verdict::Reason,
};

const DAY_S: u64 = 86_400;

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
