//! Files in and out, `-` standing for the standard streams.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde::de::DeserializeOwned;

/// The most bytes of JSON that are read: several times the largest window.
const INPUT_BYTES_MAX: u64 = 256 << 20;

/// The folder of keys.
#[derive(Args)]
pub(crate) struct Keys {
    /// Folder that proving and verifying keys are kept in
    #[arg(long = "keys", value_name = "DIR", env = "AEP2_KEYS", default_value = "aep2-keys")]
    pub(crate) folder: PathBuf,
}

/// Reads JSON from a file, or from standard input for `-`.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = read_text(path)?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what was expected", path.display()))
}

/// Reads text from a file, or from standard input for `-`.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    let name = path.display();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(fs::File::open(path).with_context(|| format!("cannot open {name}"))?)
    };
    let mut text = String::new();
    source
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {name}"))?;
    anyhow::ensure!(
        text.len() as u64 <= INPUT_BYTES_MAX,
        "{name} is longer than {INPUT_BYTES_MAX} bytes"
    );
    Ok(text)
}

/// Writes text to a file, or to standard output for `-`.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path == Path::new("-") {
        return io::stdout().write_all(text.as_bytes()).context("cannot write the result");
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a folder for its owner's eyes only (0700), where there is none.
pub(crate) fn private_folder(directory: &Path) -> anyhow::Result<()> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(directory).with_context(|| format!("cannot make {}", directory.display()))
}

/// A new file for its owner's eyes only (0600). It is made before there is a secret to write: what cannot
/// be written is lost. Without anything written it goes again.
pub(crate) struct SecretFile {
    path: PathBuf,
    file: fs::File,
    is_written: bool,
}

impl SecretFile {
    /// Makes the file.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                anyhow::anyhow!("{} is there, and is not written over", path.display())
            }
            _ => anyhow::Error::from(error).context(format!("cannot make {}", path.display())),
        })?;
        Ok(Self { path: path.to_owned(), file, is_written: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, down to the disk.
    pub(crate) fn write(mut self, text: &str) -> anyhow::Result<()> {
        self.is_written = true;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_written {
            // There is nothing in it that anybody could miss.
            let _ = fs::remove_file(&self.path);
        }
    }
}
