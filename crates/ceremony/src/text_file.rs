//! Text files that others wrote: read no further than an honest one is long.

use std::{fs::File, io::Read, path::Path};

use serde::de::DeserializeOwned;

use crate::error::CeremonyError;

/// Reads a text. `what` is what it should be, for errors.
///
/// # Errors
/// When it cannot be read, is longer than `bytes_max`, or is no text.
pub(crate) fn read(
    path: &Path,
    what: &'static str,
    bytes_max: u64,
) -> Result<String, CeremonyError> {
    let failed = |source| CeremonyError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(CeremonyError::TooLong { path: path.to_owned(), what, bytes_max });
    }
    String::from_utf8(bytes).map_err(|error| malformed(path, what, error))
}

/// Reads JSON.
///
/// # Errors
/// As [`read`], and when it is not of this form.
pub(crate) fn read_json<T: DeserializeOwned>(
    path: &Path,
    what: &'static str,
    bytes_max: u64,
) -> Result<T, CeremonyError> {
    let text = read(path, what, bytes_max)?;
    serde_json::from_str(&text).map_err(|error| malformed(path, what, error))
}

fn malformed(path: &Path, what: &'static str, error: impl ToString) -> CeremonyError {
    CeremonyError::Malformed { path: path.to_owned(), what, reason: error.to_string() }
}
