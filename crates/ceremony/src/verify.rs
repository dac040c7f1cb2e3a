//! Verifying a ceremony from files alone.
//!
//! Three files: the powers of τ, the ceremony's beginning, and a later state of it, the last one for
//! instance. The states between are not needed: every contribution leaves its proof in those after it.
//!
//! 1. The beginning follows from the circuit and the powers ([`check_beginning`]).
//! 2. The contributions form a chain, from that beginning ([`Chain::check`](crate::contribution::Chain::check)).
//! 3. δ is what the chain gives, in G1 and in G2.
//! 4. Sections that no contribution changes are those of the beginning, byte for byte.
//! 5. L and H are those of the beginning, divided by δ. One random linear combination of each is
//!    compared by pairings.

use aep2_circuits::system::Circuit;
use ark_bn254::{Fr, G1Affine, G2Affine, g1};
use ark_ec::AffineRepr;

use crate::{
    beginning::check_beginning,
    circuit::random_scalars,
    error::CeremonyError,
    points::sum_of_section,
    progress::{Step, Watch},
    ptau::{Ptau, Section, same_ratio},
    zkey::{A, B_G1, B_G2, COEFFICIENTS, H, Header, L, PUBLIC, Zkey},
};

/// A state of a ceremony, all of which was checked.
#[derive(Debug)]
pub struct Verified(Zkey);

impl Verified {
    /// The file.
    pub fn zkey(&self) -> &Zkey {
        &self.0
    }
}

/// Verifies a state of the ceremony for `circuit` that began with `initial` and these powers of τ.
///
/// # Errors
/// For the first thing that is not as it should be.
pub fn verify(
    circuit: &impl Circuit,
    ptau: &Ptau,
    initial: &Zkey,
    state: Zkey,
    watch: &dyn Watch,
) -> Result<Verified, CeremonyError> {
    // The contributions first: they are soon checked.
    if state.chain.circuit_hash != initial.chain.circuit_hash {
        return Err(CeremonyError::OtherCeremony { path: state.path().to_owned() });
    }
    let delta = state.chain.check(state.path(), watch)?;
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
    Ok(Verified(state))
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
