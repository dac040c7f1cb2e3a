//! Foundry's anvil, as `contracts/package.json` pins it.

use std::path::PathBuf;

use crate::repository;

/// The program: from `AEP2_ANVIL`, or where `scripts/setup.sh` puts it.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("AEP2_ANVIL") {
        return path.into();
    }
    let packages = repository::file("contracts/node_modules/@foundry-rs");
    std::fs::read_dir(&packages)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("anvil-"))
        .map(|entry| entry.path().join("bin/anvil"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("no anvil in {}: run scripts/setup.sh, or set AEP2_ANVIL", packages.display())
        })
}
