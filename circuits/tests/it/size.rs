//! The circuit's size, pinned: a change of one constraint is a change of every key.

use aep2_circuits::{Shape, count::Counter, statement::Statement};

fn count(lanes: u32, slots: u32, capture: bool) -> Counter {
    Counter::of(&Statement::blank(Shape::new(lanes, slots, capture).expect("a shape")))
}

#[test]
fn constraints() {
    let c = count(2, 2, false);
    println!("{:#?}", c);
    println!("slot {}", count(1,2,false).constraints - count(1,1,false).constraints);
    println!("slot capture {}", count(1,3,true).constraints - count(1,2,true).constraints);
    println!("lane {}", count(2,1,false).constraints - count(1,1,false).constraints);
}
