//! What is to be sealed next, and why.

use aep2_circuits::Shape;
use aep2_ledger::{MandateHash, SettlementPath};
use aep2_mandate::units::{Amount, UnixTime};
use alloy::primitives::{Address, B256};

/// Which kind of window comes first, where both kinds could be sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// Windows of several, as they come.
    #[default]
    InLine,
    /// Mandates that settle alone, or isolated from others.
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
    /// These mandates cannot be settled as things are.
    Unsettleable(Vec<(MandateHash, Unsettleable)>),
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
    /// How many segments of it they take; none in the direct path.
    pub segments: usize,
    /// Until when the batch is valid.
    pub valid_until: UnixTime,
    /// The mandates, in order of acceptance, with what each pays.
    pub members: Vec<(MandateHash, Amount)>,
    /// Why it closed.
    pub closed: Closed,
    /// Whether it comes too late for a promise of one of them.
    pub misses: bool,
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
    /// A deadline, or a claim, is so near that it settles alone.
    Late,
    /// Isolated from others, since a batch with it was refused.
    Isolated,
}

impl Closed {
    /// Whose turn it was.
    pub fn turn(self) -> Turn {
        match self {
            Self::Full | Self::Aged | Self::Due => Turn::InLine,
            Self::Late | Self::Isolated => Turn::OutOfLine,
        }
    }
}
