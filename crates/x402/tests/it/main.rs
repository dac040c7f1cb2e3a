//! What travels, object by object.
#![allow(clippy::unwrap_used, missing_docs)]

mod a2a;
mod mcp;
mod objects;
mod purchase;
mod receipt;
