//! Making processors keep their word.
//!
//! A receipt promises a payee that a mandate is settled in time, and a bond stands behind it. But nothing
//! comes of a bond by itself: what was not settled must be demanded in time, and claimed when nobody
//! answered. A [`Watcher`] does that for a payee:
//!
//! ```text
//! folder ─▶ intake ─▶ open ─▶ settled, final ─────────────────────────────────▶ forgotten
//!           refused            │ settleBy and a grace have passed                  ▲
//!                              └─▶ demand ─▶ (lower) ─▶ response window ─▶ claim ──┘
//! ```
//!
//! **What is believed.** The chain, by the payee's own node. A processor says what it settled
//! ([`ProcessorWord`]); that only says where to look: a receipt counts as settled when an inclusion proof
//! leads into a batch that the chain settled, deep enough. A line in the folder counts when the processor
//! that it names signed it, or a key that this processor named on chain.
//!
//! **What is kept.** What was read of the folders, the receipts that are open, and the transactions of its
//! key ([`Sender`](aep2_chain::sender::Sender)). What was demanded, answered and claimed is on the chain, and is
//! read there each time: so a watcher that is killed at any moment demands and claims nothing twice. It has
//! one transaction at a time on its way, and decides the next one when that is final.
//!
//! [`step`] is the one place where it is decided what to do about a receipt, a pure function.

mod acting;
mod bonds;
mod carrying_out;
mod chain;
mod config;
mod error;
mod event;
mod examine;
mod figures;
mod held;
mod intake;
mod keys;
mod log;
mod looking;
mod open;
mod planning;
mod processor;
mod state;
pub mod step;
mod taking_in;
mod watched;
mod watcher;
mod worth;

pub use self::{
    config::{ProcessorAt, WatchConfig},
    error::WatchError,
    event::{Action, Event, Lapse, NotDemanded},
    figures::Figures,
    intake::Refused,
    processor::{HttpProcessor, Identity, ProcessorWord},
    watched::{Shown, Watched},
    watcher::{Summary, Watcher},
};
