//! What stands behind processors' receipts: bonds, demands, answers, claims. A contract of its own, which
//! the wallet made.
//!
//! - [`GuaranteeId`] is the guarantee of a wallet; it builds calls, as [`WalletId`](super::WalletId) does;
//! - [`Guarantee`] is the same read through a node; [`events`]: what it logs;
//! - [`Periods`]: the times by which both go.
//!
//! Receipts, captures and rulings are messages in the *wallet's* domain.

pub mod events;

mod calls;
mod id;
mod periods;
mod read;
mod within;

pub use calls::{CaptureAnswer, Promise, RememberedBatch, RulingAnswer, ShownMandate};
pub use id::GuaranteeId;
pub use periods::{Periods, PeriodsError};
pub use read::{Demand, Guarantee, Paid, SignerStanding};
pub use within::receipt_within;
