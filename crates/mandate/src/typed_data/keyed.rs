//! Typed data that a mandate key signs, where an account's owner might sign it too.
//!
//! A mandate key signs field elements. What it signs here is the EIP-712 digest, modulo the field's order.
//! No mandate is signed by that: a mandate's id is a Poseidon hash, and nobody finds content whose digest
//! is a given one, nor one of each that are equal (2^127 tries).

use alloy_primitives::Address;
use alloy_sol_types::Eip712Domain;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};

use super::signed::{Signed, TypedData};
use crate::{
    eddsa::{PublicKey, SecretKey, Signature},
    field,
    wire::{Fields, FromNode, Node, WireError, from_json},
};

/// What a mandate key's signature is called on the wire, and the key beside it.
const SIGNATURE: &str = "signature";
const KEY: &str = "key";

/// A message with the signature of a mandate key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySigned<T> {
    /// What is signed.
    pub message: T,
    /// Whose signature it is to be.
    pub key: PublicKey,
    /// The signature on the digest's remainder.
    pub signature: Signature,
}

impl<T: TypedData> KeySigned<T> {
    /// Signs a message.
    pub fn sign(message: T, secret: &SecretKey, domain: &Eip712Domain) -> Self {
        let signature = secret.sign(field::reduced_hash(message.digest(domain)));
        Self { message, key: secret.public(), signature }
    }

    /// Whether the key signed. Whose key it is, is the caller's to look at.
    pub fn holds(&self, domain: &Eip712Domain) -> bool {
        self.key.verify(field::reduced_hash(self.message.digest(domain)), &self.signature)
    }
}

/// A message that either an Ethereum key or a mandate key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnySigned<T> {
    /// An Ethereum key.
    ByAddress(Signed<T>),
    /// A mandate key.
    ByKey(KeySigned<T>),
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnySigner {
    /// The address of an Ethereum key.
    Address(Address),
    /// A mandate key.
    Key(PublicKey),
}

impl<T: TypedData> AnySigned<T> {
    /// What is signed.
    pub fn message(&self) -> &T {
        match self {
            Self::ByAddress(signed) => &signed.message,
            Self::ByKey(signed) => &signed.message,
        }
    }

    /// Who signed it; nobody, where the signature does not hold.
    pub fn signer(&self, domain: &Eip712Domain) -> Option<AnySigner> {
        match self {
            Self::ByAddress(signed) => signed.signer(domain).ok().map(AnySigner::Address),
            Self::ByKey(signed) => signed.holds(domain).then_some(AnySigner::Key(signed.key)),
        }
    }
}

impl<T: TypedData + FromNode> AnySigned<T> {
    /// Reads the wire form. Every defect has its own [`WireError`].
    ///
    /// # Errors
    /// When the text is anything but one object of exactly one of the two forms.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

impl<T: TypedData + FromNode> FromNode for AnySigned<T> {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let keyed =
            matches!(node, Node::Object(fields) if fields.iter().any(|(name, _)| name == KEY));
        if !keyed {
            return Signed::from_node(node).map(Self::ByAddress);
        }
        let fields = Fields::of(node, &[T::NAME, KEY, SIGNATURE])?;
        let message = fields.read(T::NAME)?;
        let (key, signature) = (fields.read(KEY)?, fields.read(SIGNATURE)?);
        Ok(Self::ByKey(KeySigned { message, key, signature }))
    }
}

impl<T: TypedData + Serialize> Serialize for AnySigned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ByAddress(signed) => signed.serialize(serializer),
            Self::ByKey(signed) => {
                let mut fields = serializer.serialize_struct("KeySigned", 3)?;
                fields.serialize_field(T::NAME, &signed.message)?;
                fields.serialize_field(KEY, &signed.key)?;
                fields.serialize_field(SIGNATURE, &signed.signature)?;
                fields.end()
            }
        }
    }
}

impl<'de, T: TypedData + FromNode> Deserialize<'de> for AnySigned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        Self::from_node(&node).map_err(de::Error::custom)
    }
}
