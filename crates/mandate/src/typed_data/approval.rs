//! Approvals: an account's owner decides whether a card may pay for a request.
//!
//! The owner signs it, by the key that owns the account. It is bound to the hashes of the card and
//! of the request, so it decides about this request of this card and nothing else. An approval
//! pays nothing by itself: whoever issues mandates for the card still looks at its budgets.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "approval": {
//!     "card": "0x… 32 bytes",
//!     "request": "0x… 32 bytes",
//!     "approved": true,
//!     "at": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```

use std::borrow::Cow;

use alloy_primitives::{B256, aliases::U40};
use alloy_sol_types::SolStruct;

use super::signed::{Signed, TypedData};
use crate::{units::UnixTime, wire::object};

mod eip712 {
    alloy_sol_types::sol! {
        struct Approval {
            bytes32 card;
            bytes32 request;
            bool approved;
            uint40 at;
        }
    }
}

/// What an owner decided about a card's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Approval {
    /// The hash of the card that asked.
    pub card: B256,
    /// The hash of what it asked for: the terms and the request that they are for.
    pub request: B256,
    /// Whether it may. A refusal is signed as well: it ends the waiting.
    pub approved: bool,
    /// When it was decided, by the owner's clock.
    pub at: UnixTime,
}

object!(Approval { card: "card", request: "request", approved: "approved", at: "at" });

/// An approval with its owner's signature.
pub type SignedApproval = Signed<Approval>;

impl TypedData for Approval {
    const NAME: &'static str = "approval";

    fn encode_type() -> Cow<'static, str> {
        eip712::Approval::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let approval = eip712::Approval {
            card: self.card,
            request: self.request,
            approved: self.approved,
            // The unit is no wider than the type it becomes here.
            at: U40::from(self.at.get()),
        };
        approval.eip712_hash_struct()
    }
}
