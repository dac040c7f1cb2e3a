//! `aep2 serve`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    time::Duration,
};

use aep2_chain::deployment::Deployment;
use aep2_compliance::settings::ComplianceSettings;
use aep2_prover::prover::Prover;
use aep2_server::settings::{Problem, Rpc, Settings};
use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::{chain::stop_signal, rows};
use crate::{
    output::{Output, print},
    serving::{self, Ready, Serving, key, logs},
};

/// How long what is left may take when all has been stopped in order.
const END_MAX: Duration = Duration::from_secs(5);

/// Accept mandates over HTTP and settle them, until stopped
///
/// Without settings it settles on a chain of its own, kept in the data directory, with contracts and a
/// test token that it deploys at the first start: everything to develop against. Started again, it goes
/// on where it was. Stop it with ctrl-C or SIGTERM: requests in flight are answered, batches are taken up
/// at the next start.
///
/// The key comes from a file or from the variables AEP2_KEY_FILE, AEP2_PRIVATE_KEY, AEP2_KEY_PASSWORD.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
                        aep2 serve\n  \
                        aep2 serve --print-config > aep2.toml\n  \
                        aep2 serve --config aep2.toml --check-config\n  \
                        aep2 serve --config aep2.toml")]
pub(crate) struct Arguments {
    /// The settings, TOML
    #[arg(long, short, value_name = "FILE", env = "AEP2_CONFIG")]
    config: Option<PathBuf>,

    /// Keep everything here, whatever the settings say
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Listen here, whatever the settings say; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,

    /// Say whether the settings are in order, and start nothing
    #[arg(long)]
    check_config: bool,

    /// Print all settings with their defaults and what they do
    #[arg(long, conflicts_with_all = ["config", "data", "http", "check_config"])]
    print_config: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.print_config {
        print(Settings::print().trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = settings(arguments)?;
    logs::begin(&settings);
    if arguments.check_config {
        return check(&settings, arguments.config.as_deref(), output);
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if settings.http.threads > 0 {
        runtime.worker_threads(settings.http.threads);
    }
    let runtime = runtime.enable_all().build().context("cannot start threads")?;
    let served = runtime.block_on(serve(&settings, output));
    runtime.shutdown_timeout(END_MAX);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(settings: &Settings, output: &Output) -> anyhow::Result<()> {
    // Before anything is begun: who stops it at once must not miss.
    let stopped = stop_signal()?;
    let (serving, ready) = tokio::select! {
        started = Serving::start(settings, output) => started?,
        () = stopped => return Ok(()),
    };
    let stopped = stop_signal()?;
    output.line(&ready, || text(&ready))?;
    let ended = tokio::select! {
        () = stopped => Ok(()),
        failure = serving.failed() => Err(failure.into()),
    };
    output.note("stopping: requests in flight are answered first; once more stops at once");
    let at_once = stop_signal()?;
    tokio::select! {
        failure = serving.stop() => ended.and(failure.map_or(Ok(()), |failure| Err(failure.into()))),
        // Nothing is lost by it: what was promised is on the disk.
        () = at_once => process::exit(130),
    }
}

/// The settings of the file, with what the arguments say besides.
fn settings(arguments: &Arguments) -> anyhow::Result<Settings> {
    let mut settings = match &arguments.config {
        Some(path) => Settings::read(path)
            .with_context(|| format!("the settings in {} cannot be used", path.display()))?,
        None => Settings::default(),
    };
    if let Some(data) = &arguments.data {
        settings.data.directory = data.clone();
    }
    if let Some(http) = arguments.http {
        settings.http.listen = http;
    }
    Ok(settings)
}

/// Looks at all that can be looked at without starting anything or asking a node.
fn check(settings: &Settings, file: Option<&Path>, output: &Output) -> anyhow::Result<ExitCode> {
    let mut problems = settings.check();
    let mut problem = |setting, message: String| problems.push(Problem { setting, message });
    match (key::named(&settings.key), &settings.chain.rpc) {
        (Ok(Some(_)), _) | (Ok(None), Rpc::Embedded) => {}
        (Ok(None), Rpc::Node(_)) => {
            if let Err(error) = key::missing::<()>() {
                problem("key.file", error.to_string());
            }
        }
        (Err(error), _) => problem("key.file", format!("{error:#}")),
    }
    if settings.exact.enabled
        && let Err(error) = key::named_exact(&settings.exact)
    {
        problem("exact.key_file", format!("{error:#}"));
    }
    if let (Rpc::Node(_), Some(keys)) = (&settings.chain.rpc, &settings.windows.keys) {
        for shape in settings.windows.shapes.iter().filter(|own| !Prover::is_kept(keys, own.0)) {
            problem(
                "windows.keys",
                format!("there is no key of shape {shape} in {}", keys.display()),
            );
        }
    }
    if let Some(path) = &settings.compliance.settings
        && let Err(error) = ComplianceSettings::read(path)
    {
        problem("compliance.settings", error.to_string());
    }
    if let Some(deployment) = &settings.chain.deployment {
        match Deployment::read(deployment) {
            Ok(deployment) => problems.extend(settings.check_against(&deployment)),
            Err(error) => problem("chain.deployment", error.to_string()),
        }
    }
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| json!({ "setting": problem.setting, "message": problem.message }))
        .collect();
    let result = json!({ "file": file, "in_order": problems.is_empty(), "problems": shown });
    output.result(&result, || match serving::refuse(&problems) {
        Ok(()) => "the settings are in order".to_owned(),
        Err(error) => error.to_string(),
    })?;
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

fn text(ready: &Ready) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let mut lines = vec![
        ("http", ready.http.clone()),
        ("chain", format!("{} (id {})", ready.chain, ready.chain_id)),
    ];
    if let Some(rpc) = &ready.rpc {
        lines.push(("chain's RPC", rpc.clone()));
    }
    if let Some(compliance) = &ready.compliance {
        lines.push(("officers", compliance.clone()));
    }
    lines.extend([
        ("wallet", ready.wallet.to_string()),
        ("tokens", list(ready.tokens.iter().map(ToString::to_string).collect())),
        ("processor", ready.processor.to_string()),
        ("shapes", list(ready.shapes.clone())),
        ("data", ready.data.display().to_string()),
        ("deployment", ready.deployment.display().to_string()),
    ]);
    if ready.development_keys {
        lines.push((
            "proving keys",
            "for development: whoever made them can forge proofs".to_owned(),
        ));
    }
    let state = if !ready.closed.is_empty() {
        let why = ready.closed.join(", ");
        format!("{why}: accepts nothing until `aep2 processor resume`")
    } else if ready.ready {
        "ready".to_owned()
    } else {
        format!("NOT READY YET: {}/readyz says why", ready.http)
    };
    lines.push(("state", state));
    rows(&lines)
}
