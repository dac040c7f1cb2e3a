//! What waits, as far as it matters what it is settled with.

use aep2_circuits::Shape;
use aep2_ledger::{MandateHash, Sequence, SettlementPath};
use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy::primitives::{Address, B256};

/// A mandate that waits, as far as it matters with whom it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its id or digest.
    pub mandate: MandateHash,
    /// Its place in the order of acceptance.
    pub sequence: Sequence,
    /// The mandate that it follows in its payer's chain; none in the direct path.
    pub prev: Option<MandateHash>,
    /// The account that pays.
    pub account: AccountId,
    /// Whom it pays.
    pub payee: Address,
    /// The 128 nonces among which its own is; 0 in the direct path.
    pub nonce_word: u64,
    /// The most that it may pay.
    pub ceiling: Amount,
    /// What it pays.
    pub due: Amount,
    /// Whether its payee cannot change that any more: it is captured, or was sealed before.
    pub fixed: bool,
    /// When it was accepted.
    pub accepted_at: UnixTime,
    /// Since when it waits for others: since then, or since it was held the last time.
    pub waits_since: UnixTime,
    /// By when it was promised to be settled.
    pub settle_by: UnixTime,
    /// The last second at which its nonce cannot be spent by a claim on its receipt: a claim comes after
    /// `settle_by` and the time in which a demand can be answered. None in the direct path, whose receipts
    /// no bond answers for.
    pub claimed_after: Option<UnixTime>,
    /// The last second at which it can be settled.
    pub deadline: UnixTime,
    /// From whom it is kept apart.
    pub isolation: Isolation,
}

impl Waiting {
    /// Whether only a shape with capture holds it.
    pub fn partly_captured(&self) -> bool {
        self.due != self.ceiling
    }

    /// The last second at which it can be settled, and its nonce not be spent by a claim.
    pub(super) fn safe_until(&self) -> UnixTime {
        self.claimed_after.map_or(self.deadline, |until| until.min(self.deadline))
    }
}

/// From whom a mandate is kept apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// From nobody: it may settle with anyone.
    #[default]
    None,
    /// From all but those of the same group.
    Group(u64),
}

/// What can be settled together, as far as path, token and verifiers go.
#[derive(Clone, Debug)]
pub struct Pool {
    /// By which way it settles.
    pub path: SettlementPath,
    /// The token.
    pub token: Address,
    /// The verifiers that the payers chose; 0 in the direct path.
    pub verifier_set: B256,
    /// The shapes that there are keys and verifiers for, with what a proof costs: the size of its
    /// domain and its constraints, or anything that grows with them. Empty in the direct path.
    pub shapes: Vec<(Shape, u64)>,
    /// What waits, in order of acceptance.
    pub waiting: Vec<Waiting>,
}
