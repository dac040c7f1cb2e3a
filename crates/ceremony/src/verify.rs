//! Verifying a ceremony from files alone.
//!
//! Three files: the powers of τ, the ceremony's beginning, and a later state of it, the last one for
//! instance. The states between are not needed: every contribution leaves its proof in those after it.
//!
//! Before all that, the plan is compared: it is for this circuit, these powers and this beginning, and the
//! first contribution is made from its hash.
//!
//! 1. The beginning follows from the circuit and the powers ([`check_beginning`]).
//! 2. The contributions form a chain, from that beginning ([`Chain::check`](crate::contribution::Chain::check)).
//! 3. δ is what the chain gives, in G1 and in G2.
//! 4. Sections that no contribution changes are those of the beginning, byte for byte.
//! 5. L and H are those of the beginning, divided by δ. One random linear combination of each is
//!    compared by pairings.
//!
//! What was verified is what is multiplied later: the file is read through one handle, and no piece of it
//! is used that is not what it was when the file was opened.

use std::path::Path;

use aep2_circuits::{symbolic, system::Circuit};
use ark_bn254::{Fr, G1Affine, G2Affine, g1};
use ark_ec::AffineRepr;

use crate::{
    announcement::announcement,
    beginning::check_beginning,
    circuit::random_scalars,
    contribution::{Chain, Source},
    error::{CeremonyError, PlanError},
    plan::Plan,
    points::sum_of_section,
    progress::{Step, Watch},
    ptau::{Ptau, Section, same_ratio},
    zkey::{A, B_G1, B_G2, COEFFICIENTS, H, Header, L, PUBLIC, Zkey},
};

/// A state of a ceremony, all of which was checked, and the plan that it was checked against.
#[derive(Debug)]
pub struct Verified {
    zkey: Zkey,
    plan: Plan,
}

impl Verified {
    /// The file.
    pub fn zkey(&self) -> &Zkey {
        &self.zkey
    }

    /// What was announced.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Verifies a state of the ceremony for `circuit` that was announced with `plan` and began with `initial`
/// and these powers of τ. Whether the plan is the one that people saw, its reader has to know.
///
/// # Errors
/// For the first thing that is not as it should be.
pub fn verify(
    circuit: &impl Circuit,
    plan: &Plan,
    ptau: &Ptau,
    initial: &Zkey,
    state: Zkey,
    watch: &dyn Watch,
) -> Result<Verified, CeremonyError> {
    // The contributions first: they are soon checked.
    if state.chain.circuit_hash != initial.chain.circuit_hash {
        return Err(CeremonyError::OtherCeremony { path: state.path().to_owned() });
    }
    plan.check_files(ptau.hash(), &initial.chain.circuit_hash)?;
    check_plan(plan, &state.chain, state.path())?;
    let delta = state.chain.check(state.path(), watch)?;
    let of_plan = plan.circuit();
    plan.check_circuit(&of_plan)?;
    if symbolic::digest(circuit) != of_plan.digest {
        return Err(PlanError::Other("circuit").into());
    }
    check_beginning(circuit, ptau, initial, watch)?;
    check_header(initial, &state, &delta)?;
    watch.step(Step::Compare, 0, 7);
    for (done, section) in [PUBLIC, COEFFICIENTS, A, B_G1, B_G2].into_iter().enumerate() {
        if !state.file.same_section(&initial.file, section.0)? {
            let path = state.path().to_owned();
            return Err(CeremonyError::Changed { path, section: section.1 });
        }
        watch.step(Step::Compare, 1 + done as u64, 7);
    }
    check_divided(initial, &state, L)?;
    watch.step(Step::Compare, 6, 7);
    check_divided(initial, &state, H)?;
    watch.step(Step::Compare, 7, 7);
    Ok(Verified { zkey: state, plan: plan.clone() })
}

/// Checks that the contributions, if there are some, begin with the plan's, and that a beacon is hashed as
/// often as the plan says: a file could have this machine hash for days. `path` is for errors.
///
/// # Errors
/// [`CeremonyError::OtherPlan`] when it is another plan's ceremony; [`CeremonyError::Beacon`] when the
/// beacon is hashed more or less often.
pub(crate) fn check_plan(plan: &Plan, chain: &Chain, path: &Path) -> Result<(), CeremonyError> {
    let Some((first, rest)) = chain.contributions.split_first() else { return Ok(()) };
    if *first != announcement(plan) {
        return Err(CeremonyError::OtherPlan { path: path.to_owned() });
    }
    for own in rest {
        if let Source::Beacon { exponent, .. } = &own.source {
            plan.check_exponent(*exponent)?;
        }
    }
    Ok(())
}

/// Checks that `later` has all contributions of `before`, unchanged and first.
///
/// # Errors
/// [`CeremonyError::DoesNotContinue`] when one is missing or another.
pub fn continues(before: &Zkey, later: &Zkey) -> Result<(), CeremonyError> {
    let (old, new) = (&before.chain, &later.chain);
    if old.circuit_hash != new.circuit_hash {
        return Err(CeremonyError::OtherCeremony { path: later.path().to_owned() });
    }
    let same = old.contributions.iter().zip(&new.contributions).take_while(|(a, b)| a == b).count();
    if same < old.contributions.len() {
        let (path, before) = (later.path().to_owned(), before.path().to_owned());
        return Err(CeremonyError::DoesNotContinue { path, before, number: same + 1 });
    }
    Ok(())
}

fn check_header(initial: &Zkey, state: &Zkey, delta: &G1Affine) -> Result<(), CeremonyError> {
    let other_delta = |section| {
        let path = state.path().to_owned();
        Err(CeremonyError::OtherDelta { path, section })
    };
    let Header { delta_g1, delta_g2, .. } = state.header;
    let unchanged = Header { delta_g1, delta_g2, ..initial.header };
    if state.header != unchanged {
        let path = state.path().to_owned();
        return Err(CeremonyError::Changed { path, section: "2 (header)" });
    }
    if delta_g1 != *delta {
        return other_delta("2 (δ in G1)");
    }
    let (one_g1, one_g2) = (G1Affine::generator(), G2Affine::generator());
    if !same_ratio((one_g1, delta_g1), (one_g2, delta_g2)) {
        return other_delta("2 (δ in G2)");
    }
    Ok(())
}

/// Every point of a section is that of the beginning, over δ.
fn check_divided(initial: &Zkey, state: &Zkey, section: Section) -> Result<(), CeremonyError> {
    let scalars: Vec<Fr> = random_scalars(state.count::<g1::Config>(section)?);
    let before = sum_of_section::<g1::Config>(&initial.file, section, 0, &scalars)?;
    let after = sum_of_section::<g1::Config>(&state.file, section, 0, &scalars)?;
    // Without a witness there is no L.
    let none = before.is_zero() && after.is_zero();
    let in_g2 = (G2Affine::generator(), state.header.delta_g2);
    if none || same_ratio((after, before), in_g2) {
        return Ok(());
    }
    Err(CeremonyError::OtherDelta { path: state.path().to_owned(), section: section.1 })
}
