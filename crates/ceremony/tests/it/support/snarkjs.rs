//! Running snarkjs.

use std::{path::PathBuf, process::Command};

/// Runs a command of `fixtures/generate/snarkjs-ceremony.mjs`, and says whether snarkjs accepted.
pub(crate) fn snarkjs(command: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> bool {
    let ended = Command::new("node")
        .arg("snarkjs-ceremony.mjs")
        .arg(command)
        .args(arguments.iter().map(|argument| argument.as_ref()))
        .current_dir(folder())
        .output()
        .expect("node runs: see scripts/setup.sh");
    let said = String::from_utf8_lossy(&ended.stdout);
    match ended.status.code() {
        Some(0) => true,
        Some(1) => false,
        code => panic!(
            "snarkjs {command} ended with {code:?}: {said}{}",
            String::from_utf8_lossy(&ended.stderr)
        ),
    }
}

fn folder() -> PathBuf {
    let folder = aep2_testkit::repository::file("fixtures/generate");
    assert!(
        folder.join("node_modules/snarkjs").is_dir(),
        "snarkjs is not installed in {}: run scripts/setup.sh",
        folder.display()
    );
    folder
}
