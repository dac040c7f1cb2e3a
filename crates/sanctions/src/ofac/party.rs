//! One party while it is read.

use crate::content::shortened;

/// A name is collected up to this many bytes.
const NAME_BYTES_MAX: usize = 1024;

/// The beginnings of the names of feature types whose values are addresses.
const CURRENCY: &str = "digital currency address";

/// The currency that a feature type is about: `ETH` of `Digital Currency Address - ETH`. None for
/// other types.
pub(super) fn currency_of(feature_type: &str) -> Option<String> {
    let beginning = feature_type.get(..CURRENCY.len())?;
    if !beginning.eq_ignore_ascii_case(CURRENCY) {
        return None;
    }
    let currency = feature_type[CURRENCY.len()..].trim_matches([' ', '-', '\u{2013}']);
    Some(if currency.is_empty() { "unnamed".into() } else { shortened(currency) })
}

/// The feature that is read: one fact about a party.
#[derive(Debug, Default)]
pub(super) struct Feature {
    /// Its currency, if its values are addresses.
    pub(super) currency: Option<String>,
    /// Whether it had a value that is not empty.
    pub(super) has_value: bool,
}

/// A party while it is read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// OFAC's id for it.
    pub(super) id: String,
    /// The id of its profile, by which entries refer to it.
    pub(super) profile: String,
    /// Its name so far.
    name: String,
    name_is_whole: bool,
    /// Whether the identity and the alias that are read are the primary ones.
    pub(super) identity_is_primary: bool,
    pub(super) alias_is_primary: bool,
    pub(super) feature: Feature,
    /// Its index among the parties that are kept, once it has an address.
    pub(super) kept_as: Option<u32>,
}

impl Draft {
    /// A party that begins.
    pub(super) fn new(id: String) -> Self {
        Self { id, ..Self::default() }
    }

    /// Takes a part of a name, if it belongs to the primary one. Of its spellings the first counts,
    /// which is the Latin one.
    pub(super) fn name_part(&mut self, part: &str) {
        let wanted = self.identity_is_primary && self.alias_is_primary && !self.name_is_whole;
        if wanted && self.name.len() < NAME_BYTES_MAX {
            if !self.name.is_empty() {
                self.name.push(' ');
            }
            self.name.push_str(&shortened(part));
        }
    }

    /// A documented name ends.
    pub(super) fn name_ends(&mut self) {
        self.name_is_whole |= !self.name.is_empty();
    }

    /// Its name, as far as it was read.
    pub(super) fn name(&self) -> String {
        shortened(&self.name)
    }
}
