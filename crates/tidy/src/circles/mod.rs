//! No circle of files inside a crate.
//!
//! A file takes from another what the other defines: by `use`, by a path in its code, in an
//! attribute, or among a macro's tokens. Re-exports are followed to the definition, so `lib.rs` and
//! `mod.rs` count by what they take (a re-export included) and by what is defined in them, not by
//! the modules that they declare. `#[cfg(test)]` is left out.
//!
//! What is not seen: calls of methods, and where the `impl` stands that has a method or an associated
//! function (the type's file counts); names that come by a glob and are lower-case, among a macro's
//! tokens; what macros make, which counts for the file that invokes them.

mod graph;
mod resolve;
mod scopes;
mod uses;

use std::collections::BTreeSet;

use self::{graph::Graph, scopes::Scopes};
use crate::{Finding, Tree, exceptions::List, lengths::not_read, package};

/// Circles of files. An exception is the path of a file that may stand in one.
pub fn check(tree: &Tree, exceptions: &mut List<'_>) -> Vec<Finding> {
    let packages = match package::members(tree) {
        Ok(packages) => packages,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for package in packages {
        let mut scopes = Scopes::default();
        for root in package.roots(tree) {
            let library = root.ends_with("src/lib.rs").then(|| package.library());
            scopes.add_root(tree, root, library);
        }
        findings.extend(scopes.unread.iter().map(|(path, error)| not_read(path, error)));
        findings.extend(scopes.missing.iter().map(|(path, line, name)| {
            let remedy = "Is it made by a macro or `#[path]`? aep2-tidy looks for neither.";
            Finding::new(path, *line, format!("the file of module `{name}` is not found"), remedy)
        }));
        findings.extend(never_compiled(tree, &package.source(), &scopes));
        findings.extend(circles(&uses::graph(scopes), exceptions));
    }
    findings
}

fn never_compiled(tree: &Tree, source: &str, scopes: &Scopes) -> Vec<Finding> {
    let compiled: BTreeSet<&str> = scopes.files.iter().map(String::as_str).collect();
    let paths = tree.under(source, "rs").map(|(path, _)| path);
    let others = paths.filter(|path| !compiled.contains(path) && !scopes.for_tests.contains(*path));
    let remedy = "Declare it (`mod …;`) or delete it.";
    others
        .map(|path| Finding::new(path, 0, "no module is declared for this file", remedy))
        .collect()
}

fn circles(graph: &Graph, exceptions: &mut List<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for files in graph.knots() {
        let allowed: Vec<bool> = files.iter().map(|file| exceptions.allows(file, 0)).collect();
        if allowed.iter().all(|allowed| *allowed) {
            continue;
        }
        let circle = graph.shortest_circle(&files);
        let mut wrong = format!("{} files take from each other in a circle", files.len());
        for take in &circle {
            let names: Vec<&str> = take.names.iter().map(String::as_str).collect();
            let does = if take.only_shows { "re-exports" } else { "takes" };
            let (by, line, from) = (&take.by, take.line, &take.from);
            wrong += &format!("\n    {by}:{line} {does} {} from {from}", names.join(", "));
        }
        if circle.len() < files.len() {
            wrong += "\n    in all:";
            for (file, allowed) in files.iter().zip(&allowed) {
                let note = if *allowed { " (listed as an exception)" } else { "" };
                wrong += &format!("\n      {file}{note}");
            }
        }
        let remedy = "One of these takes is against the grain. Move what it takes to a file below both, \
                      or hand it in.";
        findings.push(Finding::new(&circle[0].by, circle[0].line, wrong, remedy));
    }
    findings
}
