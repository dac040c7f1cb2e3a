//! The Ethereum key that signs transactions: from a file or the environment, never from an argument,
//! which every user of the machine can read and shells write down.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aep2_chain::deployment::is_local;
use aep2_devchain::dev_accounts;
use aep2_mandate::units::ChainId;
use aep2_payer::wallet::key::warn_if_readable_by_others;
use alloy::{
    primitives::{B256, hex},
    signers::local::PrivateKeySigner,
};
use anyhow::{Context, bail, ensure};
use clap::Args;
use zeroize::Zeroizing;

/// The variable that may hold the key itself.
const KEY_VARIABLE: &str = "AEP2_PRIVATE_KEY";
/// The variable that may hold a keystore's password.
const PASSWORD_VARIABLE: &str = "AEP2_KEY_PASSWORD";

/// The most bytes of a key's file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The key that signs transactions.
#[derive(Args)]
pub(crate) struct KeyOptions {
    /// File with the Ethereum key that signs: 64 hexadecimal digits, or an encrypted keystore
    /// (V3 JSON) [else the key is taken from the variable AEP2_PRIVATE_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// File with the keystore's password [else it is taken from the variable AEP2_KEY_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,

    /// Sign with this one of the development accounts that `aep2 chain` and anvil prefund, from 0.
    /// Their keys are public, so local chains only
    #[arg(long, value_name = "N", conflicts_with_all = ["key_file", "password_file"])]
    from_dev_account: Option<usize>,
}

impl KeyOptions {
    /// The key, for a chain.
    pub(crate) fn load(&self, chain_id: ChainId) -> anyhow::Result<PrivateKeySigner> {
        if let Some(index) = self.from_dev_account {
            return development_key(index, chain_id);
        }
        if let Some(path) = &self.key_file {
            return read_file(path, self.password_file.as_deref());
        }
        from_environment()?.with_context(|| {
            format!(
                "no key to sign with: give --key-file FILE, or set {KEY_VARIABLE} (on a local \
                 chain also --from-dev-account 0)"
            )
        })
    }
}

/// The key that the environment holds; none when it holds none.
pub(crate) fn from_environment() -> anyhow::Result<Option<PrivateKeySigner>> {
    let text = env::var_os(KEY_VARIABLE);
    text.map(|text| {
        parse(&secret(text, KEY_VARIABLE)?)
            .with_context(|| format!("the variable {KEY_VARIABLE} holds no key"))
    })
    .transpose()
}

fn development_key(index: usize, chain_id: ChainId) -> anyhow::Result<PrivateKeySigner> {
    ensure!(
        is_local(chain_id),
        "the development accounts' keys are public, and chain {chain_id} is not a local one; give \
         a key of your own with --key-file"
    );
    let mut accounts = dev_accounts()?;
    let count = accounts.len();
    ensure!(index < count, "there are {count} development accounts, from 0 to {}", count - 1);
    Ok(accounts.swap_remove(index))
}

/// The key in a file: hexadecimal digits, or a keystore.
pub(crate) fn read_file(
    path: &Path,
    password_file: Option<&Path>,
) -> anyhow::Result<PrivateKeySigner> {
    let name = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        // Said without the name: it is the key.
        Err(_) if path.to_str().is_some_and(|text| parse(text).is_ok()) => bail!(
            "--key-file takes the name of a file, and this is a key. A key given as an argument has \
             been shown to every user of this machine and written to the shell's history: do not \
             use it any more"
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(error).with_context(|| {
                format!("cannot open the key file {name}; `aep2 key new {name}` makes a key")
            });
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot open the key file {name}"));
        }
    };
    warn_if_readable_by_others(&file, path);
    let text = read(file).with_context(|| format!("cannot read the key file {name}"))?;
    if text.trim_start().starts_with('{') {
        let password = password(password_file)?;
        return PrivateKeySigner::decrypt_keystore(path, password.as_bytes()).with_context(|| {
            format!("cannot decrypt the keystore {name}; check the password and the file")
        });
    }
    parse(&text).with_context(|| {
        format!("{name} is neither 64 hexadecimal digits nor an encrypted keystore (V3 JSON)")
    })
}

/// A keystore's password: the file's first line, or the variable.
fn password(file: Option<&Path>) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        warn_if_readable_by_others(&file, path);
        let text = read(file).with_context(|| format!("cannot read {name}"))?;
        return Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    }
    match env::var_os(PASSWORD_VARIABLE) {
        Some(text) => secret(text, PASSWORD_VARIABLE),
        None => bail!(
            "the keystore is encrypted: name a file with its password (--password-file, or `password_file` in \
             settings), or set {PASSWORD_VARIABLE}"
        ),
    }
}

fn secret(text: OsString, variable: &str) -> anyhow::Result<Zeroizing<String>> {
    // The error would hold the text.
    let text = text.into_string().ok().with_context(|| format!("{variable} is not plain text"))?;
    Ok(Zeroizing::new(text))
}

fn read(file: File) -> anyhow::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= FILE_BYTES_MAX, "it is longer than {FILE_BYTES_MAX} bytes");
    // Some editors begin a file with it.
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    })
}

/// A key from hexadecimal digits. Errors never repeat them.
fn parse(text: &str) -> anyhow::Result<PrivateKeySigner> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, bytes.as_mut())
        .ok()
        .context("a key is 64 hexadecimal digits, with or without 0x")?;
    PrivateKeySigner::from_bytes(&B256::from(*bytes))
        .ok()
        .context("the number is no secp256k1 key: 0, or not below the curve's order")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0x0101010101010101010101010101010101010101010101010101010101010101";

    #[test]
    fn keys_are_read_in_their_usual_spellings() {
        let address = parse(KEY).map(|key| key.address()).ok();
        assert!(address.is_some());
        for text in [&KEY[2..], &format!("  {KEY}\n"), &KEY.to_uppercase().replacen('X', "x", 1)] {
            assert_eq!(parse(text).map(|key| key.address()).ok(), address, "{text:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_key_or_a_password() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("key");
        std::fs::write(&file, format!("\u{feff}{KEY}\n"))?;
        assert_eq!(read_file(&file, None)?.address(), parse(KEY)?.address());
        std::fs::write(&file, "\u{feff}secret\r\nmore")?;
        assert_eq!(*password(Some(&file))?, "secret");
        Ok(())
    }

    #[test]
    fn a_key_that_is_none_is_not_repeated() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for text in ["", "0x", "0x01", &KEY[..65], &format!("{KEY}01"), order, &"0".repeat(64)] {
            let Err(error) = parse(text) else { panic!("{text:?} was taken for a key") };
            let said = format!("{error:#}");
            assert!(text.len() < 10 || !said.contains(text), "{said}");
        }
    }
}
