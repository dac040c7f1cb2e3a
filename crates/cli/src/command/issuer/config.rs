//! The service's settings, and its store, on the service's machine.

use std::path::PathBuf;

use aep2_issuer::{
    Issuer,
    settings::{IssuerSettings, Problem},
};
use aep2_mandate::clock::Clock;
use anyhow::{Context, ensure};
use clap::Args;

/// The name of the settings' file in a service's directory.
pub(super) const FILE: &str = "issuer.toml";

/// The settings.
#[derive(Args)]
pub(super) struct ConfigOptions {
    /// The service's settings, TOML, or the directory that `aep2 issuer init` made
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        env = "AEP2_ISSUER_CONFIG",
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
    pub(super) fn read(&self) -> anyhow::Result<IssuerSettings> {
        let file = self.file();
        let name = file.display();
        ensure!(
            file.exists(),
            "there is no {name}; `aep2 issuer init` makes a service, and --config or \
             AEP2_ISSUER_CONFIG names one that is there"
        );
        IssuerSettings::read(&file).with_context(|| {
            format!(
                "the settings in {name} cannot be used (`aep2 issuer serve --print-config` shows all)"
            )
        })
    }

    /// The settings, in order.
    pub(super) fn in_order(&self) -> anyhow::Result<IssuerSettings> {
        let settings = self.read()?;
        refuse(&settings.check())?;
        Ok(settings)
    }

    /// The service itself, which is there and does not run.
    pub(super) fn open(&self) -> anyhow::Result<Issuer> {
        let settings = self.in_order()?;
        ensure!(
            settings.store.is_dir(),
            "there is no store {}; `aep2 issuer init` makes one",
            settings.store.display()
        );
        open(&settings)
    }
}

/// Opens the store that the settings name, or begins it.
pub(super) fn open(settings: &IssuerSettings) -> anyhow::Result<Issuer> {
    let vault = settings.vault.open().context("cannot open the vault")?;
    Issuer::open(&settings.store, vault, Clock::system(), settings.issuing.clone())
        .context("cannot open the store")
}

/// Says what is wrong, if anything is.
pub(super) fn refuse(problems: &[Problem]) -> anyhow::Result<()> {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    ensure!(lines.is_empty(), "settings that cannot be used:{}", lines.concat());
    Ok(())
}
