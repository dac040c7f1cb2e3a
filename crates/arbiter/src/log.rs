//! The audit log as it is in a store, read beside whoever writes it: without the store's lock, and without
//! any key.

use std::path::Path;

use aep2_audit_log::{ExportError, Verified, VerifyError};
use aep2_journal::{JournalError, OpenError, Reader};
use aep2_mandate::typed_data::log_head::LogHead;
use thiserror::Error;

use crate::{
    arbiter::{FORMAT, IDENTITY},
    audit::LOG,
};

/// The audit log of a store, as it was when it was opened.
#[derive(Debug)]
pub struct StoredLog {
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
    #[error("it is not an arbiter's store")]
    OtherStore,
}

impl StoredLog {
    /// The log in the store in `directory`.
    ///
    /// # Errors
    /// When there is no arbiter's store, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoredLogError> {
        let reader = Reader::open(directory, FORMAT)?;
        let identity = reader.view().identity()?;
        if identity.is_none_or(|identity| !identity.starts_with(IDENTITY)) {
            return Err(StoredLogError::OtherStore);
        }
        Ok(Self { reader })
    }

    /// Checks it from its first line to its last, and that it agrees with these heads, whose signatures the
    /// caller has checked. Nothing for a log without entries.
    ///
    /// # Errors
    /// When it cannot be read, or is not whole: then where and why.
    pub fn verify(&self, heads: &[LogHead]) -> Result<Option<Verified>, VerifyError> {
        LOG.verify(&self.reader.view(), heads)
    }

    /// Writes its lines, as they are chained.
    ///
    /// # Errors
    /// When it cannot be read or is not whole, or the lines cannot be written.
    pub fn export(&self, to: &mut dyn std::io::Write) -> Result<Verified, ExportError> {
        LOG.export(&self.reader.view(), None, to)
    }
}
