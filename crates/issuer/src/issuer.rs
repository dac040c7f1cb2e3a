//! The issuer: its store, its keys, its clock. What can be asked of it is in the other files.

use std::{fmt, path::Path, sync::Arc};

use aep2_cards::{
    card::{Card, VerifiedCard},
    keys::{RootKey, RootPublicKeys},
    token::CardToken,
};
use aep2_journal::{Durable, Journal, JournalConfig, View};
use aep2_mandate::{
    clock::Clock,
    eddsa::{PublicKey, SecretKey},
    field,
    signer::Signer,
    units::UnixTime,
};
use aep2_vault::{Context, Sealed, Vault};
use alloy_primitives::B256;
use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::{
    audit,
    error::{Code, IssuerError, Refusal},
    family::Family,
    issue::{Issue, IssueRequest, Issuing, card_id},
    pressure::Pressure,
    records::WalletRecord,
    signing::Signing,
    store::{self, Source, Tx},
};

/// The format of all keys and values.
pub(crate) const FORMAT: u32 = 1;
/// Whose journal it is.
pub(crate) const IDENTITY: &[u8] = b"aep2-issuer";
/// The key of the key that makes cards, in [`Family::Keys`].
pub(crate) const ROOT_KEY: &[u8] = b"card_root_1";
/// What mandate keys are sealed as.
pub(crate) const KEY_KIND: &str = "aep2-issuer/mandate-key";
/// What that key is sealed for.
pub(crate) const ROOT_CONTEXT: Context<'_> =
    Context { kind: "aep2-issuer/card-root-key", id: ROOT_KEY };

/// What an owner's or the issuer's settings say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerConfig {
    /// How long an approval may wait, and be used, in seconds.
    pub approval_s: u64,
    /// The longest time to settlement that is agreed to, in seconds.
    pub settle_within_s_max: u64,
    /// How much later than needed a mandate expires, in seconds.
    pub deadline_margin_s: u64,
    /// By how many seconds a processor's clock may differ.
    pub skew_s: u64,
    /// The processors that wallets may name; any, when not said. Owners name them, and this service asks
    /// what they name: where owners are not trusted with that, the operator lists them.
    pub processors: Option<Vec<Url>>,
}

impl Default for IssuerConfig {
    /// A day to decide, an hour to settle, five minutes' margin, clocks within a minute and a half.
    fn default() -> Self {
        Self {
            approval_s: 86_400,
            settle_within_s_max: 3_600,
            deadline_margin_s: 300,
            skew_s: aep2_x402::receipt::SKEW_S,
            processors: None,
        }
    }
}

/// An issuer. Clones are the same one.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Journal<()>,
    vault: Vault,
    root: RootKey,
    roots: RootPublicKeys,
    signing: Arc<Signing>,
    pressure: Pressure,
    clock: Clock,
    config: IssuerConfig,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}

impl Issuer {
    /// Opens the issuer in a directory, or begins one there, and opens all keys in it: they stay in
    /// memory until it is dropped.
    ///
    /// # Errors
    /// When the store cannot be opened, or a key in it does not open with the vault's keys.
    pub fn open(
        directory: &Path,
        vault: Vault,
        clock: Clock,
        config: IssuerConfig,
    ) -> Result<Self, IssuerError> {
        let mut journal_config = JournalConfig::new(Family::ALL, FORMAT, IDENTITY.to_vec());
        journal_config.thread_name = "issuer-writer";
        let journal = Journal::open(directory, journal_config, |_| Ok::<_, IssuerError>(()))?;
        let root = root_key(&journal, &vault)?;
        let signing = Arc::new(Signing::default());
        for wallet in store::all::<WalletRecord>(&journal.view(), &[])? {
            signing.add(wallet.id, signer(&vault, &wallet)?);
        }
        let roots = RootPublicKeys::new([root.public()]);
        let pressure = Pressure::default();
        let inner = Inner { journal, vault, root, roots, signing, pressure, clock, config };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    /// The settings.
    pub fn config(&self) -> &IssuerConfig {
        &self.inner.config
    }

    /// Reads a card and checks that this issuer made it.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when it did not, or there is anything in the card that is not known.
    pub fn card(&self, token: &CardToken) -> Result<VerifiedCard, Refusal> {
        let parsed = Card::parse(token, &self.inner.roots);
        parsed
            .map_err(|error| Refusal::new(Code::Unauthorized, format!("{}: {error}", error.code())))
    }

    /// Issues a payment, or says why not, or asks the owner. What it answers is on disk.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn issue(&self, request: IssueRequest) -> Result<Issue, IssuerError> {
        let (now, approval_s) = (self.now(), self.inner.config.approval_s);
        let pressure = self.inner.pressure.clone();
        let Some(in_flight) = pressure.enter(card_id(&request.card)?, now) else {
            return Err(Refusal::new(Code::Busy, "too many requests with this card at once").into());
        };
        let signing = Arc::clone(&self.inner.signing);
        self.write(move |tx| {
            // Whoever asked may leave: the request is in flight until it is carried out.
            let _in_flight = in_flight;
            let (request, signing, pressure) = (&request, &*signing, &pressure);
            Issuing { request, signing, pressure, now, approval_s }.run(tx)
        })
        .await
    }

    /// A change, once it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, IssuerError> + Send + 'static,
    ) -> Result<T, IssuerError> {
        self.inner.journal.submit(change).await.map(Durable::into_inner)
    }

    /// What is on disk at this moment.
    pub(crate) fn snapshot(&self) -> View<'_> {
        self.inner.journal.snapshot()
    }

    /// Why nothing can be written any more, if that is so.
    pub fn failure(&self) -> Option<String> {
        self.inner.journal.failure().map(|failure| failure.to_string())
    }

    pub(crate) fn signing(&self) -> &Arc<Signing> {
        &self.inner.signing
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn root(&self) -> &RootKey {
        &self.inner.root
    }

    /// Checks the audit log from its first line to its last.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole: then where and why.
    pub fn verify_log(
        &self,
    ) -> Result<Option<aep2_audit_log::Verified>, aep2_audit_log::VerifyError> {
        audit::LOG.verify(&self.snapshot(), &[])
    }

    /// Writes the audit log's lines, as they are chained.
    ///
    /// # Errors
    /// When the log cannot be read, or the lines not written.
    pub fn export_log(
        &self,
        to: &mut dyn std::io::Write,
    ) -> Result<(), aep2_audit_log::ExportError> {
        audit::LOG.export(&self.snapshot(), None, to).map(|_| ())
    }
}

/// The key that makes cards; a new one in a store that has none.
fn root_key(journal: &Journal<()>, vault: &Vault) -> Result<RootKey, IssuerError> {
    let stored = journal.view().value(Family::Keys, ROOT_KEY)?;
    if let Some(stored) = stored {
        let sealed = Sealed::from_bytes(&stored)
            .map_err(|error| IssuerError::Internal(format!("the cards' root key: {error}")))?;
        let secret = vault.open(ROOT_CONTEXT, &sealed)?;
        return key_of(&secret);
    }
    let secret = Zeroizing::new(rand::random::<[u8; 32]>());
    let root = key_of(secret.as_slice())?;
    let sealed = vault.seal(ROOT_CONTEXT, secret.as_slice())?.to_bytes();
    let written = journal.submit(move |tx: &mut Tx<'_>| {
        tx.put(Family::Keys, ROOT_KEY.to_vec(), sealed);
        audit::LOG.begin(tx).map_err(|error| IssuerError::Internal(error.to_string()))
    });
    written.wait()?;
    Ok(root)
}

fn key_of(secret: &[u8]) -> Result<RootKey, IssuerError> {
    let damaged = || IssuerError::Internal("the cards' root key is damaged".to_owned());
    let secret = Zeroizing::new(<[u8; 32]>::try_from(secret).map_err(|_| damaged())?);
    RootKey::from_seed(1, &secret).map_err(|_| damaged())
}

/// The hash of a mandate key, as accounts have it on chain.
pub(crate) fn key_hash(key: &PublicKey) -> B256 {
    B256::from(field::to_be_bytes(&key.hash()))
}

/// A wallet's key, opened. It must be the one that the account has on chain.
fn signer(vault: &Vault, wallet: &WalletRecord) -> Result<Signer, IssuerError> {
    let context = wallet.key_context();
    let context = Context { kind: KEY_KIND, id: &context };
    let damaged = || IssuerError::Internal(format!("the key of {} is damaged", wallet.id));
    let seed = vault.open(context, &wallet.sealed()?)?;
    let seed = <[u8; 32]>::try_from(seed.as_slice()).map_err(|_| damaged())?;
    let key = SecretKey::from_seed(seed);
    if key_hash(&key.public()) != wallet.key_hash.0 {
        return Err(damaged());
    }
    Ok(Signer::new(key, wallet.chain_id, wallet.wallet.0))
}
