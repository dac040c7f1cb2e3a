//! What can go wrong with the ledger itself. What is wrong with a request has an error of its own
//! for each kind of request: [`crate::Refusal`], [`crate::CaptureError`], [`crate::ChainError`],
//! [`crate::BatchError`].

use std::path::PathBuf;

use aep2_journal::JournalError;
use alloy_primitives::hex;
use thiserror::Error;

use crate::{
    codec::{Defect, Record},
    family::Family,
    records::Identity,
};

/// Why a directory cannot be opened as a ledger.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is the ledger of another chain, wallet or processor.
    #[error(
        "{} is the ledger of chain {}, wallet {}, processor {}, not of chain {}, wallet {}, \
         processor {}: check the configuration, or use another directory",
        path.display(),
        found.chain_id, found.wallet, found.processor,
        expected.chain_id, expected.wallet, expected.processor
    )]
    OtherLedger {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Whose it was to be.
        expected: Identity,
    },
    /// There is no ledger to look at.
    #[error("there is no ledger in {}", path.display())]
    NotALedger {
        /// The directory.
        path: PathBuf,
    },
    /// Its journal cannot be opened.
    #[error(transparent)]
    Journal(aep2_journal::OpenError),
    /// A record is not what it should be.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<aep2_journal::OpenError> for OpenError {
    fn from(error: aep2_journal::OpenError) -> Self {
        use aep2_journal::OpenError::{NotAJournal, OtherIdentity};
        match error {
            OtherIdentity { path, found, expected } => {
                match (Identity::from_bytes(&found), Identity::from_bytes(&expected)) {
                    (Ok(found), Ok(expected)) => Self::OtherLedger { path, found, expected },
                    _ => Self::Journal(OtherIdentity { path, found, expected }),
                }
            }
            NotAJournal { path } => Self::NotALedger { path },
            other => Self::Journal(other),
        }
    }
}

/// Why the ledger cannot serve a request, whatever the request.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Its journal cannot: it is busy, closed, or stopped after a write failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is not what it should be.
    #[error("the record at key {} of {:?} is damaged: {defect}", hex::encode(key), family.name())]
    Damaged {
        /// The column family.
        family: Family,
        /// The record's key.
        key: Vec<u8>,
        /// What is wrong with it.
        defect: Defect,
    },
    /// A text or a blob is longer than the ledger takes.
    #[error("{what} has {found} bytes, at most {max} are kept")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length, bytes.
        found: usize,
        /// The greatest length, bytes.
        max: usize,
    },
}

impl LedgerError {
    pub(crate) fn damaged(family: Family, key: &[u8], defect: Defect) -> Self {
        Self::Damaged { family, key: key.to_vec(), defect }
    }
}

/// What the journal says of a request is said by way of the ledger's error.
macro_rules! by_way_of_ledger_error {
    ($($error:ty),+ $(,)?) => { $(
        impl From<aep2_journal::JournalError> for $error {
            fn from(error: aep2_journal::JournalError) -> Self {
                crate::error::LedgerError::from(error).into()
            }
        }
    )+ };
}
pub(crate) use by_way_of_ledger_error;
