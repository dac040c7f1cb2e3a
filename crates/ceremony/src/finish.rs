//! The end of a ceremony: the transcript, and the key files that name it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aep2_circuits::{Shape, system::Circuit};
use aep2_prover::key_file::{
    Half, KeyFileError, Provenance, file_name, verifying_key_hash, write_proving_key,
    write_verifying_key,
};

use crate::{
    attestation::Attestation,
    error::CeremonyError,
    key::{check_key, proving_key},
    progress::Watch,
    transcript::{Transcript, TranscriptError},
    verify::Verified,
};

/// Where the files of a finished ceremony go.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    /// The folder of keys.
    pub folder: &'a Path,
    /// Whether files that are there may be replaced: any of the three.
    pub replace: bool,
}

/// What a finished ceremony leaves.
#[derive(Debug)]
pub struct Finished {
    /// The proving key's file.
    pub proving_key: PathBuf,
    /// The verifying key's file.
    pub verifying_key: PathBuf,
    /// The transcript's file.
    pub transcript: PathBuf,
    /// BLAKE3 of the transcript.
    pub transcript_hash: [u8; 32],
    /// The verifying key's hash.
    pub verifying_key_hash: [u8; 32],
}

/// Why a ceremony is not finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The last state cannot be made a key.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// The transcript is not of this ceremony.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// A file is there already.
    #[error("{} is there already, and is not replaced", .0.display())]
    Exists(PathBuf),
    /// A key file cannot be written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// The name of a shape's transcript in a folder of keys.
pub fn transcript_name(shape: Shape) -> String {
    format!("settlement-{shape}.ceremony.json")
}

impl Outputs<'_> {
    /// The file of a shape that is in the way: one of the three is there, and none may be replaced.
    pub fn in_the_way(&self, shape: Shape) -> Option<PathBuf> {
        let provenance = Provenance::Ceremony { transcript: [0; 32] };
        let [proving, verifying] =
            [Half::Proving, Half::Verifying].map(|half| file_name(half, shape, provenance));
        let paths = [proving, verifying, transcript_name(shape)];
        // A link that leads nowhere is something too.
        let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
        let mut there = paths.into_iter().map(|name| self.folder.join(name)).filter(is_there);
        if self.replace { None } else { there.next() }
    }
}

/// Makes the transcript and the proving key from the last state of a ceremony, checks the key, and writes
/// both halves of it and the transcript into a folder of keys. `now` is in seconds since 1970.
///
/// # Errors
/// When the ceremony did not end as planned ([`Transcript::new`]), an attestation is wrong, a file is
/// there already, or something cannot be read or written.
pub fn finish(
    circuit: &impl Circuit,
    last: &Verified,
    attestations: &[Attestation],
    now: u64,
    outputs: Outputs<'_>,
    watch: &dyn Watch,
) -> Result<Finished, FinishError> {
    let id = last.plan().circuit();
    let transcript = Transcript::new(last, attestations, now)?;
    let provenance = Provenance::Ceremony { transcript: transcript.hash() };
    let path = |half| outputs.folder.join(file_name(half, id.shape, provenance));
    let (proving, verifying) = (path(Half::Proving), path(Half::Verifying));
    let record = outputs.folder.join(transcript_name(id.shape));
    // Before the long computation.
    if let Some(path) = outputs.in_the_way(id.shape) {
        return Err(FinishError::Exists(path));
    }

    let key = proving_key(circuit, last, watch)?;
    check_key(circuit, last, &key, &proving, watch)?;
    let verifying_key_hash = verifying_key_hash(&key.verifying_key);
    let failed = |source| CeremonyError::Io { path: record.clone(), source };
    fs::create_dir_all(outputs.folder).map_err(failed)?;
    fs::write(&record, transcript.to_json()).map_err(failed)?;
    write_proving_key(&proving, &key, &id, provenance)?;
    write_verifying_key(&verifying, &key.verifying_key, &id, provenance)?;
    Ok(Finished {
        proving_key: proving,
        verifying_key: verifying,
        transcript: record,
        transcript_hash: transcript.hash(),
        verifying_key_hash,
    })
}
