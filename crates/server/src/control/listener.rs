//! A socket that hears the user who made it, and root, and nobody else.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream, unix::SocketAddr};

/// How long to wait after the system gave no connection: too many open files, say.
const PAUSE: Duration = Duration::from_millis(100);
const ROOT: u32 = 0;

/// Listens to its own user.
#[derive(Debug)]
pub(super) struct OwnUser {
    listener: UnixListener,
    user: u32,
}

impl OwnUser {
    /// Makes the socket, which no other user may write to.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        // Whoever makes a file owns it.
        let user = fs::metadata(path)?.uid();
        Ok(Self { listener, user })
    }

    /// Whether whoever connects is heard. The file's permissions say so too, but for the moment in which it was made.
    fn hears(&self, stream: &UnixStream) -> bool {
        let peer = stream.peer_cred().map(|peer| peer.uid());
        peer.is_ok_and(|peer| peer == self.user || peer == ROOT)
    }
}

impl Listener for OwnUser {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) if self.hears(&stream) => return (stream, address),
                Ok(_) => tracing::warn!("another user tried to use local control"),
                Err(error) => {
                    tracing::debug!(%error, "no connection to local control");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
