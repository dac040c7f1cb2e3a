//! Asking a dispute processor, as a judge. The token is never an argument: every user of the machine sees
//! those, and shells write them down.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use aep2_arbiter::judges::TOKEN_PREFIX;
use aep2_payer::wallet::key::warn_if_readable_by_others;
use alloy::transports::http::reqwest::Url;
use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use reqwest::{Method, redirect::Policy};
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::onchain::node::is_this_machine;

/// The variable that may hold the token itself.
const TOKEN_VARIABLE: &str = "AEP2_JUDGE_TOKEN";
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The dispute processor, and who asks.
#[derive(Args)]
pub(super) struct JudgeOptions {
    /// Where the dispute processor serves its judges
    #[arg(
        long = "url",
        value_name = "URL",
        env = "AEP2_ARBITER_URL",
        default_value = "http://127.0.0.1:8406"
    )]
    service: Url,

    /// File with the judge's token [else it is taken from the variable AEP2_JUDGE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl JudgeOptions {
    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<T> {
        read_as(&self.get_bytes(path, query).await?)
    }

    /// Asks for bytes.
    pub(super) async fn get_bytes(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<u8>> {
        let mut address = self.address(path)?;
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        self.ask(Method::GET, address, None).await
    }

    /// Has something done.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
    ) -> anyhow::Result<T> {
        read_as(&self.ask(Method::POST, self.address(path)?, Some(body)).await?)
    }

    /// An address, its parts encoded.
    fn address(&self, path: &[&str]) -> anyhow::Result<Url> {
        let is_web = matches!(self.service.scheme(), "http" | "https") && self.service.has_host();
        ensure!(is_web, "the address begins with http:// or https://");
        let mut url = self.service.clone();
        let segments = url.path_segments_mut().map(|mut segments| {
            segments.clear().push("v1").extend(path);
        });
        segments.map_err(|()| anyhow!("the address has no path"))?;
        Ok(url)
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> anyhow::Result<Vec<u8>> {
        let is_own = is_this_machine(&self.service);
        if self.service.scheme() == "http" && !is_own {
            tracing::warn!("the judge's token travels in the clear: use https");
        }
        let token = token(self.token_file.as_deref())?;
        let base = &self.service;
        // Nothing is followed: an answer elsewhere is not the dispute processor's.
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).redirect(Policy::none());
        let http = if is_own { http.no_proxy() } else { http };
        let http = http.build().context("cannot start an HTTP client")?;
        let request = http.request(method, url).bearer_auth(token.as_str());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(|error| {
            anyhow!(error.without_url()).context(format!(
                "no dispute processor answers at {base}; start one with `aep2 dispute-processor serve`, or \
                 name another with --url or AEP2_ARBITER_URL"
            ))
        })?;
        let status = answer.status();
        let bytes = answer.bytes().await.context("the answer was cut off")?.to_vec();
        if status.is_success() {
            return Ok(bytes);
        }
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let error = &value["error"];
        match error["code"].as_str().zip(error["message"].as_str()) {
            Some((code, message)) => bail!("{message} ({code})"),
            None => bail!("{base} is no dispute processor: it answers {status}"),
        }
    }
}

fn read_as<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes)
        .context("the dispute processor answers something else than this release knows")
}

/// The token, from the file or the environment. Errors never repeat it.
fn token(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let text = match file {
        Some(path) => read(path)?,
        None => {
            let text = env::var(TOKEN_VARIABLE).ok().map(Zeroizing::new);
            text.with_context(|| {
                format!(
                    "no judge's token: give --token-file FILE, or set {TOKEN_VARIABLE} (`aep2 \
                     dispute-processor token NAME` makes one)"
                )
            })?
        }
    };
    let token = Zeroizing::new(text.trim().to_owned());
    ensure!(token.starts_with(TOKEN_PREFIX), "a judge's token begins with {TOKEN_PREFIX}");
    Ok(token)
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    ensure!(
        !path.to_string_lossy().starts_with(TOKEN_PREFIX),
        "--token-file takes the name of a file, and this is a token. A token given as an argument has been \
         shown to every user of this machine: make another one"
    );
    let name = path.display();
    let file = fs::File::open(path).with_context(|| format!("cannot open {name}"))?;
    warn_if_readable_by_others(&file, path);
    let text = std::io::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Ok(Zeroizing::new(text))
}
