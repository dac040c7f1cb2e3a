//! The repository's own files: vectors, pages, what `scripts/setup.sh` installs.

use std::path::{Path, PathBuf};

/// A file or folder of the repository, by its path there: `fixtures/vectors/window.json`.
///
/// It is looked for when a test runs, from the folder that cargo runs it in, and is not built into it. Clones
/// that share a target folder share the tests' programs too: one would read the other's files, or find
/// nothing where the other is gone.
///
/// # Panics
/// Outside the repository.
pub fn file(path: impl AsRef<Path>) -> PathBuf {
    let of_cargo = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let from = of_cargo.or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let root = from.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    let root = root.unwrap_or_else(|| panic!("{} is not in the repository", from.display()));
    root.join(path)
}
