//! `aep2 dispute-processor serve`.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{self, ExitCode},
    time::Duration,
};

use aep2_arbiter::{
    Arbiter, Worker,
    api::{self, Context as Interface},
    settings::{ArbiterSettings, EXAMPLE, Problem},
};
use aep2_http::{ConnectionLimits, HttpServer};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

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
/// How long a processor's answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Decide disputes, until stopped
///
/// Processors are asked for disputes that name this key. What a rule decides is decided at once, the rest
/// waits for judges, who are served on one address: commands (`aep2 dispute cases`) and a page. Stop it with
/// ctrl-C or SIGTERM. What was decided is on the disk, so nothing is lost by a kill either.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 dispute-processor serve --print-config\n  \
                        aep2 dispute-processor serve --config arbiter --check-config\n  \
                        aep2 dispute-processor serve --config arbiter")]
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
    /// The address that payees' terms name.
    arbiter: Address,
    /// Where judges are served.
    listen: SocketAddr,
    store: PathBuf,
    /// The processors that are asked.
    processors: Vec<Url>,
    /// How many may decide, or look.
    judges: usize,
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
    logs::begin_text(settings.processors.iter().filter_map(|one| one.rpc.as_ref()));
    let arbiter = config::open(&settings)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let served = runtime.block_on(serve(&settings, &arbiter, output));
    runtime.shutdown_timeout(END_MAX);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(
    settings: &ArbiterSettings,
    arbiter: &Arbiter,
    output: &Output,
) -> anyhow::Result<()> {
    // Before anybody is told: who stops it at once must not miss.
    let stopped = stop_signal()?;
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address} (listen); port 0 takes any free one")
    })?;
    let bound = listener.local_addr()?;
    let interface = Interface::new(arbiter.clone(), settings, bound);
    let open = arbiter.metrics().connections.clone();
    let limits = ConnectionLimits::default();
    let serving = HttpServer::start(listener, api::router(interface), limits, open)?;
    let http = http()?;
    let mut working = JoinSet::new();
    let pause = Duration::from_secs(settings.ask_every_s);
    let asked = settings.asked();
    working.spawn(arbiter.clone().sweep_on(asked.iter().map(|one| one.venue).collect()));
    for processor in asked {
        working.spawn(Worker::new(arbiter.clone(), processor, http.clone()).run(pause));
    }
    let ready = Ready {
        arbiter: arbiter.address(),
        listen: bound,
        store: settings.store.clone(),
        processors: settings.processors.iter().map(|one| one.url.clone()).collect(),
        judges: settings.judges.len(),
    };
    output.line(&ready, || text(&ready))?;
    let failure = tokio::select! {
        () = stopped => None,
        failure = failed(arbiter) => Some(failure),
        Some(ended) = working.join_next() => {
            Some(format!("something is not done any more: {ended:?}"))
        }
    };
    // What is in the middle of something is on the disk up to there, and goes on from there.
    working.abort_all();
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
async fn failed(arbiter: &Arbiter) -> String {
    loop {
        if let Some(failure) = arbiter.failure() {
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
    settings: &ArbiterSettings,
    arguments: &Arguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let mut problems = settings.check();
    let vault_is_named = problems.iter().all(|problem| problem.setting != "vault");
    if vault_is_named && let Err(error) = settings.vault.open() {
        problems.push(Problem { setting: "vault".to_owned(), message: error.to_string() });
    }
    let key = config::key(settings);
    if let Err(error) = &key {
        problems.push(Problem { setting: "key".to_owned(), message: format!("{error:#}") });
    }
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| json!({ "setting": problem.setting, "message": problem.message }))
        .collect();
    let address = key.ok().map(|key| key.address());
    let result = json!({
        "file": arguments.config.file(), "in_order": problems.is_empty(), "problems": shown,
        "arbiter": address,
    });
    output.result(&result, || match config::refuse(&problems) {
        Ok(()) => "the settings are in order".to_owned(),
        Err(error) => error.to_string(),
    })?;
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

fn text(ready: &Ready) -> String {
    let processors = match &ready.processors[..] {
        [] => "none: name them in [[processors]]".to_owned(),
        urls => urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    rows(&[
        ("arbiter", format!("{} (payees' terms name it)", ready.arbiter)),
        ("judges", format!("{} at http://{}/", ready.judges, ready.listen)),
        ("store", ready.store.display().to_string()),
        ("processors", processors),
    ])
}
