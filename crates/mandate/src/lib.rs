//! Payment mandates of AEP2 ("authorize first, settle later"): what a payer signs, what a payee
//! holds, and what a batch proves about them.
//!
//! - [`mandate`]: the mandate, its id, its wire form; [`signer`]: signing one, and the rules on
//!   what it may be chained to;
//! - [`eddsa`], [`poseidon`], [`babyjubjub`]: circomlib's signatures, hash and curve, so that
//!   wallets can use the libraries they have;
//! - [`commitment`] and [`inclusion`]: what the proof of each segment of a batch commits to, and how a
//!   payer or a payee shows that a mandate was settled in it;
//! - [`typed_data`]: what ordinary Ethereum keys sign: receipts, direct mandates, what is said of
//!   mandates afterwards;
//! - [`payee`]: who cannot be paid;
//! - [`units`] and [`wire`]: the protocol's numbers, and its strict JSON; [`clock`]: the time;
//! - with the feature `openapi`, descriptions of all that for an OpenAPI document.
//!
//! No files, no network, no chain.

pub mod babyjubjub;
pub mod clock;
pub mod commitment;
pub mod eddsa;
pub mod field;
pub mod inclusion;
pub mod mandate;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod payee;
pub mod poseidon;
pub mod signer;
pub mod typed_data;
pub mod units;
pub mod wire;
