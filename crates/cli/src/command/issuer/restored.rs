//! `aep2 issuer restored`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::config::ConfigOptions;
use crate::{
    onchain::block_on,
    output::{Output, count},
};

/// Make a store that was restored from a backup safe to start
///
/// It has forgotten what was issued since the backup. So every wallet goes on with nonces from a range that
/// is drawn anew, and is frozen until its owner ends that: `aep2 issuer wallet unfreeze`, once what was
/// issued since has been settled or has expired. Needs the service stopped.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer restored --config issuer")]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigOptions,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let issuer = arguments.config.open()?;
    let wallets = block_on(async { Ok(issuer.after_restore().await?) })?;
    output.result(&json!({ "frozen": wallets }), || {
        format!(
            "{} frozen, with fresh nonces; their owners unfreeze them once what was issued since the \
             backup is settled or has expired",
            count(wallets, "wallet")
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
