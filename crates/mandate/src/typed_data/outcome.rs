//! Outcomes: what became of a mandate, by its processor's word.
//!
//! The processor signs it once nothing can change any more. Whoever reserved a budget for the
//! mandate gets back from it what was not settled. It is as good as the processor: nothing is paid
//! on it, and the chain contradicts a wrong one, by the nonce and by an inclusion proof in the
//! batch that it names.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "outcome": {
//!     "mandateId": "0x… 32 bytes",
//!     "status": 1,
//!     "settled": "900",
//!     "batchId": "0x… 32 bytes",
//!     "at": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```

use std::borrow::Cow;

use alloy_primitives::{
    B256,
    aliases::{U40, U96},
};
use alloy_sol_types::SolStruct;
use serde::{Serialize, Serializer};

use super::signed::{Signed, TypedData};
use crate::{
    units::{Amount, UnixTime},
    wire::{Defect, Fields, FromNode, Node, WireError, deserialize_from_node, writes_fields},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Outcome {
            bytes32 mandateId;
            uint8 status;
            uint96 settled;
            bytes32 batchId;
            uint40 at;
        }
    }
}

/// What became of a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct Outcome {
    /// The mandate's id or digest.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub mandate_id: B256,
    /// How it ended: 1 it was settled, 2 its nonce was spent by something else, 3 it expired.
    #[cfg_attr(feature = "openapi", schema(value_type = u8, minimum = 1, maximum = 3))]
    pub status: OutcomeStatus,
    /// How much was settled, in base units. 0 where nothing was settled, and for a voided mandate.
    pub settled: Amount,
    /// The batch that settled it, by the id in the wallet's event. 0 where nothing was settled, and
    /// on the direct path, which has no batches.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub batch_id: B256,
    /// When the processor knew, by its clock.
    pub at: UnixTime,
}

/// How a mandate ended. The numbers are those that are signed, and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OutcomeStatus {
    /// It was settled on chain, and its block cannot be reorged out any more. Also at 0, where its
    /// payee voided it: the nonce is spent.
    Settled = 1,
    /// It was not settled and never will be, though its deadline may not have passed: its nonce was
    /// spent by something else, by a claim on its receipt too.
    Failed = 2,
    /// It was not settled before its deadline, by the chain's time, and so never can be.
    Expired = 3,
}

impl OutcomeStatus {
    /// The number that is signed.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The status with this number.
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Settled),
            2 => Some(Self::Failed),
            3 => Some(Self::Expired),
            _ => None,
        }
    }
}

/// An outcome with its processor's signature.
pub type SignedOutcome = Signed<Outcome>;

impl TypedData for Outcome {
    const NAME: &'static str = "outcome";

    fn encode_type() -> Cow<'static, str> {
        eip712::Outcome::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let outcome = eip712::Outcome {
            mandateId: self.mandate_id,
            status: self.status.number(),
            // The units are no wider than the types they become here.
            settled: U96::from(self.settled.get()),
            batchId: self.batch_id,
            at: U40::from(self.at.get()),
        };
        outcome.eip712_hash_struct()
    }
}

// The wire form.

const FIELDS: [&str; 5] = ["mandateId", "status", "settled", "batchId", "at"];

impl FromNode for Outcome {
    /// What was not settled has neither an amount nor a batch: both would be a contradiction.
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &FIELDS)?;
        let outcome = Self {
            mandate_id: fields.read("mandateId")?,
            status: fields.read("status")?,
            settled: fields.read("settled")?,
            batch_id: fields.read("batchId")?,
            at: fields.read("at")?,
        };
        let nothing = outcome.settled == Amount::ZERO && outcome.batch_id.is_zero();
        if outcome.status != OutcomeStatus::Settled && !nothing {
            return Err(WireError::new(Defect::NothingSettled));
        }
        Ok(outcome)
    }
}

impl FromNode for OutcomeStatus {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let status = match node {
            Node::Unsigned(number) => Self::from_number(*number),
            _ => None,
        };
        status.ok_or_else(|| WireError::new(Defect::NotAStatus(node.to_string())))
    }
}

impl Serialize for OutcomeStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.number())
    }
}

writes_fields!(Outcome {
    mandate_id: "mandateId",
    status: "status",
    settled: "settled",
    batch_id: "batchId",
    at: "at",
});
deserialize_from_node!(Outcome);
