//! The transcripts of ceremonies beside the keys that are to be deployed.
//!
//! A key's file says of itself that it comes from a ceremony, and whoever made the file could write that.
//! So on a public chain somebody has to name the ceremony's transcript, and read what is in it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use aep2_ceremony::transcript::Transcript;
use aep2_chain::deployment::KeyOfShape;
use aep2_circuits::Shape;
use aep2_prover::key_file::{CircuitId, Provenance};
use anyhow::{Context, ensure};

use super::ceremony::{Steps, now};
use crate::output::{Output, count, hex};

/// Checks each of `files` beside the key whose file names it, and gives the shapes of these keys.
pub(super) fn check(
    files: &[PathBuf],
    keys: &[KeyOfShape],
    output: &Output,
) -> anyhow::Result<BTreeSet<Shape>> {
    let mut checked = BTreeSet::new();
    for file in files {
        let text = Transcript::read(file)?;
        let transcript = *blake3::hash(text.as_bytes()).as_bytes();
        let named = Provenance::Ceremony { transcript };
        let mut own = keys.iter().filter(|own| own.key.provenance == named).peekable();
        ensure!(
            own.peek().is_some(),
            "{} is the transcript {}, and no key that is to be deployed names it",
            file.display(),
            hex(&transcript)
        );
        for own in own {
            check_one(file, own, output).with_context(|| {
                format!("the key of shape {} does not fit {}", own.shape, file.display())
            })?;
            checked.insert(own.shape);
        }
    }
    Ok(checked)
}

fn check_one(file: &Path, own: &KeyOfShape, output: &Output) -> anyhow::Result<()> {
    let bar = Steps::new(output);
    let id = CircuitId::of(own.shape);
    let checked = Transcript::check_beside_key(file, &id, &own.key, now()?, &bar);
    bar.finish();
    let transcript = checked?;
    output.note(format!(
        "{}: transcript {}, {} and {}. The key's δ is theirs; its other points are checked by `aep2 key \
         check`. Compare the transcript's hash with what the contributors published",
        own.shape,
        hex(&transcript.hash()),
        count(transcript.people().len(), "contribution"),
        transcript.plan.beacon.source
    ));
    Ok(())
}
