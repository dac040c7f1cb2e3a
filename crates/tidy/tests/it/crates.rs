//! Arrows between crates.

use aep2_tidy::{Tree, crates};

use crate::support::brief;

/// Crates `aep2-a`, `aep2-b` and `aep2` with these dependencies, and a page with these rows.
fn findings(a: &str, b: &str, top: &str, rows: &[(&str, &str)]) -> Vec<String> {
    let manifest = |name: &str, uses: &str| format!("[package]\nname = \"{name}\"\n{uses}");
    let rows: String = rows
        .iter()
        .map(|(name, uses)| format!("| `{name}` | {uses} | much | little |\n"))
        .collect();
    let page =
        format!("| crate | may use | knows | must not know |\n| --- | --- | --- | --- |\n{rows}");
    let tree: Tree = [
        ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\", \"top\"]"),
        ("a/Cargo.toml", &manifest("aep2-a", a)),
        ("b/Cargo.toml", &manifest("aep2-b", b)),
        ("top/Cargo.toml", &manifest("aep2", top)),
        ("docs/layout.md", &page),
    ]
    .into_iter()
    .collect();
    brief(&crates::check(&tree))
}

const ROWS: [(&str, &str); 3] = [("aep2-a", "nothing"), ("aep2-b", "a"), ("aep2", "a, b")];
const NO_A: &str = "[dependencies]\nserde = \"1\"\n";
const B: &str = "[dependencies]\naep2-a.workspace = true\n";
const TOP: &str = "[dependencies]\naep2-a = { path = \"../a\" }\n\
                   [target.'cfg(unix)'.dependencies]\nother = { package = \"aep2-b\", version = \"1\" }\n";

#[test]
fn as_the_page_has_them() {
    assert_eq!(findings(NO_A, B, TOP, &ROWS), [""; 0]);
    let tests_too = "[dev-dependencies]\naep2-a.workspace = true\n";
    assert_eq!(findings("", tests_too, TOP, &[ROWS[0], ("aep2-b", "nothing"), ROWS[2]]), [""; 0]);
}

#[test]
fn more_or_less_than_the_page_has() {
    assert_eq!(
        findings("", B, TOP, &[ROWS[0], ("aep2-b", "nothing"), ROWS[2]]),
        ["b/Cargo.toml:4: `aep2-b` uses `aep2-a`, which its row in docs/layout.md does not have"]
    );
    assert_eq!(findings("", "", TOP, &ROWS), ["docs/layout.md:4: `aep2-b` does not use `aep2-a`"]);
    let unknown = [ROWS[0], ("aep2-b", "a, c"), ROWS[2]];
    assert_eq!(
        findings("", B, TOP, &unknown),
        ["docs/layout.md:4: `aep2-b` may use `c`, which is no crate"]
    );
}

#[test]
fn arrows_go_down_in_tests_too() {
    let up = "[dev-dependencies]\naep2-b.workspace = true\n";
    assert_eq!(
        findings(up, B, TOP, &ROWS),
        ["a/Cargo.toml:4: `aep2-a` uses `aep2-b`, which stands above it"]
    );
}

#[test]
fn every_crate_has_a_row_and_every_row_a_crate() {
    assert_eq!(
        findings("", B, TOP, &[ROWS[0], ROWS[1], ROWS[2], ("aep2-c", "a")]),
        ["docs/layout.md:6: there is no crate `aep2-c` in the workspace"]
    );
    assert_eq!(
        findings("", B, TOP, &ROWS[..2]),
        ["docs/layout.md:0: the table of crates has no row for `aep2`"]
    );
}
