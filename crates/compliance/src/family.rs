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
                matches!(self, Self::Effects | Self::OpenCases)
            }
        }
    };
}

families! {
    /// What counts of subjects, by their text.
    Standings = "standings",
    /// What is to be done because a decision changed, by the subject's text.
    Effects = "effects",
    /// Cases, by number.
    Cases = "cases",
    /// The numbers of open cases, by the subject's text.
    OpenCases = "open_cases",
    /// The next number of a case.
    Sequences = "sequences",
    /// Payments that were refused because somebody in them is not served, by day, subject and mandate.
    Blocked = "blocked",
    /// Mandates that an officer froze, by id.
    Freezes = "freezes",
    /// What decisions rest on, sealed: notes, attestations, Travel Rule objects; by kind and hash.
    Evidence = "evidence",
    /// How long evidence is kept, by the same keys.
    EvidenceMeta = "evidence_meta",
    /// What a subject presented, by its text and the evidence's hash.
    Presented = "presented",
    /// Travel Rule objects, by the mandate's id.
    TravelRule = "travel_rule",
    /// What owners paid, by time, owner and token.
    TravelRuleSums = "travel_rule_sums",
    /// The audit log's lines.
    Audit = "audit",
    /// The audit log's head.
    AuditHead = "audit_head",
}
