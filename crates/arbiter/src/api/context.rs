//! What all answers are made from.

use std::{net::SocketAddr, sync::Arc};

use aep2_page::sessions::Sessions;

use crate::{arbiter::Arbiter, judges::Judge, settings::ArbiterSettings};

/// The interface over an arbiter. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    arbiter: Arbiter,
    judges: Vec<Judge>,
    /// By what names the page may be called.
    hosts: Vec<String>,
    is_behind_tls: bool,
    sessions: Sessions<String>,
}

impl Context {
    /// The interface over `arbiter`, as the settings say, listening at `bound`.
    pub fn new(arbiter: Arbiter, settings: &ArbiterSettings, bound: SocketAddr) -> Self {
        let own = [bound.to_string(), format!("localhost:{}", bound.port())];
        let inner = Inner {
            arbiter,
            judges: settings.judges.clone(),
            hosts: settings.hosts.iter().cloned().chain(own).collect(),
            is_behind_tls: settings.behind_tls,
            sessions: Sessions::new("aep2-arbiter-session"),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn arbiter(&self) -> &Arbiter {
        &self.inner.arbiter
    }

    pub(crate) fn judges(&self) -> &[Judge] {
        &self.inner.judges
    }

    pub(crate) fn sessions(&self) -> &Sessions<String> {
        &self.inner.sessions
    }

    pub(crate) fn is_behind_tls(&self) -> bool {
        self.inner.is_behind_tls
    }

    /// Whether the page may be called by this name.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        self.inner.hosts.iter().any(|known| host.eq_ignore_ascii_case(known))
    }
}
