//! The direct path: mandates of the published AEP2 MVP, signed by the payer's own Ethereum key.
//!
//! They name an owner, not an account; they are checked by plain ECDSA, here and by the wallet,
//! also where the owner has code: an owner that turns itself into a contract afterwards (EIP-7702)
//! must not escape what it signed.
//!
//! The wire form is the MVP's:
//!
//! ```json
//! {
//!   "mandate": {
//!     "owner": "0x…",
//!     "token": "0x…",
//!     "payee": "0x…",
//!     "amount": "1000",
//!     "nonce": "0",
//!     "deadline": 1790000000,
//!     "ref": "0x… 32 bytes"
//!   },
//!   "payerSig": "0x… 65 bytes"
//! }
//! ```
//!
//! The strings may also be written in hexadecimal or with leading zeros, as JavaScript's `BigInt`
//! reads them, and a deadline that a JSON number cannot hold exactly is such a string too. The
//! mandate is the same however it is written: what identifies it is its digest, or its owner and
//! nonce, never its text.

use std::borrow::Cow;

use alloy_primitives::{Address, B256, U256, eip191_hash_message, keccak256};
use alloy_signer::SignerSync;
use alloy_sol_types::{Eip712Domain, SolValue};
use serde::{Serialize, Serializer};

use super::{
    signature::{EcdsaSignature, RecoverError, SignerError},
    signed::{Signed, TypedData},
};
use crate::{
    units::{Unit, UnitError, excerpt},
    wire::{Checksummed, Node, WireError, object},
};

/// The EIP-712 type, as its payers' wallets show it.
pub const TYPE: &str = "Mandate(address owner,address token,address payee,uint256 amount,\
                        uint256 nonce,uint256 deadline,bytes32 ref)";

/// A promise to pay, as the MVP's payers sign it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DirectMandate {
    /// Who pays, and signs.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub owner: Address,
    /// The ERC-20 token paid in.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub token: Address,
    /// Who is paid.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Address))]
    pub payee: Address,
    /// How much is paid, in base units: decimal, or hexadecimal after 0x.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub amount: U256,
    /// Single use for its owner; decimal, or hexadecimal after 0x.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub nonce: U256,
    /// Settlement on chain happens at or before this time, in unix seconds, or never.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    pub deadline: U256,
    /// What is paid for; `ref` on the wire.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Bytes32AnyCase, rename = "ref"))]
    pub reference: B256,
}

impl TypedData for DirectMandate {
    const NAME: &'static str = "mandate";
    const SIGNATURE: &'static str = "payerSig";

    fn encode_type() -> Cow<'static, str> {
        TYPE.into()
    }

    /// Spelt out here since `sol!` would write the field `ref`, a word of Rust's, as `r#ref` into
    /// the type, and hash another type.
    fn struct_hash(&self) -> B256 {
        let Self { owner, token, payee, amount, nonce, deadline, reference } = *self;
        let fields = (owner, token, payee, amount, nonce, deadline, reference);
        keccak256((Self::type_hash(), fields).abi_encode())
    }
}

/// A mandate with its owner's signature.
pub type SignedDirectMandate = Signed<DirectMandate>;

impl SignedDirectMandate {
    /// Checks that the owner signed, and gives the digest, which identifies the mandate.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify_owner(&self, domain: &Eip712Domain) -> Result<B256, SignerError> {
        let digest = self.message.digest(domain);
        self.signature.verify(&digest, self.message.owner)?;
        Ok(digest)
    }
}

/// What the processor signs when it takes a mandate into its queue: the 32 bytes
/// `keccak256(abi.encodePacked(bytes32 mandateDigest, uint256 enqueueDeadline))`.
///
/// The MVP calls the signature `spEnqueueSig`. It is an EIP-191 personal signature over these
/// bytes: see [`sign_direct_receipt`].
pub fn direct_receipt_message(mandate_digest: B256, settle_by: U256) -> B256 {
    keccak256((mandate_digest, settle_by).abi_encode_packed())
}

/// The digest behind `spEnqueueSig`: [`direct_receipt_message`] with EIP-191's prefix, hashed.
pub fn direct_receipt_digest(mandate_digest: B256, settle_by: U256) -> B256 {
    eip191_hash_message(direct_receipt_message(mandate_digest, settle_by))
}

/// Makes the MVP's `spEnqueueSig`.
///
/// # Errors
/// The signer's own.
pub fn sign_direct_receipt(
    signer: &impl SignerSync,
    mandate_digest: B256,
    settle_by: U256,
) -> Result<EcdsaSignature, alloy_signer::Error> {
    EcdsaSignature::sign(signer, &direct_receipt_digest(mandate_digest, settle_by))
}

/// Whose `spEnqueueSig` this is.
///
/// # Errors
/// As [`EcdsaSignature::recover`].
pub fn recover_direct_receipt_signer(
    signature: &EcdsaSignature,
    mandate_digest: B256,
    settle_by: U256,
) -> Result<Address, RecoverError> {
    signature.recover(&direct_receipt_digest(mandate_digest, settle_by))
}

// The wire form.

object!(DirectMandate {
    owner: "owner" as Checksummed,
    token: "token" as Checksummed,
    payee: "payee" as Checksummed,
    amount: "amount" as AmountForm,
    nonce: "nonce" as NonceForm,
    deadline: "deadline" as DeadlineForm,
    reference: "ref",
});

/// An amount: a string, written in decimal.
struct AmountForm<'a>(&'a U256);

impl AmountForm<'_> {
    fn read(node: &Node) -> Result<U256, WireError> {
        integer(Unit::Amount, node)
    }
}

impl Serialize for AmountForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A nonce: a string, written in decimal.
struct NonceForm<'a>(&'a U256);

impl NonceForm<'_> {
    fn read(node: &Node) -> Result<U256, WireError> {
        integer(Unit::Nonce, node)
    }
}

impl Serialize for NonceForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// A deadline: a number of seconds where a JSON number holds it exactly, else a string.
struct DeadlineForm<'a>(&'a U256);

/// The greatest integer that JavaScript's numbers hold as well as all below it.
const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;

impl DeadlineForm<'_> {
    fn read(node: &Node) -> Result<U256, WireError> {
        match node {
            Node::Unsigned(seconds) => Ok(U256::from(*seconds)),
            other => integer(Unit::Time, other),
        }
    }
}

impl Serialize for DeadlineForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(*self.0) {
            Ok(seconds @ ..=JSON_INTEGER_MAX) => serializer.serialize_u64(seconds),
            _ => serializer.collect_str(self.0),
        }
    }
}

/// A string of decimal digits, or of hexadecimal ones after `0x`, with any number of leading
/// zeros: an integer below 2^256.
fn integer(unit: Unit, node: &Node) -> Result<U256, WireError> {
    let malformed = || UnitError::Malformed { unit, found: node.to_string() };
    let Node::Text(text) = node else {
        return Err(malformed().into());
    };
    let (radix, digits) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => (10, text.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(malformed().into());
    }
    U256::from_str_radix(digits, radix.into())
        .map_err(|_| UnitError::OutOfRange { unit, found: excerpt(text) }.into())
}
