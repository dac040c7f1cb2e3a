//! What all answers are made from.

use std::sync::Arc;

use aep2_cards::proof::Nonces;
use aep2_mandate::units::UnixTime;
use aep2_page::sessions::{Session, Sessions};
use url::Url;

use super::metrics::Metrics;
use crate::{ids::OwnerId, issuer::Issuer};

/// A session of an owner's, with the hash of the token that was logged in with.
pub(crate) type OwnersSession = Session<OwnerId, [u8; 32]>;

/// The interface over an issuer. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    issuer: Issuer,
    http: reqwest::Client,
    /// Where owners and agents find it, for links.
    public_url: Url,
    /// By what names it may be called: a page elsewhere that made its own name point here is refused.
    hosts: Vec<String>,
    /// When this began: what was signed before may have been taken before.
    began: UnixTime,
    nonces: Nonces,
    sessions: Sessions<OwnerId, [u8; 32]>,
    metrics: Metrics,
}

impl Context {
    /// The interface over `issuer`, found at `public_url` and called by these hosts' names too.
    pub fn new(issuer: Issuer, http: reqwest::Client, public_url: Url, hosts: Vec<String>) -> Self {
        let began = issuer.now();
        let inner = Inner {
            issuer,
            http,
            public_url,
            hosts,
            began,
            nonces: Nonces::default(),
            sessions: Sessions::new("aep2-issuer-session"),
            metrics: Metrics::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.inner.issuer
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.inner.http
    }

    pub(crate) fn public_url(&self) -> &Url {
        &self.inner.public_url
    }

    pub(crate) fn began(&self) -> UnixTime {
        self.inner.began
    }

    pub(crate) fn nonces(&self) -> &Nonces {
        &self.inner.nonces
    }

    /// The host that agents ask, with the port where it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = self.public_url().host_str().unwrap_or_default();
        match self.public_url().port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    pub(crate) fn sessions(&self) -> &Sessions<OwnerId, [u8; 32]> {
        &self.inner.sessions
    }

    /// The interface's metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Whether the interface may be called by this name.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        host.eq_ignore_ascii_case(&self.authority())
            || self.inner.hosts.iter().any(|known| host.eq_ignore_ascii_case(known))
    }
}
