//! The prover of one shape: its key, made, kept and loaded, and what it proves.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aep2_circuits::{Shape, statement::Statement, symbolic, witness::Assignment};
use rand::{CryptoRng, RngCore, SeedableRng, rngs::OsRng};
use rand_chacha::ChaCha20Rng;

use crate::{
    arrange::{ArrangeError, Batch, Segment},
    blinding::Blinding,
    groth16::{self, ProveError, ProvingKey, SetupError, Timings, VerifyingKey},
    key_file::{self, CircuitId, Half, KeyFileError, Loaded, Provenance},
    progress::Progress,
    proven::{Proven, ProvenSegment},
    window::ValidWindow,
};

/// What a development key is made from.
#[derive(Clone, Debug)]
pub enum Entropy {
    /// The operating system's randomness, forgotten when the key is made. Whoever runs the set-up
    /// is trusted to have forgotten it.
    Fresh,
    /// A seed: the same seed gives the same key, and **anyone who knows it forges proofs**.
    Seed([u8; 32]),
}

/// The prover of one shape.
#[derive(Debug)]
pub struct Prover {
    circuit: CircuitId,
    loaded: Loaded<ProvingKey>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The window cannot be arranged in the prover's shape.
    #[error(transparent)]
    Arrange(#[from] ArrangeError),
    /// The proof came out wrong.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// How long each step of a segment's proof took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentTimings {
    /// Filling the witness.
    pub witness: Duration,
    /// The proof.
    pub proof: Timings,
}

/// How long each step of a window's proofs took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchTimings {
    /// Arranging the lanes, hashing the commitments and the challenges.
    pub arrange: Duration,
    /// The segments', in order.
    pub segments: Vec<SegmentTimings>,
}

impl CircuitId {
    /// The circuit of this program for `shape`. Runs through all its constraints: for a million of
    /// them, some seconds.
    pub fn of(shape: Shape) -> Self {
        let digest = symbolic::digest(&Statement::blank(shape));
        Self { shape, version: aep2_circuits::VERSION, digest }
    }
}

impl Prover {
    /// Makes a development key.
    ///
    /// # Errors
    /// When the circuit is too large for the field, or (with a negligible chance) the randomness
    /// is unusable.
    pub fn set_up(
        shape: Shape,
        entropy: &Entropy,
        progress: &dyn Progress,
    ) -> Result<Self, SetupError> {
        let blank = Statement::blank(shape);
        let set_up = || match entropy {
            Entropy::Fresh => groth16::setup(&blank, &mut OsRng, progress),
            Entropy::Seed(seed) => {
                groth16::setup(&blank, &mut ChaCha20Rng::from_seed(*seed), progress)
            }
        };
        // Both run through all constraints, on one thread each.
        let (circuit, key) = rayon::join(|| CircuitId::of(shape), set_up);
        let key = key?;
        let provenance = match entropy {
            Entropy::Fresh => Provenance::RandomDevelopment,
            Entropy::Seed(_) => Provenance::SeededDevelopment,
        };
        let verifying_key_hash = key_file::verifying_key_hash(&key.verifying_key);
        Ok(Self { circuit, loaded: Loaded { key, provenance, verifying_key_hash } })
    }

    /// Loads the key of `shape` from a folder of keys.
    ///
    /// # Errors
    /// When there is none, or it is not exactly this program's: see [`KeyFileError`].
    pub fn load(folder: &Path, shape: Shape) -> Result<Self, KeyFileError> {
        let path = find(folder, Half::Proving, shape);
        let circuit = CircuitId::of(shape);
        let loaded = key_file::read_proving_key(&path, &circuit)?;
        Ok(Self { circuit, loaded })
    }

    /// Whether a folder of keys has a proving key of `shape`.
    pub fn is_kept(folder: &Path, shape: Shape) -> bool {
        find(folder, Half::Proving, shape).exists()
    }

    /// Writes both halves of the key into a folder of keys, and says where.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<[PathBuf; 2], KeyFileError> {
        let (shape, provenance) = (self.circuit.shape, self.loaded.provenance);
        let path = |half| folder.join(key_file::file_name(half, shape, provenance));
        let paths = [path(Half::Proving), path(Half::Verifying)];
        key_file::write_proving_key(&paths[0], &self.loaded.key, &self.circuit, provenance)?;
        key_file::write_verifying_key(&paths[1], self.verifying_key(), &self.circuit, provenance)?;
        Ok(paths)
    }

    /// The shape that is proved.
    pub fn shape(&self) -> Shape {
        self.circuit.shape
    }

    /// Whom the key's users must trust.
    pub fn provenance(&self) -> Provenance {
        self.loaded.provenance
    }

    /// The proving key.
    pub fn key(&self) -> &ProvingKey {
        &self.loaded.key
    }

    /// The verifying key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.loaded.key.verifying_key
    }

    /// The hash by which the verifying key is known.
    pub fn verifying_key_hash(&self) -> [u8; 32] {
        self.loaded.verifying_key_hash
    }

    /// Proves a window, segment after segment. Uses the threads of the rayon pool that it is called
    /// in.
    ///
    /// The proofs have been verified when they are handed out.
    ///
    /// # Errors
    /// When the window does not fit the prover's shape.
    pub fn prove(
        &self,
        window: &ValidWindow,
        blinding: &Blinding,
        rng: &mut (impl CryptoRng + RngCore),
        progress: &dyn Progress,
    ) -> Result<(Proven, Batch, BatchTimings), ProverError> {
        let started = Instant::now();
        let batch = Batch::arrange(window, self.shape(), blinding)?;
        let mut timings = BatchTimings { arrange: started.elapsed(), segments: Vec::new() };

        let mut segments = Vec::new();
        for (index, segment) in batch.segments.iter().enumerate() {
            if batch.segments.len() > 1 {
                progress.segment(index, batch.segments.len());
            }
            let (proven, taken) = self.prove_segment(segment, rng, progress)?;
            segments.push(proven);
            timings.segments.push(taken);
        }
        let proven = Proven { settlement: batch.settlement.clone(), segments };
        Ok((proven, batch, timings))
    }

    /// Proves one segment. Uses the threads of the rayon pool that it is called in.
    ///
    /// The proof has been verified when it is handed out.
    ///
    /// # Errors
    /// When the segment is of another shape than the prover.
    pub fn prove_segment(
        &self,
        segment: &Segment,
        rng: &mut (impl CryptoRng + RngCore),
        progress: &dyn Progress,
    ) -> Result<(ProvenSegment, SegmentTimings), ProveError> {
        let started = Instant::now();
        let assignment = Assignment::of(&segment.statement);
        let witness = started.elapsed();
        let (proof, timings) = groth16::prove(&self.loaded.key, assignment, rng, progress)?;
        let Statement { shape, public, .. } = &segment.statement;
        let proven = ProvenSegment {
            shape: *shape,
            commitment: public.commitment,
            sum: public.sum,
            proof,
            verifying_key_hash: self.loaded.verifying_key_hash,
        };
        Ok((proven, SegmentTimings { witness, proof: timings }))
    }

    /// Whether `proven` is a proof of this very segment under this prover's key.
    pub fn has_proved(&self, segment: &Segment, proven: &ProvenSegment) -> bool {
        let Statement { shape, public, .. } = &segment.statement;
        let named = (proven.shape, proven.commitment, proven.sum, proven.verifying_key_hash);
        named == (*shape, public.commitment, public.sum, self.loaded.verifying_key_hash)
            && groth16::verify(self.verifying_key(), &public.to_vec(), &proven.proof)
    }
}

/// Loads the verifying key of `shape` from a folder of keys.
///
/// # Errors
/// When there is none, or it is not exactly this program's: see [`KeyFileError`].
pub fn load_verifying_key(
    folder: &Path,
    shape: Shape,
) -> Result<Loaded<VerifyingKey>, KeyFileError> {
    let path = find(folder, Half::Verifying, shape);
    key_file::read_verifying_key(&path, &CircuitId::of(shape))
}

/// Where a shape's key is: the seeded one only where there is no other. A ceremony's key has the
/// same name as a random one.
fn find(folder: &Path, half: Half, shape: Shape) -> PathBuf {
    let path = |provenance| folder.join(key_file::file_name(half, shape, provenance));
    let (own, seeded) = (path(Provenance::RandomDevelopment), path(Provenance::SeededDevelopment));
    if !own.exists() && seeded.exists() { seeded } else { own }
}
