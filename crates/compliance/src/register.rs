//! Refused payments: what is kept of each, and how many are noted a day.

use std::collections::{HashMap, HashSet};

use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::{subject::Subject, verdict::Reason};

/// How many there are of each subject on one day.
#[derive(Debug, Default)]
pub(crate) struct BlockedToday {
    day: u64,
    noted: HashMap<Subject, HashSet<B256>>,
}

impl BlockedToday {
    /// Whether this mandate is to be noted, too: it was not on that day, and there is room.
    pub(crate) fn take(
        &mut self,
        (subject, mandate): (Subject, B256),
        day: u64,
        most: u32,
    ) -> bool {
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
