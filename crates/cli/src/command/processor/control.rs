//! Speaking with a processor through the socket in its data directory.

use std::{future::Future, path::PathBuf, time::Duration};

use aep2_server::{
    Settings,
    control::{Refused, SOCKET},
};
use anyhow::{Context, bail};
use clap::Args;
use serde::{Serialize, de::DeserializeOwned};

/// How long a connection may take. What it is asked for may take as long as it likes.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Which processor.
#[derive(Args)]
pub(super) struct Which {
    /// Its data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Its settings, which name the data directory
    #[arg(long, short, value_name = "FILE", env = "AEP2_CONFIG", conflicts_with = "data")]
    config: Option<PathBuf>,
}

impl Which {
    /// The data directory.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
        Ok(match (&self.data, &self.config) {
            (Some(data), _) => data.clone(),
            (None, Some(path)) => {
                let settings = Settings::read(path);
                settings
                    .with_context(|| format!("the settings in {} cannot be used", path.display()))?
                    .data
                    .directory
            }
            (None, None) => Settings::default().data.directory,
        })
    }

    /// A client of the processor that runs there.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let directory = self.directory()?;
        let socket = directory.join(SOCKET);
        let http = reqwest::Client::builder()
            .unix_socket(socket)
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .context("cannot prepare to speak with the processor")?;
        Ok(Client { http, directory })
    }
}

/// Speaks with one processor.
pub(super) struct Client {
    http: reqwest::Client,
    directory: PathBuf,
}

impl Client {
    pub(super) async fn get<T: DeserializeOwned>(&self, what: &str) -> anyhow::Result<T> {
        self.ask(self.http.get(url(what))).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        what: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(self.http.post(url(what)).json(body)).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let name = self.directory.display();
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => bail!(
                "no processor answers in {name}: start `aep2 serve --data {name}`, name another \
                 directory with --data, or be the user who runs it"
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("the processor in {name} went away"));
            }
        };
        if answer.status().is_success() {
            return answer.json().await.context("the processor's answer cannot be read");
        }
        let status = answer.status();
        match answer.json::<Refused>().await {
            Ok(Refused { message, .. }) => bail!("{message}"),
            Err(_) => bail!("the processor answered {status}: is it of another version?"),
        }
    }
}

/// The host does not matter: the socket leads to one processor.
fn url(what: &str) -> String {
    format!("http://aep2/v1/{what}")
}

/// Runs it to its end.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start a thread")?.block_on(work)
}
