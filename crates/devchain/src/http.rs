//! The chain as JSON-RPC over HTTP, so that `cast`, ethers or a wallet can look at it.
//!
//! On loopback unless asked otherwise, for whoever reaches it can spend every development account's
//! money and move the clock. Any web page in a browser on this machine reaches it, too (CORS lets it, so that
//! wallets work): keep nothing of worth here.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{error::DevChainError, rpc::wire, running::Running};

/// The largest request, in bytes (geth's number).
pub(crate) const BODY_BYTES_MAX: usize = 5 * 1024 * 1024;

const HINT: &str = "This is an embedded chain of aep2: send JSON-RPC 2.0 requests here by POST.\n";

const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Where a chain is served, and to whom. Port 0 takes any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// To this machine: the address must be a loopback address.
    Loopback(SocketAddr),
    /// To whoever reaches the address. They can spend every development account's money and move the
    /// clock.
    Exposed(SocketAddr),
}

/// To this machine.
impl From<SocketAddr> for Listen {
    fn from(address: SocketAddr) -> Self {
        Self::Loopback(address)
    }
}

impl Listen {
    /// The address, if it may be listened on.
    fn address(self) -> Result<SocketAddr, DevChainError> {
        match self {
            Self::Loopback(address) if !address.ip().is_loopback() => {
                Err(DevChainError::NotLoopback { address })
            }
            Self::Loopback(address) | Self::Exposed(address) => Ok(address),
        }
    }
}

/// A running server. It stops when this is dropped, or by [`Server::stop`], which waits for it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address as a URL, for `--rpc-url` and the like.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Finishes the requests under way, takes no more, and returns.
    pub async fn stop(self) {
        drop(self.stop);
        // The task ends in no other way than this.
        let _ = self.task.await;
    }
}

pub(crate) async fn serve(chain: Arc<Running>, listen: Listen) -> Result<Server, DevChainError> {
    let address = listen.address()?;
    let listen_error = |source| DevChainError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let (stop, stopped) = oneshot::channel();
    let service = axum::serve(listener, router(chain)).with_graceful_shutdown(async {
        // Both a message and the sender's end are the sign to stop.
        let _ = stopped.await;
    });
    let task = tokio::spawn(async move { service.await });
    Ok(Server { address, stop, task })
}

fn router(chain: Arc<Running>) -> Router {
    Router::new()
        .route("/", post(answer).get(hint).options(preflight))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(chain)
}

async fn answer(State(chain): State<Arc<Running>>, body: Bytes) -> Response {
    let answered = tokio::task::spawn_blocking(move || {
        wire::answer_text(&body, |method, params| chain.call(method, params))
    });
    match answered.await {
        Ok(Some(text)) => {
            (CORS, [(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
        Ok(None) => (CORS, StatusCode::NO_CONTENT).into_response(),
        Err(_) => (CORS, StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

async fn hint() -> Response {
    (CORS, HINT).into_response()
}

async fn preflight() -> Response {
    (CORS, StatusCode::NO_CONTENT).into_response()
}
