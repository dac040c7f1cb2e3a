//! Paying: a key, an account, limits, and a journal of what was signed.
//!
//! A [`Payer`] turns a [`Purchase`](aep2_x402::purchase::Purchase) into a signed mandate, once all of this holds: the purchase is
//! for the payer's own wallet and processor, its limits allow it, and the mandate is on disk. A
//! [`PayingClient`] does so over HTTP.
//!
//! A payment that was sent and has no final answer waits in the journal, and the same request sends it
//! again, whoever asks and whatever happened to the program meanwhile: nothing is paid twice.
//!
//! Both may be used by many tasks at once, and several processes may pay from one directory.
//!
//! Instead of a key, a payer may have a [`card`]: then an issuer signs, within limits that it keeps.
//!
//! A [`wallet`] is a directory from which an agent pays: key, limits and journal.

mod answer;
pub mod card;
mod client;
mod command;
mod disputes;
mod error;
mod hand_in;
mod issuing;
pub mod journal;
pub mod limits;
mod payer;
mod payment;
mod request_key;
mod signing;
mod unanswered;
mod verdict;
pub mod wallet;

pub use self::{
    answer::{Answer, SHORT_ANSWER_BYTES},
    client::{KnownTerms, PayingClient, RetryPolicy},
    command::Delivery,
    disputes::{AcceptedDisputes, HandInError, Held, TooWeak},
    error::{NoAnswer, PayError},
    payer::{Payer, PayerConfig},
    payment::{Authorised, Payment, Sent, Unanswered},
    request_key::RequestKey,
};
