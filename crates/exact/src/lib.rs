//! A facilitator of x402's scheme `exact`: a payer signs an EIP-3009 transfer, and it is sent at once,
//! in a transaction of its own.
//!
//! Of what x402 knows, this takes EIP-3009 by the tokens that it is told to accept; not Permit2, and not
//! wallets that have yet to be deployed (EIP-6492), both of which have other contracts called. Its objects
//! are x402-rs's types; the checks are its own, because x402-rs's bring a telemetry library and a limiter of
//! rates that nothing here uses.
//!
//! - [`ExactFacilitator`] verifies payments and settles them, each once;
//! - its relayer holds the key that pays for gas, and bounds what a transaction may cost.
//!
//! It knows the chain and x402's objects. How it is asked, over HTTP or otherwise, is its caller's.

mod error;
mod facilitator;
mod relayer;
mod transfer;

pub use self::{
    error::ExactError,
    facilitator::{ExactConfig, ExactFacilitator, Settled},
    transfer::PaymentRequest,
};
