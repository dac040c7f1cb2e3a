//! x402 over the Model Context Protocol: tools with a price, and a wallet for agents.
//!
//! ```text
//! agent ── tools/call ──────────────▶ server
//!       ◀─ isError, terms ───────────
//!       ── tools/call + mandate ────▶        ── mandate ──▶ processor
//!                                            ◀─ receipt ───
//!       ◀─ result + receipt ─────────
//! ```
//!
//! - [`Priced`]: puts prices on the tools of any MCP server; [`Upstream`]: an MCP server that is a
//!   program of its own, to be priced; [`sell`]: both, by a file of settings;
//! - [`Buyer`]: calls tools, and pays for those that ask for it;
//! - [`WalletServer`]: an MCP server through which an agent pays, within its owner's limits and
//!   without ever seeing a key.
//!
//! What travels is described in `docs/mcp.md`, and is [`aep2_x402::mcp`].

mod buyer;
mod priced;
mod sale;
pub mod sell;
mod upstream;
pub mod wallet;

pub use self::{
    buyer::{Bought, BuyError, Buyer},
    priced::{OUTPUT_SCHEMA, Priced},
    upstream::{CHARGE, Running, Upstream, UpstreamError},
    wallet::{Reach, WalletServer},
};
