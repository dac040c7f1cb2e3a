//! What a journal is made of: its column families, its format, whose it is.

use std::{error::Error, fmt};

use crate::{
    family::{ColumnFamily, keys},
    transaction::Transaction,
};

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    pub(crate) families: Vec<FamilyOptions>,
    pub(crate) format: u32,
    pub(crate) identity: Vec<u8>,
    /// What leads from older formats to the present one.
    pub migrations: &'static [Migration],
    /// How many requests may wait for the disk before new ones are turned away.
    pub waiting_max: usize,
    /// How many requests share one sync at most.
    pub group_max: usize,
    /// The name of the writer's thread.
    pub thread_name: &'static str,
}

/// A column family, as it is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FamilyOptions {
    pub(crate) name: &'static str,
    pub(crate) is_passed_through: bool,
}

impl JournalConfig {
    /// A journal with these column families. `format` is the version of all their keys and values.
    /// `identity` says whose journal it is: one with other bytes is never opened as this one.
    ///
    /// 8,192 requests may wait, 1,024 share a sync, and there are no migrations, unless that is
    /// changed.
    pub fn new<F: ColumnFamily>(
        families: impl IntoIterator<Item = F>,
        format: u32,
        identity: Vec<u8>,
    ) -> Self {
        let options = |family: F| FamilyOptions {
            name: family.name(),
            is_passed_through: family.is_passed_through(),
        };
        let own = FamilyOptions { name: keys::FAMILY, is_passed_through: false };
        Self {
            families: families.into_iter().map(options).chain([own]).collect(),
            format,
            identity,
            migrations: &[],
            waiting_max: 8_192,
            group_max: 1_024,
            thread_name: "journal-writer",
        }
    }
}

/// What a migration does with the records, and why it could not.
pub type MigrationStep = fn(&mut Transaction<'_, ()>) -> Result<(), Box<dyn Error + Send + Sync>>;

/// A step from one format to the next: one atomic write, the new format's number in it.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The format that it starts from; it leads to the one after.
    pub from: u32,
    /// Says what changes.
    pub run: MigrationStep,
}

impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Migration({} to {})", self.from, u64::from(self.from) + 1)
    }
}
