//! Small circuits to prove things about.

use aep2_circuits::system::{Circuit, Linear, System};
use ark_bn254::Fr;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A random satisfiable circuit: the seed gives its pattern, the parameters its size.
///
/// Combinations on every side mention the constant one, public inputs, witness variables, several
/// times over, or nothing at all. Some variables are mentioned nowhere.
#[derive(Clone, Debug)]
pub(crate) struct RandomCircuit {
    pub(crate) seed: u64,
    pub(crate) public: usize,
    pub(crate) idle: usize,
    pub(crate) constraints: usize,
    /// The number of a product whose value is one off, so that its constraint is broken.
    pub(crate) broken: Option<usize>,
}

impl Circuit for RandomCircuit {
    fn synthesize<S: System>(&self, system: &mut S) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut pool = vec![S::L::constant(Fr::from(1u64))];
        for _ in 0..self.public {
            let value = Fr::from(rng.r#gen::<u64>());
            pool.push(system.public("public", || value));
        }
        for _ in 0..self.idle {
            let value = Fr::from(rng.r#gen::<u64>());
            system.witness("idle", || value);
        }
        for number in 0..self.constraints {
            let mut combination = || {
                let factors: Vec<Fr> = (0..rng.gen_range(0..4))
                    .map(|_| match rng.gen_range(0..4) {
                        0 => Fr::from(1u64),
                        1 => -Fr::from(1u64),
                        2 => Fr::from(rng.gen_range(0..9u64)),
                        _ => Fr::from(rng.r#gen::<u128>()),
                    })
                    .collect();
                let terms: Vec<S::L> =
                    factors.iter().map(|_| pool[rng.gen_range(0..pool.len())].clone()).collect();
                S::L::dot(&factors, &terms)
            };
            let (a, b, rest) = (combination(), combination(), combination());
            // a · b = product + rest: the C side is a combination too.
            let off = Fr::from(u64::from(self.broken == Some(number)));
            let product = system.witness("product", || a.value() * b.value() - rest.value() + off);
            system.enforce("product", &a, &b, &product.add(&rest));
            pool.push(product);
        }
    }
}

/// `x² = y`, `y·1 = z` for public `y`, `z`; `z` is on no A side but its binding row's.
pub(crate) struct Square(pub(crate) u64);

impl Circuit for Square {
    fn synthesize<S: System>(&self, system: &mut S) {
        let y = system.public("y", || Fr::from(self.0 * self.0));
        let z = system.public("z", || Fr::from(self.0 * self.0));
        let x = system.witness("x", || Fr::from(self.0));
        system.enforce("square", &x, &x, &y);
        system.enforce("copy", &y, &S::L::constant(Fr::from(1u64)), &z);
    }
}

/// Nothing at all is demanded.
pub(crate) struct Nothing;

impl Circuit for Nothing {
    fn synthesize<S: System>(&self, _: &mut S) {}
}
