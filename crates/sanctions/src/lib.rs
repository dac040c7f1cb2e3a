//! Sanctions lists: which addresses nobody may pay, and who says so.
//!
//! Lists are files that the operator fetches: OFAC's `sdn_advanced.xml`, or plain lists of
//! addresses. They are read as streams within fixed limits, and reloaded while the program runs. A
//! file that is cut off, older, shrunken or not what it should be does not replace the list in
//! force. The [`Lists`] in force have a number, which rises with each change: whoever checks an
//! address and acts on the result later compares the numbers.
//!
//! ```
//! use std::time::SystemTime;
//! use aep2_sanctions::{Format, ListSettings, Lists, OnStale, SanctionsSettings, Screening};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("own.txt");
//! std::fs::write(&path, "0x098B716B8Aaf21512996dC57EB0615e2383E2f96\n")?;
//! let list = ListSettings::new("own", Format::Addresses, path, OnStale::Refuse);
//! let lists = Lists::open(&SanctionsSettings { lists: vec![list] }, None, SystemTime::now())?;
//!
//! let in_force = lists.in_force();
//! let address = "0x098b716b8aaf21512996dc57eb0615e2383e2f96".parse()?;
//! assert_eq!(in_force.screen(&address, SystemTime::now()), Screening::Listed);
//! assert_eq!(in_force.find(&address)[0].list, "own");
//! assert_eq!(in_force.number(), lists.number());
//! # Ok(())
//! # }
//! ```
//!
//! `docs/sanctions.md` is the operator's page.
//!
//! # What it does not know
//!
//! HTTP, chains, mandates, storage, and any runtime. It fetches nothing, asks nobody, and knows no
//! names but those that a list gives with an address.

mod address;
mod content;
mod dated;
mod hash;
mod in_force;
mod lists;
mod ofac;
mod plain;
mod refusal;
mod remembered;
mod replace;
mod set;
mod settings;
mod source;
mod status;
mod xml;

pub use self::{
    content::{Findings, Party},
    dated::{Dated, DatedBy},
    hash::{FileHash, FileHashError},
    in_force::{InForce, Screening},
    lists::{AcceptError, Lists, Reload, StartError, UnknownList},
    refusal::Refusal,
    remembered::{Remembered, RememberedList},
    set::{Listing, SanctionSet},
    settings::{Format, ListSettings, OnStale, SanctionsSettings, SettingsError},
    status::{AcceptedShrink, Freshness, ListStatus, RefusedReload},
};
