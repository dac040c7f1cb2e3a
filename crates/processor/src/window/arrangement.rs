//! Filling segments of a shape, mandate by mandate.
//!
//! Chains are followed as `aep2_prover::window::ValidWindow` follows them: `prev` leads from mandate to
//! mandate of one payer; where two follow the same one, the one accepted first goes on with the run.
//! Runs longer than a lane take several. The prover joins runs by keys, here it is by accounts, of
//! which each has one key: so the prover needs no more lanes than are counted here.

use std::collections::{HashMap, HashSet};

use aep2_circuits::Shape;
use aep2_ledger::MandateHash;
use aep2_mandate::units::AccountId;
use alloy::primitives::Address;

use super::waiting::Waiting;

/// The most gas that a batch is planned to use, at worst. A transaction may have 2^24 (EIP-7825).
pub const GAS_MAX: u64 = 15_000_000;

/// The most direct mandates in one transaction. Each is about 420 bytes of calldata, and
/// nodes take transactions of 128 KiB.
pub const DIRECT_MAX: usize = 128;

/// The fixed part of a batch of one segment, with what it captured remembered in a fresh place, and what a
/// payout may use that the next does not.
const PROVED_FIXED_GAS: u64 = 265_000 + 24_000 + 200_000;
/// A further segment; and what the first further one costs beside that, since several proofs are
/// verified by a random combination.
const SEGMENT_GAS: u64 = 55_000;
const SEVERAL_SEGMENTS_GAS: u64 = 14_000;
/// A debit whose nonce word is fresh, and pushes the word before it out of the purse's slot.
const DEBIT_GAS: u64 = 34_000;
/// A payout to a payee who holds none of the token.
const PAYOUT_GAS: u64 = 31_000;
/// A direct transaction.
const DIRECT_FIXED_GAS: u64 = 30_000 + 200_000;
/// A direct mandate, its nonce word fresh, its calldata at the floor price of EIP-7623.
const DIRECT_GAS: u64 = 50_000;
/// A payout in the direct path, which measures what the wallet holds before and after.
const DIRECT_PAYOUT_GAS: u64 = 40_000;

/// What mandates are put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Segments of a shape, at most so many.
    Segments(Shape, usize),
    /// A direct transaction.
    Direct,
}

/// Mandates arranged in a holder.
#[derive(Clone, Debug)]
pub struct Arrangement {
    holder: Holder,
    gas_max: u64,
    count: usize,
    lanes: usize,
    /// The account of each mandate put in, and the mandate that follows it, if one does.
    next: HashMap<MandateHash, (AccountId, Option<MandateHash>)>,
    /// Heads of runs, by the mandate that they follow and that is not put in (yet), in the order in
    /// which they came.
    heads: HashMap<MandateHash, Vec<(AccountId, MandateHash)>>,
    /// For each run's first and last mandate: the other end, and the run's length.
    ends: HashMap<MandateHash, (MandateHash, usize)>,
    nonce_words: HashSet<(AccountId, u64)>,
    payees: HashSet<Address>,
}

impl Arrangement {
    /// Nothing in it yet.
    pub fn new(holder: Holder) -> Self {
        Self {
            holder,
            gas_max: GAS_MAX,
            count: 0,
            lanes: 0,
            next: HashMap::new(),
            heads: HashMap::new(),
            ends: HashMap::new(),
            nonce_words: HashSet::new(),
            payees: HashSet::new(),
        }
    }

    /// The same, without a limit for gas: for counting what several batches hold.
    pub fn unbounded(holder: Holder) -> Self {
        Self { gas_max: u64::MAX, ..Self::new(holder) }
    }

    /// How many segments of a shape hold mandates, given in order of acceptance, that fit into it at all.
    pub fn segments_for<'a>(
        shape: Shape,
        mandates: impl IntoIterator<Item = &'a Waiting>,
    ) -> usize {
        let mut arrangement = Self::unbounded(Holder::Segments(shape, usize::MAX));
        for mandate in mandates {
            arrangement.add(mandate);
        }
        arrangement.segments()
    }

    /// Those of the mandates, given in order of acceptance, that fit one after another, and in how
    /// many segments.
    pub fn fill<'a>(
        holder: Holder,
        mandates: impl IntoIterator<Item = &'a Waiting>,
    ) -> (Vec<&'a Waiting>, usize) {
        let mut arrangement = Self::new(holder);
        let members = mandates.into_iter().filter(|mandate| arrangement.add(mandate)).collect();
        (members, arrangement.segments())
    }

    /// Puts a mandate in if it fits. Mandates must come in order of acceptance.
    pub fn add(&mut self, mandate: &Waiting) -> bool {
        match self.holder {
            Holder::Direct if self.count == DIRECT_MAX || !self.gas_allows(mandate, 0) => {
                return false;
            }
            Holder::Direct => {}
            Holder::Segments(shape, _) if mandate.partly_captured() && !shape.capture() => {
                return false;
            }
            Holder::Segments(shape, segments_max) => {
                let join = self.join_of(mandate);
                let lanes =
                    self.lanes - lanes(join.before_len(), shape) - lanes(join.after_len(), shape)
                        + lanes(join.before_len() + 1 + join.after_len(), shape);
                let segments = lanes.div_ceil(shape.lanes());
                if segments > segments_max || !self.gas_allows(mandate, segments) {
                    return false;
                }
                self.lanes = lanes;
                self.join(mandate, &join);
            }
        }
        self.count += 1;
        self.nonce_words.insert((mandate.account, mandate.nonce_word));
        self.payees.insert(mandate.payee);
        true
    }

    /// How many mandates are in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many of the shape's lanes they take.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// How many segments they take; none in the direct path.
    pub fn segments(&self) -> usize {
        match self.holder {
            Holder::Segments(shape, _) => self.lanes.div_ceil(shape.lanes()),
            Holder::Direct => 0,
        }
    }

    fn gas_allows(&self, mandate: &Waiting, segments: usize) -> bool {
        // The first one is always allowed: nothing smaller can be tried.
        if self.count == 0 {
            return true;
        }
        let payees = self.payees.len() + usize::from(!self.payees.contains(&mandate.payee));
        let word = (mandate.account, mandate.nonce_word);
        let words = self.nonce_words.len() + usize::from(!self.nonce_words.contains(&word));
        let gas = match self.holder {
            Holder::Segments(..) => proved_gas(segments, words, payees),
            Holder::Direct => {
                let mandates = self.count as u64 + 1;
                DIRECT_FIXED_GAS + mandates * DIRECT_GAS + payees as u64 * DIRECT_PAYOUT_GAS
            }
        };
        gas <= self.gas_max
    }

    /// The run that a mandate goes on with, and the run that goes on with it.
    fn join_of(&self, mandate: &Waiting) -> Join {
        let before = mandate.prev.filter(|prev| {
            self.next
                .get(prev)
                .is_some_and(|(account, next)| *account == mandate.account && next.is_none())
        });
        let after = self.heads.get(&mandate.mandate).and_then(|heads| {
            heads.iter().find(|(account, _)| *account == mandate.account).map(|(_, head)| *head)
        });
        let run_at = |end: MandateHash| {
            let (other, len) = self.ends.get(&end).copied().unwrap_or((end, 1));
            Run { end, other, len }
        };
        Join { before: before.map(run_at), after: after.map(run_at) }
    }

    fn join(&mut self, mandate: &Waiting, join: &Join) {
        let hash = mandate.mandate;
        if let Some(before) = join.before
            && let Some((_, next)) = self.next.get_mut(&before.end)
        {
            *next = Some(hash);
        } else if let Some(prev) = mandate.prev {
            self.heads.entry(prev).or_default().push((mandate.account, hash));
        }
        if let Some(after) = join.after
            && let Some(heads) = self.heads.get_mut(&hash)
        {
            heads.retain(|(_, head)| *head != after.end);
        }
        self.next.insert(hash, (mandate.account, join.after.map(|after| after.end)));
        let first = join.before.map_or(hash, |before| before.other);
        let last = join.after.map_or(hash, |after| after.other);
        let len = join.before_len() + 1 + join.after_len();
        self.ends.insert(first, (last, len));
        self.ends.insert(last, (first, len));
    }
}

/// The gas that settling a batch takes at worst, as far as the payees' tokens are like others: whatever
/// was spent and paid before, and whatever payees change until it is mined.
pub fn proved_gas(segments: usize, debits: usize, payouts: usize) -> u64 {
    let several = if segments > 1 { SEVERAL_SEGMENTS_GAS } else { 0 };
    PROVED_FIXED_GAS
        + several
        + (segments as u64).saturating_sub(1) * SEGMENT_GAS
        + debits as u64 * DEBIT_GAS
        + payouts as u64 * PAYOUT_GAS
}

/// A run, seen from one of its ends.
#[derive(Clone, Copy, Debug)]
struct Run {
    end: MandateHash,
    other: MandateHash,
    len: usize,
}

/// Between which runs a mandate comes.
#[derive(Clone, Copy, Debug)]
struct Join {
    before: Option<Run>,
    after: Option<Run>,
}

impl Join {
    fn before_len(&self) -> usize {
        self.before.map_or(0, |run| run.len)
    }

    fn after_len(&self) -> usize {
        self.after.map_or(0, |run| run.len)
    }
}

/// How many lanes a run takes.
fn lanes(run: usize, shape: Shape) -> usize {
    run.div_ceil(shape.slots())
}
