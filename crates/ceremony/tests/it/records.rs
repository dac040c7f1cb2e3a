//! What was announced, what was signed, and the record of it all.

use std::fs;

use aep2_ceremony::{
    CeremonyError,
    attestation::{Attestation, AttestationError, STATEMENT_BYTES_MAX, Signed},
    contribution::Source,
    error::{BeaconError, PlanError},
    finish::{FinishError, Finished, Outputs, finish},
    plan::{BeaconSource, Plan},
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
    stage::{EXPONENT, ROUND_1000, Stage},
};

struct Ceremony {
    stage: Stage<RandomCircuit>,
    last: Verified,
}

fn ceremony() -> Ceremony {
    let stage = Stage::finished();
    let last = stage.verify("last.zkey").unwrap();
    Ceremony { stage, last }
}

impl Ceremony {
    /// The hash of a contribution: 0 is the plan's, 1 and 2 are people's, 3 is the beacon's.
    fn hash(&self, index: usize) -> B512 {
        self.last.zkey().chain.contributions[index].hash().into()
    }

    fn attestation(&self, index: usize) -> Attestation {
        let name = self.last.zkey().chain.contributions[index].name.clone().unwrap_or_default();
        Attestation { contribution: self.hash(index), name, statement: None, signed: None }
    }

    fn transcript(&self, attestations: &[Attestation]) -> Result<Transcript, TranscriptError> {
        Transcript::new(&self.last, attestations, ROUND_1000)
    }

    fn finish(&self, folder: &str, replace: bool) -> Result<Finished, FinishError> {
        let folder = self.stage.path(folder);
        let outputs = Outputs { folder: &folder, replace };
        finish(&CIRCUIT, &self.last, &[], ROUND_1000, outputs, &())
    }
}

fn sign(attestation: &mut Attestation, signer: &PrivateKeySigner) {
    let signature = signer.sign_message_sync(attestation.text().as_bytes()).unwrap();
    let signature = Bytes::copy_from_slice(&signature.as_bytes());
    attestation.signed = Some(Signed { signer: signer.address(), signature });
}

#[test]
fn a_plan_is_for_one_circuit_one_file_of_powers_and_one_beginning() {
    let plan = Stage::finished().plan;
    let id = plan.circuit();
    plan.check_circuit(&id).unwrap();
    let other = |id: CircuitId| plan.check_circuit(&id).unwrap_err();
    assert_eq!(other(CircuitId { shape: Shape::CHAINS, ..id }), PlanError::Other("shape"));
    assert_eq!(other(CircuitId { version: 8, ..id }), PlanError::Other("circuit"));
    assert_eq!(other(CircuitId { digest: [8; 32], ..id }), PlanError::Other("circuit"));
    let old = Plan { format: 1, ..plan.clone() };
    let expected = PlanError::Format { expected: 2, found: 1 };
    assert_eq!(old.check_circuit(&id).unwrap_err(), expected);
    let mut long = plan.clone();
    long.beacon.exponent = 33;
    let expected = PlanError::Beacon(BeaconError::Exponent(33));
    assert_eq!(long.check_circuit(&id).unwrap_err(), expected);

    let (powers, beginning) = (plan.powers_of_tau.0, plan.circuit_hash.0);
    plan.check_files(&powers, &beginning).unwrap();
    let error = plan.check_files(&[0; 64], &beginning).unwrap_err();
    assert_eq!(error, PlanError::Other("file of powers of τ"));
    let error = plan.check_files(&powers, &[0; 64]).unwrap_err();
    assert_eq!(error, PlanError::Other("beginning"));

    let json = plan.to_json();
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    assert!(json.contains("\"drandQuicknet\": {\n        \"round\": 1000"), "{json}");
    assert!(serde_json::from_str::<Plan>(&json.replace("format", "formats")).is_err());
}

/// A coordinator saw contributions, or the beacon's value, and would like another plan.
#[test]
fn nobody_changes_the_plan_after_the_ceremony_began() {
    let changes: [fn(&mut Plan); 6] = [
        |plan| plan.beacon.source = BeaconSource::DrandQuicknet { round: 1_001 },
        |plan| {
            let (chain_id, number, not_before) = (1, 5, 9);
            plan.beacon.source = BeaconSource::Block { chain_id, number, not_before };
        },
        |plan| plan.beacon.exponent += 1,
        |plan| plan.shape = Shape::CHAINS,
        |plan| plan.circuit_version += 1,
        |plan| plan.constraint_system.0[0] ^= 1,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut stage = Stage::finished();
        change(&mut stage.plan);
        for name in ["0.zkey", "1.zkey", "last.zkey"] {
            let error = stage.verify(name).unwrap_err();
            let expected = matches!(error, CeremonyError::OtherPlan { .. });
            assert!(expected, "{index}, {name}: {error}");
        }
    }
    // Nor is a chain accepted whose first contribution is somebody's own, or the same under another name.
    let stage = Stage::finished();
    let mut chain = stage.zkey("last.zkey").chain;
    chain.contributions[0].name = None;
    let mut parts = Parts::read(&stage.path("last.zkey"));
    *parts.section(10) = chain.to_bytes();
    parts.write(&stage.path("renamed.zkey"));
    let error = stage.verify("renamed.zkey").unwrap_err();
    assert!(matches!(error, CeremonyError::OtherPlan { .. }), "{error}");
    let (initial, out) = (stage.path("initial.zkey"), stage.path("without.zkey"));
    let contribute = crate::support::snarkjs::snarkjs;
    assert!(contribute("contribute", &[&initial, &out, &"somebody", &"entropy"]));
    let error = stage.verify("without.zkey").unwrap_err();
    assert!(matches!(error, CeremonyError::OtherPlan { .. }), "{error}");
}

#[test]
fn nobody_contributes_before_the_plan_is_bound() {
    let stage = Stage::finished();
    let initial = stage.verify("initial.zkey").unwrap();
    let typed = "what nobody can guess".to_owned().into();
    let out = stage.path("out.zkey");
    let error =
        aep2_ceremony::contribute::contribute(&initial, &typed, None, &out, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::NotAnnounced { .. }), "{error}");
    let later = stage.verify("1.zkey").unwrap();
    let error = aep2_ceremony::contribute::announce(&later, &out, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::NotTheBeginning { .. }), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_beacon_before_its_time_is_refused() {
    let own = ceremony();
    let mut plan = own.stage.plan.clone();
    assert_eq!(plan.beacon.source.not_before(), ROUND_1000);
    plan.check_beacon(EXPONENT, ROUND_1000).unwrap();
    let error = plan.check_beacon(EXPONENT, ROUND_1000 - 1).unwrap_err();
    assert!(matches!(error, BeaconError::TooEarly { not_before: ROUND_1000, .. }), "{error}");
    let error = plan.check_beacon(EXPONENT + 1, ROUND_1000).unwrap_err();
    assert_eq!(error, BeaconError::Iterations { expected: EXPONENT, found: EXPONENT + 1 });

    let error = Transcript::new(&own.last, &[], ROUND_1000 - 1).unwrap_err();
    let expected = matches!(
        error,
        TranscriptError::Ceremony(CeremonyError::Beacon(BeaconError::TooEarly { .. }))
    );
    assert!(expected, "{error}");
    let not_before = ROUND_1000 + 5;
    plan.beacon.source = BeaconSource::Block { chain_id: 1, number: 5, not_before };
    let error = plan.check_beacon(EXPONENT + 1, ROUND_1000).unwrap_err();
    assert!(error.to_string().contains("block 5 of chain 1"), "{error}");
}

#[test]
fn a_ceremony_without_a_beacon_or_without_people_is_not_finished() {
    let stage = Stage::finished();
    let refused = |name: &str| {
        let state = stage.verify(name).unwrap();
        match Transcript::new(&state, &[], ROUND_1000).unwrap_err() {
            TranscriptError::Ceremony(CeremonyError::Unfinished { reason, .. }) => reason,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused("initial.zkey"), "nobody contributed");
    assert_eq!(refused("0.zkey"), "nobody contributed");
    assert_eq!(refused("2.zkey"), "the beacon is missing");

    // snarkjs closes a ceremony to which nobody contributed.
    let value = "be".repeat(32);
    let (nobody, out) = (stage.path("0.zkey"), stage.path("alone.zkey"));
    assert!(crate::support::snarkjs::snarkjs("beacon", &[&nobody, &out, &value, &"10"]));
    assert_eq!(refused("alone.zkey"), "nobody contributed but the beacon");

    // Whoever hides that the last one is the beacon's has a chain that holds, and no ceremony.
    let mut chain = stage.zkey("last.zkey").chain;
    chain.contributions[3].source = Source::Person;
    let mut parts = Parts::read(&stage.path("last.zkey"));
    *parts.section(10) = chain.to_bytes();
    parts.write(&stage.path("hidden.zkey"));
    assert_eq!(refused("hidden.zkey"), "the beacon is missing");
}

#[test]
fn an_attestation_is_its_signer_s_and_of_one_contribution() {
    let own = ceremony();
    let signer = PrivateKeySigner::random();
    let mut signed = own.attestation(1);
    signed.statement = Some("on a laptop\nwithout a network".to_owned());
    sign(&mut signed, &signer);
    signed.check().unwrap();
    assert!(!signed.text().contains("laptop\n"), "a line end cannot make up another line");

    let refused = |alter: &dyn Fn(&mut Attestation)| {
        let mut other = signed.clone();
        alter(&mut other);
        assert!(matches!(other.check(), Err(AttestationError::Signature { .. })));
        own.transcript(&[other]).unwrap_err();
    };
    refused(&|other| other.name.push('!'));
    refused(&|other| other.statement = None);
    refused(&|other| other.contribution = own.hash(2));
    refused(&|other| other.signed.as_mut().unwrap().signer = Address::ZERO);
    refused(&|other| other.signed.as_mut().unwrap().signature = Bytes::from(vec![1; 64]));
    refused(&|other| {
        let mut bytes = other.signed.as_ref().unwrap().signature.to_vec();
        bytes[40] ^= 1;
        other.signed.as_mut().unwrap().signature = bytes.into();
    });

    let transcript = own.transcript(&[own.attestation(2), signed.clone()]).unwrap();
    assert_eq!(transcript.contributions[1].attestation.as_ref(), Some(&signed));
    assert_eq!(transcript.contributions[2].attestation, Some(own.attestation(2)));
    let error = own.transcript(&[signed.clone(), own.attestation(1)]).unwrap_err();
    let expected =
        matches!(error, TranscriptError::Attestation(AttestationError::Twice { number: 2 }));
    assert!(expected, "{error}");
    let stranger = Attestation { contribution: B512::ZERO, ..own.attestation(1) };
    let error = own.transcript(&[stranger]).unwrap_err();
    let expected =
        matches!(error, TranscriptError::Attestation(AttestationError::NoSuchContribution { .. }));
    assert!(expected, "{error}");
}

/// Somebody signs for a contribution of another's, or puts another name over his own.
#[test]
fn an_attestation_of_another_name_than_the_contribution_s_is_refused() {
    let own = ceremony();
    let signer = PrivateKeySigner::random();
    let refused = |attestation: Attestation| match own.transcript(&[attestation]).unwrap_err() {
        TranscriptError::Attestation(error) => error,
        other => panic!("{other}"),
    };
    let mut attestation = Attestation { name: "second".to_owned(), ..own.attestation(1) };
    let (name, found) = ("second".to_owned(), Some("first".to_owned()));
    let expected = AttestationError::OtherName { name, found };
    assert_eq!(refused(attestation.clone()), expected);
    sign(&mut attestation, &signer);
    attestation.check().unwrap();
    assert_eq!(refused(attestation), expected);
    // Nobody speaks for the plan or the beacon.
    for index in [0, 3] {
        let error = refused(own.attestation(index));
        assert!(matches!(error, AttestationError::NoSuchContribution { .. }), "{error}");
    }
    let statement = Some("x".repeat(STATEMENT_BYTES_MAX + 1));
    let error = refused(Attestation { statement, ..own.attestation(1) });
    assert!(matches!(error, AttestationError::Statement { .. }), "{error}");
}

#[test]
fn a_transcript_is_checked_from_files_and_no_other_passes() {
    let own = ceremony();
    let transcript = own.transcript(&[own.attestation(1)]).unwrap();
    assert_eq!(transcript.people().len(), 2);
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
    altered(&|other| other.contributions.swap(1, 2));
    altered(&|other| other.contributions[1].hash = B512::ZERO);
    altered(&|other| other.contributions[2].name = Some("somebody else".to_owned()));
    altered(&|other| other.contributions[3].value = None);
    altered(&|other| other.contributions[3].value = Some(Bytes::from(vec![1; 32])));
    altered(&|other| other.contributions[1].record = Bytes::new());
    let error = altered(&|other| other.verifying_key.0[3] ^= 1);
    assert!(matches!(error, TranscriptError::Differs("the verifying key")), "{error}");
    let error = altered(&|other| other.plan.circuit_hash = B512::ZERO);
    assert!(matches!(error, TranscriptError::Differs("the plan")), "{error}");
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
    let transcript = own.transcript(&[]).unwrap();
    let finished = own.finish("keys", false).unwrap();
    let record = fs::read(&finished.transcript).unwrap();
    assert_eq!(*blake3::hash(&record).as_bytes(), finished.transcript_hash);
    assert_eq!(transcript.hash(), finished.transcript_hash);

    let id = own.stage.plan.circuit();
    let expected = Provenance::Ceremony { transcript: finished.transcript_hash };
    let proving = read_proving_key(&finished.proving_key, &id).unwrap();
    let verifying = read_verifying_key(&finished.verifying_key, &id).unwrap();
    assert_eq!((proving.provenance, verifying.provenance), (expected, expected));
    assert_eq!(proving.verifying_key_hash, transcript.verifying_key.0);
    assert_eq!(proving.key.verifying_key, verifying.key);
    prove(&proving.key, Assignment::of(&CIRCUIT), &mut OsRng, &()).unwrap();
}

/// `finish` takes nobody's transcript: it makes it, and so checks what the transcript says.
#[test]
fn keys_are_not_made_of_a_ceremony_that_did_not_end_as_planned() {
    let own = ceremony();
    let folder = own.stage.path("keys");
    let outputs = Outputs { folder: &folder, replace: true };
    let refused = |name: &str, attestations: &[Attestation], now| {
        let state = own.stage.verify(name).unwrap();
        finish(&CIRCUIT, &state, attestations, now, outputs, &()).unwrap_err();
        assert!(!folder.exists(), "nothing is written");
    };
    refused("2.zkey", &[], ROUND_1000);
    refused("0.zkey", &[], ROUND_1000);
    refused("last.zkey", &[], ROUND_1000 - 1);
    let name = "somebody else".to_owned();
    refused("last.zkey", &[Attestation { name, ..own.attestation(1) }], ROUND_1000);
}

#[test]
fn no_file_of_a_finished_ceremony_replaces_another_unless_told() {
    let own = ceremony();
    let finished = own.finish("keys", false).unwrap();
    let names = [&finished.proving_key, &finished.verifying_key, &finished.transcript];
    for own_name in names {
        let folder = format!("beside {}", own_name.extension().unwrap().display());
        fs::create_dir(own.stage.path(&folder)).unwrap();
        let lone = own.stage.path(&folder).join(own_name.file_name().unwrap());
        fs::write(&lone, "somebody's").unwrap();
        let error = own.finish(&folder, false).unwrap_err();
        assert!(matches!(&error, FinishError::Exists(path) if *path == lone), "{error}");
        assert_eq!(fs::read(&lone).unwrap(), b"somebody's");
        assert_eq!(fs::read_dir(own.stage.path(&folder)).unwrap().count(), 1);

        own.finish(&folder, true).unwrap();
        assert_eq!(fs::read(&lone).unwrap(), fs::read(own_name).unwrap());
    }
}
