//! Column families: the user's, and the journal's own.

/// A column family: a name, and how its entries come and go.
pub trait ColumnFamily: Copy {
    /// The name on disk.
    fn name(self) -> &'static str;

    /// Whether what comes into it goes out again, so that most of its keys are deleted ones. Such a
    /// family is compacted sooner.
    fn is_passed_through(self) -> bool {
        false
    }
}

/// The journal's own column family, and its keys.
pub mod keys {
    /// The column family.
    pub const FAMILY: &str = "journal";
    /// The format of everything else, four bytes, big-endian.
    pub const FORMAT: &[u8] = b"format";
    /// Whose journal it is, as its user writes it.
    pub const IDENTITY: &[u8] = b"identity";
    /// The number of the last commit, eight bytes, big-endian.
    pub const COMMITS: &[u8] = b"commits";
}

/// The journal's own column family.
#[derive(Clone, Copy)]
pub(crate) struct Own;

impl ColumnFamily for Own {
    fn name(self) -> &'static str {
        keys::FAMILY
    }
}
