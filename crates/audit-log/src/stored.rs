//! A log as it is in a store, read beside whoever writes it: without the store's lock, and without any key.

use std::path::Path;

use aep2_journal::{ColumnFamily, JournalError, OpenError, Reader};
use aep2_mandate::typed_data::log_head::LogHead;
use thiserror::Error;

use crate::{
    error::{ExportError, VerifyError},
    log::AuditLog,
    walk::Verified,
};

/// What a store has to be, for its log to be read.
#[derive(Clone, Copy, Debug)]
pub struct StoreKind {
    /// Whose stores these are, in words: `an issuer`.
    pub whose: &'static str,
    /// The journal's format.
    pub format: u32,
    /// What the journal's identity begins with.
    pub identity: &'static [u8],
}

/// A column family that is known by its name alone.
#[derive(Clone, Copy, Debug)]
struct Named(&'static str);

impl ColumnFamily for Named {
    fn name(self) -> &'static str {
        self.0
    }
}

/// The audit log of a store, as it was when it was opened.
#[derive(Debug)]
pub struct StoredLog {
    log: AuditLog<Named>,
    reader: Reader,
}

/// Why a directory has no audit log that can be read.
#[derive(Debug, Error)]
pub enum StoredLogError {
    /// The store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is somebody else's.
    #[error("it is not {whose}'s store")]
    OtherStore {
        /// Whose it should be.
        whose: &'static str,
    },
}

impl StoredLog {
    /// The log that `log` writes, in the store of this kind in `directory`.
    ///
    /// # Errors
    /// When there is no such store, or it cannot be read.
    pub fn open<F: ColumnFamily>(
        log: AuditLog<F>,
        kind: StoreKind,
        directory: &Path,
    ) -> Result<Self, StoredLogError> {
        let reader = Reader::open(directory, kind.format)?;
        let identity = reader.view().identity()?;
        if identity.is_none_or(|identity| !identity.starts_with(kind.identity)) {
            return Err(StoredLogError::OtherStore { whose: kind.whose });
        }
        Ok(Self { log: log.map(|family| Named(family.name())), reader })
    }

    /// Checks it from its first line to its last, and that it agrees with these heads, whose signatures the
    /// caller has checked. Nothing for a log without entries.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole: then where and why.
    pub fn verify(&self, heads: &[LogHead]) -> Result<Option<Verified>, VerifyError> {
        self.log.verify(&self.reader.view(), heads)
    }

    /// Writes its lines, as they are chained.
    ///
    /// # Errors
    /// When it cannot be read or is not whole, or the lines cannot be written.
    pub fn export(&self, to: &mut dyn std::io::Write) -> Result<Verified, ExportError> {
        self.log.export(&self.reader.view(), None, to)
    }
}
