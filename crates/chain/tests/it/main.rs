//! The chain, followed and sent to; and the wallet on it.
#![allow(clippy::unwrap_used, missing_docs)]

mod follower;
mod node;
mod scripted;
mod sender;
mod support;
mod wallet;
