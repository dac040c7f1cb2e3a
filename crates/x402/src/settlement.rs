//! What became of a payment: `PAYMENT-RESPONSE`, and a facilitator's answers.
//!
//! A settlement by mandate is a promise: it has no transaction yet. What stands for it is the
//! processor's receipt under `extra`, which anybody can check.

use aep2_mandate::{
    typed_data::{capture::SignedCaptureReceipt, receipt::SignedReceipt},
    units::Amount,
};
use alloy_primitives::{Address, TxHash};
use serde::{Deserialize, Serialize};
use x402_types::{chain::ChainId as Network, proto::v2::ExtensionsJson};

/// The outcome of a settlement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// Whether the mandate was accepted; with the scheme `exact`, whether the transfer is in a block.
    pub success: bool,
    /// Why not: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_reason: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The account's owner, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// Empty: the transaction comes later, with many mandates in it. With `exact`, the transfer's.
    pub transaction: String,
    /// The chain, by its CAIP-2 name.
    pub network: Network,
    /// What the payee captures, where that is known and not the whole amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// The evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<SettleExtra>,
    /// Extensions of x402; none are used here.
    #[serde(default, skip_serializing_if = "ExtensionsJson::is_empty")]
    pub extensions: ExtensionsJson,
}

/// The evidence for a settlement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleExtra {
    /// The processor's promise to settle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SignedReceipt>,
    /// The processor's statement of what was captured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<SignedCaptureReceipt>,
}

impl SettleResponse {
    /// A mandate that was accepted, with this receipt.
    pub fn accepted(network: Network, receipt: SignedReceipt) -> Self {
        Self {
            success: true,
            error_reason: None,
            error_message: None,
            payer: None,
            transaction: String::new(),
            network,
            amount: None,
            extra: Some(SettleExtra { receipt: Some(receipt), capture: None }),
            extensions: ExtensionsJson::default(),
        }
    }

    /// A payment of the scheme `exact`, which has its transaction.
    pub fn on_chain(network: Network, payer: Address, transaction: TxHash) -> Self {
        Self {
            success: true,
            error_reason: None,
            error_message: None,
            payer: Some(payer.to_checksum(None)),
            transaction: transaction.to_string(),
            network,
            amount: None,
            extra: None,
            extensions: ExtensionsJson::default(),
        }
    }

    /// A payment that was refused, for this reason.
    pub fn refused(
        network: Network,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            success: false,
            error_reason: Some(reason.into()),
            error_message: Some(message.into()),
            payer: None,
            transaction: String::new(),
            network,
            amount: None,
            extra: None,
            extensions: ExtensionsJson::default(),
        }
    }
}

/// What a facilitator says to `POST /verify`: whether it would settle, without promising it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyResponse {
    /// Whether it would.
    pub is_valid: bool,
    /// Why not: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_reason: Option<String>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid_message: Option<String>,
    /// The account's owner, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
}
