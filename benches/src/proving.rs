//! What proving a shape takes: made-up payments, really signed, that fill it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use aep2_circuits::{Shape, size::Size};
use aep2_mandate::units::UnixTime;
use aep2_prover::{
    blinding::Blinding,
    progress::Progress,
    proven::Proven,
    prover::{BatchTimings, Entropy, Prover, SegmentTimings},
    sample,
    window::ValidWindow,
};
use anyhow::Context;
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;

use crate::{
    machine::{self, Machine},
    statistics::Seconds,
};

/// What one shape takes.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Where it was measured.
    pub machine: Machine,
    /// Threads at work.
    pub threads: usize,
    /// The shape.
    pub shape: String,
    /// Mandates in a full window.
    pub mandates: usize,
    /// The circuit's size.
    #[serde(flatten)]
    pub size: Size,
    /// Making the key.
    pub setup_s: f64,
    /// Most memory while making it, MiB.
    pub setup_peak_rss_mib: Option<f64>,
    /// The proving key's file, MiB.
    pub key_mib: f64,
    /// Loading it, the constraint system's digest included.
    pub key_load_s: f64,
    /// From a valid window to its verified proof.
    pub prove_s: Seconds,
    /// Mandates in a full window, a second of `prove_s`' median.
    pub mandates_per_s: f64,
    /// Filling the witness, median.
    pub witness_s: f64,
    /// Where the proof's time goes, medians.
    pub steps: Steps,
    /// Verifying, median.
    pub verify_ms: f64,
    /// Most memory that the process held from loading the key to the last proof, MiB.
    pub peak_rss_mib: Option<f64>,
    /// Proofs made.
    pub runs: usize,
}

/// Where a proof's time goes, seconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Steps {
    /// Arranging lanes, hashing the commitment and the challenges.
    pub arrange_s: f64,
    /// The Fourier transforms.
    pub fft_s: f64,
    /// The sum of A, G1.
    pub msm_a_s: f64,
    /// The sum of B, G1.
    pub msm_b_g1_s: f64,
    /// The sum of B, G2.
    pub msm_b_g2_s: f64,
    /// The sum of L, G1.
    pub msm_l_s: f64,
    /// The sum of H, G1.
    pub msm_h_s: f64,
}

/// A window that fills `shape`, the same every time.
///
/// # Panics
/// Never: what is signed here holds.
pub fn full_window(shape: Shape) -> ValidWindow {
    let mut rng = StdRng::seed_from_u64(1);
    let valid_until = UnixTime::new(1_800_000_000).expect("a time before the year 36812");
    let window = sample::window(shape, valid_until, &mut rng);
    window.validate(&mut rng).expect("a sample window is valid")
}

/// Measures `shape` on the threads of the rayon pool that it is called in.
///
/// # Errors
/// When the key cannot be made, written or read.
pub fn measure(
    shape: Shape,
    runs: usize,
    folder: &Path,
    progress: &dyn Progress,
) -> anyhow::Result<Figures> {
    let mut measurement = Measurement::prepare(shape, folder, progress)?;
    for _ in 0..runs {
        measurement.prove(progress)?;
    }
    measurement.figures()
}

/// A shape being measured: its key and window are ready, its proofs are made one by one, so that
/// two shapes can take turns on a machine that is not always as fast.
#[derive(Debug)]
pub struct Measurement {
    window: ValidWindow,
    blinding: Blinding,
    prover: Prover,
    setup: Duration,
    setup_peak_rss_mib: Option<f64>,
    key_bytes: u64,
    load: Duration,
    proofs: Vec<(Duration, BatchTimings, Proven)>,
}

impl Measurement {
    /// Makes the key of `shape`, writes it to `folder` and reads it back.
    ///
    /// # Errors
    /// When the key cannot be made, written or read.
    pub fn prepare(shape: Shape, folder: &Path, progress: &dyn Progress) -> anyhow::Result<Self> {
        let window = full_window(shape);
        let blinding = Blinding::random(&mut rand::rngs::OsRng);

        machine::reset_peak_memory();
        let started = Instant::now();
        let made = Prover::set_up(shape, &Entropy::Fresh, progress)?;
        let setup = started.elapsed();
        let setup_peak_rss_mib = machine::peak_memory_mib();
        let [path, _] = made.save(folder)?;
        drop(made);
        let key_bytes = std::fs::metadata(&path).context("the key was written")?.len();

        machine::reset_peak_memory();
        let started = Instant::now();
        let prover = Prover::load(folder, shape)?;
        let load = started.elapsed();
        let proofs = Vec::new();
        Ok(Self { window, blinding, prover, setup, setup_peak_rss_mib, key_bytes, load, proofs })
    }

    /// Makes one more proof.
    ///
    /// # Errors
    /// When the proof comes out wrong.
    pub fn prove(&mut self, progress: &dyn Progress) -> anyhow::Result<()> {
        let started = Instant::now();
        let (proven, _, timings) =
            self.prover.prove(&self.window, &self.blinding, &mut rand::rngs::OsRng, progress)?;
        self.proofs.push((started.elapsed(), timings, proven));
        Ok(())
    }

    /// What was measured.
    ///
    /// # Errors
    /// When no proof was made.
    pub fn figures(&self) -> anyhow::Result<Figures> {
        let Self { prover, proofs, .. } = self;
        anyhow::ensure!(!proofs.is_empty(), "there is nothing to measure in no run");
        let peak_rss_mib = machine::peak_memory_mib();
        let shape = prover.shape();
        let prove_s = Seconds::of(proofs.iter().map(|(took, ..)| *took));
        let verify = Seconds::of(proofs.iter().map(|(_, _, proven)| {
            let started = Instant::now();
            assert_eq!(proven.verify(|_| Some(prover.verifying_key())), Ok(()));
            started.elapsed()
        }));
        let median = |part: fn(&BatchTimings) -> Duration| {
            Seconds::of(proofs.iter().map(|(_, timings, _)| part(timings))).median
        };
        // A full window of a shape is one segment of it.
        let of_segment = |part: fn(&SegmentTimings) -> Duration| {
            let segments = proofs.iter().flat_map(|(_, timings, _)| &timings.segments);
            Seconds::of(segments.map(part)).median
        };
        Ok(Figures {
            machine: Machine::this(),
            threads: rayon::current_num_threads(),
            shape: shape.to_string(),
            mandates: shape.mandates_max(),
            size: Size::of(shape),
            setup_s: self.setup.as_secs_f64(),
            setup_peak_rss_mib: self.setup_peak_rss_mib,
            key_mib: self.key_bytes as f64 / f64::from(1 << 20),
            key_load_s: self.load.as_secs_f64(),
            prove_s,
            mandates_per_s: shape.mandates_max() as f64 / prove_s.median,
            witness_s: of_segment(|timings| timings.witness),
            steps: Steps {
                arrange_s: median(|timings| timings.arrange),
                fft_s: of_segment(|timings| timings.proof.fft),
                msm_a_s: of_segment(|timings| timings.proof.msm_a),
                msm_b_g1_s: of_segment(|timings| timings.proof.msm_b_g1),
                msm_b_g2_s: of_segment(|timings| timings.proof.msm_b_g2),
                msm_l_s: of_segment(|timings| timings.proof.msm_l),
                msm_h_s: of_segment(|timings| timings.proof.msm_h),
            },
            verify_ms: verify.median * 1e3,
            peak_rss_mib,
            runs: proofs.len(),
        })
    }
}
