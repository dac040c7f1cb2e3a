//! Feared: systems that read one circuit in different ways, and variables that nothing determines.

use std::collections::{BTreeMap, BTreeSet};

use aep2_circuits::{
    arkworks::Arkworks,
    checker::Checker,
    count::Counter,
    statement::Statement,
    symbolic::{Matrices, Sparse, digest},
    witness::Assignment,
};
use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef};

use crate::support::{ALICE, API, BOB, Case, TOOL, is_input, shape, spend, unused};

/// Used and unused slots, and two lanes, so that there is a tree.
fn small(capture: bool) -> Case {
    let mut case = Case::empty(shape(2, 2, capture));
    case.push(ALICE, Fr::ZERO, &[spend(ALICE, 3, 1_000, API), spend(ALICE, 127, 99, TOOL)]);
    case.push(BOB, Fr::from(4u64), &[spend(BOB, 600, 7, API), unused()]);
    if capture {
        case.slot(0, 1).captured -= Fr::from(50u64);
        case.slot(0, 1).released += Fr::from(50u64);
    }
    case.settle();
    case.assert_accepted();
    case
}

/// Statements that are refused, for all sorts of reasons.
fn refused() -> Vec<Case> {
    let alter: [fn(&mut Case); 8] = [
        |case| case.slot(0, 0).captured += Fr::ONE,
        |case| case.slot(0, 0).bit += Fr::from(128u64),
        |case| case.slot(1, 1).flag = Fr::from(2u64),
        |case| case.lane(1).key = (Fr::ONE, Fr::ONE),
        |case| case.lane(0).s = -case.lane(0).s,
        |case| case.statement.public.commitment += Fr::ONE,
        |case| case.statement.public.sum += Fr::ONE,
        |case| case.slot(1, 1).payee = case.statement.public.x,
    ];
    alter
        .into_iter()
        .map(|alter| {
            let mut case = small(true);
            alter(&mut case);
            assert_ne!(case.broken_constraints(), [""; 0]);
            case
        })
        .collect()
}

#[test]
fn all_systems_agree_on_the_numbers() {
    for capture in [false, true] {
        let case = small(capture);
        let counter = Counter::of(&case.statement);
        let assignment = Assignment::of(&case.statement);
        let matrices = Matrices::of(&case.statement);
        let probe = case.probe();

        assert_eq!((counter.public, assignment.public, probe.public), (4, 4, 4));
        assert_eq!(assignment.z.len(), counter.variables());
        assert_eq!(probe.variables.len() + 1, counter.variables());
        assert_eq!(assignment.a.len(), counter.constraints);
        assert_eq!(assignment.b.len(), counter.constraints);
        assert_eq!(matrices.rows.len(), counter.constraints);
        assert_eq!(probe.constraints.len(), counter.constraints);

        let mut by_label = BTreeMap::new();
        for (label, ..) in &matrices.rows {
            *by_label.entry(*label).or_insert(0) += 1;
        }
        assert_eq!(by_label, counter.by_label);
        let in_rows: Vec<&str> = matrices.rows.iter().map(|(label, ..)| *label).collect();
        let in_probe: Vec<&str> = probe.constraints.iter().map(|(label, _)| *label).collect();
        assert_eq!(in_rows, in_probe);
    }
}

/// What a prover computes from the matrices is what the witness system hands out.
#[test]
fn matrices_and_witness_agree_on_the_values() {
    for case in [vec![small(false), small(true)], refused()].concat() {
        let Assignment { z, a, b, public } = Assignment::of(&case.statement);
        let matrices = Matrices::of(&case.statement);
        let probe = case.probe();
        assert_eq!(z[0], Fr::ONE);
        assert_eq!(z[1..=public], case.statement.public.to_vec());
        let values: Vec<Fr> = probe.variables.iter().map(|(_, value)| *value).collect();
        assert_eq!(z[1..], values);
        for (row, (label, left, right, result)) in matrices.rows.iter().enumerate() {
            let sides = [left.evaluate(&z), right.evaluate(&z), result.evaluate(&z)];
            assert_eq!(sides[..2], [a[row], b[row]], "{label}, row {row}");
            assert_eq!((*label, sides), probe.constraints[row], "row {row}");
        }
        assert_eq!(matrices.broken(&z), case.broken_constraints());
        assert_eq!(matrices.broken(&z), Checker::broken(&case.statement));
    }
}

/// One key serves all batches of a shape: the circuit does not depend on the values.
#[test]
fn the_circuit_does_not_depend_on_the_batch() {
    for capture in [false, true] {
        let blank = Statement::blank(shape(2, 2, capture));
        assert_eq!(digest(&small(capture).statement), digest(&blank));
        assert_eq!(Matrices::of(&small(capture).statement).rows, Matrices::of(&blank).rows);
        assert_eq!(Counter::of(&small(capture).statement), Counter::of(&blank));
    }
    assert_eq!(
        digest(&refused()[3].statement),
        digest(&Statement::blank(shape(2, 2, true))),
        "not even on whether it is satisfied"
    );
}

/// Two shapes, two circuits.
#[test]
fn shapes_have_circuits_of_their_own() {
    let mut digests = BTreeSet::new();
    for (lanes, slots) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        for capture in [false, true] {
            assert!(digests.insert(digest(&Statement::blank(shape(lanes, slots, capture)))));
        }
    }
}

/// An independent judge: the same matrices as arkworks' constraint system.
#[test]
fn arkworks_comes_to_the_same_verdicts() {
    for case in [vec![small(false), small(true)], refused()].concat() {
        let verdict = in_arkworks(&case).is_satisfied().expect("all variables are assigned");
        assert_eq!(verdict, case.broken_constraints().is_empty());
        assert_eq!(verdict, case.statement.check().is_ok());
    }
}

fn in_arkworks(case: &Case) -> ConstraintSystemRef<Fr> {
    let circuit = Arkworks::of(&case.statement);
    let system = ConstraintSystem::<Fr>::new_ref();
    (&circuit).generate_constraints(system.clone()).expect("every variable has its value");
    assert_eq!(system.num_constraints(), circuit.assignment.a.len());
    assert_eq!(system.num_instance_variables(), 1 + circuit.assignment.public);
    system
}

/// Where each variable stands: constraint, side, coefficient.
fn columns(matrices: &Matrices, variables: usize) -> Vec<Vec<(usize, usize, Fr)>> {
    let mut columns = vec![Vec::new(); variables];
    for (row, (_, a, b, c)) in matrices.rows.iter().enumerate() {
        for (side, combination) in [a, b, c].into_iter().enumerate() {
            for (index, factor) in combination.terms() {
                columns[*index as usize].push((row, side, *factor));
            }
        }
    }
    columns
}

/// Any one variable of an honest assignment, changed alone, breaks a constraint.
#[test]
fn no_variable_is_free() {
    for capture in [false, true] {
        let case = small(capture);
        let Assignment { z, .. } = Assignment::of(&case.statement);
        let matrices = Matrices::of(&case.statement);
        let values: Vec<[Fr; 3]> = matrices
            .rows
            .iter()
            .map(|(_, a, b, c)| [a.evaluate(&z), b.evaluate(&z), c.evaluate(&z)])
            .collect();
        let probe = case.probe();
        for (index, column) in columns(&matrices, z.len()).into_iter().enumerate().skip(1) {
            // 1 more, which for a bit that is 0 is a bit again; and something else.
            for change in [Fr::ONE, Fr::from(1_000_003u64)] {
                let mut changed: BTreeMap<usize, [Fr; 3]> = BTreeMap::new();
                for (row, side, factor) in &column {
                    changed.entry(*row).or_insert(values[*row])[*side] += change * factor;
                }
                let broken = changed.values().any(|[a, b, c]| *a * b != *c);
                let (label, _) = probe.variables[index - 1];
                assert!(broken, "{label}, variable {index}, is free");
            }
        }
    }
}

/// From the public inputs, the raw values and the bits, every other variable follows: there is
/// always a constraint whose one unknown is in it to the first degree, with a factor that is not
/// zero. (The bits are found by the constraints that make them bits.)
#[test]
fn every_variable_follows_from_the_inputs_and_the_bits() {
    for capture in [false, true] {
        let case = small(capture);
        let Assignment { z, public, .. } = Assignment::of(&case.statement);
        let matrices = Matrices::of(&case.statement);
        let probe = case.probe();

        let mut known = vec![false; z.len()];
        known[..=public].fill(true);
        let mut allocated: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, (label, _)) in probe.variables.iter().enumerate() {
            let nth = allocated.entry(label).or_default();
            known[index + 1] |= is_input(label, *nth);
            *nth += 1;
        }
        let mut bits = 0;
        for (_, a, b, c) in &matrices.rows {
            if let Some(bit) = bit_of(a, b, c) {
                known[bit] = true;
                bits += 1;
            }
        }
        println!("{bits} bits of {} variables", z.len());
        assert!(bits > 0);

        let mut progress = true;
        while progress {
            progress = false;
            for (_, a, b, c) in &matrices.rows {
                let mut unknown: Vec<u32> = [a, b, c]
                    .iter()
                    .flat_map(|side| side.terms())
                    .map(|(index, _)| *index)
                    .filter(|index| !known[*index as usize])
                    .collect();
                unknown.sort_unstable();
                unknown.dedup();
                let [index] = unknown[..] else { continue };
                let factor = |side: &Sparse| {
                    let term = side.terms().iter().find(|(other, _)| *other == index);
                    term.map_or(Fr::ZERO, |(_, factor)| *factor)
                };
                let (in_a, in_b, in_c) = (factor(a), factor(b), factor(c));
                let value = z[index as usize];
                let rest_a = a.evaluate(&z) - in_a * value;
                let rest_b = b.evaluate(&z) - in_b * value;
                let linear = in_a * rest_b + in_b * rest_a - in_c;
                if in_a * in_b == Fr::ZERO && linear != Fr::ZERO {
                    known[index as usize] = true;
                    progress = true;
                }
            }
        }
        let undetermined: Vec<(usize, &str)> = (1..z.len())
            .filter(|index| !known[*index])
            .map(|index| (index, probe.variables[index - 1].0))
            .collect();
        assert_eq!(undetermined, []);
    }
}

/// The variable `b` of a constraint `b · (b - 1) = 0`.
fn bit_of(a: &Sparse, b: &Sparse, c: &Sparse) -> Option<usize> {
    let ([(bit, factor)], [(0, constant), (other, other_factor)], []) =
        (a.terms(), b.terms(), c.terms())
    else {
        return None;
    };
    let is_bit = bit == other && [*factor, *other_factor] == [Fr::ONE; 2] && *constant == -Fr::ONE;
    is_bit.then_some(*bit as usize)
}
