//! `docs/layout.md` names every source file, and no file that is not there.
//!
//! A file is named by its path, or by a folder that it is in. A `lib.rs` or `mod.rs` needs no name if
//! it only declares modules and re-exports.

use std::collections::BTreeMap;

use syn::Item;

use crate::{
    Finding, Tree,
    layout::{Layout, PAGE, Section, join},
    package,
};

/// Folders of source beside the crates': the section's folder, the source in it, the files' end.
const BESIDE: [(&str, &str, &str); 2] =
    [("contracts", "src", "sol"), ("clients/typescript", "src", "ts")];

/// Source files that the page does not name, and names that mean nothing.
pub fn check(tree: &Tree) -> Vec<Finding> {
    match package::members(tree).and_then(|packages| Ok((packages, Layout::read(tree)?))) {
        Ok((packages, layout)) => {
            let crates = packages.iter().map(|package| (package.folder.as_str(), "src", "rs"));
            let beside = BESIDE.into_iter().filter(|(folder, ..)| tree.contains(folder));
            let mut findings = Vec::new();
            for (folder, source, end) in crates.chain(beside) {
                findings.extend(unnamed(tree, &layout, folder, source, end));
            }
            findings.extend(layout.sections.iter().flat_map(|section| absent(tree, section)));
            findings
        }
        Err(finding) => vec![finding],
    }
}

/// The files of a folder that its section does not name.
fn unnamed(tree: &Tree, layout: &Layout, folder: &str, source: &str, end: &str) -> Vec<Finding> {
    let Some(section) = layout.sections.iter().find(|section| section.folder == folder) else {
        let wrong = format!("has no section for `{folder}`");
        return vec![Finding::new(
            PAGE,
            0,
            wrong,
            format!("Add one, with the heading ## `{folder}`."),
        )];
    };
    let named = |path: &str| {
        section.named.iter().any(|named| {
            named.path == path || (named.path.ends_with('/') && path.starts_with(&named.path))
        })
    };
    let files = tree.under(&join(&[folder, source]), end);
    files
        .filter(|(path, text)| !(named(path) || only_declares(path, text)))
        .map(|(path, _)| {
            let within = path.strip_prefix(&format!("{folder}/{source}/")).unwrap_or(path);
            let wrong = format!("{PAGE} does not name this file");
            let remedy = format!(
                "Add a row `| `{within}` | what it is |` to the section of line {}, or name a folder that it \
                 is in (`name/`).",
                section.line
            );
            Finding::new(path, 0, wrong, remedy)
        })
        .collect()
}

/// Whether a `lib.rs` or `mod.rs` has only modules and imports.
fn only_declares(path: &str, text: &str) -> bool {
    let declaring = path.ends_with("/mod.rs") || path.ends_with("/lib.rs");
    let parsed = syn::parse_file(text);
    declaring
        && parsed.is_ok_and(|file| {
            file.items.iter().all(|item| match item {
                Item::Mod(module) => module.content.is_none(),
                Item::Use(_) => true,
                _ => false,
            })
        })
}

/// What a section names that is not there, or names twice.
fn absent(tree: &Tree, section: &Section) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeMap::new();
    for named in &section.named {
        if !tree.contains(&named.path) {
            let wrong = format!("there is no `{}`", named.path);
            let remedy = "Write where it is now, or delete it.";
            findings.push(Finding::new(PAGE, named.line, wrong, remedy));
        }
        if let Some(before) = seen.insert(&named.path, named.line) {
            let wrong = format!("`{}` has a row already, in line {before}", named.path);
            findings.push(Finding::new(PAGE, named.line, wrong, "Make one of the two."));
        }
    }
    let named: Vec<&str> =
        section.named.iter().map(|named| named.path.trim_end_matches('/')).collect();
    for (line, folders, name) in &section.mentions {
        let own = ["", "src", "tests", "tests/it"].map(|within| join(&[&section.folder, within]));
        let of_row = folders.iter().cloned();
        let parents =
            named.iter().filter_map(|path| path.rsplit_once('/')).map(|(it, _)| it.to_owned());
        let mut places = own.into_iter().chain(of_row).chain(parents).chain([String::new()]);
        if !places.any(|place| tree.contains(&join(&[&place, name]))) {
            let wrong = format!("there is no `{name}` in `{}`", section.folder);
            findings.push(Finding::new(PAGE, *line, wrong, "Write where it is now, or delete it."));
        }
    }
    findings
}
