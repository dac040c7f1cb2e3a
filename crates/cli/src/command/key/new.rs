//! `aep2 key new`.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt;
use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use alloy::{
    primitives::{Address, hex},
    signers::local::PrivateKeySigner,
};
use anyhow::Context;
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::output::Output;

/// Make an Ethereum key and write it to a new file, for its owner's eyes only
///
/// A payee's key signs what it charges, an owner's key opens accounts and moves their money. Whoever has the file has
/// the key: keep a copy where nobody else looks. A file that is there is not written over.
#[derive(Args)]
#[command(after_help = "Example:\n  aep2 key new payee.key")]
pub(crate) struct Arguments {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Made<'a> {
    file: &'a Path,
    address: Address,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let Arguments { file } = arguments;
    let key = PrivateKeySigner::random();
    let digits = Zeroizing::new(format!("{}\n", hex::encode(key.to_bytes())));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut made = options.open(file).with_context(|| format!("cannot make {}", file.display()))?;
    let written = made.write_all(digits.as_bytes()).and_then(|()| made.sync_all());
    written.with_context(|| format!("cannot write {}", file.display()))?;
    let made = Made { file, address: key.address() };
    output.result(&made, || format!("{} has the key of {}", file.display(), made.address))?;
    Ok(ExitCode::SUCCESS)
}
