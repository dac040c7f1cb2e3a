//! From older formats to the present one, step by step.
//!
//! Each step is one atomic write that ends with the new version's number. A process killed between
//! two steps goes on with the next one; one killed within a step has not done it.

use std::path::Path;

use rocksdb::{DB, WriteBatch, WriteOptions};

use crate::{
    error::{LedgerError, OpenError},
    schema::{Family, meta},
};

/// A step from one format to the next.
pub(super) struct Migration {
    /// The format that it starts from; it leads to the one after.
    pub(super) from: u32,
    /// Puts into the batch what changes.
    pub(super) run: fn(&DB, &mut WriteBatch) -> Result<(), LedgerError>,
}

/// All steps, in order. There is one format so far.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Brings a ledger from format `found` to format `known`.
pub(super) fn migrate(
    db: &DB,
    directory: &Path,
    found: u32,
    known: u32,
    migrations: &[Migration],
) -> Result<(), OpenError> {
    for version in found..known {
        let step = migrations.iter().find(|step| step.from == version);
        let Some(step) = step else {
            return Err(OpenError::NoMigration { path: directory.to_owned(), found, known });
        };
        let mut batch = WriteBatch::default();
        (step.run)(db, &mut batch)?;
        if let Some(handle) = db.cf_handle(Family::Meta.name()) {
            batch.put_cf(handle, meta::SCHEMA, (version + 1).to_be_bytes());
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        db.write_opt(batch, &options)
            .map_err(|error| LedgerError::Failed { cause: error.to_string().into() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{View, families, schema_version};

    type Entries = Vec<(Box<[u8]>, Box<[u8]>)>;

    fn all(db: &DB, family: Family) -> Result<Entries, LedgerError> {
        View::of(db).entries(family, &[]).collect()
    }

    /// Receipts lived among the captures in format 7, and got a version byte in format 8.
    const STEPS: &[Migration] = &[
        Migration {
            from: 7,
            run: |db, batch| {
                let [from, to] = [Family::Captures, Family::Receipts].map(Family::name);
                for (key, value) in all(db, Family::Captures)? {
                    batch.delete_cf(db.cf_handle(from).expect("opened"), &key);
                    batch.put_cf(db.cf_handle(to).expect("opened"), &key, &value);
                }
                Ok(())
            },
        },
        Migration {
            from: 8,
            run: |db, batch| {
                for (key, value) in all(db, Family::Receipts)? {
                    let versioned = [&[1], &*value].concat();
                    let handle = db.cf_handle(Family::Receipts.name()).expect("opened");
                    batch.put_cf(handle, &key, versioned);
                }
                Ok(())
            },
        },
    ];

    fn older(directory: &Path) -> DB {
        let options = super::super::database_options();
        let db = DB::open_cf_descriptors(&options, directory, families()).expect("opens");
        let handle = |family: Family| db.cf_handle(family.name()).expect("opened");
        db.put_cf(handle(Family::Meta), meta::SCHEMA, 7u32.to_be_bytes()).expect("writes");
        db.put_cf(handle(Family::Captures), b"key", b"value").expect("writes");
        db
    }

    #[test]
    fn an_older_book_is_brought_up_step_by_step() {
        let directory = tempfile::tempdir().expect("a directory");
        let db = older(directory.path());
        migrate(&db, directory.path(), 7, 9, STEPS).expect("migrates");
        assert_eq!(schema_version(&db).expect("reads"), Some(9));
        assert!(all(&db, Family::Captures).expect("reads").is_empty());
        let receipts = all(&db, Family::Receipts).expect("reads");
        assert_eq!(receipts, [(Box::from(*b"key"), Box::from(*b"\x01value"))]);
    }

    #[test]
    fn a_step_cut_off_is_not_done_and_the_next_start_goes_on() {
        let directory = tempfile::tempdir().expect("a directory");
        let db = older(directory.path());
        migrate(&db, directory.path(), 7, 8, STEPS).expect("the first step");
        assert_eq!(schema_version(&db).expect("reads"), Some(8));
        migrate(&db, directory.path(), 8, 9, STEPS).expect("the second step");
        let receipts = all(&db, Family::Receipts).expect("reads");
        assert_eq!(receipts, [(Box::from(*b"key"), Box::from(*b"\x01value"))]);
    }

    #[test]
    fn a_format_without_a_way_up_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let db = older(directory.path());
        let error = migrate(&db, directory.path(), 7, 10, STEPS);
        assert!(
            matches!(error, Err(OpenError::NoMigration { found: 7, known: 10, .. })),
            "{error:?}"
        );
        let error = migrate(&db, directory.path(), 6, 9, STEPS);
        assert!(matches!(error, Err(OpenError::NoMigration { found: 6, .. })), "{error:?}");
    }
}
