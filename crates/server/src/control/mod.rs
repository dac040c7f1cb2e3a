//! Local control: a socket in the data directory, for whoever may use that directory.
//!
//! It speaks HTTP with JSON, like the API, and needs no passwords: the system says who connects, and only the user who
//! runs the processor, and root, are heard.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /v1/status` | says how it stands |
//! | `POST /v1/pause` | accepts nothing more; what was accepted is settled |
//! | `POST /v1/resume` | accepts again; after a backup was restored: goes on |
//! | `POST /v1/backup` | copies everything to a folder |

mod answers;
mod controlled;
mod listener;
mod requests;
mod routes;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

pub use self::{
    answers::{Closed, Refused, Resumed, Status, Switched},
    controlled::Controlled,
    requests::{BackupRequest, PauseRequest, ResumeRequest},
};
use self::{listener::OwnUser, routes::router};

/// The socket's name in the data directory.
pub const SOCKET: &str = "control.sock";

/// A socket being served.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Control {
    /// Serves the socket in a data directory that this process has to itself. Call it within tokio.
    ///
    /// # Errors
    /// When the system does not let it be made: its path is too long, say.
    pub fn start(data: &Path, controlled: Controlled) -> io::Result<Self> {
        let path = data.join(SOCKET);
        // Of a process that was killed.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = OwnUser::bind(&path)?;
        let (stop, stopped) = oneshot::channel();
        let serving = axum::serve(listener, router(controlled)).with_graceful_shutdown(async {
            // It ends as well when nobody holds the other end any more.
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "local control has ended");
            }
        });
        Ok(Self { path, stop, task })
    }

    /// Takes no more requests, and waits for those in flight, so long.
    pub async fn stop(self, within: Duration) {
        let Self { path, stop, mut task } = self;
        let _ = fs::remove_file(path);
        let _ = stop.send(());
        if timeout(within, &mut task).await.is_err() {
            tracing::warn!("a request to local control was cut off");
            task.abort();
        }
    }
}
