//! The end of a ceremony: the transcript, and the key files that name it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use aep2_circuits::system::Circuit;
use aep2_prover::key_file::{
    CircuitId, Half, KeyFileError, Provenance, file_name, write_proving_key, write_verifying_key,
};

use crate::{
    error::CeremonyError,
    key::{check_key, proving_key},
    progress::Watch,
    transcript::{Transcript, TranscriptError},
    verify::Verified,
};

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
    /// A key file cannot be written.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}

/// The name of a shape's transcript in a folder of keys.
pub fn transcript_name(circuit: &CircuitId) -> String {
    format!("settlement-{}.ceremony.json", circuit.shape)
}

/// Makes the proving key from the last state of a ceremony, checks it, and writes it, the verifying key
/// and the transcript into a folder of keys. `id` names `circuit`.
///
/// # Errors
/// When the transcript is not that of `last`, or something cannot be read or written.
pub fn finish(
    circuit: &impl Circuit,
    id: &CircuitId,
    last: &Verified,
    transcript: &Transcript,
    folder: &Path,
    watch: &dyn Watch,
) -> Result<Finished, FinishError> {
    let key = proving_key(circuit, last, watch)?;
    let provenance = Provenance::Ceremony { transcript: transcript.hash() };
    let path = |half| folder.join(file_name(half, id.shape, provenance));
    let (proving, verifying) = (path(Half::Proving), path(Half::Verifying));
    check_key(circuit, last, &key, &proving, watch)?;
    let verifying_key_hash = aep2_prover::key_file::verifying_key_hash(&key.verifying_key);
    if transcript.verifying_key.0 != verifying_key_hash {
        return Err(TranscriptError::Differs("the verifying key").into());
    }

    let record = folder.join(transcript_name(id));
    let failed = |source| CeremonyError::Io { path: record.clone(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    fs::write(&record, transcript.to_json()).map_err(failed)?;
    write_proving_key(&proving, &key, id, provenance)?;
    write_verifying_key(&verifying, &key.verifying_key, id, provenance)?;
    Ok(Finished {
        proving_key: proving,
        verifying_key: verifying,
        transcript: record,
        transcript_hash: transcript.hash(),
        verifying_key_hash,
    })
}
