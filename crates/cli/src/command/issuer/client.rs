//! Asking the service, as an owner. The token is never an argument: every user of the machine sees those,
//! and shells write them down.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

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
const TOKEN_VARIABLE: &str = "AEP2_OWNER_TOKEN";
/// What tokens begin with.
const TOKEN_PREFIX: &str = "aep2owner_";
/// How long an answer may take. Making a wallet asks the processor first.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The service, and who asks.
#[derive(Args)]
pub(super) struct OwnerOptions {
    /// The mandate service
    #[arg(
        long = "url",
        value_name = "URL",
        env = "AEP2_ISSUER_URL",
        default_value = "http://127.0.0.1:8090"
    )]
    service: Url,

    /// File with the owner's token [else it is taken from the variable AEP2_OWNER_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl OwnerOptions {
    /// The service, asked as this owner.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let is_web = matches!(self.service.scheme(), "http" | "https") && self.service.has_host();
        ensure!(is_web, "the service's address begins with http:// or https://");
        let is_own = is_this_machine(&self.service);
        if self.service.scheme() == "http" && !is_own {
            tracing::warn!("the owner's token travels in the clear: use https");
        }
        // Nothing is followed: an answer elsewhere is not the service's.
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).redirect(Policy::none());
        let http = if is_own { http.no_proxy() } else { http };
        let http = http.build().context("cannot start an HTTP client")?;
        Ok(Client { http, url: self.service.clone(), token: token(self.token_file.as_deref())? })
    }
}

/// The token, from the file or the environment. Errors never repeat it.
fn token(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    let text = match file {
        Some(path) => read(path)?,
        None => {
            let text = env::var(TOKEN_VARIABLE).ok().map(Zeroizing::new);
            text.with_context(|| {
                format!(
                    "no owner's token: give --token-file FILE, or set {TOKEN_VARIABLE} (`aep2 issuer \
                     init` and `aep2 issuer owner` make tokens)"
                )
            })?
        }
    };
    let token = Zeroizing::new(text.trim().to_owned());
    ensure!(token.starts_with(TOKEN_PREFIX), "an owner's token begins with {TOKEN_PREFIX}");
    Ok(token)
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    ensure!(
        !path.to_string_lossy().starts_with(TOKEN_PREFIX),
        "--token-file takes the name of a file, and this is a token. A token given as an argument has been \
         shown to every user of this machine and written to the shell's history: have it changed with \
         `aep2 issuer owner token`"
    );
    let name = path.display();
    let file = fs::File::open(path).with_context(|| format!("cannot open {name}"))?;
    warn_if_readable_by_others(&file, path);
    let text = std::io::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    Ok(Zeroizing::new(text))
}

/// The service, asked as an owner.
pub(super) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Zeroizing<String>,
}

impl Client {
    pub(super) async fn get(&self, path: &[&str]) -> anyhow::Result<Value> {
        self.ask(Method::GET, self.address(path)?, None).await
    }

    pub(super) async fn get_with(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        let mut address = self.address(path)?;
        address.query_pairs_mut().extend_pairs(query);
        self.ask(Method::GET, address, None).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: &Value,
    ) -> anyhow::Result<Value> {
        self.ask(method, self.address(path)?, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str]) -> anyhow::Result<()> {
        self.ask(Method::DELETE, self.address(path)?, None).await.map(drop)
    }

    /// What the owner has of a kind.
    pub(super) async fn list<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<Vec<T>> {
        let mut answer = self.get(&[kind]).await?;
        read_as(answer[kind].take())
    }

    /// The address of something of the owner's, its parts encoded.
    fn address(&self, path: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.url.clone();
        let segments = url.path_segments_mut().map(|mut segments| {
            segments.clear().extend(["v1", "owner"]).extend(path);
        });
        segments.map_err(|()| anyhow!("the service's address has no path"))?;
        Ok(url)
    }

    async fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> anyhow::Result<Value> {
        let request = self.http.request(method, url).bearer_auth(self.token.as_str());
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let base = &self.url;
        let answer = request.send().await.map_err(|error| {
            let error = error.without_url();
            anyhow!(error).context(format!(
                "no mandate service answers at {base}; start one with `aep2 issuer serve`, or name another \
                 with --url or AEP2_ISSUER_URL"
            ))
        })?;
        let status = answer.status();
        let text = answer.text().await.context("the answer was cut off")?;
        if status.is_success() {
            let is_empty = text.is_empty();
            return if is_empty { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) };
        }
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let Some((code, message)) =
            value["error"]["code"].as_str().zip(value["error"]["message"].as_str())
        else {
            bail!("{base} is no mandate service: it answers {status}");
        };
        let hint = match code {
            "unauthorized" => "; `aep2 issuer owner token` gives an owner a new one",
            _ => "",
        };
        bail!("{message} ({code}){hint}")
    }
}

/// An answer's part, as it should be.
pub(super) fn read_as<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_json::from_value(value)
        .context("the service answers something else than this release knows")
}
