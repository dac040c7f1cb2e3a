//! A ceremony's steps as a bar.

use aep2_ceremony::progress::{Step, Watch};
use indicatif::ProgressBar;

use crate::output::Output;

/// A bar that shows the step that is at work.
pub(in crate::command) struct Steps(ProgressBar);

impl Steps {
    pub(in crate::command) fn new(output: &Output) -> Self {
        Self(output.counter(1, "starting"))
    }

    /// Removes the bar.
    pub(in crate::command) fn finish(self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Steps {
    fn step(&self, step: Step, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
        self.0.set_message(step.to_string());
    }
}
