//! What the load is to be.

use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Connections, each with one request under way.
    pub(crate) clients: usize,
    /// How long the load runs before anything is measured.
    pub(crate) warm_up: Duration,
    /// How long is measured.
    pub(crate) measured: Duration,
    /// Accounts.
    pub(crate) payers: usize,
    /// Mandates to have signed in store, for each second.
    pub(crate) store_per_s: u64,
    /// Threads that serve requests; 0 as the server has it.
    pub(crate) server_threads: usize,
    /// How many addresses the sanctions list has in which payers and payees are looked up; without one,
    /// nobody is looked at.
    pub(crate) listed: Option<usize>,
    /// Whether the server is killed in the middle.
    pub(crate) kill: bool,
}
