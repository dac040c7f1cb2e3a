//! Scratch.
#![allow(dead_code, unused_imports, missing_docs)]
#[path = "it/support/mod.rs"]
mod support;
#[path = "it/kill.rs"]
mod kill;
#[path = "it/outage.rs"]
mod outage;
#[path = "it/recovery.rs"]
mod recovery;
#[path = "it/settle.rs"]
mod settle;
#[path = "it/settle_refused.rs"]
mod settle_refused;
#[path = "it/settle_support.rs"]
mod settle_support;
#[path = "it/window.rs"]
mod window;
