//! What the tests stand on: an embedded chain with the contracts on it, payers with accounts and
//! money, a processor, and mandates really signed.

mod keys;
mod payer;
mod world;

pub(crate) use keys::provers;
pub(crate) use payer::{Payer, Payment, capture, payee, payee_address};
#[allow(unused_imports, reason = "the server's tests stand on this too")]
pub(crate) use world::LONG;
pub(crate) use world::{DELAY_SECONDS, World, dev_key, eventually, settle_by_hand};
