//! What `docs/layout.md` names.

use aep2_tidy::{Tree, names};

use crate::support::brief;

/// A crate in `a` with these files, and a page with this section.
fn findings(files: &[(&str, &str)], section: &str) -> Vec<String> {
    let page = format!("# Layout\n\n## `a`\n\n{section}");
    let others = [
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
        ("a/Cargo.toml", "[package]\nname = \"a\""),
        ("docs/layout.md", page.as_str()),
    ];
    let tree: Tree = files.iter().copied().chain(others).collect();
    brief(&names::check(&tree))
}

const FILES: [(&str, &str); 5] = [
    ("a/src/lib.rs", "mod b; mod c; pub use b::B;"),
    ("a/src/b.rs", "pub struct B;"),
    ("a/src/c/mod.rs", "mod d; pub struct C;"),
    ("a/src/c/d.rs", "pub struct D;"),
    ("a/tests/it/main.rs", ""),
];

#[test]
fn by_file_and_by_folder() {
    for section in [
        "| in `src` | |\n| --- | --- |\n| `b.rs`, `c/mod.rs` | two |\n| `c/d.rs` | one |\n",
        "| in `src` | |\n| --- | --- |\n| `b.rs` | it |\n| `c/` | `d.rs` does most |\n",
        "| | |\n| --- | --- |\n| `src/` | all; [`b.rs`](b) |\n\n`c/d.rs` is first read.\n",
        "| in `src` | |\n| --- | --- |\n| `b.rs` | |\n| `c/` | |\n\n| in `tests/it` | |\n| --- | --- |\n\
         | `main.rs` | |\n",
    ] {
        assert_eq!(findings(&FILES, section), [""; 0], "{section}");
    }
}

#[test]
fn files_without_a_name() {
    assert_eq!(
        findings(&FILES, "| in `src` | |\n| --- | --- |\n| `c/d.rs` | |\n"),
        [
            "a/src/b.rs:0: docs/layout.md does not name this file",
            "a/src/c/mod.rs:0: docs/layout.md does not name this file",
        ]
    );
}

#[test]
fn names_without_a_file() {
    assert_eq!(
        findings(
            &FILES,
            "| in `src` | |\n| --- | --- |\n| `b.rs`, `e.rs` | |\n| `c/`, `f/` | `g.rs` |\n"
        ),
        [
            "docs/layout.md:7: there is no `a/src/e.rs`",
            "docs/layout.md:8: there is no `a/src/f/`",
            "docs/layout.md:8: there is no `g.rs` in `a`",
        ]
    );
}

#[test]
fn a_name_stands_once_and_every_crate_has_a_section() {
    let twice = "| in `src` | |\n| --- | --- |\n| `b.rs` | |\n| `c/` | |\n| `b.rs` | |\n";
    assert_eq!(
        findings(&FILES, twice),
        ["docs/layout.md:9: `a/src/b.rs` has a row already, in line 7"]
    );
    let tree: Tree = [
        ("Cargo.toml", "[workspace]\nmembers = [\"a\"]"),
        ("a/Cargo.toml", "[package]\nname = \"a\""),
        ("docs/layout.md", "# Layout\n"),
    ]
    .into_iter()
    .collect();
    assert_eq!(brief(&names::check(&tree)), ["docs/layout.md:0: has no section for `a`"]);
}
