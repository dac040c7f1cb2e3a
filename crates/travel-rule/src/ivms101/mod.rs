//! IVMS101, the interVASP Messaging Standard: who pays and who is paid, in a form that all sides
//! read.
//!
//! Two versions are in use, of 2020 and of 2023 (`IVMS101.2023`). Both are read here into the same
//! types, and checked by all their rules.

mod codes;
mod lei;
mod model;
mod path;
mod person;
mod read;
mod reader;
mod rule;

pub use self::{
    model::{
        Address, Birth, Ivms101, LegalName, LegalPerson, Name, NationalIdentification,
        NaturalPerson, Party, Person, Version,
    },
    rule::{Invalid, Rule, Violation},
};
