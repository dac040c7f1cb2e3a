//! The structure of OFAC's advanced lists, as far as it is read.
//!
//! ```text
//! Sanctions
//! ├ DateOfIssue: Year, Month, Day
//! ├ ReferenceValueSets
//! │ ├ FeatureTypeValues: FeatureType @ID "Digital Currency Address - ETH"
//! │ ├ ListValues: List @ID "SDN List"
//! │ └ SanctionsTypeValues: SanctionsType @ID "Program"
//! ├ DistinctParties
//! │ └ DistinctParty @FixedRef
//! │   └ Profile @ID
//! │     ├ Identity @Primary
//! │     │ └ Alias @Primary
//! │     │   └ DocumentedName
//! │     │     └ DocumentedNamePart
//! │     │       └ NamePartValue "LAZARUS GROUP"
//! │     └ Feature @FeatureTypeID
//! │       └ FeatureVersion
//! │         └ VersionDetail "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
//! └ SanctionsEntries
//!   └ SanctionsEntry @ProfileID @ListID
//!     └ SanctionsMeasure @SanctionsTypeID
//!       └ Comment "DPRK3"
//! ```
//!
//! Everything else is passed over. Namespaces are not compared: OFAC changed its own in May 2024.

/// Where in the file the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside the root.
    Outside,
    Sanctions,
    DateOfIssue,
    Year,
    Month,
    Day,
    ReferenceValueSets,
    FeatureTypeValues,
    FeatureType,
    ListValues,
    List,
    SanctionsTypeValues,
    SanctionsType,
    DistinctParties,
    DistinctParty,
    Profile,
    Identity,
    Alias,
    DocumentedName,
    DocumentedNamePart,
    NamePartValue,
    Feature,
    FeatureVersion,
    VersionDetail,
    SanctionsEntries,
    SanctionsEntry,
    SanctionsMeasure,
    MeasureComment,
    /// Somewhere that does not matter here.
    Other,
}

impl Place {
    /// The place of an element that begins in this one.
    pub(super) fn child(self, name: &str) -> Self {
        use Place::*;
        match (self, name) {
            (Outside, "Sanctions") => Sanctions,
            (Sanctions, "DateOfIssue") => DateOfIssue,
            (DateOfIssue, "Year") => Year,
            (DateOfIssue, "Month") => Month,
            (DateOfIssue, "Day") => Day,
            (Sanctions, "ReferenceValueSets") => ReferenceValueSets,
            (ReferenceValueSets, "FeatureTypeValues") => FeatureTypeValues,
            (FeatureTypeValues, "FeatureType") => FeatureType,
            (ReferenceValueSets, "ListValues") => ListValues,
            (ListValues, "List") => List,
            (ReferenceValueSets, "SanctionsTypeValues") => SanctionsTypeValues,
            (SanctionsTypeValues, "SanctionsType") => SanctionsType,
            (Sanctions, "DistinctParties") => DistinctParties,
            (DistinctParties, "DistinctParty") => DistinctParty,
            (DistinctParty, "Profile") => Profile,
            (Profile, "Identity") => Identity,
            (Identity, "Alias") => Alias,
            (Alias, "DocumentedName") => DocumentedName,
            (DocumentedName, "DocumentedNamePart") => DocumentedNamePart,
            (DocumentedNamePart, "NamePartValue") => NamePartValue,
            (Profile, "Feature") => Feature,
            (Feature, "FeatureVersion") => FeatureVersion,
            (FeatureVersion, "VersionDetail") => VersionDetail,
            (Sanctions, "SanctionsEntries") => SanctionsEntries,
            (SanctionsEntries, "SanctionsEntry") => SanctionsEntry,
            (SanctionsEntry, "SanctionsMeasure") => SanctionsMeasure,
            (SanctionsMeasure, "Comment") => MeasureComment,
            _ => Other,
        }
    }

    /// Whether the text in it is read.
    pub(super) const fn has_text(self) -> bool {
        use Place::*;
        matches!(
            self,
            Year | Month
                | Day
                | FeatureType
                | List
                | SanctionsType
                | NamePartValue
                | VersionDetail
                | MeasureComment
        )
    }

    /// For the sections that a complete file has: which one of them it is.
    pub(super) fn section(self) -> Option<usize> {
        SECTIONS.iter().position(|section| section.0 == self)
    }
}

/// The sections that every complete file has, once, in this order.
pub(super) const SECTIONS: [(Place, &str); 4] = [
    (Place::DateOfIssue, "DateOfIssue"),
    (Place::ReferenceValueSets, "ReferenceValueSets"),
    (Place::DistinctParties, "DistinctParties"),
    (Place::SanctionsEntries, "SanctionsEntries"),
];
