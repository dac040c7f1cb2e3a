//! A program that goes on until it is told to stop, and says when it is ready.

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::WorkFolder;

/// A program in a process of its own. It does not outlive this.
pub(crate) struct Running {
    process: Child,
    stdout: BufReader<ChildStdout>,
    /// What it said when it was ready.
    pub(crate) ready: Value,
}

impl Running {
    /// Starts it with `--json`, and waits for its first line.
    pub(crate) fn start(work: &WorkFolder, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["--json"]].concat();
        let mut process = work.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}"));
        Self { process, stdout, ready }
    }

    /// What it said under this name.
    pub(crate) fn said(&self, field: &str) -> &str {
        self.ready[field].as_str().unwrap()
    }

    /// What it says next.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"))
    }

    /// Asks it to end, and waits: its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }

    /// Ends it between two instructions.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
