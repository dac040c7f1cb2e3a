//! A mandate service: it issues mandates for agents within their owners' limits.
//!
//! An agent never holds the key of an account. It holds a card ([`aep2_cards`]), and this service signs
//! what the card allows. Every payment is counted against exact budgets and written down with the signed
//! mandate in one synced commit, before anybody has it.
//!
//! - [`Issuer`]: the service itself. [`Issuer::issue`] is the one place where payments are decided;
//!   owners' changes, decisions and reports are methods of it too.
//! - [`Follower`]: finds out what became of payments, so that budgets get back what was not spent.
//! - [`api`]: the HTTP interface of agents and owners, and the owners' page.
//!
//! `docs/issuing.md` is the guide, and the specification.
//!
//! # What always holds
//!
//! - What was issued and is not known to be unspent is, in every budget above it, at most the budget.
//! - A request key has one mandate. The same request gets the same one, whatever happened in between.
//! - Whatever is issued, asked of an owner or changed is on disk before it is answered, in one commit with
//!   its line in the audit log. Refusals have lines too, up to some for a card in a minute; the same answer
//!   to the same request has none.
//! - An error while deciding issues nothing.

pub mod api;
mod approvals;
mod audit;
mod claims;
mod counter;
mod endings;
mod error;
mod family;
mod follow;
pub mod ids;
mod issue;
mod issuer;
mod keys;
mod log;
pub mod owners;
mod page;
mod period;
mod pressure;
pub mod records;
mod rewrap;
pub mod settings;
mod signing;
mod store;
mod subject;

pub use self::{
    audit::Actor,
    endings::Unspent,
    error::{Code, IssuerError, Refusal},
    follow::{ChainNode, FollowError, Follower},
    issue::{Issue, IssueRequest},
    issuer::{Issuer, IssuerConfig},
    log::stored_log,
    period::{NotAZone, Zone},
    subject::{NotASubject, Subject},
};
