//! Phase 1: powers of τ that are no powers, too few, or somebody's.

use aep2_ceremony::{CeremonyError, begin::begin, beginning::check_beginning, ptau::Ptau};
use ark_bn254::{Fr, g1};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;

use crate::support::{
    bytes::Parts,
    circuits::CIRCUIT,
    powers::{self, Secrets},
    stage::Stage,
};

/// What `begin` says of powers that were altered.
fn refused(alter: impl FnOnce(&mut Parts)) -> CeremonyError {
    let stage = Stage::finished();
    let mut parts = Parts::read(&stage.path("powers.ptau"));
    alter(&mut parts);
    parts.write(&stage.path("altered.ptau"));
    let out = stage.path("out.zkey");
    let error = Ptau::open(&stage.path("altered.ptau"))
        .and_then(|ptau| begin(&CIRCUIT, &ptau, &out, &()))
        .unwrap_err();
    assert!(!out.exists(), "nothing is left of what failed");
    error
}

/// A point that is one, but not the right one.
fn other_point() -> Vec<u8> {
    let point = (ark_bn254::G1Affine::generator() * Fr::from(77u64)).into_affine();
    aep2_ceremony::points::to_bytes::<g1::Config>(&[point])
}

#[test]
fn a_wrong_power_anywhere_is_found() {
    // All that the circuit uses: 64 of τ, 32 of the others.
    for (section, name, points) in [(2, "τ in G1", 64), (4, "α·τ", 32), (5, "β·τ", 32)] {
        for place in [1, points / 2, points - 1] {
            let error = refused(|parts| {
                parts.section(section)[64 * place..64 * (place + 1)]
                    .copy_from_slice(&other_point());
            });
            let expected =
                matches!(&error, CeremonyError::NotPowers { section, .. } if *section == name);
            assert!(expected, "{name} {place}: {error}");
        }
    }
    // Another τ in G2.
    let error = refused(|parts| {
        let (first, second) = parts.section(3).split_at_mut(128);
        let (second, third) = second.split_at_mut(128);
        second[..128].copy_from_slice(&third[..128]);
        assert_ne!(first[..128], second[..128]);
    });
    assert!(matches!(error, CeremonyError::NotPowers { .. }), "{error}");
    let error = refused(|parts| {
        let moved = parts.section(3)[128..256].to_vec();
        parts.section(6).copy_from_slice(&moved);
    });
    let expected = matches!(error, CeremonyError::NotPowers { section: "β in G2", .. });
    assert!(expected, "{error}");
}

#[test]
fn lists_that_do_not_start_with_the_generator_are_refused() {
    for section in [2, 3] {
        let each = if section == 2 { 64 } else { 128 };
        let error = refused(|parts| {
            // Powers from τ on: the ratios are all right.
            let content = parts.section(section);
            content.copy_within(each.., 0);
        });
        assert!(matches!(error, CeremonyError::NotPowers { .. }), "{section}: {error}");
    }
}

#[test]
fn a_wrong_lagrange_point_is_found() {
    for (section, name, place) in [
        (12, "Lagrange of τ in G1", 31 + 7),
        (12, "Lagrange of τ in G1", 63 + 9),
        (14, "Lagrange of α·τ", 31 + 31),
        (15, "Lagrange of β·τ", 31),
    ] {
        let error = refused(|parts| {
            parts.section(section)[64 * place..64 * (place + 1)].copy_from_slice(&other_point());
        });
        let expected =
            matches!(&error, CeremonyError::NotPowers { section, .. } if *section == name);
        assert!(expected, "{name} {place}: {error}");
    }
    let error = refused(|parts| {
        let (from, to) = (128 * 40, 128 * 45);
        parts.section(13).copy_within(from..from + 128, to);
    });
    let expected = matches!(error, CeremonyError::NotPowers { section: "Lagrange of τ in G2", .. });
    assert!(expected, "{error}");
}

#[test]
fn points_off_the_curve_or_outside_the_group_are_refused() {
    let error = refused(|parts| parts.section(2)[64 * 5] ^= 1);
    assert!(matches!(error, CeremonyError::NotAPoint { section: "τ in G1", .. }), "{error}");
    // On the twist, of another order.
    let error = refused(|parts| {
        let outside = crate::attacks::outside_g2();
        parts.section(3)[128 * 5..128 * 6].copy_from_slice(&outside);
    });
    assert!(matches!(error, CeremonyError::NotAPoint { section: "τ in G2", .. }), "{error}");
    // A coordinate plus the modulus would be the same point.
    let error = refused(|parts| parts.section(4)[..32].fill(0xff));
    assert!(matches!(error, CeremonyError::NotAPoint { section: "α·τ", .. }), "{error}");
}

#[test]
fn powers_of_which_anybody_knows_the_secrets_are_refused() {
    let stage = Stage::new(CIRCUIT, 6);
    let honest = Secrets::new(3);
    let (zero, one) = (Fr::from(0u64), Fr::from(1u64));
    let root = <Fr as ark_ff::FftField>::get_root_of_unity(64).unwrap();
    for (secrets, name) in [
        (Secrets { tau: one, ..honest }, "τ"),
        (Secrets { tau: zero, ..honest }, "τ"),
        // A root of the domain, and one of the coset: Lagrange polynomials would be 0 and 1 there.
        (Secrets { tau: root.square(), ..honest }, "τ"),
        (Secrets { tau: root, ..honest }, "τ"),
        (Secrets { alpha: one, ..honest }, "α"),
        (Secrets { beta: -one, ..honest }, "β"),
    ] {
        powers::write(&stage.path("known.ptau"), 6, &secrets, true);
        let ptau = Ptau::open(&stage.path("known.ptau")).unwrap();
        let error = begin(&CIRCUIT, &ptau, &stage.path("out.zkey"), &()).unwrap_err();
        let expected = matches!(error, CeremonyError::Known { secret, .. } if secret == name);
        assert!(expected, "{name}: {error}");
    }
}

#[test]
fn a_file_of_the_domain_s_own_size_is_too_small() {
    let stage = Stage::new(CIRCUIT, 6);
    powers::write(&stage.path("small.ptau"), 5, &Secrets::new(1), true);
    let ptau = Ptau::open(&stage.path("small.ptau")).unwrap();
    let error = begin(&CIRCUIT, &ptau, &stage.path("out.zkey"), &()).unwrap_err();
    assert!(matches!(error, CeremonyError::TooFewPowers { needed: 6, found: 5, .. }), "{error}");
    // A larger one will do, and gives another ceremony than none.
    powers::write(&stage.path("large.ptau"), 8, &Secrets::new(1), true);
    let large = Ptau::open(&stage.path("large.ptau")).unwrap();
    begin(&CIRCUIT, &large, &stage.path("large.zkey"), &()).unwrap();
    assert_eq!(
        stage.zkey("large.zkey").chain.circuit_hash,
        stage.zkey("initial.zkey").chain.circuit_hash
    );
}

#[test]
fn powers_that_are_not_prepared_serve_to_check_and_not_to_begin() {
    let stage = Stage::new(CIRCUIT, 6);
    powers::write(&stage.path("raw.ptau"), 6, &Secrets::new(1), false);
    let raw = Ptau::open(&stage.path("raw.ptau")).unwrap();
    let error = begin(&CIRCUIT, &raw, &stage.path("out.zkey"), &()).unwrap_err();
    assert!(matches!(error, CeremonyError::NotPrepared { .. }), "{error}");
    check_beginning(&CIRCUIT, &raw, &stage.zkey("initial.zkey"), &()).unwrap();
}

#[test]
fn a_damaged_file_of_powers_is_refused() {
    let stage = Stage::new(CIRCUIT, 6);
    let whole = std::fs::read(stage.path("powers.ptau")).unwrap();
    let damaged = stage.path("damaged.ptau");
    let open = |bytes: &[u8]| {
        std::fs::write(&damaged, bytes).unwrap();
        Ptau::open(&damaged)
    };
    for length in (0..200).chain([whole.len() / 2, whole.len() - 64, whole.len() - 1]) {
        assert!(open(&whole[..length]).is_err(), "cut to {length}");
    }
    assert!(open(&[&whole[..], &[0]].concat()).is_err(), "a byte more");
    let mut other = whole.clone();
    other[0] = b'z';
    assert!(matches!(open(&other), Err(CeremonyError::OtherFormat { .. })));
    // A section that claims to reach far beyond the file, and one that is there twice.
    let mut other = whole.clone();
    other[16..24].fill(0xff);
    assert!(matches!(open(&other), Err(CeremonyError::Damaged { .. })));
    let mut parts = Parts::read(&stage.path("powers.ptau"));
    let twice = parts.sections[1].clone();
    parts.sections.push(twice);
    parts.write(&damaged);
    assert!(matches!(Ptau::open(&damaged), Err(CeremonyError::Damaged { .. })));
    // The header promises more than there is.
    let mut parts = Parts::read(&stage.path("powers.ptau"));
    parts.section(1)[36] = 7;
    parts.write(&damaged);
    assert!(matches!(Ptau::open(&damaged), Err(CeremonyError::Damaged { .. })));
}
