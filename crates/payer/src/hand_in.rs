//! Handing a mandate in before the payee has it, where its terms agree to disputes.
//!
//! A processor holds a mandate for disputes only if it is told of them when it accepts it, and it accepts it
//! once. A payee that kept that to itself would have the mandate settled in the next window, with nobody to
//! complain to. So whoever has the right to dispute says so first, and does not pay before the
//! processor's receipt names the arbiter. The payee hands the same mandate in again, and gets the same receipt.

use aep2_mandate::{typed_data::receipt::SignedReceipt, units::UnixTime};
use aep2_processor_client::ProcessorError;
use aep2_x402::{PaymentPayload, Requirements, preimage::Preimage, receipt};
use serde_json::value::RawValue;

use crate::{disputes::HandInError, error::PayError, payer::Payer, payment::Sent};

impl Payer {
    /// Hands the mandate in at the processor, where its terms agree to disputes; else does nothing. To be
    /// called before the payment goes to its payee, however often. Gives it back to go on.
    ///
    /// # Errors
    /// When the processor does not promise what the terms say. One that it refused is concluded.
    pub async fn hand_in(
        &self,
        mut sent: Sent,
        payload: &PaymentPayload<Box<RawValue>>,
    ) -> Result<Sent, PayError> {
        match self.tell(&sent, payload).await {
            Ok(receipt) => {
                if let Some(receipt) = receipt {
                    sent.is_held(&receipt);
                }
                Ok(sent)
            }
            Err(HandInError::Refused { code, message }) => {
                // Nobody else has it.
                let _ = sent.refused(&code);
                Err(PayError::RefusedByProcessor { code, message })
            }
            Err(why) => Err(PayError::NotHandedIn { id: sent.id, why }),
        }
    }

    async fn tell(
        &self,
        sent: &Sent,
        payload: &PaymentPayload<Box<RawValue>>,
    ) -> Result<Option<SignedReceipt>, HandInError> {
        if sent.purchase.disputes.is_none() {
            return Ok(None);
        }
        let config = self.config();
        let accepted = config.disputes.as_ref().ok_or(HandInError::NotAccepted)?;
        let terms: Requirements = serde_json::from_str(payload.accepted.get())?;
        let preimage = Preimage::of(&sent.purchase, &terms);
        let receipt = accepted.processor.hand_in(&sent.mandate, Some(&preimage)).await;
        let receipt = receipt.map_err(|error| match error {
            ProcessorError::Refused { code, message } => HandInError::Refused { code, message },
            other => HandInError::Processor(other),
        })?;
        // It may have been accepted at any time since it was signed. And it may promise for longer than the terms
        // say: it is accepted now, and whoever does not pay with it has paid for nothing.
        let (now, skew_s) = (config.clock.now(), config.skew_s);
        let times = receipt::IssueTimes { from: UnixTime::MIN, now, skew_s };
        let by = preimage.signatories(sent.purchase.venue);
        receipt::check(&receipt, &sent.mandate, sent.id, &by, &times)?;
        Ok(Some(receipt))
    }
}
