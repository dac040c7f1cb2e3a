//! Being paid: a layer around an axum service that puts a price on it.
//!
//! ```text
//! request ─▶ price? ─▶ payment? ─▶ its terms and ref ─▶ seen before? ─▶ receipt ─▶ handler ─▶ capture
//!            free      402         402                  same answer     402, 503
//! ```
//!
//! - Nothing is served without a receipt that was verified, and a mandate is served once: sent
//!   again it gets the answer that it got.
//! - Once a payment went to the processor the request is carried to its end, whether or not the
//!   payer still listens: who asks again with the same mandate gets the answer.
//! - A handler that fails (a status of 400 or more, or a panic) charges nothing, unless it said
//!   what it charges. Failing to tell the processor is tried again.
//!
//! Payers that pay in order mode get numbered orders, which the payee need not remember.
//! Answers that payees give are remembered in bounded memory.
//!
//! A receipt is worth its processor's bond to whoever still has it: with [`PayeeConfig::receipts`] each is
//! written to a folder before anything is served for it.
//!
//! A payee of several processes gives all of them the same [secret](PayeeConfig::order_secret), and
//! sends requests for one resource to one process: what was served is remembered by each alone.
//!
//! [`gateway`] is that layer in front of any HTTP service, by configuration.

mod answer;
mod cache;
mod captures;
mod clocks;
mod config;
mod connect;
mod context;
pub mod cors;
pub mod gateway;
mod kept;
mod layer;
mod meter;
mod order;
mod payee;
mod price;
mod refusal;
mod respond;
mod sale;
pub mod scheme;
mod sell;
pub mod settings;
mod statement;
mod unpaid;

pub use self::{
    clocks::ClocksDiffer,
    config::PayeeConfig,
    connect::ConnectError,
    context::PayeeContext,
    layer::{Charge, Charged},
    meter::{AboveCeiling, Meter, Reading},
    order::OrderSecret,
    payee::{Payee, PayeeError},
    price::{Price, Quote},
    refusal::Refusal,
    sale::{Conflict, PricedRequest, Sale},
    scheme::{
        aep2::paid::Paid,
        exact::{Exact, ExactPaid},
        mvp::{Mvp, MvpPaid},
    },
    sell::{NotSold, OrderRequest, PaidResponse},
    statement::Statement,
};
