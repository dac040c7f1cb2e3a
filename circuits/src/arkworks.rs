//! A circuit in arkworks' terms: for its stock prover to measure against, and for its constraint
//! system as an independent judge.

use ark_bn254::Fr;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, Result, Variable,
};

use crate::{symbolic::Matrices, system::Circuit, witness::Assignment};

/// A circuit with its values, as arkworks takes it.
#[derive(Clone, Debug)]
pub struct Arkworks {
    /// The constraints.
    pub matrices: Matrices,
    /// The values.
    pub assignment: Assignment,
}

impl Arkworks {
    /// `circuit` as it is.
    pub fn of(circuit: &impl Circuit) -> Self {
        Self { matrices: Matrices::of(circuit), assignment: Assignment::of(circuit) }
    }

    /// The three matrices, as stock Groth16 takes them.
    pub fn sides(&self) -> [Matrix<Fr>; 3] {
        [0, 1, 2].map(|side| {
            let rows = self.matrices.rows.iter();
            rows.map(|(_, a, b, c)| {
                let terms = [a, b, c][side].terms().iter();
                terms.map(|(index, factor)| (*factor, *index as usize)).collect()
            })
            .collect()
        })
    }
}

impl ConstraintSynthesizer<Fr> for &Arkworks {
    fn generate_constraints(self, system: ConstraintSystemRef<Fr>) -> Result<()> {
        let Assignment { z, public, .. } = &self.assignment;
        let mut variables = vec![Variable::One];
        for (index, value) in z.iter().enumerate().skip(1) {
            variables.push(if index <= *public {
                system.new_input_variable(|| Ok(*value))?
            } else {
                system.new_witness_variable(|| Ok(*value))?
            });
        }
        for (_, a, b, c) in &self.matrices.rows {
            let [a, b, c] = [a, b, c].map(|side| {
                let terms = side.terms().iter();
                let terms: Vec<(Fr, Variable)> =
                    terms.map(|(index, factor)| (*factor, variables[*index as usize])).collect();
                LinearCombination::from_sum_coeff_vars(&terms)
            });
            system.enforce_r1cs_constraint(|| a, || b, || c)?;
        }
        Ok(())
    }
}
