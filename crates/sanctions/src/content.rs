//! What a list's file says, as it is read.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::Address;
use serde::Serialize;

use crate::{address::Spelled, refusal::Refusal};

/// A list may have this many entries. OFAC's has some hundreds.
pub(crate) const ENTRIES_MAX: usize = 1_000_000;
/// This many things that an officer should look at are kept in words; all are counted.
const REMARKS_MAX: usize = 16;
/// Names and values are shortened to this many characters.
const SHOWN_CHARS: usize = 200;
/// A party may have this many programmes and lists.
const LABELS_MAX: usize = 64;

/// The party that a list names with an address. For officers: it is not for payers, payees, logs or
/// metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Party {
    /// The list's id for it. For OFAC the number that `sanctionssearch.ofac.treas.gov` knows.
    pub id: String,
    /// Its primary name, shortened to 200 characters. Empty where the list gives none.
    pub name: String,
    /// The programmes under which it is sanctioned: `DPRK3`, `CYBER2`.
    pub programs: Vec<String>,
    /// The publisher's lists that it is on: `SDN List`.
    pub lists: Vec<String>,
}

/// What an officer should know of a list beside its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many addresses of other chains were left out, by the currency that the list names.
    pub skipped: BTreeMap<String, u64>,
    /// How many values should be addresses of an EVM chain and are not. Whoever they mean is not
    /// screened for: look at them.
    pub unreadable: u64,
    /// How many addresses have a wrong EIP-55 checksum. They count as they are written.
    pub checksum_wrong: u64,
    /// The first 16 of the unreadable and wrong ones, and where they stand.
    pub remarks: Vec<String>,
}

impl Findings {
    pub(crate) fn unreadable(&mut self, place: &str, value: &str) {
        self.unreadable += 1;
        self.remark(place, "cannot be read as an address", value);
    }

    fn checksum_wrong(&mut self, place: &str, value: &str) {
        self.checksum_wrong += 1;
        self.remark(place, "has a wrong checksum", value);
    }

    fn remark(&mut self, place: &str, what: &str, value: &str) {
        if self.remarks.len() < REMARKS_MAX {
            // Escaped: look-alikes and control characters are to be seen.
            let value = shortened(value).escape_default().to_string();
            self.remarks.push(format!("{place}: \"{value}\" {what}"));
        }
    }
}

/// One entry: an address, whose it is, and under which currency the list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) address: Address,
    /// Which of the parties, where the list names any.
    pub(crate) party: Option<u32>,
    /// Which of the currencies, where the list names any.
    pub(crate) currency: Option<u32>,
}

/// What a list's file says.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The date that it states, in seconds since 1970.
    pub(crate) stated_s: Option<u64>,
    pub(crate) rows: Vec<Row>,
    pub(crate) parties: Vec<Party>,
    pub(crate) currencies: Vec<String>,
    currency_indexes: HashMap<String, u32>,
    pub(crate) findings: Findings,
}

impl Content {
    /// Adds an address that was spelled like `value`, at `place`.
    pub(crate) fn add(
        &mut self,
        spelled: Spelled,
        value: &str,
        place: &str,
        party: Option<u32>,
        currency: Option<u32>,
    ) -> Result<(), Refusal> {
        if self.rows.len() >= ENTRIES_MAX {
            return Err(Refusal::TooManyEntries { max: ENTRIES_MAX });
        }
        if spelled.checksum_is_wrong {
            self.findings.checksum_wrong(place, value);
        }
        self.rows.push(Row { address: spelled.address, party, currency });
        Ok(())
    }

    /// The index of a currency, which is added if need be.
    pub(crate) fn currency(&mut self, name: &str) -> Option<u32> {
        if let Some(at) = self.currency_indexes.get(name) {
            return Some(*at);
        }
        let at = u32::try_from(self.currencies.len()).ok()?;
        self.currencies.push(name.to_owned());
        self.currency_indexes.insert(name.to_owned(), at);
        Some(at)
    }
}

impl Party {
    pub(crate) fn add_program(&mut self, program: &str) {
        add_label(&mut self.programs, program);
    }

    pub(crate) fn add_list(&mut self, list: &str) {
        add_label(&mut self.lists, list);
    }
}

fn add_label(labels: &mut Vec<String>, label: &str) {
    let label = shortened(label);
    if !label.is_empty() && labels.len() < LABELS_MAX && !labels.contains(&label) {
        labels.push(label);
    }
}

/// At most 200 characters of a text.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}
