//! `aep2 issuer serve`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{self, ExitCode},
    time::Duration,
};

use aep2_http::{ConnectionLimits, HttpServer};
use aep2_issuer::{
    Follower, Issuer,
    api::{self, Context as Interface},
    settings::{EXAMPLE, IssuerSettings, Problem},
};
use alloy::transports::http::reqwest::Url;
use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpListener, time::sleep};

use super::config::{self, ConfigOptions};
use crate::{
    command::{chain::stop_signal, rows},
    output::Output,
    serving::logs,
};

/// How long requests in flight have when it is told to stop.
const END_MAX: Duration = Duration::from_secs(30);
/// How often the store is looked at: whether it still takes what is written.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest head of a request: a card is up to 6 KiB of it.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// How long a processor's answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Issue payments for agents within their owners' limits, until stopped
///
/// Agents, owners and the owners' page are served on one address. Stop it with ctrl-C or SIGTERM: requests
/// in flight are answered. What was answered is on the disk, so nothing is lost by a kill either.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 issuer serve --print-config\n  \
                        aep2 issuer serve --config issuer/issuer.toml --check-config\n  \
                        aep2 issuer serve --config issuer/issuer.toml")]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigOptions,

    /// Listen here, whatever the settings say; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Say whether the settings are in order, and start nothing
    #[arg(long)]
    check_config: bool,

    /// Print all settings with their defaults and what they do
    #[arg(long, conflicts_with_all = ["listen", "check_config"])]
    print_config: bool,
}

#[derive(Serialize)]
struct Ready {
    /// Where owners and agents reach it.
    url: Url,
    listen: SocketAddr,
    store: PathBuf,
    owners: usize,
    /// The chains that are asked.
    chains: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.print_config {
        print!("{EXAMPLE}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut settings = arguments.config.read()?;
    if let Some(listen) = arguments.listen {
        settings.listen = listen;
    }
    if arguments.check_config {
        return check(&settings, arguments, output);
    }
    config::refuse(&settings.check())?;
    logs::begin_text(settings.chains.values().map(|chain| &chain.rpc));
    let issuer = config::open(&settings)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let served = runtime.block_on(serve(&settings, &issuer, output));
    runtime.shutdown_timeout(END_MAX);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(settings: &IssuerSettings, issuer: &Issuer, output: &Output) -> anyhow::Result<()> {
    // Before anybody is told: who stops it at once must not miss.
    let stopped = stop_signal()?;
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} (listen); port 0 takes any free one")
    })?;
    let bound = listener.local_addr()?;
    let url = settings.url_at(bound)?;
    let http = http()?;
    let interface =
        Interface::new(issuer.clone(), http.clone(), url.clone(), settings.hosts.clone());
    let open = interface.metrics().connections.clone();
    let limits = ConnectionLimits { head_bytes_max: HEAD_BYTES_MAX, ..ConnectionLimits::default() };
    let serving = HttpServer::start(listener, api::router(interface), limits, open)?;
    let follower = Follower::new(issuer.clone(), http, settings.nodes());
    let follower = tokio::spawn(follower.run(Duration::from_secs(settings.ask_every_s)));
    let ready = Ready {
        url,
        listen: bound,
        store: settings.store.clone(),
        owners: issuer.owners()?.len(),
        chains: settings.chains.keys().cloned().collect(),
    };
    output.line(&ready, || text(&ready))?;
    let failure = tokio::select! {
        () = stopped => None,
        failure = failed(issuer) => Some(failure),
        ended = follower => Some(format!("what became of payments is not asked any more: {ended:?}")),
    };
    output.note("stopping: requests in flight are answered first; once more stops at once");
    let at_once = stop_signal()?;
    tokio::select! {
        () = serving.stop(END_MAX) => {}
        // Nothing is lost by it: what was answered is on the disk.
        () = at_once => process::exit(130),
    }
    match failure {
        None => Ok(()),
        Some(failure) => bail!("{failure}"),
    }
}

/// Ends when the store takes nothing any more, and says why.
async fn failed(issuer: &Issuer) -> String {
    loop {
        if let Some(failure) = issuer.failure() {
            return format!("the store failed: {failure}; start again once that is mended");
        }
        sleep(LOOK_EVERY).await;
    }
}

/// What asks processors. The environment's proxies are left alone: they cannot reach this machine's own
/// addresses, and a processor is a service that its operator knows.
fn http() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build().context("no HTTP client")
}

/// Looks at all that can be looked at without starting anything.
fn check(
    settings: &IssuerSettings,
    arguments: &Arguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let mut problems = settings.check();
    let vault_is_named = problems.iter().all(|problem| problem.setting != "vault");
    if vault_is_named && let Err(error) = settings.vault.open() {
        problems.push(Problem { setting: "vault".to_owned(), message: error.to_string() });
    }
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| json!({ "setting": problem.setting, "message": problem.message }))
        .collect();
    let file = arguments.config.file();
    let result = json!({ "file": file, "in_order": problems.is_empty(), "problems": shown });
    output.result(&result, || match config::refuse(&problems) {
        Ok(()) => "the settings are in order".to_owned(),
        Err(error) => error.to_string(),
    })?;
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

fn text(ready: &Ready) -> String {
    let chains = match &ready.chains[..] {
        [] => "none: what a processor says nothing of counts for ever".to_owned(),
        chains => chains.join(", "),
    };
    rows(&[
        ("url", ready.url.to_string()),
        ("listens on", ready.listen.to_string()),
        ("store", ready.store.display().to_string()),
        ("owners", ready.owners.to_string()),
        ("chains asked", chains),
        ("owners' page", ready.url.to_string()),
    ])
}
