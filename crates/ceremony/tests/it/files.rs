//! Files that change while they are read, that promise more than they have, or are no end of.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use aep2_ceremony::{
    CeremonyError,
    attestation::Attestation,
    contribute::contribute,
    contribution::CONTRIBUTIONS_MAX,
    entropy::{LINE_BYTES_MAX, LineError, read_line},
    key::proving_key,
    known_powers::{KNOWN, known_name},
    plan::Plan,
    transcript::Transcript,
    verify::verify,
    zkey::Zkey,
};
use zeroize::Zeroizing;

use crate::support::{bytes::Parts, circuits::CIRCUIT, stage::Stage};

/// In place: whoever has the file open has this one.
fn write_a_public_input_s_point_into_l(path: &Path) {
    let mut parts = Parts::read(path);
    let public = parts.section(3)[64..128].to_vec();
    parts.section(8)[64 * 3..64 * 4].copy_from_slice(&public);
    parts.write(path);
}

/// Somebody shows one file to the verification and another to the multiplication.
#[test]
fn a_state_that_changes_after_it_was_verified_is_not_multiplied() {
    let stage = Stage::new(CIRCUIT, 6);
    let typed = Zeroizing::new("what nobody can guess".to_owned());
    let out = stage.path("out.zkey");
    let before = stage.verify("0.zkey").unwrap();
    write_a_public_input_s_point_into_l(&stage.path("0.zkey"));
    let error = contribute(&before, &typed, None, &out, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::ChangedMeanwhile { .. }), "{error}");
    assert!(!out.exists());
    let left = fs::read_dir(stage.folder.path()).unwrap();
    let partial = |name: std::ffi::OsString| name.to_string_lossy().ends_with(".partial");
    assert!(!left.into_iter().any(|entry| partial(entry.unwrap().file_name())));
    let error = proving_key(&CIRCUIT, &before, &()).unwrap_err();
    assert!(matches!(error, CeremonyError::ChangedMeanwhile { .. }), "{error}");
}

/// Under the same name, but another file: what was opened is what is multiplied.
#[test]
fn a_state_that_is_exchanged_after_it_was_verified_is_not_read() {
    let stage = Stage::new(CIRCUIT, 6);
    let typed = Zeroizing::new("what nobody can guess".to_owned());
    let before = stage.verify("0.zkey").unwrap();
    fs::copy(stage.path("0.zkey"), stage.path("other.zkey")).unwrap();
    write_a_public_input_s_point_into_l(&stage.path("other.zkey"));
    fs::rename(stage.path("other.zkey"), stage.path("0.zkey")).unwrap();
    contribute(&before, &typed, None, &stage.path("1.zkey"), &()).unwrap();
    stage.verify("1.zkey").unwrap();
}

#[test]
fn a_beginning_or_powers_that_change_while_they_are_read_are_refused() {
    let stage = Stage::finished();
    let verified = |change: &dyn Fn()| {
        let (ptau, initial) = (stage.ptau(), stage.zkey("initial.zkey"));
        let state = stage.zkey("1.zkey");
        change();
        verify(&CIRCUIT, &stage.plan, &ptau, &initial, state, &()).unwrap_err()
    };
    let kept = fs::read(stage.path("powers.ptau")).unwrap();
    let error = verified(&|| {
        let mut parts = Parts::read(&stage.path("powers.ptau"));
        parts.section(2).copy_within(64..128, 128);
        parts.write(&stage.path("powers.ptau"));
    });
    assert!(matches!(error, CeremonyError::ChangedMeanwhile { .. }), "{error}");
    fs::write(stage.path("powers.ptau"), &kept).unwrap();
    let error = verified(&|| write_a_public_input_s_point_into_l(&stage.path("initial.zkey")));
    assert!(matches!(error, CeremonyError::ChangedMeanwhile { .. }), "{error}");
}

#[test]
fn a_file_that_promises_too_many_sections_or_contributions_is_refused_at_once() {
    let stage = Stage::finished();
    let path = stage.path("altered.zkey");
    let reason = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        match Zkey::open(&path).unwrap_err() {
            CeremonyError::Damaged { reason, .. } => reason,
            other => panic!("{other}"),
        }
    };
    let whole = fs::read(stage.path("last.zkey")).unwrap();
    for count in [65, u32::MAX] {
        let mut bytes = whole.clone();
        bytes[8..12].copy_from_slice(&count.to_le_bytes());
        assert_eq!(reason(&bytes), "it has too many sections");
    }
    let chain = |count: u32| {
        let mut parts = Parts::read(&stage.path("last.zkey"));
        parts.section(10)[64..68].copy_from_slice(&count.to_le_bytes());
        parts.write(&path);
        fs::read(&path).unwrap()
    };
    for count in [CONTRIBUTIONS_MAX as u32 + 1, u32::MAX] {
        assert_eq!(reason(&chain(count)), "it has too many contributions");
    }
    assert_eq!(reason(&chain(CONTRIBUTIONS_MAX as u32)), "its contributions are not readable");
    // A contribution whose parameters are longer than the file.
    let mut parts = Parts::read(&stage.path("last.zkey"));
    parts.section(10)[68 + 388..68 + 392].fill(0xff);
    parts.write(&path);
    assert_eq!(reason(&fs::read(&path).unwrap()), "its contributions are not readable");
}

#[test]
fn a_text_without_end_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("endless.json");
    // Nothing on the disk, and more than any memory.
    File::create(&path).unwrap().set_len(1 << 42).unwrap();
    let long = |error| match error {
        CeremonyError::TooLong { bytes_max, .. } => bytes_max,
        other => panic!("{other}"),
    };
    assert_eq!(long(Plan::read(&path).unwrap_err()), 1 << 14);
    assert_eq!(long(Attestation::read(&path).unwrap_err()), 1 << 16);
    assert_eq!(long(Transcript::read(&path).unwrap_err()), 1 << 25);
}

#[test]
fn the_hash_of_powers_is_the_file_s_own() {
    use blake2::{Blake2b512, Digest};

    let stage = Stage::finished();
    let whole = fs::read(stage.path("powers.ptau")).unwrap();
    let expected: [u8; 64] = Blake2b512::digest(&whole).into();
    assert_eq!(*stage.ptau().hash(), expected);
    assert_eq!(known_name(&expected), None);
    stage.ptau().require(&expected).unwrap();
    for other in [[0; 64], KNOWN[0].1] {
        let error = stage.ptau().require(&other).unwrap_err();
        assert!(matches!(error, CeremonyError::OtherPowers { .. }), "{error}");
    }
}

/// The table is a copy of the one in snarkjs's README.
#[test]
fn known_powers_have_the_hashes_that_snarkjs_lists() {
    let readme = aep2_testkit::repository::file("fixtures/generate/node_modules/snarkjs/README.md");
    let readme = fs::read_to_string(readme).expect("snarkjs is installed: see scripts/setup.sh");
    let listed = readme.lines().filter(|line| line.contains("| [powersOfTau28_hez_final")).count();
    assert_eq!(listed, KNOWN.len());
    for (name, hash) in KNOWN {
        let hexadecimal: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let row = readme.lines().find(|line| line.contains(&format!("| [{name}]"))).unwrap();
        assert!(row.contains(&format!("| {hexadecimal} |")), "{name}");
        assert_eq!(known_name(&hash), Some(name));
    }
}

/// What is typed after the line is another program's, and is not kept here.
#[test]
fn a_typed_line_is_read_no_further_than_its_end() {
    let mut typed: &[u8] = "what nobody can guess, ä\r\nthe next line\n".as_bytes();
    assert_eq!(*read_line(&mut typed).unwrap(), "what nobody can guess, ä");
    assert_eq!(typed, b"the next line\n");
    assert_eq!(*read_line(&mut &b"without an end"[..]).unwrap(), "without an end");
    assert_eq!(*read_line(&mut &b""[..]).unwrap(), "");
}

#[test]
fn a_typed_line_stays_in_its_room() {
    let fits = "x".repeat(LINE_BYTES_MAX);
    let line = read_line(&mut fits.as_bytes()).unwrap();
    assert_eq!((line.len(), line.capacity()), (LINE_BYTES_MAX, LINE_BYTES_MAX), "it never moved");
    let long = read_line(&mut io::repeat(b'x').take(1 << 40)).unwrap_err();
    assert!(matches!(long, LineError::TooLong), "{long}");
    let error = read_line(&mut &b"\xff\n"[..]).unwrap_err();
    assert!(matches!(error, LineError::NotText), "{error}");
}
