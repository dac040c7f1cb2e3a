//! Who is paid by whom, and is that allowed.
//!
//! [Providers](provider::Provider) are asked about [subjects](subject::Subject): payers, payees, agents. What
//! they answer is put together by [rules](rules::Rules), stored with the reasons, and counts until it ends.
//! Acceptance looks it up in memory ([`Compliance::admit`]) and asks nobody. Whoever has to be looked at by
//! a person becomes a [case](cases::Case). Every answer and decision is in an audit log that can be checked.
//!
//! | | |
//! | --- | --- |
//! | before the receipt | a payment is refused, or waits |
//! | after it | what waits is held as long as the promise allows; then it settles, or an officer [freezes](freezes::Freeze) it and breaks the promise on purpose |
//!
//! What this crate does not know: how a mandate is accepted and settled. A processor asks it, and carries
//! out what it decides ([`Enforcer`]).

pub mod admission;
pub mod api;
mod blocked;
pub mod cases;
pub mod decision;
pub mod evidence;
pub mod export;
pub mod freezes;
pub mod lists;
pub mod officers;
mod present;
pub mod presenting;
pub mod provider;
pub mod providers;
pub mod rules;
pub mod settings;
pub mod standing;
pub mod subject;
pub mod travel_rule;
pub mod verdict;

mod audit;
mod compliance;
mod config;
mod enforcer;
mod enforcing;
mod error;
mod family;
mod known;
mod metrics;
mod payment;
mod queue;
mod refusal;
mod register;
mod screening;
mod store;

pub use self::{
    audit::Actor,
    compliance::{Compliance, Parts},
    config::ScreeningConfig,
    enforcer::{Enforcer, LiveMandate, NotEnforced},
    error::ComplianceError,
    metrics::Metrics,
    payment::Payment,
    present::Taken,
    register::BlockedPayment,
};
