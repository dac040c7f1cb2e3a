//! Paying and being paid over HTTP, "authorize first, settle later".
//!
//! ```text
//! payer ──── request ───────────────▶ payee
//!       ◀─── 402, terms ────────────                 order mode: the payee names its terms
//!       ──── request + mandate ─────▶       ── mandate ──▶ processor
//!                                           ◀─ receipt ───
//!       ◀─── answer + receipt ──────                 intent mode begins here
//! ```
//!
//! - [`payer`]: an HTTP client that pays within its owner's limits, and writes down what it signs
//!   before it leaves;
//! - [`wallet`]: a directory from which an agent pays: key, limits and journal;
//! - [`payee`]: a layer around an axum service that puts a price on it and serves nothing without
//!   a receipt;
//! - [`gateway`]: that layer in front of any HTTP service, by configuration;
//! - [`processor`]: who gives receipts, as payees see it: by its own interface, or as an x402
//!   facilitator;
//! - [`x402`]: the objects and headers of x402 v2, with the scheme `aep2`;
//! - [`purchase`]: what a mandate's `ref` binds it to; [`receipt`]: when a receipt is believed.
//!
//! `docs/payments.md` describes what travels.

pub mod clock;
pub mod gateway;
pub mod mvp;
pub mod payee;
pub mod payer;
pub mod processor;
pub mod purchase;
pub mod receipt;
pub mod wallet;
pub mod x402;
