//! The commands, one file each, or a folder.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod bench_accept;
pub(crate) mod bench_issue;
pub(crate) mod bench_prove;
pub(crate) mod bench_settle;
pub(crate) mod bond;
pub(crate) mod card;
pub(crate) mod case;
pub(crate) mod ceremony;
pub(crate) mod chain;
pub(crate) mod compliance;
pub(crate) mod demo;
pub(crate) mod deploy;
pub(crate) mod deposit;
pub(crate) mod dispute;
pub(crate) mod dispute_processor;
pub(crate) mod export;
pub(crate) mod gateway;
pub(crate) mod inclusion;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod mcp;
pub(crate) mod pay;
mod pay_from;
pub(crate) mod payee;
pub(crate) mod processor;
pub(crate) mod prove;
pub(crate) mod receipt;
pub(crate) mod refund;
pub(crate) mod sample;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod shapes;
mod stored_log;
mod transcripts;
pub(crate) mod verify;
pub(crate) mod wallet;
pub(crate) mod withdraw;

use anyhow::Context;
use rayon::ThreadPool;

/// A pool of at most this many threads; of as many as there are cores when not said.
fn threads(cap: Option<usize>) -> anyhow::Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(cap.unwrap_or(0))
        .build()
        .context("cannot start the threads")
}

/// Names and values as lines, the values in one column.
fn rows(rows: &[(&str, String)]) -> String {
    let lines: Vec<String> =
        rows.iter().map(|(name, value)| format!("{name:14} {value}")).collect();
    lines.join("\n")
}
