//! Keys whose file names a transcript, and what a transcript and a verifying key show alone.

use std::{fs, path::PathBuf};

use aep2_ceremony::{
    CeremonyError,
    error::{BeaconError, PlanError},
    finish::{Outputs, finish},
    transcript::{Transcript, TranscriptError},
};
use aep2_circuits::Shape;
use aep2_prover::{
    groth16::{VerifyingKey, setup},
    key_file::{CircuitId, Loaded, Provenance, read_verifying_key, verifying_key_hash},
};
use alloy_primitives::Bytes;
use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use rand::rngs::OsRng;

use crate::support::{
    circuits::{CIRCUIT, RandomCircuit},
    stage::{ROUND_1000, Stage},
};

/// A finished ceremony's transcript and verifying key, in files.
struct Finished {
    stage: Stage<RandomCircuit>,
    record: PathBuf,
    transcript: Transcript,
    key: Loaded<VerifyingKey>,
}

fn finished() -> Finished {
    let stage = Stage::finished();
    let last = stage.verify("last.zkey").unwrap();
    let folder = stage.path("keys");
    let outputs = Outputs { folder: &folder, replace: false };
    let files = finish(&CIRCUIT, &last, &[], ROUND_1000, outputs, &()).unwrap();
    let text = Transcript::read(&files.transcript).unwrap();
    let transcript = Transcript::check(&text, &last, ROUND_1000).unwrap();
    let key = read_verifying_key(&files.verifying_key, &stage.plan.circuit()).unwrap();
    Finished { stage, record: files.transcript, transcript, key }
}

impl Finished {
    fn check(&self, key: &Loaded<VerifyingKey>) -> Result<Transcript, TranscriptError> {
        let id = self.stage.plan.circuit();
        Transcript::check_beside_key(&self.record, &id, key, ROUND_1000, &())
    }

    /// What is said of another transcript and another key, whose file names that transcript.
    fn refused(
        &self,
        alter: impl FnOnce(&mut Transcript),
        key: impl FnOnce(&mut VerifyingKey),
    ) -> TranscriptError {
        let (mut transcript, mut own) = (self.transcript.clone(), self.key.clone());
        key(&mut own.key);
        own.verifying_key_hash = verifying_key_hash(&own.key);
        alter(&mut transcript);
        fs::write(&self.record, transcript.to_json()).unwrap();
        own.provenance = Provenance::Ceremony { transcript: transcript.hash() };
        self.check(&own).unwrap_err()
    }
}

#[test]
fn an_honest_key_passes_beside_its_transcript() {
    let own = finished();
    assert_eq!(own.check(&own.key).unwrap(), own.transcript);
}

#[test]
fn a_key_that_names_no_transcript_or_another_is_refused() {
    let own = finished();
    for provenance in [
        Provenance::RandomDevelopment,
        Provenance::SeededDevelopment,
        Provenance::Ceremony { transcript: [7; 32] },
    ] {
        let error = own.check(&Loaded { provenance, ..own.key.clone() }).unwrap_err();
        assert!(matches!(error, TranscriptError::NotNamed { .. }), "{error}");
    }
}

/// Whoever makes a key file writes the hash of the honest transcript into it.
#[test]
fn somebody_s_own_key_under_an_honest_transcript_s_hash_is_refused() {
    let own = finished();
    let key = setup(&CIRCUIT, &mut OsRng, &()).unwrap().verifying_key;
    let verifying_key_hash = verifying_key_hash(&key);
    let forged = Loaded { key, verifying_key_hash, provenance: own.key.provenance };
    let error = own.check(&forged).unwrap_err();
    assert!(matches!(error, TranscriptError::OtherKey("its hash")), "{error}");
    // Nor with the honest key's hash in the file.
    let error = own.check(&Loaded { verifying_key_hash: own.key.verifying_key_hash, ..forged });
    assert!(matches!(error, Err(TranscriptError::OtherKey("its hash"))), "{error:?}");
}

/// Honest contributions, and a key that is not made from them, with its hash in the transcript.
#[test]
fn a_key_whose_delta_is_not_the_contributions_is_refused() {
    let own = finished();
    let generator = G2Affine::generator();
    let twice = (generator + generator).into_affine();
    type Alter = fn(&mut VerifyingKey, G2Affine);
    let alterations: [(&str, Alter); 3] = [
        ("δ", |key, twice| key.delta_g2 = twice),
        ("δ", |key, _| key.delta_g2 = G2Affine::generator()),
        ("γ", |key, twice| key.gamma_g2 = twice),
    ];
    for (what, alter) in alterations {
        let mut key = own.key.key.clone();
        alter(&mut key, twice);
        let hash = verifying_key_hash(&key);
        let error = own.refused(|other| other.verifying_key = hash.into(), |own| *own = key);
        assert!(matches!(error, TranscriptError::OtherKey(found) if found == what), "{error}");
    }
    let own_hash = own.key.verifying_key_hash;
    let error = own.refused(
        |other| other.verifying_key = own_hash.into(),
        |key| key.alpha_g1 = G1Affine::generator(),
    );
    assert!(matches!(error, TranscriptError::OtherKey("its hash")), "{error}");
}

#[test]
fn a_transcript_whose_contributions_do_not_hold_is_refused() {
    let own = finished();
    let refused = |alter: &dyn Fn(&mut Transcript)| own.refused(alter, |_| {});
    let of_ceremony = |error| match error {
        TranscriptError::Ceremony(error) => error,
        other => panic!("{other}"),
    };
    // A contribution is missing, moved, somebody's own, or unreadable.
    for alter in [
        &(|other: &mut Transcript| drop(other.contributions.remove(1))) as &dyn Fn(&mut Transcript),
        &|other| other.contributions.swap(1, 2),
        &|other| other.contributions[2] = other.contributions[1].clone(),
    ] {
        let error = of_ceremony(refused(alter));
        assert!(matches!(error, CeremonyError::Contribution { .. }), "{error}");
    }
    let error = of_ceremony(refused(&|other| other.contributions[1].record = Bytes::new()));
    assert!(matches!(error, CeremonyError::Damaged { .. }), "{error}");
    // The beacon is cut off: then δ is not the key's.
    let error = refused(&|other| drop(other.contributions.pop()));
    assert!(matches!(error, TranscriptError::OtherKey("δ")), "{error}");
    // Another plan than the contributions have.
    let error = of_ceremony(refused(&|other| other.plan.beacon.exponent += 1));
    assert!(matches!(error, CeremonyError::OtherPlan { .. }), "{error}");
    // What people read is not what the record says.
    for alter in [
        &(|other: &mut Transcript| other.contributions[1].name = Some("famous".to_owned()))
            as &dyn Fn(&mut Transcript),
        &|other| other.contributions[1].hash.0[0] ^= 1,
        &|other| other.contributions[3].value = Some(Bytes::from(vec![1; 32])),
    ] {
        let error = refused(alter);
        assert!(matches!(error, TranscriptError::Differs("a contribution")), "{error}");
    }
}

#[test]
fn a_transcript_of_another_circuit_or_before_its_beacon_s_time_is_refused() {
    let own = finished();
    let id = own.stage.plan.circuit();
    let check = |id: CircuitId, now| {
        let checked = Transcript::check_beside_key(&own.record, &id, &own.key, now, &());
        match checked.unwrap_err() {
            TranscriptError::Ceremony(error) => error,
            other => panic!("{other}"),
        }
    };
    let error = check(CircuitId { shape: Shape::CHAINS, ..id }, ROUND_1000);
    assert!(matches!(error, CeremonyError::Plan(PlanError::Other("shape"))), "{error}");
    let error = check(CircuitId { version: 8, ..id }, ROUND_1000);
    assert!(matches!(error, CeremonyError::Plan(PlanError::Other("circuit"))), "{error}");
    let error = check(id, ROUND_1000 - 1);
    assert!(matches!(error, CeremonyError::Beacon(BeaconError::TooEarly { .. })), "{error}");
}
