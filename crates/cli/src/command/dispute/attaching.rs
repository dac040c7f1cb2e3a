//! Evidence in files: signed for with a message, handed in after it.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use aep2_mandate::typed_data::{
    access::SignedAccess,
    dispute::{EVIDENCE_BYTES_MAX, EVIDENCE_MAX, Evidence},
};
use aep2_processor_client::disputes::DisputesClient;
use alloy::primitives::B256;
use anyhow::{Context, ensure};
use clap::Args;

/// Files to attach.
#[derive(Args)]
pub(super) struct EvidenceOptions {
    /// Attach this file as evidence, at most 1 MiB; may be repeated, up to 8 times. The parties and the
    /// arbiter can read it
    #[arg(long = "evidence", value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Pieces of evidence with their bytes.
pub(super) struct Attached(Vec<(Evidence, Vec<u8>)>);

impl EvidenceOptions {
    /// Reads the files.
    pub(super) fn read(&self) -> anyhow::Result<Attached> {
        ensure!(self.files.len() <= EVIDENCE_MAX, "at most {EVIDENCE_MAX} files can be attached");
        let mut pieces: Vec<(Evidence, Vec<u8>)> = Vec::new();
        for path in &self.files {
            let bytes = read(path)?;
            let piece = Evidence::of(&bytes, media_type(path))?;
            // The same bytes twice are one piece.
            if pieces.iter().all(|(own, _)| own.hash != piece.hash) {
                pieces.push((piece, bytes));
            }
        }
        Ok(Attached(pieces))
    }
}

impl Attached {
    /// What is signed for.
    pub(super) fn pieces(&self) -> Vec<Evidence> {
        self.0.iter().map(|(piece, _)| piece.clone()).collect()
    }

    /// Hands in the bytes.
    pub(super) async fn hand_in(
        self,
        client: &DisputesClient,
        access: &SignedAccess,
        mandate: B256,
    ) -> anyhow::Result<()> {
        for (piece, bytes) in self.0 {
            client.put_evidence(access, mandate, bytes).await.with_context(|| {
                format!(
                    "what was signed stands, but the evidence {} was not handed in; send the same again",
                    piece.hash
                )
            })?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let mut bytes = Vec::new();
    let read = file.take(EVIDENCE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {name}"))?;
    ensure!(
        bytes.len() as u64 <= EVIDENCE_BYTES_MAX,
        "{name} is longer than {EVIDENCE_BYTES_MAX} bytes, which is the most that evidence has"
    );
    Ok(bytes)
}

/// What a file is, by how its name ends.
fn media_type(path: &Path) -> &'static str {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "json" => "application/json",
        "txt" | "log" => "text/plain; charset=utf-8",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_twice_is_one_piece_and_a_longer_one_is_none() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let (small, large) = (folder.path().join("a.json"), folder.path().join("b"));
        std::fs::write(&small, "{}")?;
        std::fs::write(&large, vec![0; (1 << 20) + 1])?;
        let attached = EvidenceOptions { files: vec![small.clone(), small] }.read()?;
        let pieces = attached.pieces();
        assert_eq!(pieces.len(), 1);
        assert_eq!((pieces[0].size, &*pieces[0].media_type), (2, "application/json"));
        assert!(pieces[0].is(b"{}"));
        assert!(EvidenceOptions { files: vec![large] }.read().is_err());
        Ok(())
    }
}
