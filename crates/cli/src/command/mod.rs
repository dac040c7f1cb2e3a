//! The commands, one file each.

pub(crate) mod bench_prove;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod prove;
pub(crate) mod sample;
pub(crate) mod setup;
pub(crate) mod shapes;
pub(crate) mod verify;

use anyhow::Context;
use rayon::ThreadPool;

/// A pool of at most this many threads; of as many as there are cores when not said.
fn threads(cap: Option<usize>) -> anyhow::Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(cap.unwrap_or(0))
        .build()
        .context("cannot start the threads")
}
