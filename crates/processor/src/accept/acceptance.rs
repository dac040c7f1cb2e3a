//! What is given for a mandate that is accepted.

use std::borrow::Cow;

use aep2_ledger::DirectReceipt;
use aep2_mandate::{
    mandate::MandateId,
    openapi,
    typed_data::{EcdsaSignature, receipt::SignedReceipt},
    units::UnixTime,
};
use alloy::primitives::{Address, B256};
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use crate::json;

/// A mandate that is accepted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Acceptance {
    /// The mandate's id.
    pub mandate_id: MandateId,
    /// What the payee is given.
    pub receipt: SignedReceipt,
    /// Whether it had been accepted before, and this is the receipt of then.
    #[serde(skip)]
    pub again: bool,
}

/// A direct mandate that is accepted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectAcceptance {
    /// The processor, as the published MVP names it in its receipt: `sp`.
    pub processor: Address,
    /// What the payee is given.
    pub receipt: DirectReceipt,
    /// Whether it had been accepted before, and this is the receipt of then.
    pub again: bool,
}

/// The processor's promise to settle a direct mandate, as the published MVP writes it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EnqueueReceipt)]
struct EnqueueReceiptJson {
    /// Who promises: the processor.
    #[serde(serialize_with = "json::address")]
    #[schema(value_type = openapi::Address)]
    sp: Address,
    #[schema(value_type = openapi::Bytes32)]
    mandate_digest: B256,
    /// By when it is settled.
    enqueue_deadline: UnixTime,
    /// EIP-191 over keccak256(abi.encodePacked(bytes32 mandateDigest, uint256 enqueueDeadline)).
    sp_enqueue_sig: EcdsaSignature,
}

impl Serialize for DirectAcceptance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DirectReceipt { mandate_digest, settle_by, signature } = self.receipt;
        let sp_enqueue_sig = signature;
        let sp = self.processor;
        EnqueueReceiptJson { sp, mandate_digest, enqueue_deadline: settle_by, sp_enqueue_sig }
            .serialize(serializer)
    }
}

impl PartialSchema for DirectAcceptance {
    fn schema() -> RefOr<Schema> {
        EnqueueReceiptJson::schema()
    }
}

impl ToSchema for DirectAcceptance {
    fn name() -> Cow<'static, str> {
        EnqueueReceiptJson::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        EnqueueReceiptJson::schemas(schemas);
    }
}
