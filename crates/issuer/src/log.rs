//! The audit log as it is in a store, read beside whoever writes it.

use std::path::Path;

use aep2_audit_log::{StoreKind, StoredLog, StoredLogError};

use crate::{
    audit::LOG,
    issuer::{FORMAT, IDENTITY},
};

/// The log in the store in `directory`.
///
/// # Errors
/// When there is no issuer's store, or it cannot be read.
pub fn stored_log(directory: &Path) -> Result<StoredLog, StoredLogError> {
    let kind = StoreKind { whose: "an issuer", format: FORMAT, identity: IDENTITY };
    StoredLog::open(LOG, kind, directory)
}
