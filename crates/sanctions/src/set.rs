//! The set of one list: what is in force of it.

use std::sync::Arc;

use alloy_primitives::Address;
use serde::Serialize;

use crate::{
    content::{Content, Findings, Party, Row},
    dated::Dated,
    hash::FileHash,
};

/// What one list says, as it was read from one file. It does not change; a newer file makes another.
#[derive(Clone, Debug)]
pub struct SanctionSet {
    list: Arc<str>,
    /// The number of the lists in force when this set came in force.
    pub(crate) version: u64,
    hash: FileHash,
    dated: Dated,
    entries: Arc<Entries>,
}

#[derive(Debug)]
struct Entries {
    /// Sorted, each once. Binary search needs no hash function that whoever chooses addresses could
    /// work against.
    addresses: Vec<Address>,
    /// The beginning of each of them: what is searched first. These are numbers, and less than half
    /// as large.
    beginnings: Vec<u64>,
    /// Sorted, by address first.
    rows: Vec<Row>,
    parties: Vec<Party>,
    currencies: Vec<String>,
    findings: Findings,
}

/// Why an address is on a list: one party, under one or more currencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The name of the list in the settings.
    pub list: String,
    /// The version of its set.
    pub version: u64,
    /// The SHA-256 of its file.
    pub sha256: FileHash,
    /// The list's date.
    pub dated: Dated,
    /// Whom the list names. For officers.
    pub party: Option<Party>,
    /// The currencies under which it names the address.
    pub currencies: Vec<String>,
}

impl SanctionSet {
    /// The set of a file's content.
    pub(crate) fn new(list: &str, hash: FileHash, dated: Dated, content: Content) -> Self {
        let Content { mut rows, parties, currencies, findings, .. } = content;
        rows.sort_unstable();
        rows.dedup();
        let mut addresses: Vec<_> = rows.iter().map(|row| row.address).collect();
        addresses.dedup();
        addresses.shrink_to_fit();
        let beginnings = addresses.iter().map(beginning).collect();
        rows.shrink_to_fit();
        let entries =
            Arc::new(Entries { addresses, beginnings, rows, parties, currencies, findings });
        Self { list: list.into(), version: 0, hash, dated, entries }
    }

    /// The same set with another date: its file was written anew and says the same.
    pub(crate) fn with_date(&self, dated: Dated) -> Self {
        Self { dated, ..self.clone() }
    }

    /// The name of the list in the settings.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// The number of the lists in force when this set came in force.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The SHA-256 of the file that it was read from.
    pub const fn sha256(&self) -> FileHash {
        self.hash
    }

    /// The list's date.
    pub const fn dated(&self) -> Dated {
        self.dated
    }

    /// How many addresses it has.
    pub fn count(&self) -> usize {
        self.entries.addresses.len()
    }

    /// What an officer should know of it.
    pub fn findings(&self) -> &Findings {
        &self.entries.findings
    }

    /// Whether an address is on it.
    pub fn contains(&self, address: &Address) -> bool {
        let Entries { addresses, beginnings, .. } = &*self.entries;
        let wanted = beginning(address);
        let from = beginnings.partition_point(|found| *found < wanted);
        if beginnings.get(from) != Some(&wanted) {
            return false;
        }
        // Nearly always one. But somebody may have made many that begin alike.
        let alike = beginnings[from..].partition_point(|found| *found == wanted);
        addresses[from..from + alike].binary_search(address).is_ok()
    }

    /// Why an address is on it: a listing for each party. Empty where it is not.
    pub fn find(&self, address: &Address) -> Vec<Listing> {
        let rows = &self.entries.rows;
        let from = rows.partition_point(|row| row.address < *address);
        let found = rows[from..].iter().take_while(|row| row.address == *address);
        let found: Vec<_> = found.collect();
        found.chunk_by(|a, b| a.party == b.party).map(|rows| self.listing(rows)).collect()
    }

    /// All its addresses, sorted.
    pub fn addresses(&self) -> &[Address] {
        &self.entries.addresses
    }

    fn listing(&self, rows: &[&Row]) -> Listing {
        let party = rows.first().and_then(|row| row.party);
        let party = party.and_then(|at| self.entries.parties.get(at as usize));
        let currencies = rows.iter().filter_map(|row| row.currency);
        let currencies = currencies.filter_map(|at| self.entries.currencies.get(at as usize));
        Listing {
            list: self.list.to_string(),
            version: self.version,
            sha256: self.hash,
            dated: self.dated,
            party: party.cloned(),
            currencies: currencies.cloned().collect(),
        }
    }

    /// How many addresses of this set another lacks.
    pub(crate) fn missing_in(&self, other: &Self) -> usize {
        self.entries.addresses.iter().filter(|address| !other.contains(address)).count()
    }
}

/// The first eight bytes of an address as a number. Numbers are in the order of the addresses.
fn beginning(address: &Address) -> u64 {
    address.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
