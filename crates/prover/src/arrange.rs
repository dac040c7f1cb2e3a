//! Arranging a valid window in segments of one shape: the statements that are to be proved.
//!
//! Runs longer than a lane are cut; every mandate has its own signature, so any cut works. Shorter
//! ones leave slots unused. Unused lanes carry their segment's first lane's last id and signature
//! once more, with no slot in use.
//!
//! Lanes fill one segment after the other. All commitments are hashed first; then the challenge is
//! drawn; from then on the segments are proved independently of each other.

use aep2_circuits::{
    Shape,
    settlement::{self, PublicInputs, Settlement, ZeroDenominator},
    statement::{Lane, Private, Slot, Statement},
};
use aep2_mandate::{
    commitment,
    field::{self, Fr},
    inclusion::{InclusionProof, Link},
    units::Amount,
};
use rayon::prelude::*;

pub use crate::window::SEGMENTS_MAX;
use crate::{
    blinding::Blinding,
    window::{ValidWindow, WindowError},
};

/// A window in its segments.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What the wallet is to settle.
    pub settlement: Settlement,
    /// The parts that are proved, one by one.
    pub segments: Vec<Segment>,
}

/// A part of a window, ready to be proved.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The statement.
    pub statement: Statement,
    /// Which mandates each lane holds: indices in the window, in chain order. Lanes beyond these
    /// are unused.
    pub lanes: Vec<Vec<usize>>,
    /// The leaves of the commitment's tree.
    leaves: Vec<Fr>,
}

/// Why a window cannot be arranged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArrangeError {
    /// The window does not fit the shape.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The challenge fell on a pole.
    #[error(transparent)]
    Challenge(#[from] ZeroDenominator),
}

impl Batch {
    /// Arranges `window` in as many segments of `shape` as it needs.
    ///
    /// # Errors
    /// When the window does not fit, or (with a chance of about 2^-235) the challenge is a pole.
    pub fn arrange(
        window: &ValidWindow,
        shape: Shape,
        blinding: &Blinding,
    ) -> Result<Self, ArrangeError> {
        let lanes = window.lanes(shape)?;
        let parts: Vec<&[Vec<usize>]> = lanes.chunks(shape.lanes()).collect();
        let covers = blinding.of_segments(parts.len());
        let mut segments: Vec<Segment> = parts
            .into_par_iter()
            .zip(covers)
            .map(|(lanes, cover)| Segment::arrange(window, shape, lanes, cover))
            .collect();

        let settlement = window.settlement();
        let named: Vec<settlement::Segment> = segments.iter().map(Segment::named).collect();
        let (x, beta) = settlement.challenges(&named);
        for segment in &mut segments {
            segment.statement.public.x = x;
            segment.statement.public.beta = beta;
        }
        // The first segment's sum is what the others leave of the wallet's, so that a window of one
        // segment needs no second look at its slots.
        let total = settlement.sum(&named, x, beta)?;
        let (first, others) = segments.split_first_mut().expect("a window is not empty");
        for segment in &mut *others {
            segment.statement.public.sum = segment.own_sum().ok_or(ZeroDenominator)?;
        }
        let rest: Fr = others.iter().map(|segment| segment.statement.public.sum).sum();
        first.statement.public.sum = total - rest;
        Ok(Self { settlement, segments })
    }

    /// What the wallet's challenge names of the segments.
    pub fn named(&self) -> Vec<settlement::Segment> {
        self.segments.iter().map(Segment::named).collect()
    }

    /// The way from a mandate of `window`, the window that was arranged, to its segment's
    /// commitment.
    ///
    /// # Panics
    /// When the window has no mandate at `index`.
    pub fn inclusion_proof(&self, window: &ValidWindow, index: usize) -> InclusionProof {
        let place = |segment: &Segment| {
            segment.lanes.iter().enumerate().find_map(|(lane, indices)| {
                let slot = indices.iter().position(|own| *own == index)?;
                Some((lane, slot))
            })
        };
        let (number, (lane, slot)) = self
            .segments
            .iter()
            .enumerate()
            .find_map(|(number, segment)| place(segment).map(|place| (number, place)))
            .expect("the window has a mandate at this index");
        self.segments[number].inclusion_proof(window, number, lane, slot)
    }
}

impl Segment {
    /// The segment of these lanes, its challenge and its sum yet unknown.
    fn arrange(
        window: &ValidWindow,
        shape: Shape,
        lanes: &[Vec<usize>],
        (blind, salt): (Fr, Fr),
    ) -> Self {
        let mut filled: Vec<Lane> =
            lanes.iter().map(|indices| lane(window, shape, indices)).collect();
        let last_id = lanes[0][lanes[0].len() - 1];
        let unused = Lane {
            first_prev: window.ids()[last_id].element(),
            slots: vec![Slot::default(); shape.slots()],
            ..filled[0].clone()
        };
        filled.resize(shape.lanes(), unused);
        let private = Private {
            domain: window.domain().element(),
            valid_until: Fr::from(window.window().valid_until.get()),
            blind,
            salt,
            lanes: filled,
        };
        let leaves = Statement::leaves_of(shape, &private);
        let commitment = Statement::commitment_over(shape, &private, &leaves);
        let unknown = Fr::from(0u64);
        let public = PublicInputs { commitment, x: unknown, beta: unknown, sum: unknown };
        let statement = Statement { shape, public, private };
        Self { statement, lanes: lanes.to_vec(), leaves }
    }

    /// What the wallet's challenge names.
    fn named(&self) -> settlement::Segment {
        let Statement { shape, public, .. } = &self.statement;
        settlement::Segment { shape: *shape, commitment: public.commitment }
    }

    fn own_sum(&self) -> Option<Fr> {
        let Statement { public, private, .. } = &self.statement;
        Statement::sum_of(private, public.commitment, public.x, public.beta)
    }

    fn inclusion_proof(
        &self,
        window: &ValidWindow,
        number: usize,
        lane: usize,
        slot: usize,
    ) -> InclusionProof {
        let indices = &self.lanes[lane];
        let Statement { shape, private, .. } = &self.statement;
        let entry = |index: &usize| &window.window().mandates[*index];
        let captured = shape.capture().then(|| {
            let mut captured: Vec<Amount> = indices.iter().map(|i| entry(i).captured()).collect();
            captured.resize(shape.slots(), Amount::ZERO);
            captured
        });
        InclusionProof {
            segment: number as u16,
            lanes: shape.lanes() as u16,
            lane: lane as u16,
            slot: slot as u8,
            flags: (0..shape.slots()).map(|slot| slot < indices.len()).collect(),
            captured,
            following: indices[slot + 1..]
                .iter()
                .map(|index| Link::from(&entry(index).signed.mandate))
                .collect(),
            key_hash: entry(&indices[slot]).signed.key.hash(),
            siblings: commitment::path(&self.leaves, lane),
            valid_until: window.window().valid_until,
            cover: commitment::cover(private.blind, private.salt),
        }
    }
}

/// The lane of these mandates, signed by the last one's signature.
fn lane(window: &ValidWindow, shape: Shape, indices: &[usize]) -> Lane {
    let entries = || indices.iter().map(|index| &window.window().mandates[*index]);
    let valid_until = window.window().valid_until;
    let mut slots: Vec<Slot> = entries()
        .map(|entry| {
            let (mandate, captured) = (&entry.signed.mandate, entry.captured().get());
            Slot {
                flag: Fr::from(1u64),
                account_word: mandate.account_word(),
                bit: Fr::from(mandate.nonce.bit()),
                captured: Fr::from(captured),
                released: Fr::from(mandate.amount.get() - captured),
                slack: Fr::from(mandate.deadline.get() - valid_until.get()),
                payee: field::from_address(mandate.payee),
                reference: mandate.reference_element(),
            }
        })
        .collect();
    slots.resize(shape.slots(), Slot::default());
    let (first, last) = (indices[0], indices[indices.len() - 1]);
    let mandates = &window.window().mandates;
    let (key, signature) = (&mandates[last].signed.key, &mandates[last].signed.signature);
    Lane {
        first_prev: mandates[first].signed.mandate.prev.element(),
        key: (key.x(), key.y()),
        r8: (signature.r8_x(), signature.r8_y()),
        s: *signature.s(),
        slots,
    }
}
