//! A folder with a ceremony in it.

use std::{fs, path::PathBuf, sync::OnceLock};

use aep2_ceremony::{
    CeremonyError,
    begin::begin,
    contribute::{close, contribute},
    ptau::Ptau,
    r1cs::write_r1cs,
    verify::{Verified, verify},
    zkey::Zkey,
};
use aep2_circuits::system::Circuit;
use tempfile::TempDir;

use super::{
    circuits::{CIRCUIT, RandomCircuit},
    powers::{self, Secrets},
};

pub(crate) const VALUE: [u8; 32] = [0xbe; 32];
pub(crate) const EXPONENT: u8 = 10;

/// A ceremony for a circuit: `powers.ptau`, `circuit.r1cs`, `initial.zkey`, and what is added.
pub(crate) struct Stage<C> {
    pub(crate) circuit: C,
    pub(crate) folder: TempDir,
}

impl Stage<RandomCircuit> {
    /// A finished ceremony for [`CIRCUIT`], the same for all tests, in a folder of its own.
    pub(crate) fn finished() -> Self {
        static FINISHED: OnceLock<Stage<RandomCircuit>> = OnceLock::new();

        let model = FINISHED.get_or_init(|| {
            let stage = Stage::new(CIRCUIT, 6);
            stage.run();
            stage
        });
        let own = Self { circuit: CIRCUIT, folder: tempfile::tempdir().unwrap() };
        for entry in fs::read_dir(model.folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), own.folder.path().join(entry.file_name())).unwrap();
        }
        own
    }
}

impl<C: Circuit> Stage<C> {
    /// Powers of `2^power` from known secrets; the ceremony is begun.
    pub(crate) fn new(circuit: C, power: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Self { circuit, folder };
        // Of a large file only the points that are used: the circuit's domain has half its size.
        let first = if power > 8 { power - 1 } else { 0 };
        let path = stage.path("powers.ptau");
        powers::write_prepared_from(&path, power, &Secrets::new(1), Some(first));
        write_r1cs(&stage.circuit, &stage.path("circuit.r1cs")).unwrap();
        begin(&stage.circuit, &stage.ptau(), &stage.path("initial.zkey"), &()).unwrap();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ptau(&self) -> Ptau {
        Ptau::open(&self.path("powers.ptau")).unwrap()
    }

    pub(crate) fn zkey(&self, name: &str) -> Zkey {
        Zkey::open(&self.path(name)).unwrap()
    }

    pub(crate) fn verify(&self, name: &str) -> Result<Verified, CeremonyError> {
        let state = Zkey::open(&self.path(name))?;
        verify(&self.circuit, &self.ptau(), &self.zkey("initial.zkey"), state, &())
    }

    pub(crate) fn contribute(&self, before: &str, after: &str, name: &str) -> [u8; 64] {
        let before = self.verify(before).unwrap();
        let typed = "what nobody can guess".to_owned().into();
        contribute(&before, &typed, Some(name), &self.path(after), &()).unwrap()
    }

    pub(crate) fn close(&self, before: &str, after: &str) -> [u8; 64] {
        let before = self.verify(before).unwrap();
        close(&before, &VALUE, EXPONENT, &self.path(after), &()).unwrap()
    }

    /// Two contributions and the beacon: `1.zkey`, `2.zkey`, `last.zkey`.
    pub(crate) fn run(&self) {
        self.contribute("initial.zkey", "1.zkey", "first");
        self.contribute("1.zkey", "2.zkey", "second");
        self.close("2.zkey", "last.zkey");
    }
}
