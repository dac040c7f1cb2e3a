//! `aep2 gateway`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Duration,
};

use aep2_http::{ConnectionLimits, HttpServer};
use aep2_payee::{
    ConnectError,
    gateway::{
        Gateway, GatewayError,
        settings::{EXAMPLE, GatewaySettings},
    },
    settings::KeepReceipts,
};
use alloy::{
    primitives::Address, signers::local::PrivateKeySigner, transports::http::reqwest::Url,
};
use anyhow::Context;
use clap::Args;
use prometheus_client::metrics::gauge::Gauge;
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpListener, time::timeout};

use super::{chain::stop_signal, rows, wallet::options::http};
use crate::{
    onchain::ethereum_key,
    output::{Output, print},
};

/// How long requests in flight, and then captures on their way, have when it is told to stop.
const END_MAX: Duration = Duration::from_secs(30);

/// How often a processor that does not answer yet is asked when the gateway starts, and the pause between.
const PROCESSOR_TRIES: u32 = 30;
const PROCESSOR_PAUSE: Duration = Duration::from_secs(2);

/// The longest head of a request: a payment is up to 12 KiB of it.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// Put prices on an HTTP service, which needs to know nothing of payments
///
/// Payers reach the service through the gateway: what a route prices is answered for a payment, and
/// for nothing without one. Bodies stream both ways. A call that fails is charged nothing, where the
/// payee's key is there to say so.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 gateway --print-config > gateway.toml\n  \
                        aep2 gateway --config gateway.toml --check-config\n  \
                        aep2 gateway --config gateway.toml")]
pub(crate) struct Arguments {
    /// The settings, TOML
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "AEP2_GATEWAY_CONFIG",
        default_value = "gateway.toml"
    )]
    config: PathBuf,

    /// Listen here, whatever the settings say; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Say whether the settings are in order, and start nothing
    #[arg(long)]
    check_config: bool,

    /// Print all settings with what they do
    #[arg(long, conflicts_with_all = ["listen", "check_config"])]
    print_config: bool,
}

#[derive(Serialize)]
struct Ready {
    /// Where payers reach it.
    origin: String,
    listen: SocketAddr,
    /// Health and metrics.
    admin: String,
    upstream: Url,
    processor: Url,
    payee: Address,
    token: Address,
    /// Whether calls that fail, or are metered, are charged less than their price.
    captures: bool,
    /// The folder that receipts are kept in.
    receipts: Option<PathBuf>,
    routes: usize,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.print_config {
        print(EXAMPLE.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let name = arguments.config.display();
    let mut settings = GatewaySettings::read(&arguments.config).with_context(|| {
        format!("the settings in {name} cannot be used (`aep2 gateway --print-config` shows some)")
    })?;
    let key = key(&settings, &arguments.config)?;
    if arguments.check_config {
        for warning in settings.warnings() {
            output.note(format!("warning: {warning}"));
        }
        output.result(&json!({ "file": arguments.config, "in_order": true }), || {
            "the settings are in order".to_owned()
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    settings.payee.keep_receipts_in(arguments.config.parent().unwrap_or(Path::new("")));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(serve(arguments, settings, key, output))?;
    runtime.shutdown_timeout(END_MAX);
    Ok(ExitCode::SUCCESS)
}

/// The payee's key: beside the settings, unless its path says where.
fn key(settings: &GatewaySettings, config: &Path) -> anyhow::Result<Option<PrivateKeySigner>> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let file = settings.payee.key_file.as_ref().map(|file| folder.join(file));
    let password = settings.payee.password_file.as_ref().map(|file| folder.join(file));
    file.map(|file| ethereum_key::read_file(&file, password.as_deref())).transpose()
}

async fn serve(
    arguments: &Arguments,
    settings: GatewaySettings,
    key: Option<PrivateKeySigner>,
    output: &Output,
) -> anyhow::Result<()> {
    // Before anybody is told: who stops it at once must not miss.
    let mut stopped = Box::pin(stop_signal()?);
    let listener = bind(arguments.listen.unwrap_or(settings.listen), "listen").await?;
    let admin = bind(settings.admin_listen, "admin_listen").await?;
    let origin = match &settings.origin {
        Some(origin) => origin.clone(),
        None => format!("http://{}", listener.local_addr()?).parse()?,
    };
    let gateway = tokio::select! {
        gateway = begin(&settings, &origin, key, output) => gateway?,
        () = &mut stopped => return Ok(()),
    };
    let ready = Ready {
        origin: origin.origin().ascii_serialization(),
        listen: listener.local_addr()?,
        admin: format!("http://{}", admin.local_addr()?),
        upstream: settings.upstream.clone(),
        processor: settings.payee.processor.clone(),
        payee: gateway.payee().address(),
        token: gateway.payee().token(),
        captures: gateway.payee().can_capture_less(),
        receipts: match &settings.payee.receipts {
            Some(KeepReceipts::Folder(folder)) => Some(folder.clone()),
            _ => None,
        },
        routes: settings.routes.len(),
    };
    let limits = ConnectionLimits { head_bytes_max: HEAD_BYTES_MAX, ..ConnectionLimits::default() };
    let listening = |listener, router, open| HttpServer::start(listener, router, limits, open);
    let serving = listening(listener, gateway.router(), gateway.connections())?;
    let admin = listening(admin, gateway.admin_router(), Gauge::default())?;
    output.line(&ready, || text(&ready))?;
    stopped.await;
    output.note("stopping: requests in flight are answered first; once more stops at once");
    let at_once = stop_signal()?;
    let in_order = async {
        serving.stop(END_MAX).await;
        if timeout(END_MAX, gateway.payee().idle()).await.is_err() {
            output.note(
                "captures are left that the processor did not take: they are charged in full",
            );
        }
        admin.stop(Duration::ZERO).await;
    };
    tokio::select! {
        () = in_order => Ok(()),
        () = at_once => process::exit(130),
    }
}

/// The gateway, once its processor answers: the two may be started together.
async fn begin(
    settings: &GatewaySettings,
    origin: &Url,
    key: Option<PrivateKeySigner>,
    output: &Output,
) -> anyhow::Result<Gateway> {
    let processor = &settings.payee.processor;
    let mut tries = 1;
    loop {
        let begun = Gateway::new(settings, origin.clone(), key.clone(), http(processor)).await;
        match begun {
            Err(GatewayError::Connect(ConnectError::Processor { source, .. }))
                if source.is_passing() && tries < PROCESSOR_TRIES =>
            {
                output.note(format!("the processor at {processor} does not answer yet: {source}"));
                tokio::time::sleep(PROCESSOR_PAUSE).await;
                tries += 1;
            }
            begun => return Ok(begun?),
        }
    }
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} ({setting}); port 0 takes any free one")
    })
}

fn text(ready: &Ready) -> String {
    let captures = if ready.captures { "yes" } else { "no: every call is charged in full" };
    let receipts = match &ready.receipts {
        Some(folder) => format!("kept in {}", folder.display()),
        None => "not kept".to_owned(),
    };
    rows(&[
        ("origin", ready.origin.clone()),
        ("listens on", ready.listen.to_string()),
        ("admin", ready.admin.clone()),
        ("upstream", ready.upstream.to_string()),
        ("processor", ready.processor.to_string()),
        ("payee", ready.payee.to_string()),
        ("token", ready.token.to_string()),
        ("captures", captures.to_owned()),
        ("receipts", receipts),
        ("routes", ready.routes.to_string()),
    ])
}
