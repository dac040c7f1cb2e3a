//! Payers, payees, and what travels between them.
#![allow(clippy::unwrap_used, missing_docs)]

mod chains;
mod flows;
mod journal;
mod lies;
mod limits;
mod objects;
mod purchase;
mod replay;
mod support;
mod trouble;
