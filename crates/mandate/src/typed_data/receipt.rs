//! Receipts: a processor's signed promise to settle a mandate in time.
//!
//! A receipt is worth its processor's bond. When `settle_by` has passed and the mandate's nonce is
//! unspent on chain, the payee presents it to the wallet and is paid from the bond.
//!
//! It names the processor that answers for it. Today that is also the address of the key that
//! signs: the wallet takes a receipt only from the key of the processor that it names. It refuses
//! one whose times are not in order: issued, to be settled, expired.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "receipt": {
//!     "mandateId": "0x… 32 bytes",
//!     "processor": "0x…",
//!     "account": 7,
//!     "nonce": "0",
//!     "token": "0x…",
//!     "payee": "0x…",
//!     "arbiter": "0x0000000000000000000000000000000000000000",
//!     "amount": "1000",
//!     "issuedAt": 1789999400,
//!     "deadline": 1790000900,
//!     "settleBy": 1790000000
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
    mandate::MandateId,
    units::{AccountId, Ceiling, Nonce, UnixTime},
    wire::{Checksummed, object},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Receipt {
            bytes32 mandateId;
            address processor;
            uint32 account;
            uint64 nonce;
            address token;
            address payee;
            address arbiter;
            uint96 amount;
            uint40 issuedAt;
            uint40 deadline;
            uint40 settleBy;
        }
    }
}

/// What a processor promises: that this mandate is settled by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct Receipt {
    /// The mandate that was accepted.
    pub mandate_id: MandateId,
    /// The processor that answers for it with its bond. The receipt counts only with its signature.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub processor: Address,
    /// The account that pays.
    pub account: AccountId,
    /// The mandate's nonce: unspent on chain, it shows that nothing was settled.
    pub nonce: Nonce,
    /// The ERC-20 token paid in.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub token: Address,
    /// Who is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub payee: Address,
    /// The only key whose ruling may lower what is owed; the zero address for none, as always today.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub arbiter: Address,
    /// The mandate's amount, which the bond stands for.
    pub amount: Ceiling,
    /// When the processor signed it, by its clock. Not after `settle_by`.
    pub issued_at: UnixTime,
    /// The mandate's deadline.
    pub deadline: UnixTime,
    /// The last second at which settling keeps the promise. Later the payee is paid from the bond.
    /// Not after `deadline`.
    pub settle_by: UnixTime,
}

object!(Receipt {
    mandate_id: "mandateId",
    processor: "processor" as Checksummed,
    account: "account",
    nonce: "nonce",
    token: "token" as Checksummed,
    payee: "payee" as Checksummed,
    arbiter: "arbiter" as Checksummed,
    amount: "amount",
    issued_at: "issuedAt",
    deadline: "deadline",
    settle_by: "settleBy",
});

/// A receipt with its processor's signature. Who signed it answers with its bond.
pub type SignedReceipt = Signed<Receipt>;

impl TypedData for Receipt {
    const NAME: &'static str = "receipt";

    fn encode_type() -> Cow<'static, str> {
        eip712::Receipt::eip712_encode_type()
    }

    fn struct_hash(&self) -> B256 {
        let receipt = eip712::Receipt {
            mandateId: self.mandate_id.to_bytes(),
            processor: self.processor,
            account: self.account.get(),
            nonce: self.nonce.get(),
            token: self.token,
            payee: self.payee,
            arbiter: self.arbiter,
            // The units are no wider than the types they become here.
            amount: U96::from(self.amount.get()),
            issuedAt: U40::from(self.issued_at.get()),
            deadline: U40::from(self.deadline.get()),
            settleBy: U40::from(self.settle_by.get()),
        };
        receipt.eip712_hash_struct()
    }
}
