//! The processor's key: the operator's own, or, on the embedded chain, one made at the first start.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use aep2_server::settings::{ExactSettings, KeySettings, Rpc, Settings};
use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use anyhow::Context;
use zeroize::Zeroizing;

use crate::onchain::ethereum_key;

/// The variable that may name the file.
const FILE_VARIABLE: &str = "AEP2_KEY_FILE";

/// The operator's key, as the settings or the environment name it; none when nothing does.
pub(crate) fn named(settings: &KeySettings) -> anyhow::Result<Option<PrivateKeySigner>> {
    let file = settings.file.clone().or_else(|| env::var_os(FILE_VARIABLE).map(PathBuf::from));
    if let Some(file) = file {
        return ethereum_key::read_file(&file, settings.password_file.as_deref()).map(Some);
    }
    ethereum_key::from_environment()
}

/// The key to serve with.
pub(crate) fn load(settings: &Settings, own: &Path) -> anyhow::Result<PrivateKeySigner> {
    if let Some(key) = named(&settings.key)? {
        return Ok(key);
    }
    match settings.chain.rpc {
        Rpc::Embedded if own.exists() => ethereum_key::read_file(own, None),
        Rpc::Embedded => make(own),
        Rpc::Node(_) => missing(),
    }
}

/// The operator's key that pays for gas of x402's scheme `exact`; none when the settings name none.
pub(crate) fn named_exact(settings: &ExactSettings) -> anyhow::Result<Option<PrivateKeySigner>> {
    let password = settings.password_file.as_deref();
    settings.key_file.as_ref().map(|file| ethereum_key::read_file(file, password)).transpose()
}

/// The key that pays for gas of x402's scheme `exact`: the operator's, or one made on the embedded chain.
pub(crate) fn load_exact(
    settings: &ExactSettings,
    own: &Path,
    processor: Address,
) -> anyhow::Result<PrivateKeySigner> {
    let key = match named_exact(settings)? {
        Some(key) => key,
        None if own.exists() => ethereum_key::read_file(own, None)?,
        None => make(own)?,
    };
    anyhow::ensure!(
        key.address() != processor,
        "exact.key_file is the processor's own key, whose transactions settle batches one after the \
         other; name another, with some ether for gas"
    );
    Ok(key)
}

/// What is said where a key is needed and none is named.
pub(crate) fn missing<T>() -> anyhow::Result<T> {
    anyhow::bail!(
        "no key to sign receipts and transactions with: name a file with `file` in [key] or with \
         {FILE_VARIABLE}, or set AEP2_PRIVATE_KEY"
    )
}

/// A fresh key in a file that only its owner reads, on the disk before anything is done with it.
fn make(path: &Path) -> anyhow::Result<PrivateKeySigner> {
    let key = PrivateKeySigner::random();
    let text = Zeroizing::new(format!("{:x}\n", key.to_bytes()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Under another name first: a file that is half written would be taken for a damaged key.
    let half = path.with_extension("half");
    let _ = fs::remove_file(&half);
    let written = options.open(&half).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&half, path)
    });
    written.with_context(|| format!("cannot write a key to {}", path.display()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_embedded_chain_is_made_once_and_its_owners_alone() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("processor.key");
        let made = load(&Settings::default(), &path)?;
        assert_eq!(load(&Settings::default(), &path)?.address(), made.address());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        }
        // Its nonces are the batches'.
        let exact = ExactSettings { key_file: Some(path.clone()), ..ExactSettings::default() };
        let another = folder.path().join("exact.key");
        assert!(load_exact(&exact, &another, made.address()).is_err());
        load_exact(&ExactSettings::default(), &another, made.address())?;
        // A damaged one is not written over: money may lie on it.
        fs::write(&path, "not a key")?;
        assert!(load(&Settings::default(), &path).is_err());
        Ok(())
    }
}
