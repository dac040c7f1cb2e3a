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

use alloy_primitives::{Address, B256, U256, eip191_hash_message, keccak256};
use alloy_signer::SignerSync;
use alloy_sol_types::{Eip712Domain, SolValue};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{EcdsaSignature, RecoverError, SignerError};
use crate::{
    units::{Unit, UnitError, excerpt},
    wire::{Fields, FromNode, Node, WireError, deserialize_from_node, from_json},
};

/// The EIP-712 type, as its payers' wallets show it.
pub const TYPE: &str = "Mandate(address owner,address token,address payee,uint256 amount,\
                        uint256 nonce,uint256 deadline,bytes32 ref)";

/// A promise to pay, as the MVP's payers sign it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DirectMandate {
    /// Who pays, and signs.
    pub owner: Address,
    /// The ERC-20 token paid in.
    pub token: Address,
    /// Who is paid.
    pub payee: Address,
    /// How much is paid, in base units.
    pub amount: U256,
    /// Single use for its owner.
    pub nonce: U256,
    /// Settlement on chain happens at or before this time, in unix seconds, or never.
    pub deadline: U256,
    /// What is paid for; `ref` on the wire.
    pub reference: B256,
}

impl DirectMandate {
    /// EIP-712's hash of the content alone, as it stands within the digest.
    ///
    /// Spelt out here since `sol!` would write the field `ref`, a word of Rust's, as `r#ref` into
    /// the type, and hash another type.
    pub fn struct_hash(&self) -> B256 {
        let Self { owner, token, payee, amount, nonce, deadline, reference } = *self;
        let fields = (owner, token, payee, amount, nonce, deadline, reference);
        keccak256((keccak256(TYPE), fields).abi_encode())
    }

    /// What is signed, and what identifies the mandate: the EIP-712 digest in the wallet's domain.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        let separator = domain.separator();
        keccak256([b"\x19\x01", separator.as_slice(), self.struct_hash().as_slice()].concat())
    }
}

/// A mandate with its owner's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignedDirectMandate {
    /// What is signed.
    pub mandate: DirectMandate,
    /// The owner's signature on the mandate's digest; `payerSig` on the wire.
    pub payer_signature: EcdsaSignature,
}

impl SignedDirectMandate {
    /// Signs a mandate. Whether the signer is the owner is not looked at.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        mandate: DirectMandate,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> Result<Self, alloy_signer::Error> {
        let payer_signature = EcdsaSignature::sign(signer, &mandate.digest(domain))?;
        Ok(Self { mandate, payer_signature })
    }

    /// Checks that the owner signed, and gives the digest.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify(&self, domain: &Eip712Domain) -> Result<B256, SignerError> {
        let digest = self.mandate.digest(domain);
        self.payer_signature.verify(&digest, self.mandate.owner)?;
        Ok(digest)
    }

    /// Reads the wire form. Every defect has its own [`WireError`].
    ///
    /// # Errors
    /// When the text is anything but one object of exactly the form above.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

/// What the processor signs when it takes a mandate into its queue: the 32 bytes
/// `keccak256(abi.encodePacked(bytes32 mandateDigest, uint256 enqueueDeadline))`.
///
/// The MVP calls the signature `spEnqueueSig`. It is an EIP-191 personal signature over these
/// bytes: see [`sign_enqueue`].
pub fn enqueue_message(mandate_digest: B256, enqueue_deadline: U256) -> B256 {
    keccak256((mandate_digest, enqueue_deadline).abi_encode_packed())
}

/// The digest behind `spEnqueueSig`: [`enqueue_message`] with EIP-191's prefix, hashed.
pub fn enqueue_digest(mandate_digest: B256, enqueue_deadline: U256) -> B256 {
    eip191_hash_message(enqueue_message(mandate_digest, enqueue_deadline))
}

/// Makes the MVP's `spEnqueueSig`.
///
/// # Errors
/// The signer's own.
pub fn sign_enqueue(
    signer: &impl SignerSync,
    mandate_digest: B256,
    enqueue_deadline: U256,
) -> Result<EcdsaSignature, alloy_signer::Error> {
    EcdsaSignature::sign(signer, &enqueue_digest(mandate_digest, enqueue_deadline))
}

/// Whose `spEnqueueSig` this is.
///
/// # Errors
/// As [`EcdsaSignature::recover`].
pub fn recover_enqueue_signer(
    signature: &EcdsaSignature,
    mandate_digest: B256,
    enqueue_deadline: U256,
) -> Result<Address, RecoverError> {
    signature.recover(&enqueue_digest(mandate_digest, enqueue_deadline))
}

// The wire form.

impl FromNode for SignedDirectMandate {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["mandate", "payerSig"])?;
        Ok(Self { mandate: fields.read("mandate")?, payer_signature: fields.read("payerSig")? })
    }
}

impl FromNode for DirectMandate {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields =
            Fields::of(node, &["owner", "token", "payee", "amount", "nonce", "deadline", "ref"])?;
        Ok(Self {
            owner: fields.read("owner")?,
            token: fields.read("token")?,
            payee: fields.read("payee")?,
            amount: fields.read_with("amount", |node| integer(Unit::Amount, node))?,
            nonce: fields.read_with("nonce", |node| integer(Unit::Nonce, node))?,
            deadline: fields.read_with("deadline", seconds)?,
            reference: fields.read("ref")?,
        })
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

/// A JSON number of seconds, or what [`integer`] reads.
fn seconds(node: &Node) -> Result<U256, WireError> {
    match node {
        Node::Unsigned(seconds) => Ok(U256::from(*seconds)),
        other => integer(Unit::Time, other),
    }
}

/// The greatest integer that JavaScript's numbers hold as well as all below it.
const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;

impl Serialize for SignedDirectMandate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("SignedDirectMandate", 2)?;
        fields.serialize_field("mandate", &self.mandate)?;
        fields.serialize_field("payerSig", &self.payer_signature)?;
        fields.end()
    }
}

impl Serialize for DirectMandate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Mandate", 7)?;
        fields.serialize_field("owner", &self.owner.to_string())?;
        fields.serialize_field("token", &self.token.to_string())?;
        fields.serialize_field("payee", &self.payee.to_string())?;
        fields.serialize_field("amount", &self.amount.to_string())?;
        fields.serialize_field("nonce", &self.nonce.to_string())?;
        match u64::try_from(self.deadline) {
            Ok(seconds @ ..=JSON_INTEGER_MAX) => fields.serialize_field("deadline", &seconds)?,
            _ => fields.serialize_field("deadline", &self.deadline.to_string())?,
        }
        fields.serialize_field("ref", &self.reference)?;
        fields.end()
    }
}

deserialize_from_node!(DirectMandate, SignedDirectMandate);
