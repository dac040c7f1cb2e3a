//! Arranging a valid window in a shape: the statement that is to be proved.
//!
//! Runs longer than a lane are cut; every mandate has its own signature, so any cut works. Shorter
//! ones leave slots unused. Unused lanes carry the first lane's last id and signature once more,
//! with no slot in use.

use aep2_circuits::{
    Shape,
    settlement::{Settlement, ZeroDenominator},
    statement::{Lane, Private, Slot, Statement},
};
use aep2_mandate::{
    commitment,
    field::{self, Fr},
    inclusion::{InclusionProof, Link},
    units::Amount,
};

use crate::window::{ValidWindow, WindowError};

/// A window in its shape.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What the wallet is to settle.
    pub settlement: Settlement,
    /// The statement, ready to be proved.
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
    /// Arranges `window` in `shape`.
    ///
    /// # Errors
    /// When the window does not fit, or (with a chance of about 2^-240) the challenge is a pole.
    pub fn arrange(window: &ValidWindow, shape: Shape) -> Result<Self, ArrangeError> {
        let lanes = window.lanes(shape)?;
        let settlement = window.settlement(shape);
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
            domain: settlement.domain,
            valid_until: Fr::from(settlement.valid_until),
            lanes: filled,
        };
        let leaves = Statement::leaves_of(shape, &private);
        let root = commitment::root(&leaves);
        let commitment = commitment::commitment(root, private.domain, private.valid_until);
        let public = settlement.public_inputs(commitment)?;
        Ok(Self { settlement, statement: Statement { shape, public, private }, lanes, leaves })
    }

    /// The way from a mandate of `window`, the window that was arranged, to the batch's commitment.
    ///
    /// # Panics
    /// When the window has no mandate at `index`.
    pub fn inclusion_proof(&self, window: &ValidWindow, index: usize) -> InclusionProof {
        let place = |lane: &Vec<usize>| lane.iter().position(|own| *own == index);
        let (lane, slot) = self
            .lanes
            .iter()
            .enumerate()
            .find_map(|(lane, indices)| place(indices).map(|slot| (lane, slot)))
            .expect("the window has a mandate at this index");
        let indices = &self.lanes[lane];
        let shape = self.settlement.shape;
        let entry = |index: &usize| &window.window().mandates[*index];
        let captured = shape.capture().then(|| {
            let mut captured: Vec<Amount> = indices.iter().map(|i| entry(i).captured()).collect();
            captured.resize(shape.slots(), Amount::ZERO);
            captured
        });
        InclusionProof {
            lanes: shape.lanes() as u16,
            lane: lane as u16,
            slot: slot as u8,
            flags: (0..shape.slots()).map(|slot| slot < indices.len()).collect(),
            captured,
            following: indices[slot + 1..]
                .iter()
                .map(|index| Link::from(&entry(index).signed.mandate))
                .collect(),
            key_hash: entry(&index).signed.key.hash(),
            siblings: commitment::path(&self.leaves, lane),
            valid_until: window.window().valid_until,
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
