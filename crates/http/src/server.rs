//! Serving a port: connections counted and bounded, heads bounded in size and time, and an end that lets
//! requests in flight finish. Requests know their [`ConnectInfo`].

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::{limits::ConnectionLimits, metrics::InFlight};

/// How long to wait after the system gave no connection: too many open files, say.
const PAUSE: Duration = Duration::from_millis(100);

/// The most headers that a request has.
const HEADERS_MAX: usize = 64;

/// A port being served.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Serves a router on an address; port 0 takes any free one. Open connections count in `open`.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn bind(
        address: SocketAddr,
        router: Router,
        limits: ConnectionLimits,
        open: Gauge,
    ) -> io::Result<Self> {
        Self::start(TcpListener::bind(address).await?, router, limits, open)
    }

    /// Serves a router where something listens already.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub fn start(
        listener: TcpListener,
        router: Router,
        limits: ConnectionLimits,
        open: Gauge,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listener, router, limits, open, stopped));
        Ok(Self { address, stop, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and no more requests, and waits for those in flight, so long.
    pub async fn stop(self, within: Duration) {
        // It is gone only when its task is.
        let _ = self.stop.send(within);
        let _ = self.task.await;
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    open: Gauge,
    mut stopped: oneshot::Receiver<Duration>,
) {
    let connections = Connections {
        slots: Arc::new(Semaphore::new(limits.connections_max)),
        ending: GracefulShutdown::new(),
        limits,
        router,
        open,
    };
    let within = loop {
        tokio::select! {
            within = &mut stopped => break within.unwrap_or_default(),
            () = connections.take(&listener) => {}
        }
    };
    drop(listener);
    let Connections { ending, .. } = connections;
    if timeout(within, ending.shutdown()).await.is_err() {
        warn!("connections were cut off: their requests took more than {} s", within.as_secs());
    }
}

struct Connections {
    slots: Arc<Semaphore>,
    ending: GracefulShutdown,
    limits: ConnectionLimits,
    router: Router,
    open: Gauge,
}

impl Connections {
    /// Takes the next connection, once there is room for it, and serves it in a task of its own.
    async fn take(&self, listener: &TcpListener) {
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(taken) => taken,
            Err(error) => {
                debug!(%error, "no connection");
                return sleep(PAUSE).await;
            }
        };
        let connection = self.connection(stream, peer);
        let counted = InFlight::new(&self.open);
        tokio::spawn(async move {
            // What a connection dies of is its client's business.
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended early");
            }
            drop((slot, counted));
        });
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> impl Future<Output = hyper::Result<()>> + use<> {
        // Answers are small and whole: there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_within)
            .max_buf_size(self.limits.head_bytes_max)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        self.ending.watch(connection)
    }
}
