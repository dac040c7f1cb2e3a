//! What is given for a mandate that is accepted.

use aep2_ledger::DirectReceipt;
use aep2_mandate::{mandate::MandateId, typed_data::receipt::SignedReceipt};
use alloy::primitives::Address;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A mandate that is accepted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// As the published MVP writes its receipts.
impl Serialize for DirectAcceptance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let DirectReceipt { mandate_digest, settle_by, signature } = &self.receipt;
        let mut fields = serializer.serialize_struct("DirectReceipt", 4)?;
        fields.serialize_field("sp", &self.processor.to_string())?;
        fields.serialize_field("mandateDigest", mandate_digest)?;
        fields.serialize_field("enqueueDeadline", settle_by)?;
        fields.serialize_field("spEnqueueSig", signature)?;
        fields.end()
    }
}
