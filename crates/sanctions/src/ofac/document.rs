//! Reading one of OFAC's advanced lists, element by element.

use std::{collections::HashMap, io::BufRead};

use super::{
    party::{Draft, Feature, currency_of},
    place::{Place, SECTIONS},
};
use crate::{
    address::{self, Prefix},
    content::{Content, Party, shortened},
    dated,
    refusal::Refusal,
    xml::{Element, Item, TOKEN_BYTES_MAX, Xml},
};

/// A set of reference values may have this many. OFAC's largest has some hundreds.
const REFERENCES_MAX: usize = 10_000;

/// Reads an advanced list.
pub(crate) fn read(input: impl BufRead) -> Result<Content, Refusal> {
    let mut xml = Xml::new(input);
    let mut document = Document::default();
    while let Some(item) = xml.next()? {
        match item {
            Item::Start(element) => document.start(&element)?,
            Item::Text(text) => document.text(&text)?,
            Item::End => document.end()?,
            Item::Nothing => {}
        }
    }
    document.finish()
}

/// What was read so far.
#[derive(Debug, Default)]
struct Document {
    /// From the root to the innermost element.
    places: Vec<Place>,
    /// How many of the sections began.
    sections: usize,
    /// The text of the element that is read.
    text: String,
    /// Its id among the reference values.
    id: String,
    /// Year, month and day of issue.
    date: [Option<String>; 3],
    feature_types: HashMap<String, String>,
    lists: HashMap<String, String>,
    sanctions_types: HashMap<String, String>,
    party: Draft,
    /// Profiles of the parties that are kept.
    profiles: HashMap<String, u32>,
    /// The party of the entry that is read, if it is kept.
    entry: Option<u32>,
    /// Whether the measure that is read names a programme.
    measure_is_program: bool,
    content: Content,
}

impl Document {
    fn place(&self) -> Place {
        self.places.last().copied().unwrap_or(Place::Outside)
    }

    fn start(&mut self, element: &Element<'_>) -> Result<(), Refusal> {
        let place = self.place().child(&element.name());
        if self.places.is_empty() && place != Place::Sanctions {
            return Err(structure(format!("the root is {:?}", shortened(&element.name()))));
        }
        self.places.push(place);
        if place.has_text() {
            self.text.clear();
        }
        if let Some(section) = place.section() {
            if section != self.sections {
                return Err(structure(format!("{place:?} is there twice, or out of its order")));
            }
            self.sections += 1;
        }
        let attribute = |name| element.attribute(name).unwrap_or_default();
        match place {
            Place::FeatureType | Place::List | Place::SanctionsType => self.id = attribute("ID"),
            Place::DistinctParty => self.party = Draft::new(attribute("FixedRef")),
            Place::Profile => self.party.profile = attribute("ID"),
            Place::Identity => self.party.identity_is_primary = attribute("Primary") == "true",
            Place::Alias => self.party.alias_is_primary = attribute("Primary") == "true",
            Place::Feature => {
                let feature_type = self.feature_types.get(&attribute("FeatureTypeID"));
                let currency = feature_type.and_then(|name| currency_of(name));
                self.party.feature = Feature { currency, has_value: false };
            }
            Place::SanctionsEntry => {
                self.entry = self.profiles.get(&attribute("ProfileID")).copied();
                let list = self.lists.get(&attribute("ListID"));
                let party = self.entry.and_then(|at| self.content.parties.get_mut(at as usize));
                if let (Some(party), Some(list)) = (party, list) {
                    party.add_list(list);
                }
            }
            Place::SanctionsMeasure => {
                let kind = self.sanctions_types.get(&attribute("SanctionsTypeID"));
                self.measure_is_program = kind.is_some_and(|kind| kind == "Program");
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        if self.place().has_text() {
            self.text.push_str(text);
            // Comments and references may cut a text into many pieces.
            if self.text.len() > TOKEN_BYTES_MAX {
                return Err(structure(format!("a text has more than {TOKEN_BYTES_MAX} bytes")));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let place = self.place();
        self.places.pop();
        let text = if place.has_text() { std::mem::take(&mut self.text) } else { String::new() };
        let value = text.trim_ascii();
        match place {
            Place::Year => self.date[0] = Some(shortened(value)),
            Place::Month => self.date[1] = Some(shortened(value)),
            Place::Day => self.date[2] = Some(shortened(value)),
            Place::DateOfIssue => self.content.stated_s = Some(self.date_of_issue()?),
            Place::FeatureType => refer(&mut self.feature_types, &self.id, value)?,
            Place::List => refer(&mut self.lists, &self.id, value)?,
            Place::SanctionsType => refer(&mut self.sanctions_types, &self.id, value)?,
            Place::NamePartValue => self.party.name_part(value),
            Place::DocumentedName => self.party.name_ends(),
            Place::VersionDetail => self.detail(value)?,
            Place::Feature => self.feature_ends(),
            Place::DistinctParty => self.party_ends(),
            Place::MeasureComment if self.measure_is_program => {
                let party = self.entry.and_then(|at| self.content.parties.get_mut(at as usize));
                if let Some(party) = party {
                    party.add_program(value);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn date_of_issue(&self) -> Result<u64, Refusal> {
        let [Some(year), Some(month), Some(day)] = &self.date else {
            return Err(structure("DateOfIssue lacks its year, month or day".into()));
        };
        let date_s = dated::midnight_s(year, month, day);
        date_s.ok_or_else(|| structure(format!("DateOfIssue is no day: {year}-{month}-{day}")))
    }

    /// A value of a feature.
    ///
    /// Under a currency, whichever it is, 40 hex digits are an address. Elsewhere they are one if
    /// they begin with 0x: OFAC may rename its feature types, and whatever else a party's feature
    /// is, that is an address of the party.
    fn detail(&mut self, value: &str) -> Result<(), Refusal> {
        let currency = self.party.feature.currency.take();
        let prefix = if currency.is_some() { Prefix::Optional } else { Prefix::Needed };
        if let Some(spelled) = address::read(value, prefix) {
            let party = self.keep_party()?;
            let named = currency.as_deref().and_then(|name| self.content.currency(name));
            let place = format!("party {}", self.party.id);
            self.content.add(spelled, value, &place, Some(party), named)?;
        } else if let Some(currency) = &currency
            && !value.is_empty()
        {
            let findings = &mut self.content.findings;
            if address::is_unreadable(value, currency) {
                findings.unreadable(&format!("party {}, {currency}", self.party.id), value);
            } else {
                *findings.skipped.entry(currency.clone()).or_default() += 1;
            }
        }
        self.party.feature.has_value |= !value.is_empty();
        self.party.feature.currency = currency;
        Ok(())
    }

    /// The index of the party that is read, which is kept from now on.
    fn keep_party(&mut self) -> Result<u32, Refusal> {
        if let Some(at) = self.party.kept_as {
            return Ok(at);
        }
        let at = u32::try_from(self.content.parties.len())
            .map_err(|_| structure("too many parties".into()))?;
        self.content.parties.push(Party { id: shortened(&self.party.id), ..Party::default() });
        self.party.kept_as = Some(at);
        Ok(at)
    }

    fn feature_ends(&mut self) {
        let feature = std::mem::take(&mut self.party.feature);
        if let Some(currency) = feature.currency
            && !feature.has_value
        {
            let place = format!("party {}, {currency}", self.party.id);
            self.content.findings.unreadable(&place, "");
        }
    }

    fn party_ends(&mut self) {
        let party = std::mem::take(&mut self.party);
        let Some(at) = party.kept_as else { return };
        if let Some(kept) = self.content.parties.get_mut(at as usize) {
            kept.name = party.name();
        }
        self.profiles.insert(party.profile, at);
    }

    fn finish(self) -> Result<Content, Refusal> {
        match SECTIONS.get(self.sections) {
            Some((_, missing)) => Err(structure(format!("{missing} is missing"))),
            None => Ok(self.content),
        }
    }
}

/// Adds a reference value. The same one twice does no harm, two under one id do: nobody could say
/// which of them is meant.
fn refer(values: &mut HashMap<String, String>, id: &str, value: &str) -> Result<(), Refusal> {
    if values.len() >= REFERENCES_MAX {
        return Err(structure(format!("more than {REFERENCES_MAX} reference values of a kind")));
    }
    let (id, value) = (shortened(id), shortened(value));
    match values.insert(id.clone(), value.clone()) {
        Some(before) if before != value => {
            Err(structure(format!("the id {id:?} stands for {before:?} and for {value:?}")))
        }
        _ => Ok(()),
    }
}

fn structure(what: String) -> Refusal {
    Refusal::NotInStructure(what)
}
