//! The audit log as it is in a store, read beside whoever writes it.

use std::path::Path;

use aep2_audit_log::{StoreKind, StoredLog, StoredLogError};

use crate::{
    arbiter::{FORMAT, IDENTITY},
    audit::LOG,
};

/// The log in the store in `directory`.
///
/// # Errors
/// When there is no arbiter's store, or it cannot be read.
pub fn stored_log(directory: &Path) -> Result<StoredLog, StoredLogError> {
    let kind = StoreKind { whose: "an arbiter", format: FORMAT, identity: IDENTITY };
    StoredLog::open(LOG, kind, directory)
}
