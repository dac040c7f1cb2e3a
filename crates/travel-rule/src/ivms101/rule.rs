//! The rules of IVMS101, and what breaks them: where, and which one, never by what.

use std::fmt;

use thiserror::Error;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $says:literal;)*) => {
        /// A rule of IVMS101, or one that reading needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// Its name, which stays: `C8`, or a word in lower case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name,)* }
            }

            /// What it asks for.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$rule => $says,)* }
            }
        }
    };
}

rules! {
    /// OriginatorInformationNaturalPerson.
    OriginatorNatural = "C1", "an originator who is a natural person has a geographicAddress, a \
        customerIdentification, a nationalIdentification, or a dateAndPlaceOfBirth";
    /// DateInPast.
    DateInPast = "C2", "a date of birth is before today";
    /// Country.
    Country = "C3", "a country is a code of ISO 3166-1 alpha-2 in upper case, or XX";
    /// OriginatorInformationLegalPerson.
    OriginatorLegal = "C4", "an originator that is a legal person has a geographicAddress of the \
        type GEOG, a customerIdentification, or a nationalIdentification";
    /// LegalNamePresentLegalPerson.
    LegalNameOfLegal = "C5", "one of a legal person's names has the type LEGL";
    /// LegalNamePresentNaturalPerson.
    LegalNameOfNatural = "C6", "one of a natural person's names has the type LEGL";
    /// ValidNationalIdentifierLegalPerson.
    IdentifierOfLegal = "C7", "a legal person's national identifier is RAID, MISC, LEIX or TXID";
    /// ValidAddress.
    Address = "C8", "an address has an addressLine, or a streetName with a buildingName or a \
        buildingNumber";
    /// CompleteNationalIdentifierLegalPerson.
    CompleteIdentifier = "C9", "a legal person's national identifier has no countryOfIssue, and \
        has a registrationAuthority unless it is an LEI, and none if it is one";
    /// RegistrationAuthority, as far as its form goes.
    RegistrationAuthority = "C10", "a registration authority is RA and six digits";
    /// ValidLEI.
    Lei = "C11", "an LEI is 18 letters or digits and two check digits that fit (ISO 17442)";
    /// sequentialIntegrity.
    Sequence = "C12", "the sequences of a transfer path are 0, 1, 2 and so on, without a gap";

    /// A member that must be there is not.
    Missing = "missing", "a member that must be there";
    /// A member that the standard does not have. Its name is not repeated: it may be anything.
    Unknown = "unknown_member", "a member that is not in the standard";
    /// A member is there twice, or in both of its spellings.
    Twice = "twice", "a member is there once, in one of its spellings";
    /// A text where an object should be, and the like.
    Type = "type", "a text, an array, an object or a whole number, as the standard says";
    /// A person is natural or legal.
    OnePerson = "one_person", "exactly one of naturalPerson and legalPerson";
    /// An array has no items, or too many.
    Count = "count", "as many items as the standard and our limits allow";
    /// A text is empty, or only spaces.
    Empty = "empty", "a text that says something";
    /// A text is too long.
    Length = "length", "no more characters than the standard allows";
    /// A text has characters that it may not have.
    Characters = "characters", "printable ASCII; in local names anything but control characters";
    /// A code is not in its list.
    Code = "code", "a code from the standard's list";
    /// A date is none.
    Date = "date", "a day that exists, as YYYY-MM-DD";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.says())
    }
}

/// Where an object breaks a rule. Nothing that the object says is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Violation {
    /// Where, by names of the standard and numbers:
    /// `originator.originatorPersons[0].naturalPerson.name`.
    pub path: String,
    /// Which rule.
    pub rule: Rule,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

/// Why something is no IVMS101 object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// More bytes than [`OBJECT_BYTES_MAX`](crate::OBJECT_BYTES_MAX).
    #[error("the object has more than 65536 bytes")]
    TooLarge,
    /// Not JSON, or too deep.
    #[error("the object is not JSON, or too deep")]
    NotJson,
    /// It breaks rules. At most 64 of them are named.
    #[error("the object breaks {} of IVMS101's rules: {}", .0.len(), listed(.0))]
    Rules(Vec<Violation>),
}

impl Invalid {
    /// What is wrong, place by place. Empty when it could not be read at all.
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Rules(violations) => violations,
            Self::TooLarge | Self::NotJson => &[],
        }
    }
}

fn listed(violations: &[Violation]) -> String {
    let lines: Vec<_> = violations.iter().map(Violation::to_string).collect();
    lines.join("; ")
}
