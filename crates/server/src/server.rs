//! A processor being served.

use std::{io, net::SocketAddr, time::Duration};

use aep2_evidence::EvidenceStore;
use aep2_http::HttpServer;
use aep2_processor::Processor;
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::{
    api::{Api, Beside},
    settings::Settings,
};

/// How often old evidence is looked for.
const FORGET_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// A processor being served over HTTP, until it is [stopped](Self::stop).
pub struct Server {
    api: Api,
    main: HttpServer,
    metrics: Option<HttpServer>,
    /// Destroys evidence that has been kept as long as it must be.
    forgetting: Option<JoinHandle<()>>,
    stop_within: Duration,
}

/// Why a processor cannot be served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The system does not give the port.
    #[error(
        "cannot listen on {address} ({setting}): {source}{}",
        if source.kind() == io::ErrorKind::AddrInUse {
            "; another program listens there: stop it, or choose another port"
        } else {
            ""
        }
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Server {
    /// Listens as the settings say, and serves what there is beside the processor.
    /// Call it within tokio.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(
        processor: Processor,
        beside: Beside,
        settings: &Settings,
    ) -> Result<Self, ServeError> {
        let Settings { http, limits, metrics, .. } = settings;
        let forgetting = beside.evidence.clone().map(|store| tokio::spawn(forget(store)));
        let api = Api::new(processor, beside, limits);
        let connections = limits.connections();
        let listen = async |address, setting, router| {
            let open = api.metrics().http.connections.clone();
            let server = HttpServer::bind(address, router, connections, open).await;
            server.map_err(|source| ServeError::Listen { address, setting, source })
        };
        let here = metrics.enabled && metrics.listen.is_none();
        let main = listen(http.listen, "http.listen", api.router(http.any_origin, here)).await?;
        let elsewhere = metrics.listen.filter(|_| metrics.enabled);
        let metrics = match elsewhere {
            Some(address) => Some(listen(address, "metrics.listen", api.metrics_router()).await?),
            None => None,
        };
        let stop_within = Duration::from_secs(http.stop_within_s);
        Ok(Self { api, main, metrics, forgetting, stop_within })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.main.address()
    }

    /// Where the metrics are served, if not there.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(HttpServer::address)
    }

    /// Takes no more connections, ends event streams, and lets requests in flight finish, as
    /// long as the settings say. The processor goes on.
    pub async fn stop(self) {
        self.api.stop();
        if let Some(forgetting) = self.forgetting {
            forgetting.abort();
        }
        self.main.stop(self.stop_within).await;
        if let Some(metrics) = self.metrics {
            metrics.stop(self.stop_within).await;
        }
    }
}

/// Destroys evidence that has been kept as long as it must be, every few hours.
async fn forget(store: EvidenceStore) {
    let mut hours = tokio::time::interval(FORGET_EVERY);
    loop {
        hours.tick().await;
        let store = store.clone();
        match tokio::task::spawn_blocking(move || store.forget()).await {
            Ok(Ok(forgotten)) if forgotten.disputes > 0 => {
                tracing::info!(disputes = forgotten.disputes, "old evidence was destroyed");
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "old evidence could not be destroyed"),
            Err(error) => tracing::error!(%error, "old evidence could not be destroyed"),
        }
    }
}
