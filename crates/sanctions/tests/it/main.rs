//! Sanctions lists: what whoever writes or spoils a file can do to the list in force.
#![allow(clippy::unwrap_used, missing_docs)]

mod addresses;
mod at_once;
mod lookups;
mod ofac;
mod plain;
mod replacing;
mod settings;
mod spoiled;
mod staleness;
mod starting;
mod support;
