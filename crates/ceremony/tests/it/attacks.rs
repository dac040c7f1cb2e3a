//! Attacks on phase 2.

use aep2_ceremony::{
    CeremonyError, Hash,
    announcement::announcement,
    beginning::check_beginning,
    contribution::{Chain, Contribution, Source},
    error::{BeaconError, Defect, PlanError},
    points::{to_bytes, to_hashed},
    snarkjs_random::hash_to_g2,
    verify::{continues, verify},
    zkey::Zkey,
};
use ark_bn254::{Fq2, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::{AffineRepr, CurveGroup, short_weierstrass::Affine};
use ark_ff::UniformRand;
use blake2::{Blake2b512, Digest};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{
    bytes::Parts,
    circuits::{CIRCUIT, RandomCircuit},
    stage::Stage,
};

/// A point of the twist that is not in G2, as a file has it.
pub(crate) fn outside_g2() -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(5);
    loop {
        let x = Fq2::rand(&mut rng);
        if let Some(point) = Affine::<g2::Config>::get_point_from_x_unchecked(x, false)
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            return to_bytes::<g2::Config>(&[point]);
        }
    }
}

/// An honest ceremony whose state `name` somebody alters.
fn altered(name: &str, alter: impl FnOnce(&Stage<RandomCircuit>, &mut Parts)) -> CeremonyError {
    let stage = Stage::finished();
    stage.verify(name).unwrap();
    let mut parts = Parts::read(&stage.path(name));
    alter(&stage, &mut parts);
    parts.write(&stage.path("altered.zkey"));
    stage.verify("altered.zkey").unwrap_err()
}

/// The same, with another list of contributions.
fn rechained(name: &str, alter: impl FnOnce(&mut Chain)) -> CeremonyError {
    altered(name, |stage, parts| {
        let mut chain = stage.zkey(name).chain;
        alter(&mut chain);
        *parts.section(10) = chain.to_bytes();
    })
}

#[track_caller]
fn is_defect(error: &CeremonyError, expected: (usize, Defect)) {
    let found = match error {
        CeremonyError::Contribution { number, defect, .. } => (*number, *defect),
        other => panic!("{other}"),
    };
    assert_eq!(found, expected);
}

#[test]
fn a_contribution_that_drops_an_earlier_one_is_found() {
    let error = rechained("2.zkey", |chain| drop(chain.contributions.remove(1)));
    is_defect(&error, (2, Defect::OtherBefore));

    // A chain of his own, without the first: it verifies by itself, but does not continue.
    let stage = Stage::new(CIRCUIT, 6);
    stage.contribute("0.zkey", "1.zkey", "first");
    stage.contribute("0.zkey", "instead.zkey", "second");
    stage.verify("instead.zkey").unwrap();
    let error = continues(&stage.zkey("1.zkey"), &stage.zkey("instead.zkey")).unwrap_err();
    assert!(matches!(error, CeremonyError::DoesNotContinue { number: 2, .. }), "{error}");
    let error = continues(&stage.zkey("1.zkey"), &stage.zkey("initial.zkey")).unwrap_err();
    assert!(matches!(error, CeremonyError::DoesNotContinue { number: 1, .. }), "{error}");
}

#[test]
fn a_contribution_that_is_repeated_is_found() {
    let error =
        rechained("2.zkey", |chain| chain.contributions.push(chain.contributions[2].clone()));
    is_defect(&error, (4, Defect::OtherBefore));
}

#[test]
fn a_chain_that_is_cut_short_or_reordered_is_found() {
    let error = rechained("2.zkey", |chain| drop(chain.contributions.pop()));
    assert!(matches!(error, CeremonyError::OtherDelta { section: "2 (δ in G1)", .. }), "{error}");
    let error = rechained("2.zkey", |chain| chain.contributions.clear());
    assert!(matches!(error, CeremonyError::OtherDelta { section: "2 (δ in G1)", .. }), "{error}");
    let error = rechained("2.zkey", |chain| chain.contributions.swap(1, 2));
    is_defect(&error, (2, Defect::OtherBefore));
}

/// A contribution by the definition, with secrets of the attacker's choice: one for `s`, one for δ, and
/// one for the proof.
fn forged(chain: &Chain, delta: G1Affine, [in_s, in_delta, in_proof]: [Fr; 3]) -> Contribution {
    let s = (G1Affine::generator() * Fr::from(12_345u64)).into_affine();
    let s_times = (s * in_s).into_affine();
    let mut hash = Blake2b512::new();
    hash.update(chain.circuit_hash);
    for own in &chain.contributions {
        hash.update(to_hashed::<g1::Config>(&[own.delta_after, own.s, own.s_times]));
        hash.update(to_hashed::<g2::Config>(&[own.p_times]));
        hash.update(own.transcript);
    }
    hash.update(to_hashed::<g1::Config>(&[s, s_times]));
    let transcript: Hash = hash.finalize().into();
    Contribution {
        delta_after: (delta * in_delta).into_affine(),
        s,
        s_times,
        p_times: (hash_to_g2(&transcript) * in_proof).into_affine(),
        transcript,
        source: Source::Person,
        name: None,
    }
}

/// What is said of a third contribution, after the plan's and an honest one, from these secrets.
fn forged_next(secrets: [u64; 3]) -> CeremonyError {
    let secrets = secrets.map(Fr::from);
    altered("1.zkey", |stage, parts| {
        let state = stage.zkey("1.zkey");
        let mut chain = state.chain;
        chain.contributions.push(forged(&chain, state.header.delta_g1, secrets));
        *parts.section(10) = chain.to_bytes();
    })
}

#[test]
fn a_secret_of_zero_or_one_is_found() {
    is_defect(&forged_next([1, 1, 1]), (3, Defect::ChangesNothing));
    is_defect(&forged_next([0, 0, 0]), (3, Defect::ChangesNothing));
    is_defect(&forged_next([5, 1, 5]), (3, Defect::ChangesNothing));
    // δ itself may be no infinity.
    let error = altered("1.zkey", |_, parts| {
        let header = parts.section(2);
        let end = header.len();
        header[end - 192..].fill(0);
    });
    assert!(matches!(error, CeremonyError::NotAPoint { section: "2 (header)", .. }), "{error}");
}

#[test]
fn a_contribution_without_knowledge_of_its_secret_is_found() {
    // All is right but that the points are still those of before.
    let error = forged_next([5, 5, 5]);
    assert!(matches!(error, CeremonyError::OtherDelta { section: "2 (δ in G1)", .. }), "{error}");
    is_defect(&forged_next([5, 5, 6]), (3, Defect::NoKnowledge));
    is_defect(&forged_next([5, 6, 5]), (3, Defect::DoesNotFollow));
    is_defect(&forged_next([6, 5, 5]), (3, Defect::NoKnowledge));
}

/// Somebody replaces an honest δ by his own, and leaves the honest contribution in the list.
#[test]
fn an_honest_contribution_cannot_be_undone() {
    let error = rechained("2.zkey", |chain| {
        let own = Fr::from(99u64);
        chain.contributions[2].delta_after = (G1Affine::generator() * own).into_affine();
    });
    is_defect(&error, (3, Defect::DoesNotFollow));
}

#[test]
fn contributions_do_not_move_to_another_ceremony() {
    let other = Stage::new(RandomCircuit { seed: 6, ..CIRCUIT }, 6);
    other.run();
    let theirs = other.zkey("2.zkey").chain;
    let error = rechained("2.zkey", |chain| chain.contributions = theirs.contributions.clone());
    assert!(matches!(error, CeremonyError::OtherPlan { .. }), "{error}");
    let error = rechained("2.zkey", |chain| {
        chain.contributions.splice(1.., theirs.contributions[1..].iter().cloned());
    });
    is_defect(&error, (2, Defect::OtherBefore));
    let error = rechained("2.zkey", |chain| *chain = theirs.clone());
    assert!(matches!(error, CeremonyError::OtherCeremony { .. }), "{error}");

    // With the beginning and the plan altered to match.
    let mut stage = Stage::finished();
    stage.plan.circuit_hash = theirs.circuit_hash.into();
    let chain = |contributions| Chain { circuit_hash: theirs.circuit_hash, contributions };
    for (name, contributions) in
        [("initial.zkey", vec![]), ("0.zkey", vec![announcement(&stage.plan)])]
    {
        let mut parts = Parts::read(&stage.path(name));
        *parts.section(10) = chain(contributions).to_bytes();
        parts.write(&stage.path(name));
    }
    let error = stage.verify("0.zkey").unwrap_err();
    let expected =
        matches!(&error, CeremonyError::OtherCeremony { path } if path.ends_with("initial.zkey"));
    assert!(expected, "{error}");
}

#[test]
fn a_beacon_that_is_not_the_last_or_not_the_value_s_is_found() {
    // Made with the beacon's record in the middle: what follows is honest.
    let error = altered("last.zkey", |stage, parts| {
        let state = stage.zkey("last.zkey");
        let mut chain = state.chain;
        chain.contributions.push(forged(&chain, state.header.delta_g1, [Fr::from(5u64); 3]));
        *parts.section(10) = chain.to_bytes();
    });
    is_defect(&error, (4, Defect::AfterBeacon));

    let of_beacon = |value: Vec<u8>, exponent| Source::Beacon { value, exponent };
    for source in [of_beacon(vec![0xbf; 32], 10), of_beacon(vec![0xbe; 31], 10)] {
        let error = rechained("last.zkey", |chain| chain.contributions[3].source = source);
        is_defect(&error, (4, Defect::NotFromBeacon));
    }
    // Nobody waits for 2^63 hashes to find a lie.
    for exponent in [11, 32, 63] {
        let error = rechained("last.zkey", |chain| {
            chain.contributions[3].source = of_beacon(vec![0xbe; 32], exponent);
        });
        let expected = BeaconError::Iterations { expected: 10, found: exponent };
        assert!(matches!(&error, CeremonyError::Beacon(own) if *own == expected), "{error}");
    }
    // A person's secret under the beacon's name.
    let error = rechained("2.zkey", |chain| {
        chain.contributions[2].source = of_beacon(vec![0xbe; 32], 10);
    });
    is_defect(&error, (3, Defect::NotFromBeacon));
}

#[test]
fn points_swapped_between_sections_are_found() {
    let swapped = |first: u32, second: u32| {
        altered("2.zkey", |_, parts| {
            let own = parts.section(first)[64 * 4..64 * 5].to_vec();
            let other = parts.section(second)[64 * 9..64 * 10].to_vec();
            assert_ne!(own, other);
            parts.section(first)[64 * 4..64 * 5].copy_from_slice(&other);
            parts.section(second)[64 * 9..64 * 10].copy_from_slice(&own);
        })
    };
    let error = swapped(8, 9);
    assert!(matches!(error, CeremonyError::OtherDelta { section: "L", .. }), "{error}");
    let error = swapped(9, 9);
    assert!(matches!(error, CeremonyError::OtherDelta { section: "H", .. }), "{error}");
    let error = swapped(5, 9);
    assert!(matches!(error, CeremonyError::Changed { section: "A", .. }), "{error}");
}

#[test]
fn a_point_that_was_not_divided_is_found() {
    for (section, name, points) in [(8, "L", 21), (9, "H", 32)] {
        for place in [0, points - 1] {
            let error = altered("2.zkey", |stage, parts| {
                let mut before = Parts::read(&stage.path("1.zkey"));
                let range = 64 * place..64 * (place + 1);
                let old = before.section(section)[range.clone()].to_vec();
                if section == 8 && place == 0 {
                    // The idle variable's point is infinity: put something there.
                    let one = to_bytes::<g1::Config>(&[G1Affine::generator()]);
                    parts.section(section)[range].copy_from_slice(&one);
                } else {
                    assert_ne!(old, parts.section(section)[range.clone()]);
                    parts.section(section)[range].copy_from_slice(&old);
                }
            });
            let expected =
                matches!(&error, CeremonyError::OtherDelta { section, .. } if *section == name);
            assert!(expected, "{name} {place}: {error}");
        }
    }
}

/// A contributor who multiplies what he is given divides a public input's point by his secret, and with
/// that public inputs are exchanged in proofs under the honest key. `contribute` takes verified files
/// only, and this is none.
#[test]
fn a_public_input_s_point_is_not_smuggled_into_what_contributors_divide() {
    for name in ["initial.zkey", "1.zkey"] {
        let error = altered(name, |_, parts| {
            let public = parts.section(3)[64..128].to_vec();
            parts.section(8)[64 * 3..64 * 4].copy_from_slice(&public);
        });
        assert!(matches!(error, CeremonyError::OtherDelta { section: "L", .. }), "{error}");
    }
    // Nor when the beginning has it as well.
    let stage = Stage::new(CIRCUIT, 6);
    let mut parts = Parts::read(&stage.path("initial.zkey"));
    let public = parts.section(3)[64..128].to_vec();
    parts.section(8)[64 * 3..64 * 4].copy_from_slice(&public);
    parts.write(&stage.path("initial.zkey"));
    let error = stage.verify("initial.zkey").unwrap_err();
    assert!(matches!(error, CeremonyError::OtherPoints { section: "L", .. }), "{error}");
}

#[test]
fn what_no_contribution_changes_stays_what_it_was() {
    for (section, name, place) in [
        (3, "IC", 64..128),
        (5, "A", 64 * 3..64 * 4),
        (6, "B in G1", 64 * 5..64 * 6),
        (7, "B in G2", 128 * 5..128 * 6),
    ] {
        let error = altered("2.zkey", |_, parts| {
            let content = parts.section(section);
            let other = match section {
                7 => to_bytes::<g2::Config>(&[G2Affine::generator()]),
                _ => to_bytes::<g1::Config>(&[G1Affine::generator()]),
            };
            content[place].copy_from_slice(&other);
        });
        let expected = matches!(&error, CeremonyError::Changed { section, .. } if *section == name);
        assert!(expected, "{name}: {error}");
    }
    let error = altered("2.zkey", |_, parts| parts.section(4)[20] ^= 1);
    assert!(matches!(error, CeremonyError::Changed { section: "coefficients", .. }), "{error}");
    // α, β in G1, β in G2, γ: two moduli with their lengths and three numbers come first.
    let one_g1 = to_bytes::<g1::Config>(&[G1Affine::generator()]);
    let two_g2 = to_bytes::<g2::Config>(&[(G2Affine::generator() + G2Affine::generator()).into()]);
    for (place, point) in [(84, &one_g1), (148, &one_g1), (212, &two_g2), (340, &two_g2)] {
        let error = altered("2.zkey", |_, parts| {
            parts.section(2)[place..place + point.len()].copy_from_slice(point);
        });
        assert!(matches!(error, CeremonyError::Changed { section: "2 (header)", .. }), "{error}");
    }
    // δ in G2 alone.
    let error = altered("2.zkey", |_, parts| {
        let header = parts.section(2);
        let end = header.len();
        header[end - 128..].copy_from_slice(&two_g2);
    });
    assert!(matches!(error, CeremonyError::OtherDelta { section: "2 (δ in G2)", .. }), "{error}");
}

#[test]
fn points_off_the_curve_or_outside_the_group_are_refused() {
    let error = altered("2.zkey", |_, parts| parts.section(8)[64 * 3] ^= 1);
    assert!(matches!(error, CeremonyError::NotAPoint { section: "L", .. }), "{error}");
    let error = altered("2.zkey", |_, parts| parts.section(9)[0] ^= 1);
    assert!(matches!(error, CeremonyError::NotAPoint { section: "H", .. }), "{error}");
    let error = altered("2.zkey", |_, parts| {
        let header = parts.section(2);
        let end = header.len();
        header[end - 128..].copy_from_slice(&outside_g2());
    });
    assert!(matches!(error, CeremonyError::NotAPoint { section: "2 (header)", .. }), "{error}");
    // The proof of knowledge of the first contribution.
    let error = altered("2.zkey", |_, parts| {
        parts.section(10)[68 + 192..68 + 320].copy_from_slice(&outside_g2());
    });
    assert!(matches!(error, CeremonyError::Damaged { .. }), "{error}");
}

/// What is said of a beginning that was altered.
fn altered_beginning(alter: impl FnOnce(&mut Parts)) -> CeremonyError {
    altered("initial.zkey", |stage, parts| {
        alter(parts);
        parts.write(&stage.path("initial.zkey"));
    })
}

#[test]
fn a_wrong_point_anywhere_in_the_beginning_is_found() {
    let one_g1 = to_bytes::<g1::Config>(&[G1Affine::generator()]);
    let one_g2 = to_bytes::<g2::Config>(&[G2Affine::generator()]);
    for (section, name, points) in [
        (3, "IC", 4),
        (8, "L", 21),
        (5, "A", 25),
        (6, "B in G1", 25),
        (7, "B in G2", 25),
        (9, "H", 32),
    ] {
        let other = if section == 7 { &one_g2 } else { &one_g1 };
        for place in [0, 1, points / 2, points - 1] {
            let error = altered_beginning(|parts| {
                let range = other.len() * place..other.len() * (place + 1);
                parts.section(section)[range].copy_from_slice(other);
            });
            let expected =
                matches!(&error, CeremonyError::OtherPoints { section, .. } if *section == name);
            assert!(expected, "{name} {place}: {error}");
        }
    }
    let error = altered_beginning(|parts| {
        parts.section(7)[128 * 5..128 * 6].copy_from_slice(&outside_g2());
    });
    assert!(matches!(error, CeremonyError::NotAPoint { section: "B in G2", .. }), "{error}");
    // α of somebody's choice.
    let error = altered_beginning(|parts| parts.section(2)[84..148].copy_from_slice(&one_g1));
    assert!(matches!(error, CeremonyError::OtherPoints { section: "2 (header)", .. }), "{error}");
    // A coefficient, the row and the variable that it is for, and how many there are.
    for place in [4, 8, 12, 16, 47] {
        let error = altered_beginning(|parts| parts.section(4)[place] ^= 1);
        assert!(matches!(error, CeremonyError::OtherCircuit { .. }), "{place}: {error}");
    }
    let error = altered_beginning(|parts| parts.section(4).extend([0; 44]));
    assert!(matches!(error, CeremonyError::OtherCircuit { .. }), "{error}");
    let error = altered_beginning(|parts| parts.section(10)[5] ^= 1);
    assert!(matches!(error, CeremonyError::Plan(PlanError::Other("beginning"))), "{error}");
}

#[test]
fn a_later_state_is_no_beginning() {
    let stage = Stage::finished();
    let later = || stage.zkey("1.zkey");
    let error = verify(&CIRCUIT, &stage.plan, &stage.ptau(), &later(), later(), &()).unwrap_err();
    assert!(matches!(error, CeremonyError::NotTheBeginning { .. }), "{error}");
    // With its contributions taken away, δ is still there.
    let mut parts = Parts::read(&stage.path("1.zkey"));
    let nobody = Chain { circuit_hash: later().chain.circuit_hash, contributions: Vec::new() };
    *parts.section(10) = nobody.to_bytes();
    parts.write(&stage.path("initial.zkey"));
    let error = stage.verify("2.zkey").unwrap_err();
    assert!(matches!(error, CeremonyError::OtherPoints { section: "2 (header)", .. }), "{error}");
}

#[test]
fn another_circuit_s_or_other_powers_ceremony_is_refused() {
    let stage = Stage::finished();
    for (circuit, what) in [
        (RandomCircuit { seed: 5, ..CIRCUIT }, "a coefficient"),
        (RandomCircuit { constraints: 21, ..CIRCUIT }, "the number of variables"),
        (RandomCircuit { constraints: 40, ..CIRCUIT }, "the number of variables"),
        (RandomCircuit { public: 2, constraints: 21, ..CIRCUIT }, "the number of public inputs"),
    ] {
        let (initial, last) = (stage.zkey("initial.zkey"), stage.zkey("last.zkey"));
        let error = verify(&circuit, &stage.plan, &stage.ptau(), &initial, last, &()).unwrap_err();
        let expected = matches!(error, CeremonyError::Plan(PlanError::Other("circuit")));
        assert!(expected, "{error}");
        // Whatever a plan says.
        let error = check_beginning(&circuit, &stage.ptau(), &initial, &()).unwrap_err();
        let CeremonyError::OtherCircuit { what: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, what);
    }
    let secrets = crate::support::powers::Secrets::new(2);
    crate::support::powers::write(&stage.path("powers.ptau"), 6, &secrets, true);
    let error = stage.verify("last.zkey").unwrap_err();
    let expected = matches!(error, CeremonyError::Plan(PlanError::Other("file of powers of τ")));
    assert!(expected, "{error}");
    let error = check_beginning(&CIRCUIT, &stage.ptau(), &stage.zkey("initial.zkey"), &());
    let expected = matches!(error, Err(CeremonyError::OtherPoints { section: "2 (header)", .. }));
    assert!(expected, "{error:?}");
}

#[test]
fn a_damaged_key_is_refused() {
    let stage = Stage::finished();
    let path = stage.path("damaged.zkey");
    let whole = std::fs::read(stage.path("last.zkey")).unwrap();
    for length in (0..whole.len()).step_by(61) {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(Zkey::open(&path).is_err(), "cut to {length}");
    }
    let altered = |alter: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::read(&stage.path("last.zkey"));
        alter(&mut parts);
        parts.write(&path);
        Zkey::open(&path).unwrap_err()
    };
    let error = altered(&|parts| parts.section(1)[0] = 2);
    assert!(matches!(error, CeremonyError::OtherCurve { .. }), "{error}");
    let error = altered(&|parts| parts.section(2)[4] ^= 1);
    assert!(matches!(error, CeremonyError::OtherCurve { .. }), "{error}");
    for section in [3, 5, 6, 7, 8, 9] {
        let error = altered(&|parts| parts.section(section).truncate(64));
        assert!(matches!(error, CeremonyError::Damaged { .. }), "{section}: {error}");
    }
    // Fewer or more contributions than there are, and unknown parameters.
    for (place, byte) in [(64, 3), (64, 5), (64, 255), (68 + 384, 2), (68 + 392, 9)] {
        let error = altered(&|parts| parts.section(10)[place] = byte);
        assert!(matches!(error, CeremonyError::Damaged { .. }), "{place} {byte}: {error}");
    }
}

/// Whatever is done to one byte of a state, it is not accepted, but for the names.
#[test]
fn no_byte_of_a_state_is_free() {
    let stage = Stage::new(RandomCircuit { seed: 8, public: 1, constraints: 5 }, 5);
    stage.contribute("0.zkey", "1.zkey", "a");
    let whole = std::fs::read(stage.path("1.zkey")).unwrap();
    // The contribution's kind and parameters are the last bytes: kind, length, 1, 1, "a".
    let free = whole.len() - 1;
    for place in (0..whole.len()).step_by(37).chain(free - 10..free) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x04;
        std::fs::write(stage.path("altered.zkey"), &bytes).unwrap();
        assert!(stage.verify("altered.zkey").is_err(), "byte {place} of {}", whole.len());
    }
}
