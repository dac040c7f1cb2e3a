//! Captures: a payee takes less than a mandate's ceiling, and the processor says that it noted so.
//!
//! The payee signs how much it takes. The processor signs what it was asked and when: whoever holds
//! that and sees another amount settled, or none, can show it to anyone. Both are EIP-712 typed data
//! in the wallet's domain, signed by plain ECDSA.
//!
//! The mandate is named by its 32 bytes: the id of the proved path, the digest of the direct one.
//!
//! The wire forms:
//!
//! ```json
//! { "capture": { "mandateId": "0x… 32 bytes", "amount": "900" }, "signature": "0x… 65 bytes" }
//! {
//!   "receipt": {
//!     "mandateId": "0x… 32 bytes",
//!     "processor": "0x…",
//!     "arbiter": "0x0000000000000000000000000000000000000000",
//!     "amount": "900",
//!     "issuedAt": 1790000000
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
    units::{Amount, UnixTime},
    wire::{Checksummed, object},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Capture {
            bytes32 mandateId;
            uint96 amount;
        }

        struct CaptureReceipt {
            bytes32 mandateId;
            address processor;
            address arbiter;
            uint96 amount;
            uint40 issuedAt;
        }
    }
}

/// What a payee takes of a mandate: at most its ceiling, once. 0 lets the payer go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct Capture {
    /// The mandate's id or digest.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32AnyCase))]
    pub mandate_id: B256,
    /// How much is taken, in base units: at most the mandate's amount; 0 voids the payment.
    pub amount: Amount,
}

/// What a processor was asked to capture, and will settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct CaptureReceipt {
    /// The mandate's id or digest.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32))]
    pub mandate_id: B256,
    /// The processor that answers for it. It counts only with that processor's signature.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub processor: Address,
    /// The only key whose ruling may lower what is owed; the zero address for none, as always today.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub arbiter: Address,
    /// How much is taken, in base units.
    pub amount: Amount,
    /// When the processor noted it, by its clock.
    pub issued_at: UnixTime,
}

object!(Capture { mandate_id: "mandateId", amount: "amount" });
object!(CaptureReceipt {
    mandate_id: "mandateId",
    processor: "processor" as Checksummed,
    arbiter: "arbiter" as Checksummed,
    amount: "amount",
    issued_at: "issuedAt",
});

/// A capture with its payee's signature.
pub type SignedCapture = Signed<Capture>;

/// A capture's receipt with its processor's signature.
pub type SignedCaptureReceipt = Signed<CaptureReceipt>;

impl TypedData for Capture {
    const NAME: &'static str = "capture";

    fn encode_type() -> Cow<'static, str> {
        eip712::Capture::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        // The units are no wider than the types they become here.
        let capture =
            eip712::Capture { mandateId: self.mandate_id, amount: U96::from(self.amount.get()) };
        capture.eip712_hash_struct()
    }
}

impl TypedData for CaptureReceipt {
    const NAME: &'static str = "receipt";

    fn encode_type() -> Cow<'static, str> {
        eip712::CaptureReceipt::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let receipt = eip712::CaptureReceipt {
            mandateId: self.mandate_id,
            processor: self.processor,
            arbiter: self.arbiter,
            // The units are no wider than the types they become here.
            amount: U96::from(self.amount.get()),
            issuedAt: U40::from(self.issued_at.get()),
        };
        receipt.eip712_hash_struct()
    }
}
