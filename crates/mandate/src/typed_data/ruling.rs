//! Rulings: an arbiter decides what a payee may keep of a mandate.
//!
//! It counts by the key of the arbiter that the payee's terms and the processor's receipt name, and
//! no other. It can lower what is owed, never raise it.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "ruling": {
//!     "mandateId": "0x… 32 bytes",
//!     "captured": "300",
//!     "evidence": "0x… 32 bytes",
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

use super::signed::{Signed, TypedData};
use crate::{
    units::{Amount, UnixTime},
    wire::object,
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Ruling {
            bytes32 mandateId;
            uint96 captured;
            bytes32 evidence;
            uint40 at;
        }
    }
}

/// What an arbiter decided about a mandate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ruling {
    /// The mandate's id or digest.
    pub mandate_id: B256,
    /// The most that its payee gets, in base units: 0 gives the payer everything back. Where less
    /// was captured, that stands.
    pub captured: Amount,
    /// The hash of what it was decided on.
    pub evidence: B256,
    /// When it was decided, by the arbiter's clock.
    pub at: UnixTime,
}

object!(Ruling { mandate_id: "mandateId", captured: "captured", evidence: "evidence", at: "at" });

/// A ruling with its arbiter's signature.
pub type SignedRuling = Signed<Ruling>;

impl TypedData for Ruling {
    const NAME: &'static str = "ruling";

    fn encode_type() -> Cow<'static, str> {
        eip712::Ruling::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let ruling = eip712::Ruling {
            mandateId: self.mandate_id,
            // The units are no wider than the types they become here.
            captured: U96::from(self.captured.get()),
            evidence: self.evidence,
            at: U40::from(self.at.get()),
        };
        ruling.eip712_hash_struct()
    }
}
