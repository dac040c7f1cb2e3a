//! A key from a program's standard output.
//!
//! The program gets no input, and runs in a process group of its own, which is killed when the time
//! is over: what it has started holds nothing up. Its output is a secret, and is never shown. What it
//! complains about on its standard error is shown when it fails.

use std::{
    io::{self, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::key_text::TEXT_BYTES_MAX;

/// How long a command may take, unless it is said otherwise.
pub const KEK_COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// How often it is looked whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many bytes of its complaints are shown.
const STDERR_BYTES_MAX: usize = 2 << 10;
/// How long the last of its complaints is waited for.
const STDERR_WAIT: Duration = Duration::from_millis(200);

/// Why a command gives no key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It cannot be started, or asked how it does.
    #[error("cannot be run: {0}")]
    Run(#[from] io::Error),
    /// It says that it failed.
    #[error("failed with {status}; it says: {stderr}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// What it complained about, shortened.
        stderr: String,
    },
    /// It does not end.
    #[error("did not end within {timeout:?}; it says: {stderr}")]
    TimedOut {
        /// How long it had.
        timeout: Duration,
        /// What it complained about, shortened.
        stderr: String,
    },
}

/// What a program prints, up to one byte more than a key's text can have.
pub(super) fn output(
    program: &str,
    arguments: &[String],
    timeout: Duration,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let until = Instant::now() + timeout;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().map(|pipe| read(pipe, TEXT_BYTES_MAX + 1));
    let stderr = child.stderr.take().map(|pipe| read(pipe, STDERR_BYTES_MAX));
    let complaint = |wait| stderr.as_ref().map_or(String::new(), |stderr| shown(stderr, wait));

    let ended = match wait(&mut child, until) {
        Ok(ended) => ended,
        Err(error) => {
            kill(&mut child);
            return Err(error.into());
        }
    };
    let left = until.saturating_duration_since(Instant::now());
    // Something that it started may still hold its output open.
    let printed = ended.and_then(|status| {
        let printed = stdout.as_ref()?.recv_timeout(left).ok()?;
        Some((status, printed))
    });
    match printed {
        Some((status, printed)) if status.success() => Ok(printed?),
        Some((status, _)) => Err(CommandError::Failed { status, stderr: complaint(STDERR_WAIT) }),
        None => {
            kill(&mut child);
            Err(CommandError::TimedOut { timeout, stderr: complaint(STDERR_WAIT) })
        }
    }
}

/// How the program ended; nothing when it has not by then.
fn wait(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Ends the program, and all that it started in its process group.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id())
        && let Some(group) = rustix::process::Pid::from_raw(group)
    {
        // Nobody may be left in it.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

type Output = io::Result<Zeroizing<Vec<u8>>>;

/// Reads a pipe on a thread of its own, to its end; what is more than `bytes_max` is thrown away, so
/// that the program is not held up.
fn read(mut pipe: impl Read + Send + 'static, bytes_max: usize) -> Receiver<Output> {
    let (done, receiver) = mpsc::channel();
    thread::spawn(move || {
        // As large as it gets, so that it is not moved, and no copy is left behind.
        let mut kept = Zeroizing::new(Vec::with_capacity(bytes_max));
        let read = pipe.by_ref().take(bytes_max as u64).read_to_end(&mut kept);
        let read = read.and_then(|_| io::copy(&mut pipe, &mut io::sink()));
        // Nobody waits any more when the time is over.
        let _ = done.send(read.map(|_| kept));
    });
    receiver
}

/// What the program complained about, in one line that no terminal acts on.
fn shown(stderr: &Receiver<Output>, wait: Duration) -> String {
    match stderr.recv_timeout(wait) {
        Ok(Ok(text)) => {
            let text = String::from_utf8_lossy(&text);
            let printable = |c: char| if c.is_control() { ' ' } else { c };
            text.trim().chars().map(printable).collect()
        }
        Ok(Err(_)) | Err(_) => String::new(),
    }
}
