//! `aep2 issuer`: a mandate service as its operator, its owners and an agent use it.

mod agent;
mod local;
mod owners;

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::{WorkFolder, running::Running};

/// A service that was made, with its owner's token in `owner.token`.
struct Service {
    work: WorkFolder,
}

impl Service {
    fn init() -> Self {
        Self::init_in(WorkFolder(TempDir::new().unwrap()))
    }

    fn init_in(work: WorkFolder) -> Self {
        work.json(&["issuer", "init", "--directory", "issuer", "--token-file", "owner.token"]);
        Self { work }
    }

    /// It runs.
    fn serve(&self) -> Running {
        let listen = ["--listen", "127.0.0.1:0"];
        Running::start(
            &self.work,
            &[&["issuer", "serve", "--config", "issuer"][..], &listen].concat(),
        )
    }
}

/// Arguments for an owner's command.
fn as_owner<'a>(running: &'a Running, arguments: &[&'a str]) -> Vec<&'a str> {
    let options = ["--url", running.said("url"), "--token-file", "owner.token"];
    [&["issuer"][..], arguments, &options].concat()
}

/// Runs an owner's command.
fn ask(work: &WorkFolder, running: &Running, arguments: &[&str]) -> Value {
    work.json(&as_owner(running, arguments))
}

/// Who may read a file besides its owner.
#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
