//! The store's column families, and the keys in them. Numbers in keys are big-endian.

use aep2_journal::ColumnFamily;

macro_rules! families {
    ($($(#[doc = $about:literal])+ $family:ident = $name:literal),+ $(,)?) => {
        /// A column family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Family { $($(#[doc = $about])+ $family),+ }

        impl Family {
            /// All of them.
            pub(crate) const ALL: [Self; [$($name),+].len()] = [$(Self::$family),+];
        }

        impl ColumnFamily for Family {
            fn name(self) -> &'static str {
                match self { $(Self::$family => $name),+ }
            }

            fn is_passed_through(self) -> bool {
                matches!(self, Self::Work)
            }
        }
    };
}

families! {
    /// Cases, by number.
    Cases = "cases",
    /// The wrapped keys of what is sealed, by its family and its key there. Small, and apart from all else: it
    /// is what is compacted when something is destroyed.
    Keys = "keys",
    /// Cases' files, sealed, by the mandate's id.
    Files = "files",
    /// The numbers of cases, by the mandate's id.
    Mandates = "mandates",
    /// Cases by what was bought: by the mandate's `ref`, the account that pays, and the case's number.
    Orders = "orders",
    /// Cases that are not at their end, by deadline and number.
    Work = "work",
    /// Evidence, sealed, by the case's number and the hash.
    Evidence = "evidence",
    /// Ended cases whose evidence gives way where there is no room, by the processor's address and the case's number.
    GivesWay = "gives_way",
    /// What was kept of ended cases and until when, by that time and the case's number.
    Kept = "kept",
    /// How far each processor's disputes were taken, by its address.
    Cursors = "cursors",
    /// The next number of a case; how many bytes of evidence there are of each processor's; whether keys may
    /// be on disk that were written over.
    Sequences = "sequences",
    /// The audit log's lines.
    Audit = "audit",
    /// The audit log's head.
    AuditHead = "audit_head",
}
