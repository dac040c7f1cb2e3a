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
//! ```
//!
//! A chain that does not answer is waited for, however long: nothing is lost, and acceptance stops by
//! itself when the last block applied is too old. What cannot pass by itself (the node is one of
//! another chain, a reorg was deeper than can be undone, the facts contradict the ledger) is
//! shown as an alarm, and tried again all the same: an operator may mend it.

mod blocks;
mod draft;
mod error;
mod facts;
mod node;
mod opaque;
mod sync;
mod unconfirmed;

pub use self::sync::ChainSync;
pub(crate) use self::sync::SyncParts;
