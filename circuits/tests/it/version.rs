//! Feared: another circuit under the same version. Sizes alone do not tell: a changed coefficient
//! leaves them as they are, and old keys prove what the new circuit does not say.
//!
//! `digests.txt` has the version, and what the circuit of each named shape is in it. After a change
//! that is meant, raise [`VERSION`], then write the file anew:
//!
//! ```text
//! UPDATE_CIRCUIT_DIGESTS=1 cargo test -p aep2-circuits --test it version
//! ```
//!
//! It is written for a new version only.

use std::fs;

use aep2_circuits::{Shape, VERSION, count::Counter, statement::Statement, symbolic};
use alloy_primitives::hex;
use rayon::prelude::*;

const PINNED: &str = include_str!("../../digests.txt");

/// What is pinned of a circuit: its public inputs, variables and constraints in number, and the
/// digest of its constraints.
fn circuit(shape: Shape) -> String {
    let blank = Statement::blank(shape);
    let count = Counter::of(&blank);
    let digest = hex::encode(symbolic::digest(&blank));
    format!("{} {} {} {digest}", count.public, count.variables(), count.constraints)
}

/// The file as it would be for the circuits that there are.
fn digests() -> String {
    let shapes: Vec<Shape> =
        Shape::NAMED.into_iter().flat_map(|shape| [shape, shape.with_capture()]).collect();
    // The largest ones first, for the sake of the threads.
    let mut lines: Vec<(usize, String)> = shapes
        .par_iter()
        .enumerate()
        .rev()
        .with_max_len(1)
        .map(|(nth, shape)| (nth, format!("{shape} {}", circuit(*shape))))
        .collect();
    lines.sort_unstable();

    let head = format!(
        "# The circuits of the named shapes. `circuits/tests/it/version.rs` says how this is written.\n\
         # Shape, public inputs, variables, constraints, digest of the constraints.\n\
         version {VERSION}\n"
    );
    lines.into_iter().fold(head, |text, (_, line)| text + &line + "\n")
}

/// What is to be done about circuits that are `found` where others are `pinned`.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing: they are the same.
    Same,
    /// To write them down: they are of a new version.
    Write,
    /// To look again, for this reason.
    Refused(String),
}

fn verdict(pinned: &str, found: &str) -> Verdict {
    if pinned == found {
        return Verdict::Same;
    }
    let version = |text: &str| -> Option<u32> {
        text.lines().find_map(|line| line.strip_prefix("version "))?.parse().ok()
    };
    let circuits = |text: &str| -> Vec<String> {
        let other = |line: &&str| line.starts_with('#') || line.starts_with("version ");
        text.lines().filter(|line| !other(line)).map(str::to_owned).collect()
    };
    let (old, new) = (version(pinned), version(found));
    let changed: Vec<String> =
        circuits(found).into_iter().filter(|line| !circuits(pinned).contains(line)).collect();
    if new > old {
        return match changed[..] {
            [] => Verdict::Refused("The version is new, and no circuit has changed.".to_owned()),
            _ => Verdict::Write,
        };
    }
    Verdict::Refused(format!(
        "The circuits of these shapes are not those of the pinned version, and the version is not \
         higher:\n\n{}\n\nKeys and proofs that exist do not fit them. If that is meant, raise \
         `aep2_circuits::VERSION` in circuits/src/lib.rs.",
        changed.join("\n")
    ))
}

#[test]
fn a_changed_circuit_has_a_new_version() {
    let found = digests();
    let wanted = std::env::var_os("UPDATE_CIRCUIT_DIGESTS").is_some();
    match verdict(PINNED, &found) {
        Verdict::Same => {}
        Verdict::Refused(why) => panic!("circuits/digests.txt: {why}"),
        Verdict::Write if wanted => {
            fs::write(aep2_testkit::repository::file("circuits/digests.txt"), found).unwrap();
        }
        Verdict::Write => panic!(
            "circuits/digests.txt is of another version. Run\n\n    \
             UPDATE_CIRCUIT_DIGESTS=1 cargo test -p aep2-circuits --test it version\n"
        ),
    }
}

#[test]
fn only_a_higher_version_has_other_circuits() {
    let pinned = "version 3\n1x4 4 9 8 aa\n16x1 4 9 8 bb\n";
    assert_eq!(verdict(pinned, pinned), Verdict::Same);
    let changed = pinned.replace("bb", "bc");
    assert_eq!(verdict(pinned, &changed.replace("version 3", "version 4")), Verdict::Write);
    for (found, why) in [
        (changed.clone(), "16x1 4 9 8 bc"),
        (changed.replace("version 3", "version 2"), "16x1 4 9 8 bc"),
        (pinned.replace("version 3", "version 4"), "no circuit has changed"),
        (pinned.replace("version 3", "version 2"), "not higher"),
    ] {
        let Verdict::Refused(said) = verdict(pinned, &found) else { panic!("{found} passes") };
        assert!(said.contains(why), "{said}");
    }
}
