//! Payees and payers, and everything between them, on a processor that keeps its ledger in memory.

mod chains;
mod flows;
mod gateway;
mod lies;
mod mvp;
mod receipts;
mod replay;
mod trouble;
mod voucher;
mod wallet;
