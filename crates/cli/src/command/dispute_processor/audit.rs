//! `aep2 dispute-processor audit`.

use std::process::ExitCode;

use aep2_arbiter::stored_log;
use clap::Args;

use super::config::ConfigOptions;
use crate::{
    command::stored_log::{LogOptions, check},
    output::Output,
};

/// Check the audit log: that no entry was changed, removed or put in
///
/// Works while the service runs, and needs no key. Ends with 1 when the log is broken, and says where.
/// Whoever can write the store can write all of it anew: keep exports elsewhere, and compare.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute-processor audit --config arbiter\n  \
                        aep2 dispute-processor audit --config arbiter --export log.jsonl\n  \
                        aep2 dispute-processor audit --file log.jsonl")]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigOptions,

    #[command(flatten)]
    log: LogOptions,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    // No key is needed, so no other setting has to be in order.
    let store = || Ok(arguments.config.read()?.store);
    check(&arguments.log, store, stored_log, output)
}
