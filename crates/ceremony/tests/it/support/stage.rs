//! A folder with a ceremony in it.

use std::{fs, path::PathBuf, sync::OnceLock};

use aep2_ceremony::{
    CeremonyError,
    begin::begin,
    contribute::{announce, close, contribute},
    plan::{BeaconSource, FORMAT_VERSION, Plan, PlannedBeacon},
    ptau::Ptau,
    r1cs::write_r1cs,
    verify::{Verified, verify},
    zkey::Zkey,
};
use aep2_circuits::{Shape, symbolic, system::Circuit};
use tempfile::TempDir;

use super::{
    circuits::{CIRCUIT, RandomCircuit},
    powers::{self, Secrets},
};

pub(crate) const VALUE: [u8; 32] = [0xbe; 32];
pub(crate) const EXPONENT: u8 = 10;

/// When round 1,000 of drand's quicknet is known, the beacon of every plan here.
pub(crate) const ROUND_1000: u64 = 1_692_803_367 + 999 * 3;

/// A ceremony for a circuit: `powers.ptau`, `circuit.r1cs`, `initial.zkey`, its plan, `0.zkey` with the plan
/// in it, and what is added.
pub(crate) struct Stage<C> {
    pub(crate) circuit: C,
    pub(crate) folder: TempDir,
    pub(crate) plan: Plan,
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
        let (folder, plan) = (tempfile::tempdir().unwrap(), model.plan.clone());
        let own = Self { circuit: CIRCUIT, folder, plan };
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
        let plan = plan(&circuit);
        let mut stage = Self { circuit, folder, plan };
        // Of a large file only the points that are used: the circuit's domain has half its size.
        let first = if power > 8 { power - 1 } else { 0 };
        let path = stage.path("powers.ptau");
        powers::write_prepared_from(&path, power, &Secrets::new(1), Some(first));
        write_r1cs(&stage.circuit, &stage.path("circuit.r1cs")).unwrap();
        stage.begin();
        stage
    }

    /// Begins, with the powers that are there.
    pub(crate) fn begin(&mut self) {
        let ptau = self.ptau();
        let hash = begin(&self.circuit, &ptau, &self.path("initial.zkey"), &()).unwrap();
        (self.plan.powers_of_tau, self.plan.circuit_hash) = ((*ptau.hash()).into(), hash.into());
        announce(&self.verify("initial.zkey").unwrap(), &self.path("0.zkey"), &()).unwrap();
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
        let initial = self.zkey("initial.zkey");
        verify(&self.circuit, &self.plan, &self.ptau(), &initial, state, &())
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
        self.contribute("0.zkey", "1.zkey", "first");
        self.contribute("1.zkey", "2.zkey", "second");
        self.close("2.zkey", "last.zkey");
    }
}

/// A plan for a circuit, without powers and a beginning as yet.
fn plan(circuit: &impl Circuit) -> Plan {
    Plan {
        format: FORMAT_VERSION,
        shape: Shape::TEST,
        circuit_version: 7,
        constraint_system: symbolic::digest(circuit).into(),
        powers_of_tau: Default::default(),
        circuit_hash: Default::default(),
        beacon: PlannedBeacon {
            source: BeaconSource::DrandQuicknet { round: 1_000 },
            exponent: EXPONENT,
        },
    }
}
