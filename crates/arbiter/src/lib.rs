//! A dispute processor: payees' terms name its key, and its rulings decide what they may keep.
//!
//! It has no public address. It asks processors for the disputes that name it, checks them, decides by rules
//! where something is shown by signatures, waits for judges where it is not, and delivers rulings. Any other
//! program can take its place: `docs/arbiter.md` has the requests, and the guide.
//!
//! - [`Arbiter`]: its store, its key, what judges do;
//! - [`Worker`]: what is done with one processor, over and over;
//! - [`api`]: the judges' interface, and their page;
//! - [`settings`]: the file `arbiter.toml`.
//!
//! # What always holds
//!
//! - A mandate has one case, a case has one ruling, and the ruling was on disk before anybody had it.
//! - Nothing is ruled above what the payee still asks for, nor after the time is over.
//! - Nothing is over, and nothing is refused for good, by one clock alone.
//! - Nothing is decided on what a signature or a hash does not show, but for what the payee's terms say of
//!   silence, what judges decide, and the default that the settings name.
//! - A dispute that is not what it should be gets no ruling, whatever its processor says later.
//!
//! # What it does not know
//!
//! How mandates are accepted and settled, and whether a processor shows all disputes and all answers.

pub mod accounts;
pub mod api;
mod arbiter;
mod asking;
mod audit;
pub mod case;
pub mod case_file;
mod cases;
mod clocks;
mod config;
mod deciding;
mod delivering;
mod error;
mod evidence;
mod family;
mod giving_way;
pub mod judges;
mod judging;
mod limiter;
mod log;
mod metrics;
mod migrating;
mod news;
mod page;
mod processor;
mod room;
mod rules;
mod sealed;
mod seen;
pub mod settings;
mod store;
mod sweeping;
mod taking;
mod turn;
mod verify;
mod worker;

pub use self::{
    arbiter::{Arbiter, Parts},
    config::{DecidingConfig, DefaultRuling},
    deciding::evidence_hash,
    error::ArbiterError,
    evidence::OpenedPiece,
    judging::Decide,
    log::stored_log,
    metrics::Metrics,
    processor::Processor,
    turn::TurnError,
    verify::{Checked, NotTaken, SKEW_S, check, due_to_payee},
    worker::Worker,
};
