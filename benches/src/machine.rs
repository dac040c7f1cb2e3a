//! The machine that figures are measured on.

use std::{fmt, fs};

use serde::Serialize;

/// What a figure must be read with.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name, where the system tells it.
    cpu: Option<String>,
    /// Threads that the system offers.
    cores: usize,
}

impl Machine {
    /// The machine that this runs on.
    pub fn this() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cpu, cores }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu = self.cpu.as_deref().unwrap_or("an unnamed processor");
        write!(f, "{cpu}, {} cores", self.cores)
    }
}

/// Forgets the process's peak of memory, so that the next reading is of what comes now.
pub fn reset_peak_memory() {
    // Linux takes "5" for this; elsewhere there is no such file, and no reading either.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that the process has held since the last reset, MiB; nothing where the system
/// does not tell.
pub fn peak_memory_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kib / 1_024.0 * 10.0).round() / 10.0)
}
