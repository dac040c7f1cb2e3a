//! Which file takes what from which, and the circles in that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What one file takes from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Take {
    pub(super) by: String,
    pub(super) from: String,
    /// Where it first does, in `by`.
    pub(super) line: usize,
    pub(super) names: BTreeSet<String>,
    /// Whether it only re-exports them.
    pub(super) only_shows: bool,
}

/// Files and what they take from each other.
#[derive(Debug, Default)]
pub(super) struct Graph {
    takes: BTreeMap<String, BTreeMap<String, Take>>,
}

impl Graph {
    /// `by` takes `name` from `from`, in this line, maybe only to re-export it.
    pub(super) fn add(&mut self, by: &str, from: &str, name: &str, line: usize, shows: bool) {
        if by == from {
            return;
        }
        let new = || Take {
            by: by.into(),
            from: from.into(),
            line,
            names: BTreeSet::new(),
            only_shows: true,
        };
        let takes = self.takes.entry(by.to_owned()).or_default();
        let take = takes.entry(from.to_owned()).or_insert_with(new);
        take.line = take.line.min(line);
        take.names.insert(name.to_owned());
        take.only_shows &= shows;
    }

    fn taken_from(&self, by: &str) -> impl Iterator<Item = &Take> {
        self.takes.get(by).into_iter().flat_map(BTreeMap::values)
    }

    /// The files that `from` takes from, and those that they take from, and so on.
    fn below<'a>(&'a self, from: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut to_do = vec![from];
        while let Some(file) = to_do.pop() {
            for take in self.taken_from(file) {
                if found.insert(take.from.as_str()) {
                    to_do.push(&take.from);
                }
            }
        }
        found
    }

    /// The largest sets of files of which each is below every other.
    pub(super) fn knots(&self) -> Vec<BTreeSet<String>> {
        let below: BTreeMap<&str, BTreeSet<&str>> =
            self.takes.keys().map(|file| (file.as_str(), self.below(file))).collect();
        let mut knots: BTreeSet<BTreeSet<String>> = BTreeSet::new();
        for (file, files) in &below {
            if files.contains(file) {
                let together = files
                    .iter()
                    .filter(|other| below.get(*other).is_some_and(|it| it.contains(file)));
                knots.insert(together.map(|file| (*file).to_owned()).collect());
            }
        }
        knots.into_iter().collect()
    }

    /// A shortest circle through some of these files.
    ///
    /// # Panics
    /// When there is none.
    pub(super) fn shortest_circle(&self, files: &BTreeSet<String>) -> Vec<Take> {
        let circles = files.iter().filter_map(|file| self.way_back(file, files));
        circles.min_by_key(Vec::len).expect("a knot has a circle")
    }

    /// A shortest way from a file back to itself.
    fn way_back(&self, start: &str, files: &BTreeSet<String>) -> Option<Vec<Take>> {
        let mut reached_by: BTreeMap<&str, &Take> = BTreeMap::new();
        let mut to_do = VecDeque::from([start]);
        while let Some(file) = to_do.pop_front() {
            for take in self.taken_from(file).filter(|take| files.contains(&take.from)) {
                if !reached_by.contains_key(take.from.as_str()) {
                    reached_by.insert(&take.from, take);
                    to_do.push_back(&take.from);
                }
            }
        }
        let mut way = vec![*reached_by.get(start)?];
        while let Some(last) = way.last().filter(|take| take.by != start) {
            way.push(reached_by.get(last.by.as_str())?);
        }
        Some(way.into_iter().rev().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(takes: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (by, from) in takes {
            graph.add(by, from, "it", 1, false);
        }
        graph
    }

    fn set(files: &[&str]) -> BTreeSet<String> {
        files.iter().map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn a_line_of_files_has_no_knot() {
        assert_eq!(graph(&[("a", "b"), ("b", "c"), ("a", "c"), ("c", "c")]).knots(), []);
    }

    #[test]
    fn knots_are_apart_and_as_large_as_they_can_be() {
        let graph = graph(&[
            ("a", "b"),
            ("b", "a"),
            ("b", "c"),
            ("c", "d"),
            ("d", "e"),
            ("e", "c"),
            ("e", "d"),
            ("x", "a"),
        ]);
        assert_eq!(graph.knots(), [set(&["a", "b"]), set(&["c", "d", "e"])]);
        let circle = graph.shortest_circle(&set(&["c", "d", "e"]));
        let circle: Vec<(&str, &str)> =
            circle.iter().map(|take| (take.by.as_str(), take.from.as_str())).collect();
        assert_eq!(circle, [("d", "e"), ("e", "d")]);
    }
}
