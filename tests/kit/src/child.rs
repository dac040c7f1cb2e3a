//! Running a test of this binary in a process of its own, to be killed or starved.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const DIRECTORY: &str = "AEP2_TEST_DIRECTORY";

/// What lines for the parent begin with: the test harness prints lines of its own.
pub const PREFIX: &str = "child: ";

/// Says something to the parent, as `println!` does.
#[macro_export]
macro_rules! tell {
    ($($argument:tt)*) => {
        println!("{}{}", $crate::child::PREFIX, format_args!($($argument)*))
    };
}

/// The directory that the parent names, in a child.
pub fn directory() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// A process that runs the test of this name. `prelude` is for bash, before the process begins.
pub fn command(test: &str, directory: &Path, prelude: &str) -> Command {
    let mut command = Command::new("bash");
    let binary = env::current_exe().expect("this binary");
    command
        .arg("-c")
        .arg(format!("{prelude} exec \"$0\" \"$@\""))
        .arg(binary)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// What a child said, whole lines only.
pub fn said(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.strip_prefix(PREFIX)).map(str::to_owned).collect()
}
