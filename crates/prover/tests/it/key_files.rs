//! A key file loads as what it was, or not at all.

use std::{fs, path::Path};

use aep2_circuits::{Shape, witness::Assignment};
use aep2_prover::{
    groth16::{ProvingKey, VerifyingKey, prove, setup},
    key_file::{
        CircuitId, Half, KeyFileError, Provenance, file_name, read_proving_key, read_verifying_key,
        verifying_key_hash, write_proving_key, write_verifying_key,
    },
};
use ark_ec::AffineRepr;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::circuits::RandomCircuit;

const CIRCUIT: RandomCircuit =
    RandomCircuit { seed: 3, public: 2, idle: 1, constraints: 12, broken: None };
const ID: CircuitId = CircuitId { shape: Shape::TEST, version: 7, digest: [9; 32] };
const RANDOM: Provenance = Provenance::RandomDevelopment;
const CEREMONY: Provenance = Provenance::Ceremony { transcript: [5; 32] };

fn key() -> ProvingKey {
    setup(&CIRCUIT, &mut StdRng::seed_from_u64(1), &()).unwrap()
}

#[test]
fn keys_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let key = key();
    let hash = verifying_key_hash(&key.verifying_key);
    for provenance in [Provenance::SeededDevelopment, RANDOM, CEREMONY] {
        let path = folder.path().join(file_name(Half::Proving, ID.shape, provenance));
        write_proving_key(&path, &key, &ID, provenance).unwrap();
        // Over an old one, too.
        write_proving_key(&path, &key, &ID, provenance).unwrap();
        let loaded = read_proving_key(&path, &ID).unwrap();
        assert_eq!(loaded.key, key);
        assert_eq!((loaded.provenance, loaded.verifying_key_hash), (provenance, hash));

        let path = folder.path().join(file_name(Half::Verifying, ID.shape, provenance));
        write_verifying_key(&path, &key.verifying_key, &ID, provenance).unwrap();
        let loaded = read_verifying_key(&path, &ID).unwrap();
        assert_eq!(loaded.key, key.verifying_key);
        assert_eq!((loaded.provenance, loaded.verifying_key_hash), (provenance, hash));
    }
    // Nothing is left lying about: two files for the seeded key, two that the others share.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);

    let path = folder.path().join(file_name(Half::Proving, ID.shape, RANDOM));
    let loaded = read_proving_key(&path, &ID).unwrap();
    prove(&loaded.key, Assignment::of(&CIRCUIT), &mut StdRng::seed_from_u64(1), &()).unwrap();
}

#[test]
fn a_key_for_which_anybody_forges_proofs_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forgeable");
    let honest = key().verifying_key;
    let generator = ark_bn254::G2Affine::generator();
    for (gamma_g2, delta_g2) in [
        (honest.gamma_g2, honest.gamma_g2),
        (honest.gamma_g2, -honest.gamma_g2),
        (honest.gamma_g2, generator),
        (honest.gamma_g2, -generator),
        (generator, generator),
    ] {
        let forgeable = VerifyingKey { gamma_g2, delta_g2, ..honest.clone() };
        write_verifying_key(&path, &forgeable, &ID, CEREMONY).unwrap();
        let error = read_verifying_key(&path, &ID).unwrap_err();
        assert!(matches!(error, KeyFileError::Damaged { reason, .. } if reason.contains("forge")));
    }
    // A ceremony's own γ is the generator.
    let usual = VerifyingKey { gamma_g2: generator, ..honest };
    write_verifying_key(&path, &usual, &ID, CEREMONY).unwrap();
    read_verifying_key(&path, &ID).unwrap();
}

#[test]
fn names_say_shape_half_and_danger() {
    let chains = Shape::CHAINS;
    assert_eq!(file_name(Half::Proving, chains, RANDOM), "settlement-64x16.pk");
    assert_eq!(
        file_name(Half::Proving, chains.with_capture(), CEREMONY),
        "settlement-64x16-capture.pk"
    );
    assert_eq!(
        file_name(Half::Proving, chains, Provenance::SeededDevelopment),
        "settlement-64x16.INSECURE-seeded.pk"
    );
    assert_eq!(
        file_name(Half::Verifying, chains.with_capture(), Provenance::SeededDevelopment),
        "settlement-64x16-capture.INSECURE-seeded.vk"
    );
}

/// The two small files that are to be damaged.
fn files(folder: &Path) -> [(Half, Vec<u8>); 2] {
    let key = key();
    let path = folder.join("whole");
    write_proving_key(&path, &key, &ID, RANDOM).unwrap();
    let proving = fs::read(&path).unwrap();
    write_verifying_key(&path, &key.verifying_key, &ID, RANDOM).unwrap();
    [(Half::Proving, proving), (Half::Verifying, fs::read(&path).unwrap())]
}

fn load(half: Half, path: &Path, circuit: &CircuitId) -> Result<(), KeyFileError> {
    match half {
        Half::Proving => read_proving_key(path, circuit).map(drop),
        Half::Verifying => read_verifying_key(path, circuit).map(drop),
    }
}

#[test]
fn no_damaged_file_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    for (half, whole) in files(folder.path()) {
        fs::write(&path, &whole).unwrap();
        load(half, &path, &ID).unwrap();

        const HEADER: usize = 160;
        let places = (0..whole.len()).filter(|place| *place < HEADER || place % 7 == 0);
        for place in places.chain(whole.len() - 32..whole.len()) {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] ^= flip;
                fs::write(&path, &bytes).unwrap();
                assert!(load(half, &path, &ID).is_err(), "byte {place} of {half}, ^{flip:#x}");
            }
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(load(half, &path, &ID).is_err(), "{half} cut to {length}");
        }
        for longer in [1, 4, 32, 64] {
            let mut bytes = whole.clone();
            bytes.resize(whole.len() + longer, 0);
            fs::write(&path, &bytes).unwrap();
            assert!(load(half, &path, &ID).is_err(), "{half} with {longer} bytes more");
        }
    }
}

proptest! {
    /// Whoever damages a file on purpose can mend the checksum; loading must still not panic, nor
    /// yield another verifying key than the one named.
    #[test]
    fn forged_files_are_refused_or_harmless(
        proving: bool,
        edits in prop::collection::vec((0usize..4000, any::<u8>()), 1..4),
        cut in prop::option::of(0usize..4000),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forged");
        let [(_, pk), (_, vk)] = files(folder.path());
        let (half, mut bytes) =
            if proving { (Half::Proving, pk) } else { (Half::Verifying, vk) };
        bytes.truncate(bytes.len() - 32);
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        for (place, value) in edits {
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        fs::write(&path, &bytes).unwrap();
        if half == Half::Verifying {
            if let Ok(loaded) = read_verifying_key(&path, &ID) {
                prop_assert_eq!(verifying_key_hash(&loaded.key), loaded.verifying_key_hash);
            }
        } else if let Ok(loaded) = read_proving_key(&path, &ID) {
            let mut rng = StdRng::seed_from_u64(1);
            let _ = prove(&loaded.key, Assignment::of(&CIRCUIT), &mut rng, &());
        }
    }
}

#[test]
fn a_key_for_something_else_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    for (half, bytes) in files(folder.path()) {
        fs::write(&path, &bytes).unwrap();
        let asked = |circuit: CircuitId| load(half, &path, &circuit).unwrap_err();

        let error = asked(CircuitId { shape: Shape::CHAINS, ..ID });
        assert!(matches!(&error, KeyFileError::OtherShape { expected, found, .. }
            if *expected == Shape::CHAINS && found == "1x4"));
        let error = asked(CircuitId { shape: Shape::TEST.with_capture(), ..ID });
        assert!(matches!(error, KeyFileError::OtherShape { .. }));
        let error = asked(CircuitId { version: 8, ..ID });
        assert!(matches!(error, KeyFileError::OtherVersion { expected: 8, found: 7, .. }));
        let error = asked(CircuitId { digest: [8; 32], ..ID });
        assert!(matches!(&error, KeyFileError::OtherConstraints { expected, found, .. }
            if *expected == [8; 32] && *found == [9; 32]));
        assert!(error.to_string().contains("aep2 setup"), "{error}");

        let other = if half == Half::Proving { Half::Verifying } else { Half::Proving };
        assert!(matches!(load(other, &path, &ID), Err(KeyFileError::NotAKey { .. })));
    }
    let missing = folder.path().join("none");
    assert!(matches!(
        load(Half::Proving, &missing, &ID),
        Err(KeyFileError::Missing { half: Half::Proving, .. })
    ));
    assert!(matches!(load(Half::Proving, folder.path(), &ID), Err(KeyFileError::Io { .. })));
    let nowhere = missing.join("key");
    assert!(matches!(
        write_verifying_key(&nowhere, &key().verifying_key, &ID, RANDOM),
        Err(KeyFileError::Io { .. })
    ));
}

#[test]
fn another_verifying_key_inside_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let [_, (half, mut bytes)] = files(folder.path());
    // The hash follows shape, provenance, transcript, version and digest.
    const HASH_AT: usize = 8 + 4 + 4 + 4 + 1 + 1 + 32 + 4 + 32;
    bytes[HASH_AT] ^= 1;
    bytes.truncate(bytes.len() - 32);
    let checksum = blake3::hash(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(load(half, &path, &ID), Err(KeyFileError::OtherVerifyingKey { .. })));
}
