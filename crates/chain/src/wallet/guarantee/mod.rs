//! What stands behind processors' receipts: bonds, demands, answers, claims. A contract of its own, which
//! the wallet made.
//!
//! - [`GuaranteeId`] is the guarantee of a wallet; it builds calls, as [`WalletId`] does;
//! - [`Guarantee`] is the same read through a node; [`events`]: what it logs;
//! - [`Periods`]: the times by which both go.
//!
//! Receipts, captures and rulings are messages in the *wallet's* domain.

pub mod events;

mod calls;
mod periods;
mod read;

use alloy::primitives::Address;
use serde::Serialize;

use super::id::WalletId;

pub use calls::{CaptureAnswer, Promise, RememberedBatch, RulingAnswer, ShownMandate};
pub use periods::{Periods, PeriodsError};
pub use read::{Demand, Guarantee, Paid, SignerStanding};

/// The guarantee of a wallet. Made by [`WalletId::guarantee`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GuaranteeId {
    /// The wallet that made it, in whose domain people sign.
    pub wallet: WalletId,
    /// The contract.
    pub address: Address,
}
