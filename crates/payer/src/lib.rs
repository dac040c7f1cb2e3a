//! Paying: a key, an account, limits, and a journal of what was signed.
//!
//! A [`Payer`] turns a [`Purchase`](aep2_x402::purchase::Purchase) into a signed mandate, once all of this holds: the purchase is
//! for the payer's own wallet and processor, its limits allow it, and the mandate is on disk. A
//! [`PayingClient`] does so over HTTP.
//!
//! Both may be used by many tasks at once, and several processes may pay from one directory.
//!
//! Instead of a key, a payer may have a [`card`]: then an issuer signs, within limits that it keeps.
//!
//! A [`wallet`] is a directory from which an agent pays: key, limits and journal.

pub mod card;
mod client;
mod error;
mod issuing;
pub mod journal;
pub mod limits;
mod payer;
mod payment;
mod signing;
pub mod wallet;

pub use self::{
    client::{Answer, KnownTerms, PayingClient, RetryPolicy},
    error::{PayError, Unanswered},
    payer::{Payer, PayerConfig},
    payment::{Authorised, Payment, Sent},
};
