//! Crates use each other as `docs/layout.md` says.
//!
//! Its table of crates has a row for each, from the ground up: a crate may use crates that stand
//! above its row, never one below, so there is no circle. The column "may use" has exactly the
//! crates that it is built with. Its tests, examples and benches may use any crate above its row
//! besides; they are not listed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Finding, Tree,
    layout::{CrateRow, Layout, PAGE},
    package::{self, Package},
};

/// Arrows between crates that are not as the page has them.
pub fn check(tree: &Tree) -> Vec<Finding> {
    match package::members(tree).and_then(|packages| Ok((packages, Layout::read(tree)?))) {
        Ok((packages, layout)) => compare(&packages, &layout.crates),
        Err(finding) => vec![finding],
    }
}

fn compare(packages: &[Package], rows: &[CrateRow]) -> Vec<Finding> {
    let floors: BTreeMap<&str, usize> =
        rows.iter().enumerate().map(|(floor, row)| (row.name.as_str(), floor)).collect();
    let mut findings = Vec::new();
    for package in packages {
        match rows.iter().find(|row| row.name == package.name) {
            Some(row) => {
                findings.extend(listed(package, row, packages));
                findings.extend(upward(package, &floors));
            }
            None => findings.push(Finding::new(
                PAGE,
                0,
                format!("the table of crates has no row for `{}`", package.name),
                format!(
                    "Add `| `{}` | {} | what it knows | what it must not know |` below all of these.",
                    package.name,
                    short(package.uses.keys()),
                ),
            )),
        }
    }
    for row in rows.iter().filter(|row| packages.iter().all(|package| package.name != row.name)) {
        let wrong = format!("there is no crate `{}` in the workspace", row.name);
        findings.push(Finding::new(PAGE, row.line, wrong, "Delete the row."));
    }
    findings
}

/// The difference between what a crate uses and what its row lists.
fn listed(package: &Package, row: &CrateRow, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut named = BTreeSet::new();
    for name in &row.may_use {
        let full = packages.iter().map(|package| package.name.as_str());
        let full =
            full.clone().find(|full| *full == name || full.strip_prefix("aep2-") == Some(name));
        match full {
            Some(full) => drop(named.insert(full)),
            None => {
                let wrong = format!("`{}` may use `{name}`, which is no crate", package.name);
                let remedy = "Crates stand there without `aep2-`, with commas; or `nothing`.";
                findings.push(Finding::new(PAGE, row.line, wrong, remedy));
            }
        }
    }
    for (used, line) in package.uses.iter().filter(|(used, _)| !named.contains(used.as_str())) {
        let wrong =
            format!("`{}` uses `{used}`, which its row in {PAGE} does not have", package.name);
        let remedy = format!(
            "Do without it. If it belongs there, write `{}` into line {} of the page.",
            short(package.uses.keys()),
            row.line
        );
        findings.push(Finding::new(&package.manifest(), *line, wrong, remedy));
    }
    for name in named.into_iter().filter(|name| !package.uses.contains_key(*name)) {
        let wrong = format!("`{}` does not use `{name}`", package.name);
        let remedy = format!("Delete it: the row has `{}`.", short(package.uses.keys()));
        findings.push(Finding::new(PAGE, row.line, wrong, remedy));
    }
    findings
}

/// What a crate or its tests use that stands below its row, or in it.
fn upward(package: &Package, floors: &BTreeMap<&str, usize>) -> Vec<Finding> {
    let own = floors.get(package.name.as_str());
    let used = package.uses.iter().chain(&package.uses_in_tests);
    let upward =
        used.filter(|(used, _)| floors.get(used.as_str()).is_some_and(|it| Some(it) >= own));
    upward
        .map(|(used, line)| {
            let wrong = format!("`{}` uses `{used}`, which stands above it", package.name);
            let remedy = format!(
                "The rows of the table in {PAGE} go from the ground up, and arrows only down. Which of \
                 the two should not know the other?"
            );
            Finding::new(&package.manifest(), *line, wrong, remedy)
        })
        .collect()
}

/// Names as the page writes them.
fn short<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(|name| name.strip_prefix("aep2-").unwrap_or(name)).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
