//! A processor being served.

use std::{io, net::SocketAddr, time::Duration};

use aep2_http::HttpServer;
use aep2_processor::Processor;
use thiserror::Error;

use crate::{
    api::{Api, Beside},
    settings::Settings,
};

/// A processor being served over HTTP, until it is [stopped](Self::stop).
pub struct Server {
    api: Api,
    main: HttpServer,
    metrics: Option<HttpServer>,
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
        Ok(Self { api, main, metrics, stop_within: Duration::from_secs(http.stop_within_s) })
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
        self.main.stop(self.stop_within).await;
        if let Some(metrics) = self.metrics {
            metrics.stop(self.stop_within).await;
        }
    }
}
