//! Windows: which of the mandates that wait are settled together, and when.
//!
//! Pure: [`choose()`] looks at what waits and says what is to be sealed next, if anything. No threads,
//! no clock, no storage; whoever asks again after sealing gets the next window.
//!
//! # What is settled together
//!
//! Mandates of one path, one token and one set of verifiers ([`Pool`]). A window of the proved path
//! must fit a [`Shape`]: chains are arranged into its lanes as the prover does it
//! ([`Arrangement`]). Windows are filled in the order of acceptance: what does not
//! fit any more is passed over, what comes after it may still fit. So the oldest mandate is in every
//! window, and no mandate waits for ever behind others.
//!
//! # When a window closes
//!
//! | | |
//! | --- | --- |
//! | full | no shape holds all that is ready, or the largest one is filled |
//! | aged | the oldest that is ready has waited `age_s_max` |
//! | due | a promise is due within `due_margin_s` and a quarter more |
//!
//! *Ready* is what is captured, or has been in a batch before, or whose payee's time to capture is
//! over, or what is due. What follows something that waits and is not ready is not ready either,
//! unless it is due: a chain that is cut takes more lanes.
//!
//! # Who settles alone
//!
//! A mandate that is less than `due_margin_s` from its `settleBy`, or past it. Once `settleBy` has
//! passed its payee may claim the guarantee, which spends the nonce, and a batch that it is in would
//! be refused as a whole. For the same reason a window of several is valid until the earliest of its
//! members' `settleBy`: as long as a batch of several can settle, no guarantee on any of its members
//! can be claimed, and none can revert it. In the direct path, whose receipts nobody can claim on, it
//! is the deadline that counts.
//!
//! Mandates of a batch that the chain refused without naming one of them are [kept
//! apart](Company::Apart) from all others, in ever smaller groups, until the one at fault is alone.
//!
//! Windows in line, and mandates that settle alone or apart, take [turns](Turn): neither kind can hold
//! up the other.
//!
//! # Which shape
//!
//! The cheapest that holds all that is ready; a shape with capture only if something is captured
//! below its ceiling. If none holds all, whatever takes the most: a shape with capture filled from
//! all, or one without filled from those that are captured whole. Two proofs instead of one are not
//! made on purpose, since the second costs more than the capture's constraints; but if the oldest is
//! captured in part, it is taken, so that it does not wait behind windows without capture.

mod arrangement;
mod choose;

use aep2_circuits::Shape;
use aep2_ledger::{MandateHash, Sequence, SettlementPath};
use aep2_mandate::units::{AccountId, Amount, UnixTime};
use alloy::primitives::{Address, B256};

pub use self::{
    arrangement::{Arrangement, DIRECT_MAX, GAS_MAX, Holder},
    choose::choose,
};

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
    pub word: u64,
    /// The most that it may pay.
    pub ceiling: Amount,
    /// What it pays.
    pub due: Amount,
    /// Whether its payee cannot change that any more: it is captured, or was sealed before.
    pub fixed: bool,
    /// When it was accepted.
    pub accepted_at: UnixTime,
    /// By when it was promised to be settled.
    pub settle_by: UnixTime,
    /// Whether its receipt can be claimed on once that has passed, which spends its nonce. What the
    /// direct path's receipts promise cannot.
    pub claimable: bool,
    /// The last second at which it can be settled.
    pub deadline: UnixTime,
    /// With whom it may settle.
    pub company: Company,
}

impl Waiting {
    /// Whether only a shape with capture holds it.
    pub fn partly_captured(&self) -> bool {
        self.due != self.ceiling
    }

    /// The last second at which it can be settled, and its nonce not be spent by a claim.
    fn safe_until(&self) -> UnixTime {
        if self.claimable { self.settle_by.min(self.deadline) } else { self.deadline }
    }
}

/// With whom a mandate may settle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Company {
    /// With anyone.
    #[default]
    Any,
    /// With those of the same group only.
    Apart {
        /// The group.
        group: u64,
    },
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

/// When windows close, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a mandate that is ready waits for company.
    pub age_s_max: u64,
    /// How long a payee has to capture, from the acceptance on.
    pub capture_within_s: u64,
    /// How long before its `settleBy` a mandate is sealed at the latest, to settle with others.
    pub due_margin_s: u64,
}

impl Rules {
    /// Whether a mandate settles alone: its promise is too near, or past.
    pub fn is_late(&self, own: &Waiting, now: UnixTime) -> bool {
        is_within(own.safe_until(), self.due_margin_s, now)
    }

    /// Whether a promise must be kept soon.
    fn is_due(&self, own: &Waiting, now: UnixTime) -> bool {
        let margin_s = self.due_margin_s.saturating_add(self.room_s());
        is_within(own.settle_by.min(own.deadline), margin_s, now)
    }

    /// Whether what a payee captures does not change any more, or cannot be waited for.
    fn is_ready(&self, own: &Waiting, now: UnixTime) -> bool {
        own.fixed
            || has_passed(own.accepted_at, self.capture_within_s, now)
            || self.is_due(own, now)
    }

    /// How long before it would be too late a window closes for a promise: time to look at the queue
    /// and to seal.
    fn room_s(&self) -> u64 {
        (self.due_margin_s / 4).max(2)
    }
}

/// Whether `time` is less than `seconds` away, or past.
fn is_within(time: UnixTime, seconds: u64, now: UnixTime) -> bool {
    time.seconds_since(now).is_none_or(|left| left < seconds)
}

/// Whether so many seconds have passed.
fn has_passed(since: UnixTime, seconds: u64, now: UnixTime) -> bool {
    now.seconds_since(since).is_some_and(|passed| passed >= seconds)
}

/// Which kind of window comes first, where both kinds could be sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Windows of several, as they come.
    #[default]
    InLine,
    /// Mandates that settle alone, or apart from others.
    OutOfLine,
}

impl Turn {
    /// The other one's turn.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::InLine => Self::OutOfLine,
            Self::OutOfLine => Self::InLine,
        }
    }
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// These are to be sealed.
    Seal(Window),
    /// This mandate cannot be settled as things are.
    Unsettleable {
        /// The mandate.
        mandate: MandateHash,
        /// Why.
        reason: Unsettleable,
    },
}

/// Why a mandate has no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsettleable {
    /// There is no key for any shape of the verifiers that its payer chose.
    #[error("no proving key fits the verifiers {0}")]
    NoShape(B256),
    /// It is captured in part, and no shape there is a key for can do that.
    #[error("it is captured in part, and there is no proving key of a shape with capture")]
    NoCapture,
}

/// Mandates to be sealed into one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The path of all of them.
    pub path: SettlementPath,
    /// The token of all of them.
    pub token: Address,
    /// The verifiers of all of them; 0 in the direct path.
    pub verifier_set: B256,
    /// The shape that holds them; none in the direct path.
    pub shape: Option<Shape>,
    /// Until when the batch is valid.
    pub valid_until: UnixTime,
    /// The mandates, in order of acceptance, with what each pays.
    pub members: Vec<(MandateHash, Amount)>,
    /// Why it closed.
    pub closed: Closed,
}

/// Why a window closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// No more fits.
    Full,
    /// The oldest has waited long enough.
    Aged,
    /// A promise is due soon.
    Due,
    /// A promise is so near, or past, that it settles alone.
    Late,
    /// Kept apart from others, since a batch with it was refused.
    Apart,
}

impl Closed {
    /// Whose turn it was.
    pub fn turn(self) -> Turn {
        match self {
            Self::Full | Self::Aged | Self::Due => Turn::InLine,
            Self::Late | Self::Apart => Turn::OutOfLine,
        }
    }
}
