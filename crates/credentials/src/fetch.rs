//! Fetching documents that others publish, without being led anywhere.

use std::{net::SocketAddr, time::Duration};

use http::header::{ACCEPT, CACHE_CONTROL};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use thiserror::Error;
use url::{Host, Url};

use crate::{
    addresses,
    settings::{FetchSettings, SettingsError},
};

/// A client for documents of issuers and agents. Clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client,
    reach: Reach,
}

/// Where it may go.
#[derive(Clone, Copy, Debug)]
struct Reach {
    private: bool,
    loopback_http: bool,
}

/// A document.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its bytes, at most as many as were allowed.
    pub(crate) bytes: Vec<u8>,
    /// For how many seconds it may be kept: `Cache-Control`'s `max-age`, 0 for `no-store` and
    /// `no-cache`. None when nothing is said.
    pub(crate) max_age_s: Option<u64>,
}

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FetchError {
    #[error("the address may not be asked: {0}")]
    Address(&'static str),
    #[error("no answer: {0}")]
    Request(String),
    #[error("the answer has the status {0}")]
    Status(u16),
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
    #[error("its content is of no use: {0}")]
    Content(&'static str),
    #[error("the file cannot be read: {0}")]
    File(std::io::ErrorKind),
    #[error("the attempt was stopped")]
    Stopped,
}

impl Fetcher {
    /// A client by these settings.
    ///
    /// # Errors
    /// When the system's certificates cannot be had.
    pub(crate) fn new(settings: &FetchSettings) -> Result<Self, SettingsError> {
        let reach = Reach {
            private: settings.allow_private_addresses,
            loopback_http: settings.allow_loopback_http,
        };
        let timeout = Duration::from_millis(settings.timeout_ms);
        // No proxy: it would look names up itself. No redirects: they lead elsewhere. No
        // decompression: sizes are those of what is read.
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .timeout(timeout)
            .connect_timeout(timeout)
            .dns_resolver(reach)
            .build()
            .map_err(|error| SettingsError::Client(chain(&error)))?;
        Ok(Self { client, reach })
    }

    /// Checks an address of the settings, so that one that would never be asked is noticed at once.
    ///
    /// # Errors
    /// When it may not be asked.
    pub(crate) fn check(&self, who: &str, url: &Url) -> Result<(), SettingsError> {
        let refused = |wrong| SettingsError::Wrong { who: who.to_owned(), wrong };
        self.reach.check(url).map_err(refused)
    }

    /// Fetches a document of at most `bytes_max` bytes.
    pub(crate) async fn get(
        &self,
        url: &Url,
        accept: &str,
        bytes_max: usize,
    ) -> Result<Document, FetchError> {
        self.reach.check(url).map_err(FetchError::Address)?;
        // Without the address: errors are logged, and an issuer's path may have a secret in it.
        let failed = |error: reqwest::Error| FetchError::Request(chain(&error.without_url()));
        let request = self.client.get(url.clone()).header(ACCEPT, accept);
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != http::StatusCode::OK {
            return Err(FetchError::Status(response.status().as_u16()));
        }
        if response.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(FetchError::TooLarge(bytes_max));
        }
        let control = response.headers().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
        let max_age_s = control.and_then(max_age_s);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > bytes_max - bytes.len() {
                return Err(FetchError::TooLarge(bytes_max));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Document { bytes, max_age_s })
    }
}

impl Reach {
    /// What can be said before anything is looked up. An address instead of a name is not looked up
    /// at all, so it is checked here.
    fn check(self, url: &Url) -> Result<(), &'static str> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address has a user's name or a password in it");
        }
        let host = url.host().ok_or("not https: the address has no host")?;
        let address = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        };
        let loopback = match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback && self.loopback_http => {}
            _ => return Err("the address is not https"),
        }
        match address {
            Some(address) if !self.may_connect(SocketAddr::new(address, 0)) => {
                Err("a private address")
            }
            _ => Ok(()),
        }
    }

    fn may_connect(self, to: SocketAddr) -> bool {
        let loopback = self.loopback_http && to.ip().is_loopback();
        self.private || loopback || addresses::is_public(to.ip())
    }
}

/// Names become public addresses only: checked on what is connected to, so that a name that changes
/// between a check and the connection helps nobody.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| reach.may_connect(*address)).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// An error and its causes, in a line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// For how many seconds an answer may be kept.
fn max_age_s(control: &str) -> Option<u64> {
    let directives = || control.split(',').map(|directive| directive.trim().to_ascii_lowercase());
    if directives().any(|directive| directive == "no-store" || directive == "no-cache") {
        return Some(0);
    }
    directives().find_map(|directive| {
        let seconds = directive.strip_prefix("max-age=")?.trim_matches('"').to_owned();
        seconds.parse().ok()
    })
}
