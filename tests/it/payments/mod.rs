//! Payees and payers, and everything between them.
#![allow(clippy::unwrap_used, missing_docs)]

mod chains;
mod flows;
mod gateway;
mod lies;
mod mvp;
mod replay;
mod support;
mod trouble;
mod voucher;
mod wallet;
