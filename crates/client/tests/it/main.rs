//! Payers, payees, and what travels between them.
#![allow(clippy::unwrap_used, missing_docs)]

mod a2a;
mod chains;
mod flows;
mod gateway;
mod journal;
mod lies;
mod limits;
mod mcp;
mod mvp;
mod objects;
mod purchase;
mod replay;
mod support;
mod trouble;
mod wallet;
