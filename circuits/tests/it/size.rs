//! Feared: growth. The circuit's size is pinned: a change of one constraint is a change of every
//! key, and of every number in the documentation.

use std::collections::BTreeMap;

use aep2_circuits::{Shape, count::Counter, statement::Statement};

use crate::support::shape;

fn count(shape: Shape) -> Counter {
    Counter::of(&Statement::blank(shape))
}

fn constraints(lanes: u32, slots: u32, capture: bool) -> usize {
    count(shape(lanes, slots, capture)).constraints
}

/// Rows that a proof's domain needs: the constraints, the constant one and the public inputs.
fn domain_size(counter: &Counter) -> usize {
    (counter.constraints + 1 + counter.public).next_power_of_two()
}

/// What a slot costs in a lane of 16: all but the signature, its share of a leaf that hashes
/// captured amounts included.
fn per_slot(capture: bool) -> usize {
    let (long, short) = (constraints(1, 16, capture), constraints(1, 1, false));
    let slot = constraints(1, 2, false) - short;
    (long - (short - slot)).div_ceil(16)
}

#[test]
fn a_slot() {
    let slot = constraints(1, 2, false) - constraints(1, 1, false);
    let mut by_label = count(shape(1, 2, false)).by_label;
    for (label, less) in count(shape(1, 1, false)).by_label {
        *by_label.entry(label).or_default() -= less;
    }
    by_label.retain(|_, count| *count > 0);
    println!("a slot: {slot}\n{by_label:#?}");
    println!("a slot with capture: {}", per_slot(true));
    assert_eq!(slot, 511);
    assert_eq!(per_slot(false), slot, "every slot costs the same");
    assert_eq!(per_slot(true), 620);
    assert!(slot <= 540 && per_slot(true) <= 650, "the targets");
}

#[test]
fn a_lane() {
    let slot = constraints(1, 2, false) - constraints(1, 1, false);
    let lane = constraints(2, 1, false) - constraints(1, 1, false) - slot;
    // The tree over n leaves has n - 1 nodes, whatever n is: one lane alone has none.
    const NODE: usize = 240;
    let once = constraints(1, 1, false) - slot - (lane - NODE);
    println!("a lane, all but its slots: {lane}; once a segment: {once}");
    assert_eq!(lane, 4_551);
    // The powers of β and its inverse, the cover, C and its comparison, the header's inverse, the sum's
    // four products, and R.
    assert_eq!(once, 3 + 240 + (321 + 1) + 1 + (4 + 1));
    assert!(lane <= 4_600, "the target");
    for lanes in [3, 4, 5, 7, 8, 16] {
        let expected = constraints(1, 1, false) + (lanes as usize - 1) * (lane + slot);
        assert_eq!(constraints(lanes, 1, false), expected);
    }
}

#[test]
fn named_shapes() {
    let pinned = BTreeMap::from([
        ("1x4", (6_926, 13)),
        ("1x4-capture", (7_370, 13)),
        ("16x1", (81_323, 17)),
        ("16x1-capture", (83_435, 17)),
        ("128x1", (648_267, 20)),
        ("128x1-capture", (665_163, 20)),
        ("16x16", (203_963, 18)),
        ("16x16-capture", (231_803, 18)),
        ("64x16", (814_859, 20)),
        ("64x16-capture", (926_219, 20)),
    ]);
    for shape in Shape::NAMED.into_iter().flat_map(|shape| [shape, shape.with_capture()]) {
        let counter = count(shape);
        let domain = domain_size(&counter);
        println!(
            "{shape}: {} mandates, {} constraints, {} variables, a domain of 2^{}",
            shape.mandates_max(),
            counter.constraints,
            counter.variables(),
            domain.ilog2(),
        );
        assert_eq!(counter.public, 4, "C, X, β, R");
        let found = (counter.constraints, domain.ilog2());
        assert_eq!(pinned.get(shape.to_string().as_str()), Some(&found), "{shape}");
    }
    assert_eq!(pinned.len(), 2 * Shape::NAMED.len());
}

/// How many lanes of 16 a domain of 2^20 holds.
#[test]
fn a_domain_of_2_to_the_20_holds_1200_mandates() {
    for (capture, lanes) in [(false, 82), (true, 72)] {
        let fits = count(shape(lanes, 16, capture));
        let does_not = count(shape(lanes + 1, 16, capture));
        println!("capture: {capture}: {} mandates, {} constraints", lanes * 16, fits.constraints);
        assert_eq!(domain_size(&fits), 1 << 20);
        assert_eq!(domain_size(&does_not), 1 << 21);
        assert!(capture || lanes * 16 >= 1_200, "the target");
    }
}
