//! The objects of IVMS101, as they are after reading: valid, and in one shape for both versions.
//!
//! What differs between the versions is resolved: a name's type is [`Name::kind`], whatever it was
//! called; `originatorPersons` and `originatorPerson` are [`Party::persons`]; account numbers are in
//! [`Party::accounts`], whether they stood at the party or at its persons.

use std::fmt;

use crate::personal::Text;

/// Which text of the standard an object follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// IVMS101, of May 2020.
    V2020,
    /// IVMS101.2023, of August 2023.
    V2023,
}

impl Version {
    /// Its code in `payloadMetadata.payloadVersion`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::V2020 => "101",
            Self::V2023 => "101.2023",
        }
    }
}

/// A valid object: who pays whom, and by whose hands.
#[derive(Clone, PartialEq, Eq)]
pub struct Ivms101 {
    /// Which text of the standard it follows.
    pub version: Version,
    /// Who pays.
    pub originator: Party,
    /// Who is paid.
    pub beneficiary: Party,
    /// Who keeps the payer's money.
    pub originating_vasp: Option<Person>,
    /// Who keeps the payee's money.
    pub beneficiary_vasp: Option<Person>,
    /// Through whose hands it goes between them, in order.
    pub transfer_path: Vec<Person>,
    /// From which scripts texts were put into Latin letters: codes of ISO 15924 in lower case.
    pub transliterations: Vec<Text>,
}

/// The originator, or the beneficiary.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// One, or several who own the account together.
    pub persons: Vec<Person>,
    /// The accounts that are paid from, or paid to.
    pub accounts: Vec<Text>,
}

/// A natural or a legal person.
#[derive(Clone, PartialEq, Eq)]
pub enum Person {
    /// A human being.
    Natural(NaturalPerson),
    /// A company, a foundation, any other that can own something.
    Legal(LegalPerson),
}

/// A human being.
#[derive(Clone, PartialEq, Eq)]
pub struct NaturalPerson {
    /// Names in Latin letters. One at least is legal, `LEGL`.
    pub names: Vec<Name>,
    /// Names in other scripts.
    pub local_names: Vec<Name>,
    /// How the names are pronounced.
    pub phonetic_names: Vec<Name>,
    /// Where the person can be found.
    pub addresses: Vec<Address>,
    /// By which number a state knows the person.
    pub national: Option<NationalIdentification>,
    /// By which number its institution knows the person.
    pub customer: Option<Text>,
    /// When and where the person was born.
    pub birth: Option<Birth>,
    /// Where the person lives, ISO 3166-1 alpha-2 or `XX`.
    pub residence: Option<Text>,
}

/// A natural person's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    /// The family name, or the whole name.
    pub primary: Text,
    /// Given names and all others.
    pub secondary: Option<Text>,
    /// `ALIA`, `BIRT`, `MAID`, `LEGL` or `MISC`.
    pub kind: Text,
}

/// When and where somebody was born.
#[derive(Clone, PartialEq, Eq)]
pub struct Birth {
    /// The day, `YYYY-MM-DD`.
    pub date: Text,
    /// The place.
    pub place: Text,
}

/// A company, a foundation, any other that can own something.
#[derive(Clone, PartialEq, Eq)]
pub struct LegalPerson {
    /// Names in Latin letters. One at least is legal, `LEGL`.
    pub names: Vec<LegalName>,
    /// Names in other scripts.
    pub local_names: Vec<LegalName>,
    /// How the names are pronounced.
    pub phonetic_names: Vec<LegalName>,
    /// Where it can be found.
    pub addresses: Vec<Address>,
    /// By which number its institution knows it.
    pub customer: Option<Text>,
    /// By which number a state or GLEIF knows it.
    pub national: Option<NationalIdentification>,
    /// Where it is registered, ISO 3166-1 alpha-2 or `XX`.
    pub registration: Option<Text>,
}

/// A legal person's name.
#[derive(Clone, PartialEq, Eq)]
pub struct LegalName {
    /// The name.
    pub name: Text,
    /// `LEGL`, `SHRT` or `TRAD`.
    pub kind: Text,
}

/// Where somebody can be found.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `HOME`, `BIZZ` or `GEOG`.
    pub kind: Text,
    /// Part of a large organisation or building.
    pub department: Option<Text>,
    /// Part of that part.
    pub sub_department: Option<Text>,
    /// The street.
    pub street: Option<Text>,
    /// The number in the street.
    pub building_number: Option<Text>,
    /// The building's name.
    pub building_name: Option<Text>,
    /// The floor.
    pub floor: Option<Text>,
    /// The box at a post office.
    pub post_box: Option<Text>,
    /// The room.
    pub room: Option<Text>,
    /// The postal code.
    pub post_code: Option<Text>,
    /// The town.
    pub town: Text,
    /// The place within the town.
    pub town_location: Option<Text>,
    /// The part of the part of the country.
    pub district: Option<Text>,
    /// The part of the country.
    pub country_sub_division: Option<Text>,
    /// The address as free lines, at most 7.
    pub lines: Vec<Text>,
    /// ISO 3166-1 alpha-2 or `XX`.
    pub country: Text,
}

/// By which number a state or GLEIF knows somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct NationalIdentification {
    /// The number.
    pub identifier: Text,
    /// `ARNU`, `CCPT`, `RAID`, `DRLC`, `FIIN`, `TXID`, `SOCS`, `IDCD`, `LEIX` or `MISC`.
    pub kind: Text,
    /// Which country gave it.
    pub country_of_issue: Option<Text>,
    /// Which register gave it, by GLEIF's code.
    pub registration_authority: Option<Text>,
}

/// What these are is told, and nothing that they say.
macro_rules! redacted {
    ($($type:ident)*) => {
        $(impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($type), "(…)"))
            }
        })*
    };
}

redacted! {
    Ivms101 Party Person NaturalPerson Name Birth LegalPerson LegalName Address NationalIdentification
}
