//! A mandate as it is handed in: alone, or with what its `ref` was made of.

use aep2_mandate::mandate::SignedMandate;
use aep2_x402::preimage::Preimage;

/// A mandate, with what its `ref` was made of where whoever hands it in says so. It must, where the
/// payee's terms agree to disputes: the processor holds no mandate of which it does not know that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedMandate {
    /// The mandate.
    pub signed: SignedMandate,
    /// What its `ref` was made of.
    pub preimage: Option<Preimage>,
}

impl From<SignedMandate> for OfferedMandate {
    fn from(signed: SignedMandate) -> Self {
        Self { signed, preimage: None }
    }
}

impl From<&SignedMandate> for OfferedMandate {
    fn from(signed: &SignedMandate) -> Self {
        signed.clone().into()
    }
}
