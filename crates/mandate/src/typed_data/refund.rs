//! Refunds: a payee gives back some of what it was paid for a mandate.
//!
//! The payee signs it, by the key of its address. It says what is given back and for what; the money
//! itself moves by a transfer of its own, and until that is on chain it is the payee's word.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "refund": {
//!     "mandateId": "0x… 32 bytes",
//!     "token": "0x…",
//!     "amount": "600",
//!     "refundId": "0x… 32 bytes",
//!     "at": 1790000000
//!   },
//!   "signature": "0x… 65 bytes"
//! }
//! ```

use std::borrow::Cow;

use alloy_primitives::{
    Address, B256,
    aliases::{U40, U96},
};
use alloy_sol_types::SolStruct;

use super::signed::{Signed, TypedData};
use crate::{
    units::{Ceiling, UnixTime},
    wire::{Checksummed, object},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Refund {
            bytes32 mandateId;
            address token;
            uint96 amount;
            bytes32 refundId;
            uint40 at;
        }
    }
}

/// What a payee gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refund {
    /// The id or digest of the mandate that was paid.
    pub mandate_id: B256,
    /// The ERC-20 token given back: the mandate's.
    pub token: Address,
    /// How much, in base units, from 1 up. All refunds of a mandate add up to at most what was
    /// captured of it.
    pub amount: Ceiling,
    /// The payee's number of this refund: the same again is the same refund, not another one.
    pub refund_id: B256,
    /// When it was signed, by the payee's clock.
    pub at: UnixTime,
}

object!(Refund {
    mandate_id: "mandateId",
    token: "token" as Checksummed,
    amount: "amount",
    refund_id: "refundId",
    at: "at",
});

/// A refund with its payee's signature.
pub type SignedRefund = Signed<Refund>;

impl TypedData for Refund {
    const NAME: &'static str = "refund";

    fn encode_type() -> Cow<'static, str> {
        eip712::Refund::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let refund = eip712::Refund {
            mandateId: self.mandate_id,
            token: self.token,
            // The units are no wider than the types they become here.
            amount: U96::from(self.amount.get()),
            refundId: self.refund_id,
            at: U40::from(self.at.get()),
        };
        refund.eip712_hash_struct()
    }
}
