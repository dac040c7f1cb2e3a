//! `aep2 mcp sell`.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use aep2_mcp::sell::{self, EXAMPLE, PATH, Seller, SellerSettings};
use aep2_payee::Payee;
use aep2_x402::mcp::ServerName;
use alloy::primitives::Address;
use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use tokio::{net::TcpListener, process::Command, time::timeout};

use super::stdio::{self, END_MAX};
use crate::{
    command::{chain::stop_signal, rows, wallet},
    onchain::ethereum_key,
    output::{Output, print},
};

/// Put prices on the tools of any MCP server, and sell them
///
/// Starts the MCP server that the command line names, and serves its tools over HTTP. Who calls a tool
/// with a price gets terms first (x402), and the result for a mandate. Calls that fail are charged
/// nothing. Everything else of the server is passed on.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 mcp sell --print-config > sell.toml\n  \
                        aep2 mcp sell --config sell.toml -- npx -y @modelcontextprotocol/server-everything\n  \
                        aep2 mcp sell --config sell.toml --stdio -- python3 server.py")]
pub(crate) struct Arguments {
    /// The settings, TOML: prices, the payee, the processor
    #[arg(long, short, value_name = "FILE", required_unless_present = "print_config")]
    config: Option<PathBuf>,

    /// Listen here, whatever the settings say; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "stdio")]
    http: Option<SocketAddr>,

    /// Serve on standard input and output instead
    #[arg(long)]
    stdio: bool,

    /// Print all settings with what they do
    #[arg(long, conflicts_with_all = ["config", "http", "stdio", "command"])]
    print_config: bool,

    /// The MCP server's command, behind --
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "print_config")]
    command: Vec<OsString>,
}

/// What is served, and where.
#[derive(Serialize)]
struct Ready {
    url: String,
    name: String,
    payee: Address,
    token: Address,
    processor: String,
    priced: Vec<String>,
    free: Vec<String>,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<()> {
    let (Some(config), [program, rest @ ..]) = (&arguments.config, &arguments.command[..]) else {
        print(EXAMPLE.trim_end())?;
        return Ok(());
    };
    let mut command = Command::new(program);
    command.args(rest);
    let mut settings = SellerSettings::read(config)
        .with_context(|| format!("the settings in {} cannot be used", config.display()))?;
    settings.payee.keep_receipts_in(config.parent().unwrap_or(Path::new("")));
    if let Some(listen) = arguments.http {
        settings.listen = listen;
    }
    if arguments.stdio {
        let Some(name) = &settings.name else {
            bail!(
                "over standard input and output nothing says what payers know the server as: set `name`"
            );
        };
        let seller = start(&settings, name.parse()?, config, command).await?;
        let payee = seller.payee.clone();
        stdio::serve(seller.server).await?;
        return end(&payee).await;
    }
    over_http(&settings, config, command, output).await
}

async fn over_http(
    settings: &SellerSettings,
    config: &Path,
    command: Command,
    output: &Output,
) -> anyhow::Result<()> {
    // Before anything is begun: who stops it at once must not miss.
    let stopped = stop_signal()?;
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let address = listener.local_addr().context("cannot listen")?;
    let name: ServerName = match &settings.name {
        Some(name) => name.parse()?,
        None if address.ip().is_unspecified() => {
            bail!(
                "{address} is every address of this machine: set `name` to the one that payers use"
            )
        }
        None => address.to_string().parse()?,
    };
    let seller = start(settings, name.clone(), config, command).await?;
    let ready = Ready {
        url: format!("http://{address}{PATH}"),
        name: name.to_string(),
        payee: seller.payee.address(),
        token: seller.payee.token(),
        processor: settings.payee.processor.to_string(),
        priced: settings.tools.keys().cloned().collect(),
        free: seller.free.clone(),
    };
    output.line(&ready, || text(&ready))?;
    let Seller { server, program, payee, .. } = seller;
    let hosts = vec![name.to_string(), address.to_string(), "localhost".to_owned()];
    let router = sell::over_http(server, hosts, &settings.origins()?);
    let (stop, asked_to_stop) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        // Dropped, it means the same.
        let _ = asked_to_stop.await;
    });
    let serving = tokio::spawn(serving.into_future());
    let broken = tokio::select! {
        () = stopped => false,
        () = program.ended() => true,
    };
    output.note("stopping: calls in flight are answered first");
    drop(stop);
    let _ = timeout(END_MAX, serving).await;
    end(&payee).await?;
    if broken {
        bail!("the MCP server has ended");
    }
    Ok(())
}

/// Starts what is sold. Files are named as seen from the settings.
async fn start(
    settings: &SellerSettings,
    name: ServerName,
    config: &Path,
    command: Command,
) -> anyhow::Result<Seller> {
    let key = match &settings.payee.key_file {
        Some(file) => {
            let folder = config.parent().unwrap_or(Path::new(""));
            let password = settings.payee.password_file.as_ref().map(|file| folder.join(file));
            Some(ethereum_key::read_file(&folder.join(file), password.as_deref())?)
        }
        None => None,
    };
    let http =
        wallet::options::http(&settings.payee.processor).build().context("no HTTP client")?;
    Ok(Seller::start(settings, name, key, http, command).await?)
}

/// Captures on their way get through, or have had their time.
async fn end(payee: &Payee) -> anyhow::Result<()> {
    let _ = timeout(END_MAX, payee.idle()).await;
    Ok(())
}

fn text(ready: &Ready) -> String {
    let list =
        |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    rows(&[
        ("MCP server", ready.url.clone()),
        ("known as", ready.name.clone()),
        ("payee", ready.payee.to_string()),
        ("token", ready.token.to_string()),
        ("processor", ready.processor.clone()),
        ("sold", list(&ready.priced)),
        ("free", list(&ready.free)),
    ])
}
