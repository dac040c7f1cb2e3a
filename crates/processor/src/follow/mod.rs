//! What the chain says, into the ledger.
//!
//! A task takes what the [`Follower`](aep2_chain::follower::Follower) delivers, makes the ledger's facts of it (`facts`, `blocks`),
//! and applies them with the follower's cursor in one write, or undoes what was reorged out. The ledger's own
//! cursor is the only state: whatever goes wrong, a new follower begins from there.
//!
//! ```text
//! Follower ─▶ Blocks ──────▶ headers, calldata ─▶ facts ─▶ Ledger::apply_blocks ┐ with the cursor,
//!          ─▶ Reorganised ─────────────────────────────▶ Ledger::rewind         ┘ in one write
//!          ─▶ its view of the head ─▶ unconfirmed requests ───────▶ Ledger::set_unconfirmed
//! accounts that came over, were contradicted; what acceptance misses of them
//!          ─▶ the wallet's views at the last block applied ───────▶ Ledger::note_reading
//! ```
//!
//! # Nobody outside stops it
//!
//! Anybody can have the wallet say what they like of accounts of their own: with their own tokens,
//! verifiers, and contracts as processors. So only accounts that name this processor are followed, and
//! nothing is asked of the node about others. An account that comes over is read at a block that counts
//! (`reading`), in the background; until then its mandates are refused. What contradicts what is known
//! of an account takes that account out until it is read anew, with an alarm; everything else goes on.
//!
//! A chain that does not answer is waited for, however long: nothing is lost, and acceptance stops by
//! itself when the last block applied is too old. What cannot pass by itself (the node is one of
//! another chain, a reorg was deeper than can be undone) is shown as an alarm, and tried again all the
//! same: an operator may mend it.

mod blocks;
mod error;
mod facts;
mod node;
mod reading;
mod refunds;
mod sync;
mod unconfirmed;
mod wanted;

pub use self::sync::ChainSync;
pub(crate) use self::{sync::SyncParts, wanted::Wanted};
