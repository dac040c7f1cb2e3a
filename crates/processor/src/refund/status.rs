//! A refund, as it is shown.

use aep2_ledger::RefundView;
use aep2_mandate::{openapi, typed_data::refund::SignedRefund, units::UnixTime};
use alloy::primitives::B256;
use serde::Serialize;
use utoipa::ToSchema;

/// A refund, and what the chain shows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefundStatus {
    /// What the payee signed.
    pub refund: SignedRefund,
    /// When it was announced, by the processor's clock.
    pub announced_at: UnixTime,
    /// The EIP-3009 nonce of the deposit that pays it: `authorizationState(payee, nonce)` of the token is
    /// true from then on.
    #[schema(value_type = openapi::Bytes32)]
    pub deposit_nonce: B256,
    /// Whether it was paid.
    #[serde(flatten)]
    pub state: RefundState,
}

/// What the chain shows of a refund. In JSON the field `status` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RefundState {
    /// The payee's word. The chain shows no deposit for it.
    Announced,
    /// The deposit is in the payer's account.
    Paid {
        /// The transaction.
        #[schema(value_type = openapi::Bytes32)]
        transaction: B256,
        /// The block's number.
        block: u64,
    },
}

impl RefundStatus {
    /// The refund, as the ledger has it.
    ///
    /// # Errors
    /// When what was kept is not what this software keeps.
    pub(crate) fn of(view: &RefundView) -> Result<Self, serde_json::Error> {
        let state = match view.paid {
            None => RefundState::Announced,
            Some(paid) => RefundState::Paid { transaction: paid.transaction, block: paid.block },
        };
        Ok(Self {
            refund: serde_json::from_slice(&view.record.statement)?,
            announced_at: view.record.at,
            deposit_nonce: view.record.nonce,
            state,
        })
    }
}
