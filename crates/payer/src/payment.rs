//! A payment on its way: signed, sent, and answered.

use aep2_mandate::{
    clock::Clock,
    mandate::{MandateId, SignedMandate},
    typed_data::{capture::SignedCaptureReceipt, receipt::SignedReceipt},
    units::{Amount, UnixTime},
};
use aep2_x402::{
    ExtensionsJson, PaymentPayload, ResourceInfo, SettleExtra, X402Version2,
    disputes::Disputes,
    purchase::Purchase,
    receipt::{self, IssueTimes, ReceiptError},
};
use serde_json::value::RawValue;

use crate::{
    command::{Delivery, Fate, Issued, Outcome},
    disputes::Held,
};

/// A signed mandate that is on disk, and has not left. Dropped, it never does.
#[derive(Debug)]
pub struct Authorised {
    /// Its id.
    pub id: MandateId,
    mandate: SignedMandate,
    purchase: Purchase,
    signed: SigningTime,
    fate: Fate,
    delivery: Delivery,
}

/// When a mandate was signed, by the payer's clock.
#[derive(Clone, Debug)]
pub(crate) struct SigningTime {
    pub(crate) at: UnixTime,
    pub(crate) clock: Clock,
    /// By how many seconds the processor's clock may differ.
    pub(crate) skew_s: u64,
}

impl SigningTime {
    /// When what the processor says about the mandate can have been issued.
    fn issue_times(&self) -> IssueTimes {
        IssueTimes { from: self.at, now: self.clock.now(), skew_s: self.skew_s }
    }
}

impl Authorised {
    pub(crate) fn new(
        issued: Issued,
        purchase: Purchase,
        signed: SigningTime,
        delivery: Delivery,
    ) -> Self {
        let Issued { mandate, fate } = issued;
        Self { id: fate.id(), mandate, purchase, signed, fate, delivery }
    }

    /// What it pays for.
    pub fn purchase(&self) -> &Purchase {
        &self.purchase
    }

    /// The payment, as x402 has it. `accepted` are the payee's terms as they came.
    pub fn payload(&self, accepted: Box<RawValue>) -> PaymentPayload<Box<RawValue>> {
        let url = self.purchase.resource.clone();
        PaymentPayload {
            accepted,
            payload: self.mandate.clone(),
            resource: Some(ResourceInfo { url, description: None, mime_type: None }),
            x402_version: X402Version2,
            extensions: ExtensionsJson::default(),
        }
    }

    /// The mandate, to be sent now.
    pub fn send(mut self) -> Sent {
        self.fate.sent = true;
        let Self { id, mandate, purchase, signed, fate, delivery } = self;
        Sent { id, mandate, purchase, signed, fate, delivery, held: None }
    }
}

/// A mandate that is on its way to its payee. Dropped without a word on how it fared, it is not
/// built upon.
#[derive(Debug)]
pub struct Sent {
    /// Its id.
    pub id: MandateId,
    /// The mandate.
    pub mandate: SignedMandate,
    /// What it pays for.
    pub purchase: Purchase,
    signed: SigningTime,
    fate: Fate,
    delivery: Delivery,
    held: Option<Held>,
}

impl Sent {
    /// What the answer's evidence says of the payment, where it has any; and what is left to say of it:
    /// whether the answer came to its end. `served` is whether the answer is what was paid for, evidence
    /// or not.
    pub fn conclude(
        mut self,
        evidence: Option<SettleExtra>,
        served: bool,
    ) -> (Payment, Option<Delivery>) {
        let (id, mandate, purchase) = (self.id, self.mandate.clone(), self.purchase.clone());
        let SettleExtra { receipt, capture } = evidence.unwrap_or_default();
        let captured = capture.and_then(|statement| self.captured(&statement));
        let receipt = receipt.ok_or(ReceiptError::Missing);
        let receipt = receipt.and_then(|receipt| self.accepted(receipt));
        let open = receipt.is_err() && !served;
        let delivery = (!open).then_some(self.delivery);
        (Payment { id, mandate, purchase, receipt, captured, open }, delivery)
    }

    /// Its receipt came back.
    ///
    /// # Errors
    /// When the receipt is not the processor's promise for this mandate. Nothing is known then.
    /// [`ReceiptError::Clock`] where it is, but the processor's clock or the payer's is wrong.
    fn accepted(&mut self, receipt: SignedReceipt) -> Result<SignedReceipt, ReceiptError> {
        let times = self.signed.issue_times();
        receipt::check(&receipt, &self.mandate, self.id, &self.purchase.signatories(), &times)?;
        self.fate.conclude(Outcome::Accepted(Box::new(receipt)));
        Ok(receipt)
    }

    /// The processor has it, by the payer's own hand.
    pub(crate) fn is_held(&mut self, receipt: &SignedReceipt) {
        let window_s = self.purchase.disputes.as_ref().map_or(0, Disputes::window_seconds);
        let dispute_until = receipt.message.issued_at.checked_add(window_s);
        let dispute_until = dispute_until.unwrap_or(UnixTime::MAX);
        self.held = Some(Held { id: self.id, dispute_until });
        self.fate.conclude(Outcome::Accepted(Box::new(*receipt)));
    }

    /// The payee refused it. Says so where the processor has it all the same: then it is paid, and not served,
    /// and the same request sends it again.
    #[must_use]
    pub fn refused(mut self, reason: &str) -> Option<Held> {
        self.fate.conclude(Outcome::Refused(reason.to_owned()));
        self.held
    }

    /// The processor states what was captured. It is believed when the processor signed it, for
    /// this mandate; then the rest counts for no limit any more.
    pub fn captured(&self, statement: &SignedCaptureReceipt) -> Option<Amount> {
        let amount = statement.message.amount;
        let fits = amount <= self.mandate.mandate.amount.amount();
        let (id, by) = (self.id.to_bytes(), self.purchase.signatories());
        let checked = receipt::check_capture(statement, id, &by, &self.signed.issue_times());
        (fits && checked.is_ok()).then(|| {
            self.fate.captured(amount);
            amount
        })
    }
}

/// A payment that was sent before, has no final answer, and is to be sent again.
#[derive(Debug)]
pub struct Unanswered {
    /// The mandate, on its way.
    pub sent: Sent,
    /// The payment, as it was sent before.
    pub payload: PaymentPayload<Box<RawValue>>,
}

/// A payment that was answered.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The mandate's id.
    pub id: MandateId,
    /// The mandate.
    pub mandate: SignedMandate,
    /// What it pays for.
    pub purchase: Purchase,
    /// The processor's promise, checked. Without one nothing shows that the processor has the
    /// mandate; the answer is the payee's word.
    pub receipt: Result<SignedReceipt, ReceiptError>,
    /// What was captured, by the processor's signed statement, where one came with the answer.
    pub captured: Option<Amount>,
    /// Whether the payment is still without a final answer: the request failed, and nothing was said about
    /// the payment. The same request sends it again.
    pub open: bool,
}
