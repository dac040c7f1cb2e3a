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

        struct RefundDeposit {
            bytes32 mandateId;
            bytes32 refundId;
        }

        struct RefundNumber {
            bytes32 mandateId;
            uint96 amount;
            uint32 number;
        }
    }
}

/// What a payee gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(rename_all = "camelCase"))]
pub struct Refund {
    /// The id or digest of the mandate that was paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32AnyCase))]
    pub mandate_id: B256,
    /// The ERC-20 token given back: the mandate's.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub token: Address,
    /// How much, in base units, from 1 up. All refunds of a mandate add up to at most what was
    /// captured of it.
    pub amount: Ceiling,
    /// The payee's number of this refund: the same again is the same refund, not another one.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32AnyCase))]
    pub refund_id: B256,
    /// When it was signed, by the payee's clock.
    pub at: UnixTime,
}

impl Refund {
    /// The salt of the deposit that pays it: the EIP-712 hash of
    /// `RefundDeposit(bytes32 mandateId,bytes32 refundId)`.
    ///
    /// The deposit's EIP-3009 nonce is made of the account and this. So the token lets each refund of a
    /// mandate be paid once, whoever signs it again, and whenever: neither the amount nor the time of
    /// signing is part of it.
    pub fn deposit_salt(&self) -> B256 {
        let deposit =
            eip712::RefundDeposit { mandateId: self.mandate_id, refundId: self.refund_id };
        deposit.eip712_hash_struct()
    }

    /// The id of a payee that keeps none of its own: the EIP-712 hash of
    /// `RefundNumber(bytes32 mandateId,uint96 amount,uint32 number)`.
    ///
    /// The same amount again is the same refund. Whoever wants to give it back a second time says that it
    /// is number 2.
    pub fn numbered_id(mandate_id: B256, amount: Ceiling, number: u32) -> B256 {
        let named =
            eip712::RefundNumber { mandateId: mandate_id, amount: U96::from(amount.get()), number };
        named.eip712_hash_struct()
    }
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

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use alloy_sol_types::SolValue;

    use super::*;

    fn refund(amount: u128, at: u64) -> Refund {
        Refund {
            mandate_id: B256::repeat_byte(1),
            token: Address::repeat_byte(2),
            amount: Ceiling::new(amount).expect("an amount"),
            refund_id: B256::repeat_byte(3),
            at: UnixTime::new(at).expect("a time"),
        }
    }

    #[test]
    fn the_same_refund_signed_again_has_the_same_deposit() {
        let salt = refund(600, 1).deposit_salt();
        assert_eq!(salt, refund(600, 2).deposit_salt(), "a minute later");
        assert_eq!(salt, refund(601, 1).deposit_salt(), "or of another amount: paid once");
        let other = Refund { refund_id: B256::repeat_byte(4), ..refund(600, 1) };
        assert_ne!(salt, other.deposit_salt());
        let other = Refund { mandate_id: B256::repeat_byte(4), ..refund(600, 1) };
        assert_ne!(salt, other.deposit_salt());
        let by_hand = keccak256("RefundDeposit(bytes32 mandateId,bytes32 refundId)");
        let by_hand = (by_hand, B256::repeat_byte(1), B256::repeat_byte(3)).abi_encode();
        assert_eq!(salt, keccak256(by_hand));
    }

    #[test]
    fn a_second_refund_of_one_amount_has_to_be_said() {
        let mandate = B256::repeat_byte(1);
        let id = |amount, number| {
            Refund::numbered_id(mandate, Ceiling::new(amount).expect("an amount"), number)
        };
        assert_eq!(id(600, 1), id(600, 1));
        assert_ne!(id(600, 1), id(600, 2));
        assert_ne!(id(600, 1), id(601, 1));
        assert_ne!(id(600, 1), Refund::numbered_id(B256::ZERO, Ceiling::MIN, 1));
        let name = keccak256("RefundNumber(bytes32 mandateId,uint96 amount,uint32 number)");
        let by_hand = (name, mandate, U96::from(600), 2_u32).abi_encode();
        assert_eq!(id(600, 2), keccak256(by_hand));
    }
}
