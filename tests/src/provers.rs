//! Proving keys for the tests: made once from a seed that everybody knows, and kept in the target
//! folder.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use aep2_circuits::Shape;
use aep2_processor::batch::Provers;
use aep2_prover::prover::Entropy;

/// The keys of these shapes.
pub(crate) fn provers(shapes: &[Shape]) -> Provers {
    /// One test at a time makes keys.
    static MAKING: Mutex<()> = Mutex::new(());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("processor-keys");
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    std::fs::create_dir_all(&folder).expect("a folder for keys");
    let entropy = Entropy::Seed(*b"a seed that everybody may know!!");
    Provers::load_or_set_up(&folder, shapes.iter().copied(), &entropy, &()).expect("keys")
}
