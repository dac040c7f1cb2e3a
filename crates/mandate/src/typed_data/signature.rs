//! Signatures of ordinary Ethereum keys: secp256k1, one spelling each.

use std::fmt;

use alloy_primitives::{Address, B256, FixedBytes, U256, uint};
use alloy_signer::SignerSync;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::wire::{FromNode, Node, WireError, deserialize_from_node};

/// Half the order of secp256k1's group. The upper half of `s` are second spellings: `(r, s)` and
/// `(r, n - s)` are signatures on the same message by the same key (EIP-2).
const S_MAX: U256 = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

/// A secp256k1 signature as Ethereum writes it: `r`, `s` and `v`, 65 bytes.
///
/// Any bytes: what they are worth is told by [`EcdsaSignature::recover`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EcdsaSignature([u8; 65]);

/// Why no signer can be told from a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecoverError {
    /// `v` is neither 27 nor 28.
    #[error("the signature's v is {0}, it must be 27 or 28")]
    Parity(u8),
    /// `s` is in the upper half of its range.
    #[error("the signature's s is in the upper half of its range")]
    HighS,
    /// No key makes this signature.
    #[error("the signature is no key's")]
    Unrecoverable,
}

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignerError {
    /// It is nobody's.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// It is somebody else's, or on something else.
    #[error("signed by {recovered}, not by {expected}")]
    OtherSigner {
        /// Who was to have signed.
        expected: Address,
        /// Who signed, if it was this message that was signed.
        recovered: Address,
    },
}

impl EcdsaSignature {
    /// The signature with these bytes: `r` and `s` big-endian, then `v`.
    pub const fn from_bytes(bytes: [u8; 65]) -> Self {
        Self(bytes)
    }

    /// The 65 bytes.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// Signs a digest.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(signer: &impl SignerSync, digest: &B256) -> Result<Self, alloy_signer::Error> {
        let signature = signer.sign_hash_sync(digest)?;
        // Not every signing device keeps to the lower half.
        Ok(Self(signature.normalized_s().as_bytes()))
    }

    /// Whose signature on `digest` this is: plain ECDSA recovery, as the wallet does it.
    ///
    /// # Errors
    /// When `v` is not 27 or 28, when `s` is not in the lower half, and when no key fits.
    pub fn recover(&self, digest: &B256) -> Result<Address, RecoverError> {
        let [scalars @ .., v] = &self.0;
        let odd = match v {
            27 => false,
            28 => true,
            other => return Err(RecoverError::Parity(*other)),
        };
        let signature = alloy_primitives::Signature::from_bytes_and_parity(scalars, odd);
        if signature.s() > S_MAX {
            return Err(RecoverError::HighS);
        }
        signature.recover_address_from_prehash(digest).map_err(|_| RecoverError::Unrecoverable)
    }

    /// Checks that this is `signer`'s signature on `digest`.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, digest: &B256, signer: Address) -> Result<(), SignerError> {
        let recovered = self.recover(digest)?;
        if recovered == signer {
            Ok(())
        } else {
            Err(SignerError::OtherSigner { expected: signer, recovered })
        }
    }
}

impl fmt::Display for EcdsaSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FixedBytes(self.0).fmt(f)
    }
}

impl fmt::Debug for EcdsaSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcdsaSignature({self})")
    }
}

impl FromNode for EcdsaSignature {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        FixedBytes::from_node(node).map(|bytes| Self(bytes.0))
    }
}

impl Serialize for EcdsaSignature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FixedBytes(self.0).serialize(serializer)
    }
}

deserialize_from_node!(EcdsaSignature);
