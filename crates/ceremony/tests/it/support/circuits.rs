//! Circuits that are small enough for snarkjs to take seconds.

use aep2_circuits::system::{Circuit, Linear, System};
use ark_bn254::Fr;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A random satisfiable circuit: combinations on every side mention the constant one, public inputs,
/// witness variables, or nothing; some variables are mentioned nowhere; coefficients are small and large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RandomCircuit {
    pub(crate) seed: u64,
    pub(crate) public: usize,
    pub(crate) constraints: usize,
}

/// The circuit of most tests: a domain of 2^5 rows.
pub(crate) const CIRCUIT: RandomCircuit = RandomCircuit { seed: 4, public: 3, constraints: 20 };

impl Circuit for RandomCircuit {
    fn synthesize<S: System>(&self, system: &mut S) {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut pool = vec![S::L::constant(Fr::from(1u64))];
        for _ in 0..self.public {
            let value = Fr::from(rng.r#gen::<u64>());
            pool.push(system.public("public", || value));
        }
        system.witness("idle", || Fr::from(7u64));
        for _ in 0..self.constraints {
            let mut combination = || {
                let factors: Vec<Fr> = (0..rng.gen_range(0..4))
                    .map(|_| match rng.gen_range(0..5) {
                        0 => Fr::from(1u64),
                        1 => -Fr::from(1u64),
                        2 => Fr::from(rng.gen_range(2..9u64)),
                        3 => -Fr::from(rng.r#gen::<u64>()),
                        _ => Fr::from(rng.r#gen::<u128>()) * Fr::from(rng.r#gen::<u128>()),
                    })
                    .collect();
                let terms: Vec<S::L> =
                    factors.iter().map(|_| pool[rng.gen_range(0..pool.len())].clone()).collect();
                S::L::dot(&factors, &terms)
            };
            let (a, b, rest) = (combination(), combination(), combination());
            let product = system.witness("product", || a.value() * b.value() - rest.value());
            system.enforce("product", &a, &b, &product.add(&rest));
            pool.push(product);
        }
    }
}

/// So many constraints `x · x = y`, with one public `y`: a large domain for few variables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squares(pub(crate) usize);

impl Circuit for Squares {
    fn synthesize<S: System>(&self, system: &mut S) {
        let y = system.public("y", || Fr::from(9u64));
        let x = system.witness("x", || Fr::from(3u64));
        for _ in 0..self.0 {
            system.enforce("square", &x, &x, &y);
        }
    }
}
