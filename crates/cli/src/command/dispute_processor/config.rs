//! The settings, and the store, on the dispute processor's machine.

use std::path::PathBuf;

use aep2_arbiter::{
    Arbiter, Parts,
    settings::{ArbiterSettings, Problem},
};
use aep2_mandate::clock::Clock;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, ensure};
use clap::Args;

use crate::onchain::ethereum_key;

/// The name of the settings' file in a dispute processor's directory.
pub(super) const FILE: &str = "arbiter.toml";

/// The settings.
#[derive(Args)]
pub(super) struct ConfigOptions {
    /// The settings, TOML, or the directory that `aep2 dispute-processor init` made
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        env = "AEP2_ARBITER_CONFIG",
        default_value = FILE
    )]
    path: PathBuf,
}

impl ConfigOptions {
    /// The settings' file.
    pub(super) fn file(&self) -> PathBuf {
        if self.path.is_dir() { self.path.join(FILE) } else { self.path.clone() }
    }

    /// The settings, as they are written.
    pub(super) fn read(&self) -> anyhow::Result<ArbiterSettings> {
        let file = self.file();
        let name = file.display();
        ensure!(
            file.exists(),
            "there is no {name}; `aep2 dispute-processor init` makes one, and --config or \
             AEP2_ARBITER_CONFIG names one that is there"
        );
        ArbiterSettings::read(&file).with_context(|| {
            format!(
                "the settings in {name} cannot be used (`aep2 dispute-processor serve --print-config` \
                 shows all)"
            )
        })
    }
}

/// The key that signs rulings.
pub(super) fn key(settings: &ArbiterSettings) -> anyhow::Result<PrivateKeySigner> {
    if let Some(file) = &settings.key.file {
        return ethereum_key::read_file(file, settings.key.password_file.as_deref());
    }
    ethereum_key::from_environment()?.context(
        "no key to sign rulings with: name a file with `file` in [key], or set AEP2_PRIVATE_KEY",
    )
}

/// Opens the store that the settings name, or begins it.
pub(super) fn open(settings: &ArbiterSettings) -> anyhow::Result<Arbiter> {
    let vault = settings.vault.open().context("cannot open the vault")?;
    let (signer, clock, config) = (key(settings)?, Clock::system(), settings.deciding.clone());
    let address = signer.address();
    Arbiter::open(&settings.store, Parts { signer, vault, clock, config }).with_context(|| {
        format!("cannot open the store {} for {address}", settings.store.display())
    })
}

/// Says what is wrong, if anything is.
pub(super) fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    ensure!(lines.is_empty(), "settings that cannot be used:{}", lines.concat());
    Ok(())
}
