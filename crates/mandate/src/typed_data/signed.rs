//! EIP-712 typed data: its hashes, and a message with its signature.

use std::borrow::Cow;

use alloy_primitives::{Address, B256, keccak256};
use alloy_signer::SignerSync;
use alloy_sol_types::{Eip712Domain, eip712_domain};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};

use super::signature::{EcdsaSignature, RecoverError, SignerError};
use crate::{
    units::ChainId,
    wire::{Fields, FromNode, Node, WireError, from_json},
};

/// The wallet's EIP-712 domain, the published AEP2 MVP's.
pub fn domain(chain_id: ChainId, wallet: Address) -> Eip712Domain {
    eip712_domain! {
        name: "AEP2DebitWallet",
        version: "1",
        chain_id: chain_id.get(),
        verifying_contract: wallet,
    }
}

/// A message of EIP-712.
pub trait TypedData {
    /// What the message is called on the wire, beside its signature.
    const NAME: &'static str;
    /// What the signature is called on the wire.
    const SIGNATURE: &'static str = "signature";

    /// The type, as EIP-712 writes it: `Receipt(bytes32 mandateId,…)`.
    fn encode_type() -> Cow<'static, str>;

    /// The hash of the content alone, as it stands within the digest.
    fn struct_hash(&self) -> B256;

    /// The hash of the type.
    fn type_hash() -> B256 {
        keccak256(Self::encode_type().as_bytes())
    }

    /// What is signed: the digest in the wallet's domain.
    fn digest(&self, domain: &Eip712Domain) -> B256 {
        let separator = domain.separator();
        keccak256([b"\x19\x01", separator.as_slice(), self.struct_hash().as_slice()].concat())
    }
}

/// A message with a signature on its digest.
///
/// On the wire it is an object of two fields, whose names are the message's
/// [`NAME`](TypedData::NAME) and [`SIGNATURE`](TypedData::SIGNATURE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signed<T> {
    /// What is signed.
    pub message: T,
    /// The signature on its digest.
    pub signature: EcdsaSignature,
}

impl<T: TypedData> Signed<T> {
    /// Signs a message. Whether the signer is who should sign it is not looked at.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        message: T,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> Result<Self, alloy_signer::Error> {
        let signature = EcdsaSignature::sign(signer, &message.digest(domain))?;
        Ok(Self { message, signature })
    }

    /// Checks that `signer` signed.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify(&self, domain: &Eip712Domain, signer: Address) -> Result<(), SignerError> {
        self.signature.verify(&self.message.digest(domain), signer)
    }

    /// Who signed.
    ///
    /// # Errors
    /// As [`EcdsaSignature::recover`].
    pub fn signer(&self, domain: &Eip712Domain) -> Result<Address, RecoverError> {
        self.signature.recover(&self.message.digest(domain))
    }
}

impl<T: TypedData + FromNode> Signed<T> {
    /// Reads the wire form. Every defect has its own [`WireError`].
    ///
    /// # Errors
    /// When the text is anything but one object of exactly the message's form.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

impl<T: TypedData + FromNode> FromNode for Signed<T> {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &[T::NAME, T::SIGNATURE])?;
        Ok(Self { message: fields.read(T::NAME)?, signature: fields.read(T::SIGNATURE)? })
    }
}

impl<T: TypedData + Serialize> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Signed", 2)?;
        fields.serialize_field(T::NAME, &self.message)?;
        fields.serialize_field(T::SIGNATURE, &self.signature)?;
        fields.end()
    }
}

impl<'de, T: TypedData + FromNode> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Self::from_node(&node).map_err(de::Error::custom)
    }
}
