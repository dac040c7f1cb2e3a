//! Evidence, by what is feared of it.
#![allow(clippy::unwrap_used, missing_docs)]

mod destroying;
mod keys;
mod killing;
mod room;
mod stealing;
mod support;
mod taking;
