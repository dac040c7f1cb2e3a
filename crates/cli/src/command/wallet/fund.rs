//! `aep2 wallet fund`.

use std::process::ExitCode;

use clap::Args;

use super::options::WalletOptions;
use crate::{command::deposit, output::Output};

/// Put tokens into the wallet's account
///
/// The tokens are those of the Ethereum key that signs, which the wallet does not keep.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 wallet fund --amount 5 --mint --deployment aep2-data/deployment.json --from-dev-account 1\n  \
                        aep2 wallet fund --amount 5 --permit --key-file owner.key")]
pub(crate) struct Arguments {
    #[command(flatten)]
    wallet: WalletOptions,

    #[command(flatten)]
    deposit: deposit::Deposit,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let account = arguments.wallet.open()?.settings().account;
    deposit::into(account, &arguments.deposit, output)
}
