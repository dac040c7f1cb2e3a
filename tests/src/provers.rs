//! Proving keys for the tests: made once from a seed that everybody knows, and kept in the target
//! folder.

use std::sync::{Mutex, PoisonError};

use aep2_circuits::Shape;
use aep2_processor::batch::Provers;
use aep2_prover::prover::Entropy;

/// The keys of these shapes.
pub fn provers(shapes: &[Shape]) -> Provers {
    /// One test at a time makes keys.
    static MAKING: Mutex<()> = Mutex::new(());
    // Keys of another version of the circuit are other keys; files of another format cannot be read.
    let (circuit, format) = (aep2_circuits::VERSION, aep2_prover::key_file::FORMAT_VERSION);
    let folder = format!("processor-keys-{circuit}-{format}");
    let folder = aep2_testkit::kept::folder(&folder);
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let entropy = Entropy::Seed(*b"a seed that everybody may know!!");
    Provers::load_or_set_up(&folder, shapes.iter().copied(), &entropy, &()).expect("keys")
}
