//! `aep2 issuer rewrap`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::config::ConfigOptions;
use crate::{
    onchain::block_on,
    output::{Output, count},
};

/// Wrap all keys in the store by the newest key-encryption key
///
/// First the settings: the new key in its place, the old one among `previous`. Afterwards the old one may
/// go. Copies of the store that were made before still open with it. Needs the service stopped.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 issuer rewrap --config issuer")]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigOptions,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let issuer = arguments.config.open()?;
    let anew = block_on(async { Ok(issuer.rewrap().await?) })?;
    output.result(&json!({ "rewrapped": anew }), || {
        format!("{} wrapped anew; the older keys may leave the settings", count(anew, "key"))
    })?;
    Ok(ExitCode::SUCCESS)
}
