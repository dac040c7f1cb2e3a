//! OFAC's advanced lists: `sdn_advanced.xml`, `cons_advanced.xml`.

mod document;
mod party;
mod place;

pub(crate) use self::document::read;
