//! Payments of a card that have no final answer, in a folder beside the card's file: `card.json.unanswered`.
//!
//! A wallet has a journal for them. A card's journal is its issuer's, which does not know what was sent and
//! what came back. Without this folder a program that was killed after sending would have another payment
//! issued for the same request. A file is there, synced, before the payment may leave, and goes when the
//! answer is there.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::UnixTime,
};
use serde::{Deserialize, Serialize};

use crate::{
    journal::{JournalError, Requested},
    unanswered::Waiting,
};

/// The folder; none for a card that was not read from a file, whose payments wait in memory alone.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    folder: Option<PathBuf>,
}

/// A payment as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    id: MandateId,
    at: UnixTime,
    mandate: SignedMandate,
    requested: Requested,
}

impl Kept {
    /// That of the card in this file.
    pub(crate) fn beside(card: Option<&Path>) -> Self {
        let folder = card.map(|card| {
            let mut name = OsString::from(card);
            name.push(".unanswered");
            PathBuf::from(name)
        });
        Self { folder }
    }

    /// What waits.
    ///
    /// # Errors
    /// When it cannot be read: then nothing must be paid, because it may have been paid before.
    pub(crate) fn load(&self) -> Result<Vec<Waiting>, JournalError> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let failed = |source| JournalError::Io { path: folder.clone(), source };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut waiting = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read(&path).map_err(failed)?;
            let Written { id, at, mandate, requested } =
                serde_json::from_slice(&text).map_err(|error| JournalError::Damaged {
                    path,
                    offset: 0,
                    reason: error.to_string(),
                })?;
            waiting.push(Waiting { id, mandate, requested, at });
        }
        Ok(waiting)
    }

    /// Writes one down, on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be: then it must not be sent.
    pub(crate) fn write(&self, payment: &Waiting) -> Result<(), JournalError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = file(folder, payment.id);
        let written = || {
            let Waiting { id, mandate, requested, at } = payment.clone();
            let text = serde_json::to_vec(&Written { id, at, mandate, requested })?;
            fs::create_dir_all(folder)?;
            let draft = path.with_extension("draft");
            let mut file = File::create(&draft)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(folder)?.sync_all()
        };
        written().map_err(|source| JournalError::Io { path: path.clone(), source })
    }

    /// It has its answer. A file that cannot be removed does no harm: sent again, the payment gets the same
    /// answer.
    pub(crate) fn forget(&self, id: MandateId) {
        if let Some(folder) = &self.folder {
            let _ = fs::remove_file(file(folder, id));
        }
    }
}

fn file(folder: &Path, id: MandateId) -> PathBuf {
    folder.join(format!("{}.json", id.to_bytes()))
}
