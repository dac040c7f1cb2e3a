//! What is on the disk of a store, to see that something has left it.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long files may take to be removed in the background.
const REMOVED_WITHIN: Duration = Duration::from_secs(60);

/// Whether bytes are in a file of a folder.
///
/// # Panics
/// Where the folder cannot be listed.
pub fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("lists").any(|entry| {
        // A file may be gone by now.
        let content = fs::read(entry.expect("lists").path()).unwrap_or_default();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

/// Whether bytes that are in files of a folder are gone within a minute: files are removed in the background.
///
/// # Panics
/// Where the folder cannot be listed.
pub fn lets_go(folder: &Path, bytes: &[u8]) -> bool {
    let until = Instant::now() + REMOVED_WITHIN;
    while holds(folder, bytes) && Instant::now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    !holds(folder, bytes)
}
