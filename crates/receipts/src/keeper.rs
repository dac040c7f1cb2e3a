//! Appending to a folder, off the request's path but for one write.
//!
//! A write puts the line into the system's memory, which takes microseconds, and the response can go out: a
//! killed process loses nothing. A thread of its own syncs what was written, many lines at once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use thiserror::Error;

use crate::statement::Statement;

/// The most time between a line's being written and its file's being synced, the sync itself not counted.
pub const SYNC_EVERY: Duration = Duration::from_millis(200);

/// A file that is so long is followed by another one, so that old ones can be removed.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// Why something is not kept.
#[derive(Debug, Error)]
pub enum KeepError {
    /// The file system.
    #[error("cannot keep receipts in {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no JSON, which it should always have.
    #[error("a statement could not be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Appends what was signed to a folder. Cheap to clone; clones write into one file.
///
/// The last clone that is dropped syncs the file.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    open: Mutex<Open>,
    syncer: Mutex<Option<Syncer>>,
}

/// The file that is written into.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// Whether the last line may have been cut short.
    torn: bool,
}

/// The thread that syncs.
#[derive(Debug)]
struct Syncer {
    written: Sender<Arc<File>>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Begins a file in `folder`, which is made if need be.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, KeepError> {
        let folder = folder.into();
        let io = |source| KeepError::Io { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let open = Open::begin(&folder)?;
        let (written, files) = mpsc::channel();
        let spawned = thread::Builder::new().name("receipts".to_owned());
        let thread = spawned.spawn(move || sync(&files)).map_err(io)?;
        let syncer = Mutex::new(Some(Syncer { written, thread }));
        Ok(Self(Arc::new(Inner { folder, open: Mutex::new(open), syncer })))
    }

    /// Where it writes.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The file that it writes into at the moment.
    pub fn file(&self) -> PathBuf {
        lock(&self.0.open).path.clone()
    }

    /// Appends a statement. When this returns, it is written: the process may be killed. It is synced
    /// within [`SYNC_EVERY`].
    ///
    /// Blocks for one write to a file, which the system takes into its memory.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, statement: impl Into<Statement>) -> Result<(), KeepError> {
        let mut line = serde_json::to_vec(&statement.into())?;
        line.push(b'\n');
        let mut open = lock(&self.0.open);
        if open.bytes >= FILE_BYTES_MAX {
            *open = Open::begin(&self.0.folder)?;
        }
        open.append(line)?;
        let file = open.file.clone();
        drop(open);
        if let Some(syncer) = lock(&self.0.syncer).as_ref() {
            // It ends with the last keeper only.
            let _ = syncer.written.send(file);
        }
        Ok(())
    }
}

impl Open {
    fn begin(folder: &Path) -> Result<Self, KeepError> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let random = rand::random::<u32>();
        let path = folder.join(format!("receipts-{seconds}-{}-{random:08x}.jsonl", process::id()));
        let io = |source| KeepError::Io { path: path.clone(), source };
        let file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(io)?;
        // Whoever tidies up leaves a file alone that somebody writes into.
        file.try_lock().map_err(|error| io(error.into()))?;
        // The file's name is durable, too.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
        Ok(Self { path, file: Arc::new(file), bytes: 0, torn: false })
    }

    fn append(&mut self, mut line: Vec<u8>) -> Result<(), KeepError> {
        if self.torn {
            line.insert(0, b'\n');
        }
        // A write that fails may have written a part.
        self.torn = true;
        let written = (&*self.file).write_all(&line);
        written.map_err(|source| KeepError::Io { path: self.path.clone(), source })?;
        self.torn = false;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let syncer = lock(&self.syncer).take();
        if let Some(Syncer { written, thread }) = syncer {
            drop(written);
            // It syncs what is left, and ends.
            let _ = thread.join();
        }
        let open = lock(&self.open);
        let _ = open.file.unlock();
        if open.bytes == 0 && !open.torn {
            // Nobody misses it.
            let _ = fs::remove_file(&open.path);
        }
    }
}

/// Syncs files that were written into, a group of lines at a time, until no keeper is left.
fn sync(written: &Receiver<Arc<File>>) {
    let mut waiting = true;
    while waiting {
        let Ok(first) = written.recv() else { return };
        let mut files = vec![first];
        let until = std::time::Instant::now() + SYNC_EVERY;
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            match written.recv_timeout(left) {
                Ok(file) if files.iter().any(|own| Arc::ptr_eq(own, &file)) => {}
                Ok(file) => files.push(file),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    waiting = false;
                    break;
                }
            }
        }
        for file in files {
            if let Err(error) = file.sync_data() {
                tracing::error!(%error, "receipts were written, and could not be synced to the disk");
            }
        }
    }
}

/// Nothing that panics leaves it half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
