//! What is made once and kept for the next run.

use std::{env, fs, path::PathBuf};

/// A folder of this name in the target folder, for what takes long to make, such as proving keys. It is
/// made where it is missing; several processes may use it at once.
///
/// # Panics
/// Where it cannot be made, and outside of what cargo builds.
pub fn folder(name: &str) -> PathBuf {
    // target/debug/deps/it-0123456789abcdef: where cargo's CARGO_TARGET_TMPDIR is, which only tests
    // themselves are told.
    let program = env::current_exe().expect("this program");
    let target = program.ancestors().nth(3).expect("a target folder");
    let folder = target.join("tmp").join(name);
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}
