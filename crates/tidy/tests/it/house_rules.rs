//! The rules, on this repository.
//!
//! With `TIDY_SHRINK=1` the lists of exceptions are written without what is not needed any more.

use std::{fs, path::PathBuf};

use aep2_tidy::{Finding, Tree, circles, crates, exceptions::List, lengths, names};

fn root() -> PathBuf {
    aep2_testkit::repository::file("").canonicalize().unwrap()
}

#[track_caller]
fn assert_none(mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} findings\n\n{}\n", lines.len(), lines.join("\n"));
}

#[track_caller]
fn check_with(list: &str, rule: fn(&Tree, &mut List<'_>) -> Vec<Finding>) {
    let tree = Tree::read(&root()).unwrap();
    let mut exceptions = List::read(&tree, list);
    let mut findings = rule(&tree, &mut exceptions);
    if std::env::var_os("TIDY_SHRINK").is_some() {
        if let Some(shrunk) = exceptions.shrunk() {
            fs::write(root().join(list), shrunk).unwrap();
        }
    } else {
        findings.extend(exceptions.findings());
    }
    assert_none(findings);
}

#[test]
fn functions_and_files_are_short() {
    check_with("crates/tidy/exceptions/lengths.txt", lengths::check);
}

#[test]
fn files_do_not_take_from_each_other_in_circles() {
    check_with("crates/tidy/exceptions/circles.txt", circles::check);
}

#[test]
fn crates_use_what_the_layout_lets_them_use() {
    assert_none(crates::check(&Tree::read(&root()).unwrap()));
}

#[test]
fn the_layout_names_every_source_file() {
    assert_none(names::check(&Tree::read(&root()).unwrap()));
}
