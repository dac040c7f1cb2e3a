//! Made-up repositories.

use aep2_tidy::{Finding, Tree};

/// A workspace whose crate `a` has these files in `src`.
pub(crate) fn one_crate(files: &[(&str, &str)]) -> Tree {
    with_list(files, "")
}

/// The same, with this list of exceptions in `list.txt`.
pub(crate) fn with_list(files: &[(&str, &str)], list: &str) -> Tree {
    let files: Vec<(String, &str)> =
        files.iter().map(|(path, text)| (format!("a/src/{path}"), *text)).collect();
    let others = [
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
        ("a/Cargo.toml", "[package]\nname = \"its-name\""),
        ("list.txt", list),
    ];
    files.iter().map(|(path, text)| (path.as_str(), *text)).chain(others).collect()
}

/// The findings as `file:line: what is wrong`.
pub(crate) fn brief(findings: &[Finding]) -> Vec<String> {
    let brief = |it: &Finding| format!("{}:{}: {}", it.file, it.line, it.wrong);
    findings.iter().map(brief).collect()
}
