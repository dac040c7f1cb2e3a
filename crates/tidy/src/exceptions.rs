//! The places that break a rule today.
//!
//! A list is a text file: a line for each exception, and lines that begin with `#` for
//! comments. A list may only shrink: a
//! line that is not needed, or that allows more than is needed, is a [`Finding`] too.
//! [`List::shrunk`] is the list without them.

use std::collections::BTreeMap;

use crate::{Finding, Tree};

/// What is not needed of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excess {
    /// All of it.
    Line,
    /// Its number, which can be this.
    Number(usize),
}

/// A list of exceptions, and which of them were needed.
#[derive(Debug)]
pub struct List<'a> {
    path: &'a str,
    text: &'a str,
    /// By what stands on the line before the number, if there is one: the line's index, the number.
    lines: BTreeMap<&'a str, (usize, usize)>,
    /// The number that was needed, by index of the line.
    needed: BTreeMap<usize, usize>,
}

impl<'a> List<'a> {
    /// Reads the list of this path. A list that is not there is empty.
    pub fn read(tree: &'a Tree, path: &'a str) -> Self {
        let text = tree.text(path).unwrap_or_default();
        let mut lines = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let numbered = line
                .rsplit_once(' ')
                .and_then(|(place, number)| Some((place, number.parse().ok()?)));
            let (place, number) = numbered.unwrap_or((line, 0));
            lines.insert(place, (index, number));
        }
        Self { path, text, lines, needed: BTreeMap::new() }
    }

    /// Whether the list has this place, with this number or a higher one. It is needed, then.
    pub fn allows(&mut self, place: &str, number: usize) -> bool {
        let Some((index, allowed)) = self.lines.get(place) else { return false };
        let needed = self.needed.entry(*index).or_default();
        *needed = (*needed).max(number);
        number <= *allowed
    }

    /// The number that the list has for this place.
    pub fn number(&self, place: &str) -> Option<usize> {
        self.lines.get(place).map(|(_, number)| *number)
    }

    /// What can go, once the rule has asked for every place that it found.
    pub fn findings(&self) -> Vec<Finding> {
        let excess = self.excess();
        let lines = self.lines.iter().map(|(place, (index, number))| (index, place, number));
        lines
            .filter_map(|(index, place, number)| {
                let (wrong, remedy) = match excess.get(index)? {
                    Excess::Line => (
                        format!("the exception for {place} is not needed any more"),
                        "Delete this line.".to_owned(),
                    ),
                    Excess::Number(needed) => (
                        format!("the exception for {place} allows {number}, and it has {needed}"),
                        format!("Lower the number to {needed}."),
                    ),
                };
                let remedy = format!("{remedy} `TIDY_SHRINK=1 cargo test -p aep2-tidy` does it.");
                Some(Finding::new(self.path, index + 1, wrong, remedy))
            })
            .collect()
    }

    /// The list's text without what can go; nothing where nothing can.
    pub fn shrunk(&self) -> Option<String> {
        let excess = self.excess();
        let lines =
            self.text.lines().enumerate().filter_map(|(index, line)| match excess.get(&index) {
                None => Some(line.to_owned()),
                Some(Excess::Line) => None,
                Some(Excess::Number(needed)) => {
                    let (place, _) = line.rsplit_once(' ')?;
                    Some(format!("{place} {needed}"))
                }
            });
        let text: String = lines.map(|line| line + "\n").collect();
        (!excess.is_empty()).then_some(text)
    }

    fn excess(&self) -> BTreeMap<usize, Excess> {
        let lines = self.lines.values();
        lines
            .filter_map(|(index, number)| match self.needed.get(index) {
                None => Some((*index, Excess::Line)),
                Some(needed) if needed < number => Some((*index, Excess::Number(*needed))),
                Some(_) => None,
            })
            .collect()
    }
}
