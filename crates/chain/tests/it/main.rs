//! The chain, followed and sent to; and the wallet on it.
#![allow(clippy::unwrap_used, missing_docs)]

mod anvil;
mod follower;
mod node;
mod scripted;
mod sender;
mod suite;
mod support;
mod wallet;
