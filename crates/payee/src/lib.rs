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
//! A payee of several processes gives all of them the same [secret](PayeeConfig::order_secret), and
//! sends requests for one resource to one process: what was served is remembered by each alone.
//!
//! [`gateway`] is that layer in front of any HTTP service, by configuration.

mod answer;
mod capturing;
mod desk;
mod exact;
pub mod gateway;
mod layer;
mod meter;
mod mvp;
mod opening;
mod order;
mod paid;
mod payee;
mod payment;
mod price;
mod refusal;
mod served;

use self::payee::PayeeParts;
pub use self::{
    desk::{Goods, Unsold, Wanted},
    exact::{Exact, ExactPaid},
    layer::{Charge, Charged},
    meter::{AboveCeiling, Meter},
    mvp::{Mvp, MvpPaid},
    opening::{Opening, OpeningError},
    order::OrderSecret,
    paid::Paid,
    payee::{Payee, PayeeConfig, PayeeError},
    price::{Price, Quote},
    refusal::Refusal,
};
