//! `aep2 mcp wallet`.

use aep2_mcp::{Reach, WalletServer};
use clap::Args;

use crate::command::pay_from::PayFromOptions;

/// Be an agent's wallet: an MCP server on standard input and output
///
/// The agent gets the tools pay, price, pay_tool, tools, balance, limits and history. It pays within the
/// wallet's limits, or the card's, which it can see and not change, and it never sees a key. In the settings of an agent:
///
///   "mcpServers": { "wallet": { "command": "aep2", "args": ["mcp", "wallet", "--wallet", "/home/me/aep2-wallet"] } }
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    from: PayFromOptions,

    /// Let requests reach this machine and its own networks too, where the owner named no hosts
    #[arg(long)]
    reach_local: bool,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let reach = if arguments.reach_local { Reach::Anywhere } else { Reach::Public };
    let server = match arguments.from.card()? {
        Some(card) => WalletServer::with_card(card, reach).await?,
        None => WalletServer::new(arguments.from.wallet.open()?, reach)?,
    };
    super::stdio::serve(server).await
}
