//! The arbiter: its store, its key, its clock. What it does is in the other files.

use std::{fmt, path::Path, sync::Arc};

use aep2_audit_log::{Numbers, Verified, VerifyError};
use aep2_journal::{Durable, Journal, JournalConfig, View};
use aep2_mandate::{
    clock::Clock,
    typed_data::{
        Signed,
        access::{Access, SignedAccess},
        keyed::AnySigned,
        ruling::{Ruling, SignedRuling},
    },
    units::UnixTime,
};
use aep2_vault::Vault;
use aep2_x402::purchase::Venue;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::Address;

use crate::{
    audit::LOG, case::Case, case_file::CaseFile, cases, config::DecidingConfig,
    error::ArbiterError, family::Family, limiter::Limiter, metrics::Metrics, migrating::MIGRATIONS,
    room, seen::Seen, store::Tx,
};

/// The format of all keys and values.
pub(crate) const FORMAT: u32 = 3;
/// Whose journal it is: this, and the address of the key.
pub(crate) const IDENTITY: &[u8] = b"aep2-arbiter";

/// What an arbiter is made of.
#[derive(Debug)]
pub struct Parts {
    /// The key that payees' terms name.
    pub signer: PrivateKeySigner,
    /// Seals what is personal.
    pub vault: Vault,
    /// What time it is.
    pub clock: Clock,
    /// How it decides, and its bounds.
    pub config: DecidingConfig,
}

/// An arbiter. Clones are the same one.
#[derive(Clone)]
pub struct Arbiter {
    inner: Arc<Inner>,
}

struct Inner {
    journal: Journal<()>,
    parts: Parts,
    metrics: Metrics,
    limiter: Limiter,
    seen: Seen,
}

impl fmt::Debug for Arbiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arbiter").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Arbiter {
    /// Opens the store in a directory, or begins one there. It is the store of one key: another key's
    /// rulings would not count for the cases in it.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is another key's.
    pub fn open(directory: &Path, parts: Parts) -> Result<Self, ArbiterError> {
        let identity = [IDENTITY, parts.signer.address().as_slice()].concat();
        let mut journal_config = JournalConfig::new(Family::ALL, FORMAT, identity);
        journal_config.thread_name = "arbiter-writer";
        journal_config.migrations = &MIGRATIONS;
        let journal = Journal::open(directory, journal_config, |_| Ok::<_, ArbiterError>(()))?;
        let (metrics, limiter, seen) = (Metrics::default(), Limiter::default(), Seen::default());
        let this = Self { inner: Arc::new(Inner { journal, parts, metrics, limiter, seen }) };
        for (processor, bytes) in room::used_by_all(&this.view())? {
            this.metrics().evidence(processor, bytes);
        }
        Ok(this)
    }

    /// The address that payees' terms name.
    pub fn address(&self) -> Address {
        self.inner.parts.signer.address()
    }

    /// What time it is.
    pub fn now(&self) -> UnixTime {
        self.inner.parts.clock.now()
    }

    /// How it decides.
    pub fn config(&self) -> &DecidingConfig {
        &self.inner.parts.config
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// A case.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub fn case(&self, number: u64) -> Result<Case, ArbiterError> {
        cases::find(&self.view(), number)
    }

    /// What was signed in a case, and what judges wrote.
    ///
    /// # Errors
    /// When there is no such case, or its file was destroyed.
    pub fn file(&self, number: u64) -> Result<CaseFile, ArbiterError> {
        let view = self.view();
        CaseFile::open(self.vault(), &view, &cases::find(&view, number)?)
    }

    /// The cases that are not at their end, the one that ends first before the others.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_cases(&self) -> Result<Vec<Case>, ArbiterError> {
        cases::in_order_of_deadlines(&self.snapshot())
    }

    /// All cases before this one, the newest first, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cases(&self, before: Option<u64>, limit: usize) -> Result<Vec<Case>, ArbiterError> {
        cases::newest_first(&self.snapshot(), before, limit)
    }

    /// Why nothing can be written any more, if that is so.
    pub fn failure(&self) -> Option<String> {
        self.inner.journal.failure().map(|failure| failure.to_string())
    }

    /// Checks the audit log from its first line to its last. Nothing for a log without entries.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole: then where and why.
    pub fn verify_log(&self) -> Result<Option<Verified>, VerifyError> {
        LOG.verify(&self.snapshot(), &[])
    }

    /// Writes the audit log's lines of these numbers, as they are chained.
    ///
    /// # Errors
    /// When it cannot be read or is not whole, or the lines cannot be written.
    pub fn export_log(
        &self,
        numbers: Option<Numbers>,
        to: &mut dyn std::io::Write,
    ) -> Result<Verified, aep2_audit_log::ExportError> {
        LOG.export(&self.snapshot(), numbers, to)
    }

    /// A change, once it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, ArbiterError> + Send + 'static,
    ) -> Result<T, ArbiterError> {
        self.inner.journal.submit(change).await.map(Durable::into_inner)
    }

    /// Rewrites the files of a family, without what was written over in it. Blocks.
    pub(crate) fn compact(&self, family: Family) -> Result<(), ArbiterError> {
        Ok(self.inner.journal.compact(family)?)
    }

    pub(crate) fn view(&self) -> View<'_> {
        self.inner.journal.view()
    }

    pub(crate) fn snapshot(&self) -> View<'_> {
        self.inner.journal.snapshot()
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.parts.vault
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.inner.limiter
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.inner.seen
    }

    /// Signs with the arbiter's key.
    pub(crate) fn sign(&self, ruling: Ruling, venue: &Venue) -> Result<SignedRuling, ArbiterError> {
        Ok(Signed::sign(ruling, &self.inner.parts.signer, &venue.typed_data_domain())?)
    }

    /// Signs an access with the arbiter's key.
    pub(crate) fn sign_access(
        &self,
        access: Access,
        venue: &Venue,
    ) -> Result<SignedAccess, ArbiterError> {
        let signed = Signed::sign(access, &self.inner.parts.signer, &venue.typed_data_domain())?;
        Ok(AnySigned::ByAddress(signed))
    }
}
