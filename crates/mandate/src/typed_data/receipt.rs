//! Receipts: a processor's signed word that it will settle a mandate in time.
//!
//! A receipt is worth its signer's bond. When `settle_by` has passed and the mandate's nonce is
//! unspent on chain, the payee presents it to the wallet and is paid from the bond.
//!
//! The wire form:
//!
//! ```json
//! {
//!   "receipt": {
//!     "mandateId": "0x… 32 bytes",
//!     "account": 7,
//!     "nonce": "0",
//!     "token": "0x…",
//!     "payee": "0x…",
//!     "amount": "1000",
//!     "settleBy": 1790000000
//!   },
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
    mandate::MandateId,
    units::{AccountId, Ceiling, Nonce, UnixTime},
    wire::{self, Fields, FromNode, Node, WireError, deserialize_from_node, from_json},
};

mod eip712 {
    alloy_sol_types::sol! {
        struct Receipt {
            bytes32 mandateId;
            uint32 account;
            uint64 nonce;
            address token;
            address payee;
            uint96 amount;
            uint40 settleBy;
        }
    }
}

/// What a processor promises: that this mandate is settled by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The mandate that was accepted.
    pub mandate_id: MandateId,
    /// The account that pays.
    pub account: AccountId,
    /// The mandate's nonce: unspent on chain, it shows that nothing was settled.
    pub nonce: Nonce,
    /// The ERC-20 token paid in.
    #[serde(serialize_with = "wire::checksummed")]
    pub token: Address,
    /// Who is paid.
    #[serde(serialize_with = "wire::checksummed")]
    pub payee: Address,
    /// The mandate's amount, which the bond stands for.
    pub amount: Ceiling,
    /// The last second at which settling keeps the promise.
    pub settle_by: UnixTime,
}

impl Receipt {
    /// What is signed: the EIP-712 digest in the wallet's domain.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        self.typed_data().eip712_signing_hash(domain)
    }

    /// EIP-712's hash of the type: `Receipt(bytes32 mandateId,…)`.
    pub fn type_hash() -> B256 {
        keccak256(eip712::Receipt::eip712_encode_type().as_bytes())
    }

    /// EIP-712's hash of the content alone, as it stands within the digest.
    pub fn struct_hash(&self) -> B256 {
        self.typed_data().eip712_hash_struct()
    }

    /// Signs the receipt.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign(
        self,
        signer: &impl SignerSync,
        domain: &Eip712Domain,
    ) -> Result<SignedReceipt, alloy_signer::Error> {
        let signature = EcdsaSignature::sign(signer, &self.digest(domain))?;
        Ok(SignedReceipt { receipt: self, signature })
    }

    fn typed_data(&self) -> eip712::Receipt {
        eip712::Receipt {
            mandateId: self.mandate_id.to_bytes(),
            account: self.account.get(),
            nonce: self.nonce.get(),
            token: self.token,
            payee: self.payee,
            // The units are no wider than the types they become here.
            amount: U96::from(self.amount.get()),
            settleBy: U40::from(self.settle_by.get()),
        }
    }
}

/// A receipt with its processor's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SignedReceipt {
    /// What is promised.
    pub receipt: Receipt,
    /// The processor's signature on the receipt's digest.
    pub signature: EcdsaSignature,
}

impl SignedReceipt {
    /// Checks that `processor` signed.
    ///
    /// # Errors
    /// When somebody else signed, or nobody.
    pub fn verify(&self, domain: &Eip712Domain, processor: Address) -> Result<(), SignerError> {
        self.signature.verify(&self.receipt.digest(domain), processor)
    }

    /// Who signed, and whose bond thus answers.
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

impl FromNode for SignedReceipt {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(node, &["receipt", "signature"])?;
        Ok(Self { receipt: fields.read("receipt")?, signature: fields.read("signature")? })
    }
}

impl FromNode for Receipt {
    fn from_node(node: &Node) -> Result<Self, WireError> {
        let fields = Fields::of(
            node,
            &["mandateId", "account", "nonce", "token", "payee", "amount", "settleBy"],
        )?;
        Ok(Self {
            mandate_id: fields.read("mandateId")?,
            account: fields.read("account")?,
            nonce: fields.read("nonce")?,
            token: fields.read("token")?,
            payee: fields.read("payee")?,
            amount: fields.read("amount")?,
            settle_by: fields.read("settleBy")?,
        })
    }
}

deserialize_from_node!(Receipt, SignedReceipt);
