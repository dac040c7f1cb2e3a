//! From older formats to the present one, step by step.
//!
//! Each step is one atomic write that ends with the new version's number. A process killed between
//! two steps goes on with the next one; one killed within a step has not done it.

use std::path::Path;

use rocksdb::DB;

use crate::{
    batch::{Batch, CommitError},
    changes::Changes,
    config::{JournalConfig, Migration},
    error::{JournalError, OpenError},
    family::keys,
    transaction::Transaction,
    view::View,
};

/// Brings a journal from format `found` to the present one.
pub(crate) fn migrate(
    db: &DB,
    directory: &Path,
    found: u32,
    config: &JournalConfig,
) -> Result<(), OpenError> {
    for from in found..config.format {
        let Some(step) = config.migrations.iter().find(|step| step.from == from) else {
            let path = directory.to_owned();
            return Err(OpenError::NoMigration { path, found, known: config.format });
        };
        let mut changes = Changes::default();
        let mut tx = Transaction::new(View::of(db), &(), &mut changes);
        (step.run)(&mut tx).map_err(|error| OpenError::Migration {
            path: directory.to_owned(),
            from,
            reason: error.to_string(),
        })?;
        tx.keep();
        write(db, step, &changes)
            .map_err(|error| JournalError::Failed { cause: error.to_string().into() })?;
    }
    Ok(())
}

fn write(db: &DB, step: &Migration, changes: &Changes<()>) -> Result<(), CommitError> {
    let mut batch = Batch::new(db);
    for (family, key, value) in changes.writes() {
        batch.set(family, key, value)?;
    }
    let next = step.from.saturating_add(1);
    batch.set(keys::FAMILY, keys::FORMAT, Some(&next.to_be_bytes()))?;
    batch.write()
}
