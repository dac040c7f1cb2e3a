//! What the user sees: results on standard output, everything else on standard error.

use std::{
    io::{self, Write},
    sync::Mutex,
    time::{Duration, Instant},
};

use aep2_prover::progress::{Progress, Stage};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// How results are shown.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether results are shown as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Shows a result: as JSON, or as the lines of `text`.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.json {
            true => print(&serde_json::to_string_pretty(value)?),
            false => print(&text()),
        }
    }

    /// As [`Self::result`], the JSON on one line: for whoever reads while the program goes on.
    pub(crate) fn line(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        match self.json {
            true => print(&serde_json::to_string(value)?),
            false => print(&text()),
        }
    }

    /// Says something on the way.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.json && !self.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// Says what went wrong: with `--json` as `{"error": …}`.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let words = words(error);
        if self.json {
            // Where nobody reads any more there is nobody to tell.
            let _ = print(&serde_json::json!({ "error": words }).to_string());
        } else {
            eprintln!("error: {words}");
        }
    }

    /// A bar that counts to `total`.
    pub(crate) fn counter(&self, total: usize, what: &'static str) -> ProgressBar {
        let bar = if self.json || self.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(total as u64)
        };
        let style = "  {msg:24} [{bar:32}] {pos}/{len}  {elapsed}";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// A bar for work with these stages.
    pub(crate) fn bar(&self, stages: &'static [Stage]) -> Bar {
        let bar = if self.json || self.quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(stages.len() as u64 * STEPS)
        };
        let style = "{msg:24} [{bar:32}] {percent:>3}%  {elapsed}";
        bar.set_style(ProgressStyle::with_template(style).expect("a valid template"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar, stages, shown: Mutex::new(0) }
    }
}

/// Writes a line to standard output. Whoever read it may have seen enough and be gone, as `head` is: that is no
/// failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the result")
        }
        _ => Ok(()),
    }
}

/// An error and its causes, without those whose words are said already: many errors say what their cause says.
fn words(error: &anyhow::Error) -> String {
    let mut words = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if words.is_empty() {
            words = cause;
        } else if !words.contains(&cause) {
            words = format!("{words}: {cause}");
        }
    }
    words
}

/// Steps of the bar for each stage.
const STEPS: u64 = 1_000;

/// A progress bar over several stages.
pub(crate) struct Bar {
    bar: ProgressBar,
    stages: &'static [Stage],
    /// The furthest step shown: reports of several threads may come out of order.
    shown: Mutex<u64>,
}

impl Bar {
    /// Says above the bar what comes next.
    pub(crate) fn step(&self, text: &str) {
        if !self.bar.is_hidden() {
            self.bar.println(text);
        }
        self.bar.reset_elapsed();
    }

    /// Removes the bar.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn stage(&self, stage: Stage, done: u64, total: u64) {
        let Some(index) = self.stages.iter().position(|own| *own == stage) else { return };
        let step = index as u64 * STEPS + (STEPS * done).checked_div(total).unwrap_or(STEPS);
        let mut shown = self.shown.lock().expect("no thread panics while it reports");
        // A stage that starts may start again: several proofs share a bar.
        if step >= *shown || done == 0 {
            *shown = step;
            self.bar.set_position(step);
            self.bar.set_message(stage.to_string());
        }
    }

    fn segment(&self, index: usize, total: usize) {
        self.step(&format!("segment {} of {total}", index + 1));
    }
}

/// Runs `work`, and says how long it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

/// `0x` and the bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// A number of things: "1 debit", "2 debits".
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_say_twice_what_its_cause_says() {
        let cause = std::io::Error::other("the disk is full");
        let error = anyhow::Error::new(cause).context("cannot write: the disk is full");
        assert_eq!(
            words(&error.context("nothing was kept")),
            "nothing was kept: cannot write: the disk is full"
        );
    }
}
