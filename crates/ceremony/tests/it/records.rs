//! What was announced, what was signed, and the record of it all.

use std::fs;

use aep2_ceremony::{
    CeremonyError,
    attestation::{Attestation, AttestationError, Signed},
    contribution::Source,
    error::BeaconError,
    finish::finish,
    plan::{BeaconSource, FORMAT_VERSION, Plan, PlanError, PlannedBeacon},
    transcript::{Transcript, TranscriptError},
    verify::Verified,
};
use aep2_circuits::{Shape, witness::Assignment};
use aep2_prover::{
    groth16::prove,
    key_file::{CircuitId, Provenance, read_proving_key, read_verifying_key},
};
use alloy_primitives::{Address, B512, Bytes};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use rand::rngs::OsRng;

use crate::support::{
    bytes::Parts,
    circuits::{CIRCUIT, RandomCircuit},
    stage::{EXPONENT, Stage},
};

const ID: CircuitId = CircuitId { shape: Shape::TEST, version: 7, digest: [9; 32] };
/// When round 1,000 of drand's quicknet is known.
const ROUND_1000: u64 = 1_692_803_367 + 999 * 3;

struct Ceremony {
    stage: Stage<RandomCircuit>,
    plan: Plan,
    last: Verified,
}

fn ceremony() -> Ceremony {
    ceremony_on(Stage::finished())
}

fn ceremony_on(stage: Stage<RandomCircuit>) -> Ceremony {
    let plan = Plan {
        format: FORMAT_VERSION,
        shape: ID.shape,
        circuit_version: ID.version,
        constraint_system: ID.digest.into(),
        powers_of_tau: stage.ptau().hash().unwrap().into(),
        circuit_hash: stage.zkey("initial.zkey").chain.circuit_hash.into(),
        beacon: PlannedBeacon {
            source: BeaconSource::DrandQuicknet { round: 1_000 },
            exponent: EXPONENT,
        },
    };
    let last = stage.verify("last.zkey").unwrap();
    Ceremony { stage, plan, last }
}

impl Ceremony {
    fn hash(&self, index: usize) -> B512 {
        self.last.zkey().chain.contributions[index].hash().into()
    }

    fn attestation(&self, index: usize) -> Attestation {
        let (contribution, name) = (self.hash(index), format!("contributor {index}"));
        Attestation { contribution, name, statement: None, signed: None }
    }
}

fn sign(attestation: &mut Attestation, signer: &PrivateKeySigner) {
    let signature = signer.sign_message_sync(attestation.text().as_bytes()).unwrap();
    let signature = Bytes::copy_from_slice(&signature.as_bytes());
    attestation.signed = Some(Signed { signer: signer.address(), signature });
}

#[test]
fn a_plan_is_for_one_circuit_one_file_of_powers_and_one_beginning() {
    let Ceremony { plan, .. } = ceremony();
    let (powers, beginning) = (plan.powers_of_tau.0, plan.circuit_hash.0);
    plan.check(&ID, &powers, &beginning).unwrap();
    let other = |id: CircuitId| plan.check(&id, &powers, &beginning).unwrap_err();
    assert_eq!(other(CircuitId { shape: Shape::CHAINS, ..ID }), PlanError::Other("shape"));
    assert_eq!(other(CircuitId { version: 8, ..ID }), PlanError::Other("circuit"));
    assert_eq!(other(CircuitId { digest: [8; 32], ..ID }), PlanError::Other("circuit"));
    let error = plan.check(&ID, &[0; 64], &beginning).unwrap_err();
    assert_eq!(error, PlanError::Other("file of powers of τ"));
    let error = plan.check(&ID, &powers, &[0; 64]).unwrap_err();
    assert_eq!(error, PlanError::Other("beginning"));
    let old = Plan { format: 0, ..plan.clone() };
    assert_eq!(old.check(&ID, &powers, &beginning).unwrap_err(), PlanError::Format(0));

    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    assert!(json.contains(r#""source":{"drandQuicknet":{"round":1000}}"#), "{json}");
    assert!(serde_json::from_str::<Plan>(&json.replace("format", "formats")).is_err());
}

#[test]
fn a_beacon_before_its_time_is_refused() {
    let Ceremony { mut plan, last, .. } = ceremony();
    assert_eq!(plan.beacon.source.not_before(), ROUND_1000);
    plan.check_beacon(EXPONENT, ROUND_1000).unwrap();
    let error = plan.check_beacon(EXPONENT, ROUND_1000 - 1).unwrap_err();
    assert!(matches!(error, BeaconError::TooEarly { not_before: ROUND_1000, .. }), "{error}");
    let error = plan.check_beacon(EXPONENT + 1, ROUND_1000).unwrap_err();
    assert_eq!(error, BeaconError::Iterations { expected: EXPONENT, found: EXPONENT + 1 });

    let error = Transcript::new(&plan, &last, &[], ROUND_1000 - 1).unwrap_err();
    let beacon = |error| match error {
        TranscriptError::Ceremony(CeremonyError::Beacon(error)) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(beacon(error), BeaconError::TooEarly { .. }));
    plan.beacon.exponent += 1;
    let error = Transcript::new(&plan, &last, &[], ROUND_1000).unwrap_err();
    assert!(matches!(beacon(error), BeaconError::Iterations { .. }));
    let not_before = ROUND_1000 + 5;
    plan.beacon.source = BeaconSource::Block { chain_id: 1, number: 5, not_before };
    let error = plan.check_beacon(EXPONENT + 1, ROUND_1000).unwrap_err();
    assert!(error.to_string().contains("block 5 of chain 1"), "{error}");
}

#[test]
fn a_ceremony_without_a_beacon_or_without_people_is_not_finished() {
    let Ceremony { stage, plan, .. } = ceremony();
    let refused = |name: &str| {
        let state = stage.verify(name).unwrap();
        match Transcript::new(&plan, &state, &[], ROUND_1000).unwrap_err() {
            TranscriptError::Ceremony(CeremonyError::Unfinished { reason, .. }) => reason,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused("initial.zkey"), "nobody contributed");
    assert_eq!(refused("2.zkey"), "the beacon is missing");

    // snarkjs closes a ceremony to which nobody contributed.
    let value = "be".repeat(32);
    let (initial, out) = (stage.path("initial.zkey"), stage.path("alone.zkey"));
    assert!(crate::support::snarkjs::snarkjs("beacon", &[&initial, &out, &value, &"10"]));
    assert_eq!(refused("alone.zkey"), "nobody contributed but the beacon");

    // Whoever hides that the last one is the beacon's has a chain that holds, and no ceremony.
    let mut chain = stage.zkey("last.zkey").chain;
    chain.contributions[2].source = Source::Person;
    let mut parts = Parts::read(&stage.path("last.zkey"));
    *parts.section(10) = chain.to_bytes();
    parts.write(&stage.path("hidden.zkey"));
    assert_eq!(refused("hidden.zkey"), "the beacon is missing");

    // Another ceremony's plan.
    let other = Plan { circuit_hash: B512::ZERO, ..plan.clone() };
    let last = stage.verify("last.zkey").unwrap();
    let error = Transcript::new(&other, &last, &[], ROUND_1000).unwrap_err();
    let expected = matches!(error, TranscriptError::Ceremony(CeremonyError::OtherCeremony { .. }));
    assert!(expected, "{error}");
}

#[test]
fn an_attestation_is_its_signer_s_and_of_one_contribution() {
    let own = ceremony();
    let signer = PrivateKeySigner::random();
    let mut signed = own.attestation(0);
    signed.statement = Some("on a laptop\nwithout a network".to_owned());
    sign(&mut signed, &signer);
    signed.check().unwrap();
    assert!(!signed.text().contains("laptop\n"), "a line end cannot make up another line");

    let refused = |alter: &dyn Fn(&mut Attestation)| {
        let mut other = signed.clone();
        alter(&mut other);
        assert!(matches!(other.check(), Err(AttestationError::Signature { .. })));
        Transcript::new(&own.plan, &own.last, &[other], ROUND_1000).unwrap_err();
    };
    refused(&|other| other.name.push('!'));
    refused(&|other| other.statement = None);
    refused(&|other| other.contribution = own.hash(1));
    refused(&|other| other.signed.as_mut().unwrap().signer = Address::ZERO);
    refused(&|other| other.signed.as_mut().unwrap().signature = Bytes::from(vec![1; 64]));
    refused(&|other| {
        let mut bytes = other.signed.as_ref().unwrap().signature.to_vec();
        bytes[40] ^= 1;
        other.signed.as_mut().unwrap().signature = bytes.into();
    });

    let attested = |list: &[Attestation]| Transcript::new(&own.plan, &own.last, list, ROUND_1000);
    let transcript = attested(&[own.attestation(1), signed.clone()]).unwrap();
    assert_eq!(transcript.contributions[0].attestation.as_ref(), Some(&signed));
    assert_eq!(transcript.contributions[1].attestation, Some(own.attestation(1)));
    let error = attested(&[signed.clone(), own.attestation(0)]).unwrap_err();
    let expected =
        matches!(error, TranscriptError::Attestation(AttestationError::Twice { number: 1 }));
    assert!(expected, "{error}");
    let stranger = Attestation { contribution: B512::ZERO, ..own.attestation(0) };
    let error = attested(&[stranger]).unwrap_err();
    let expected =
        matches!(error, TranscriptError::Attestation(AttestationError::NoSuchContribution { .. }));
    assert!(expected, "{error}");
}

#[test]
fn a_transcript_is_checked_from_files_and_no_other_passes() {
    let own = ceremony();
    let transcript =
        Transcript::new(&own.plan, &own.last, &[own.attestation(0)], ROUND_1000).unwrap();
    let text = transcript.to_json();
    let check = |text: &str| Transcript::check(text, &own.last, ROUND_1000);
    assert_eq!(check(&text).unwrap(), transcript);

    let altered = |alter: &dyn Fn(&mut Transcript)| {
        let mut other = transcript.clone();
        alter(&mut other);
        assert_ne!(other.hash(), transcript.hash());
        check(&other.to_json()).unwrap_err()
    };
    altered(&|other| drop(other.contributions.remove(1)));
    altered(&|other| drop(other.contributions.pop()));
    altered(&|other| other.contributions.swap(0, 1));
    altered(&|other| other.contributions[0].hash = B512::ZERO);
    altered(&|other| other.contributions[1].name = Some("somebody else".to_owned()));
    altered(&|other| other.contributions[2].beacon = None);
    altered(&|other| other.contributions[2].beacon = Some(Bytes::from(vec![1; 32])));
    let error = altered(&|other| other.verifying_key.0[3] ^= 1);
    assert!(matches!(error, TranscriptError::Differs("the verifying key")), "{error}");
    altered(&|other| other.plan.circuit_hash = B512::ZERO);
    altered(&|other| other.plan.beacon.exponent = 12);
    // One form only: or one ceremony would have many hashes.
    let error = check(&text.replacen("{\n", "{ \n", 1)).unwrap_err();
    assert!(matches!(error, TranscriptError::Differs("the text's form")), "{error}");
    assert!(matches!(check(&text[1..]), Err(TranscriptError::Malformed(_))));
    // Another state of the same ceremony.
    let before = own.stage.verify("2.zkey").unwrap();
    Transcript::check(&text, &before, ROUND_1000).unwrap_err();
}

#[test]
fn a_finished_ceremony_s_key_files_name_its_transcript_and_prove() {
    let own = ceremony();
    let transcript = Transcript::new(&own.plan, &own.last, &[], ROUND_1000).unwrap();
    let folder = own.stage.path("keys");
    let finished = finish(&CIRCUIT, &ID, &own.last, &transcript, &folder, &()).unwrap();
    let record = fs::read(&finished.transcript).unwrap();
    assert_eq!(*blake3::hash(&record).as_bytes(), finished.transcript_hash);

    let expected = Provenance::Ceremony { transcript: finished.transcript_hash };
    let proving = read_proving_key(&finished.proving_key, &ID).unwrap();
    let verifying = read_verifying_key(&finished.verifying_key, &ID).unwrap();
    assert_eq!((proving.provenance, verifying.provenance), (expected, expected));
    assert_eq!(proving.verifying_key_hash, transcript.verifying_key.0);
    assert_eq!(proving.key.verifying_key, verifying.key);
    prove(&proving.key, Assignment::of(&CIRCUIT), &mut OsRng, &()).unwrap();

    // Not with another ceremony's transcript.
    let stage = Stage::new(CIRCUIT, 6);
    stage.run();
    let other = ceremony_on(stage);
    let theirs = Transcript::new(&other.plan, &other.last, &[], ROUND_1000).unwrap();
    let elsewhere = own.stage.path("elsewhere");
    finish(&CIRCUIT, &ID, &own.last, &theirs, &elsewhere, &()).unwrap_err();
    assert!(!elsewhere.exists());
}
