//! Asking compliance, as an officer. The token is never an argument: every user of the machine sees those,
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
use serde_json::Value;
use zeroize::Zeroizing;

use crate::onchain::node::is_this_machine;

/// The variable that may hold the token itself.
const TOKEN_VARIABLE: &str = "AEP2_OFFICER_TOKEN";
/// What tokens begin with.
const TOKEN_PREFIX: &str = "aep2_officer_";
/// How long an answer may take: a screening asks others first.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// The processor's compliance, and who asks.
#[derive(Args)]
pub(in crate::command) struct OfficerOptions {
    /// Where the processor serves its officers
    #[arg(
        long = "url",
        value_name = "URL",
        env = "AEP2_COMPLIANCE_URL",
        default_value = "http://127.0.0.1:8404"
    )]
    service: Url,

    /// File with the officer's token [else it is taken from the variable AEP2_OFFICER_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl OfficerOptions {
    /// Asks for something.
    pub(in crate::command) fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        let text = self.get_text(path, query)?;
        serde_json::from_str(&text).context("the answer is not JSON")
    }

    /// Asks for something that is a text.
    pub(in crate::command) fn get_text(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<String> {
        let mut address = self.address(path)?;
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        self.ask(Method::GET, address, None)
    }

    /// Has something done.
    pub(in crate::command) fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        let text = self.ask(Method::POST, self.address(path)?, Some(body))?;
        serde_json::from_str(&text).context("the answer is not JSON")
    }

    /// Has something destroyed.
    pub(in crate::command) fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        let text = self.ask(Method::DELETE, self.address(path)?, None)?;
        serde_json::from_str(&text).context("the answer is not JSON")
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

    fn ask(&self, method: Method, url: Url, body: Option<&Value>) -> anyhow::Result<String> {
        let is_own = is_this_machine(&self.service);
        if self.service.scheme() == "http" && !is_own {
            tracing::warn!("the officer's token travels in the clear: use https");
        }
        let token = token(self.token_file.as_deref())?;
        let base = self.service.clone();
        crate::onchain::block_on(async move {
            // Nothing is followed: an answer elsewhere is not the processor's.
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
                    "no compliance answers at {base}: `aep2 serve` says where officers are served; name \
                     it with --url or AEP2_COMPLIANCE_URL"
                ))
            })?;
            let status = answer.status();
            let text = answer.text().await.context("the answer was cut off")?;
            if status.is_success() {
                return Ok(text);
            }
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let error = &value["error"];
            match error["code"].as_str().zip(error["message"].as_str()) {
                Some((code, message)) => bail!("{message} ({code})"),
                None => bail!("{base} is no processor's compliance: it answers {status}"),
            }
        })
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
                    "no officer's token: give --token-file FILE, or set {TOKEN_VARIABLE} (`aep2 compliance \
                     token NAME` makes one)"
                )
            })?
        }
    };
    let token = Zeroizing::new(text.trim().to_owned());
    ensure!(token.starts_with(TOKEN_PREFIX), "an officer's token begins with {TOKEN_PREFIX}");
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

/// An answer for people: a name and a value a line, what is inside of something indented.
pub(in crate::command) fn text_of(value: &Value) -> String {
    let mut lines = Vec::new();
    write(value, 0, &mut lines);
    lines.join("\n")
}

fn write(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        lines.push(format!("{indent}{name}"));
                        write(value, depth + 1, lines);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        lines.push(format!("{indent}{name}"));
                        write(value, depth + 1, lines);
                    }
                    value => lines.push(format!("{indent}{name:14} {}", scalar(name, value))),
                }
            }
        }
        Value::Array(values) => {
            for value in values {
                match value {
                    Value::Object(_) => {
                        lines.push(format!("{indent}-"));
                        write(value, depth + 1, lines);
                    }
                    value => lines.push(format!("{indent}- {}", scalar("", value))),
                }
            }
        }
        value => lines.push(format!("{indent}{}", scalar("", value))),
    }
}

/// A value as people read it: times as dates.
fn scalar(name: &str, value: &Value) -> String {
    let is_time = name == "at" || name.ends_with("_at") || name.ends_with("until");
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Number(number) if is_time => {
            let seconds = number.as_u64().and_then(|seconds| i64::try_from(seconds).ok());
            let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            time.map_or_else(|| number.to_string(), |time| time.to_string())
        }
        value => match value.as_array().map(Vec::is_empty) {
            Some(true) => "none".to_owned(),
            _ => value.to_string(),
        },
    }
}
