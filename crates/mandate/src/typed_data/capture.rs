//! Captures: a payee takes less than a mandate's ceiling, and the processor says that it noted so.
//!
//! The payee signs how much it takes. The processor signs what it was asked and when: whoever holds
//! that and sees another amount settled, or none, can show it to anyone. Both are EIP-712 typed data
//! in the wallet's domain, signed by plain ECDSA.
//!
//! The mandate is named by its 32 bytes: the id of the proved path, the digest of the signed one.
//!
//! The wire forms:
//!
//! ```json
//! { "capture": { "mandateId": "0x… 32 bytes", "amount": "900" }, "signature": "0x… 65 bytes" }
//! {
//!   "receipt": { "mandateId": "0x… 32 bytes", "amount": "900", "capturedAt": 1790000000 },
//!   "signature": "0x… 65 bytes"
//! }
//! ```

use alloy_primitives::{
    Address, B256,
    aliases::{U40, U96},
    keccak256,
};
use alloy_signer::SignerSync;
use alloy_sol_types::{Eip712Domain, SolStruct};
use serde::Serialize;

use super::{EcdsaSignature, RecoverError, SignerError};
use crate::{
    units::{Amount, UnixTime},
    wire::{Fields, FromNode, Node, WireError, deserialize_from_node, from_json},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Capture {
            bytes32 mandateId;
            uint96 amount;
        }

        struct CaptureReceipt {
            bytes32 mandateId;
            uint96 amount;
            uint40 capturedAt;
        }
    }
}

/// What a payee takes of a mandate: at most its ceiling, once. 0 lets the payer go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capture {
    /// The mandate's id or digest.
    pub mandate_id: B256,
    /// How much is taken, in base units.
    pub amount: Amount,
}

/// What a processor was asked to capture, and will settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureReceipt {
    /// The mandate's id or digest.
    pub mandate_id: B256,
    /// How much is taken, in base units.
    pub amount: Amount,
    /// When the processor noted it.
    pub captured_at: UnixTime,
}

impl Capture {
    /// What is signed: the EIP-712 digest in the wallet's domain.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.typed_data().eip712_signing_hash(domain)
    }

    /// EIP-712's hash of the type: `Capture(bytes32 mandateId,uint96 amount)`.
    pub fn type_hash() -> B256 {
        keccak256(eip712::Capture::eip712_encode_type().as_bytes())
    }

    /// EIP-712's hash of the content alone, as it stands within the digest.
    pub fn struct_hash(&self) -> B256 {
        self.typed_data().eip712_hash_struct()
    }

    /// Signs it, as its mandate's payee does.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> Result<SignedCapture, alloy_signer::Error> {
        let signature = EcdsaSignature::sign(signer, &self.digest(domain))?;
        Ok(SignedCapture { capture: self, signature })
    }

    fn typed_data(&self) -> eip712::Capture {
        // The units are no wider than the types they become here.
        eip712::Capture { mandateId: self.mandate_id, amount: U96::from(self.amount.get()) }
    }
}

impl CaptureReceipt {
    /// What is signed: the EIP-712 digest in the wallet's domain.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.typed_data().eip712_signing_hash(domain)
    }

    /// EIP-712's hash of the type:
    /// `CaptureReceipt(bytes32 mandateId,uint96 amount,uint40 capturedAt)`.
    pub fn type_hash() -> B256 {
        keccak256(eip712::CaptureReceipt::eip712_encode_type().as_bytes())
    }

    /// EIP-712's hash of the content alone, as it stands within the digest.
    pub fn struct_hash(&self) -> B256 {
        self.typed_data().eip712_hash_struct()
    }

    /// Signs it, as the processor does.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> Result<SignedCaptureReceipt, alloy_signer::Error> {
        let signature = EcdsaSignature::sign(signer, &self.digest(domain))?;
        Ok(SignedCaptureReceipt { receipt: self, signature })
    }

    fn typed_data(&self) -> eip712::CaptureReceipt {
        eip712::CaptureReceipt {
            mandateId: self.mandate_id,
            // The units are no wider than the types they become here.
            amount: U96::from(self.amount.get()),
            capturedAt: U40::from(self.captured_at.get()),
        }
    }
}

/// A capture with its payee's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SignedCapture {
    /// What is taken.
    pub capture: Capture,
    /// The payee's signature on the capture's digest.
    pub signature: EcdsaSignature,
}

impl SignedCapture {
    /// Checks that `payee` signed.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify(&self, domain: &Eip712Domain, payee: Address) -> Result<(), SignerError> {
        self.signature.verify(&self.capture.digest(domain), payee)
    }

    /// Who signed.
    ///
    /// # Errors
    /// As [`EcdsaSignature::recover`].
    pub fn signer(&self, domain: &Eip712Domain) -> Result<Address, RecoverError> {
        self.signature.recover(&self.capture.digest(domain))
    }

    /// Reads the wire form. Every defect has its own [`WireError`].
    ///
    /// # Errors
    /// When the text is anything but one object of exactly the form above.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

/// A capture's receipt with its processor's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SignedCaptureReceipt {
    /// What was noted.
    pub receipt: CaptureReceipt,
    /// The processor's signature on the receipt's digest.
    pub signature: EcdsaSignature,
}

impl SignedCaptureReceipt {
    /// Checks that `processor` signed.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify(&self, domain: &Eip712Domain, processor: Address) -> Result<(), SignerError> {
        self.signature.verify(&self.receipt.digest(domain), processor)
    }

    /// Who signed.
    ///
    /// # Errors
    /// As [`EcdsaSignature::recover`].
    pub fn signer(&self, domain: &Eip712Domain) -> Result<Address, RecoverError> {
        self.signature.recover(&self.receipt.digest(domain))
    }

    /// Reads the wire form. Every defect has its own [`WireError`].
    ///
    /// # Errors
    /// When the text is anything but one object of exactly the form above.
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, WireError> {
        from_json(text.as_ref())
    }
}

impl FromNode for SignedCapture {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["capture", "signature"])?;
        Ok(Self { capture: fields.read("capture")?, signature: fields.read("signature")? })
    }
}

impl FromNode for Capture {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["mandateId", "amount"])?;
        Ok(Self { mandate_id: fields.read("mandateId")?, amount: fields.read("amount")? })
    }
}

impl FromNode for SignedCaptureReceipt {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["receipt", "signature"])?;
        Ok(Self { receipt: fields.read("receipt")?, signature: fields.read("signature")? })
    }
}

impl FromNode for CaptureReceipt {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["mandateId", "amount", "capturedAt"])?;
        Ok(Self {
            mandate_id: fields.read("mandateId")?,
            amount: fields.read("amount")?,
            captured_at: fields.read("capturedAt")?,
        })
    }
}

deserialize_from_node!(Capture, SignedCapture, CaptureReceipt, SignedCaptureReceipt);
