//! Who asks a processor about disputes, and which one.

use std::path::{Path, PathBuf};

use aep2_mandate::{
    eddsa::SecretKey,
    typed_data::{
        Signed, TypedData,
        access::{Access, SignedAccess},
        keyed::{AnySigned, KeySigned},
    },
};
use aep2_payer::wallet::{KEY_FILE, Wallet, key};
use aep2_processor_client::{RetryPolicy, disputes::DisputesClient, lookup::Lookup};
use aep2_x402::purchase::Venue;
use alloy::{
    primitives::B256, signers::local::PrivateKeySigner, sol_types::Eip712Domain,
    transports::http::reqwest::Url,
};
use anyhow::{Context, anyhow};
use clap::Args;

use crate::{
    command::wallet::options::{http, now},
    onchain::ethereum_key,
};

/// How long a signed access counts, in seconds.
const ACCESS_S: u64 = 600;

/// Which processor.
#[derive(Args)]
pub(super) struct ProcessorOptions {
    /// The processor's interface [else the wallet's processor]
    #[arg(long = "processor", value_name = "URL", env = "AEP2_PROCESSOR_URL")]
    url: Option<Url>,

    /// The wallet's directory
    #[arg(long = "wallet", value_name = "DIR", env = "AEP2_WALLET", default_value = "aep2-wallet")]
    wallet: PathBuf,
}

/// A key of a payee, an owner or an arbiter.
#[derive(Args)]
pub(super) struct KeyFileOptions {
    /// File with the Ethereum key that signs, of a payee, an account's owner or an arbiter: 64 hexadecimal
    /// digits, or an encrypted keystore (V3 JSON)
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,

    /// File with the keystore's password [else it is taken from the variable AEP2_KEY_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,
}

/// Who signs.
pub(super) enum Signer {
    /// A payee, an owner, an arbiter.
    Ethereum(PrivateKeySigner),
    /// A mandate key.
    Mandate(SecretKey),
}

/// A processor that is asked, and who asks.
pub(super) struct Asking {
    pub(super) client: DisputesClient,
    pub(super) venue: Venue,
    pub(super) signer: Signer,
}

impl Signer {
    /// A message with the signature.
    pub(super) fn sign<T: TypedData>(
        &self,
        message: T,
        domain: &Eip712Domain,
    ) -> anyhow::Result<AnySigned<T>> {
        Ok(match self {
            Self::Ethereum(key) => AnySigned::ByAddress(Signed::sign(message, key, domain)?),
            Self::Mandate(key) => AnySigned::ByKey(KeySigned::sign(message, key, domain)),
        })
    }
}

impl KeyFileOptions {
    /// The key, where one is named.
    pub(super) fn read(&self) -> anyhow::Result<Option<PrivateKeySigner>> {
        let password = self.password_file.as_deref();
        self.key_file.as_deref().map(|file| ethereum_key::read_file(file, password)).transpose()
    }

    /// The key, or the one that the environment holds.
    pub(super) fn load(&self) -> anyhow::Result<PrivateKeySigner> {
        match self.read()? {
            Some(key) => Ok(key),
            None => ethereum_key::from_environment()?
                .context("no key to sign with: give --key-file FILE, or set AEP2_PRIVATE_KEY"),
        }
    }
}

impl ProcessorOptions {
    /// Asks with a key; without one, with the mandate key of the wallet.
    pub(super) async fn ask(&self, key: Option<PrivateKeySigner>) -> anyhow::Result<Asking> {
        match key {
            Some(key) => self.ask_with(key).await,
            None => self.ask_from_wallet(),
        }
    }

    /// Asks with an Ethereum key. The processor is the named one, which says who it is; else the wallet's.
    pub(super) async fn ask_with(&self, key: PrivateKeySigner) -> anyhow::Result<Asking> {
        let (url, venue) = match (&self.url, open(&self.wallet)?) {
            (Some(url), _) => {
                let asked = Lookup::new(http(url).build()?, url.clone()).identity().await;
                let identity = asked.with_context(|| format!("no processor answers at {url}"))?;
                (url.clone(), identity.venue())
            }
            (None, Some(wallet)) => of(&wallet),
            (None, None) => {
                return Err(anyhow!("which processor? Name it with --processor URL"));
            }
        };
        Ok(Asking { client: client(url)?, venue, signer: Signer::Ethereum(key) })
    }

    fn ask_from_wallet(&self) -> anyhow::Result<Asking> {
        let wallet = open(&self.wallet)?.with_context(|| {
            format!(
                "there is no wallet in {} to sign with: name one with --wallet, or a key with --key-file",
                self.wallet.display()
            )
        })?;
        let (url, venue) = of(&wallet);
        // The wallet's own processor: another one does not know its account.
        let url = self.url.clone().unwrap_or(url);
        let key = key::read_secret(&self.wallet.join(KEY_FILE))?;
        Ok(Asking { client: client(url)?, venue, signer: Signer::Mandate(key) })
    }
}

fn open(directory: &Path) -> anyhow::Result<Option<Wallet>> {
    match directory.exists() {
        true => Ok(Some(Wallet::open(directory)?)),
        false => Ok(None),
    }
}

fn of(wallet: &Wallet) -> (Url, Venue) {
    let settings = wallet.settings();
    let venue = Venue {
        chain: settings.chain_id,
        wallet: settings.wallet.0,
        processor: settings.processor.0,
    };
    (settings.processor_url.clone(), venue)
}

fn client(url: Url) -> anyhow::Result<DisputesClient> {
    let http = http(&url).build().context("cannot start an HTTP client")?;
    Ok(DisputesClient::new(http, url, RetryPolicy::default()))
}

impl Asking {
    /// Signs a message in the wallet's domain.
    pub(super) fn sign<T: TypedData>(&self, message: T) -> anyhow::Result<AnySigned<T>> {
        self.signer.sign(message, &self.venue.typed_data_domain())
    }

    /// An access for a while, to one dispute or to all of the signer's.
    pub(super) fn access(&self, about: Option<B256>) -> anyhow::Result<SignedAccess> {
        let until = now().checked_add(ACCESS_S).context("the clock is beyond all times")?;
        let (processor, about) = (self.venue.processor, about.unwrap_or_default());
        self.sign(Access { processor, about, until })
    }
}
