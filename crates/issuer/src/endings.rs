//! What became of payments: budgets get back what was not spent.
//!
//! Two things are believed. The processor's signed outcome: it says so once nothing can change it; where a
//! node of the chain is set, the nonce has to agree ([`Follower`](crate::Follower)). And the chain: when the time of a confirmed block is past a mandate's deadline and its nonce is unspent in
//! that block, it can never be settled, whatever its processor says or does not say. All else counts at
//! its ceiling.

use aep2_audit_log::Name;
use aep2_mandate::{
    mandate::MandateId,
    typed_data::{
        outcome::{OutcomeStatus, SignedOutcome},
        receipt::SignedReceipt,
    },
    units::{Amount, UnixTime},
};
use aep2_x402::receipt::{self, IssueTimes};
use alloy_primitives::B256;
use serde_json::json;

use crate::{
    audit::{self, Actor},
    counter,
    error::{Code, IssuerError, Refusal},
    family::Family,
    issuer::Issuer,
    keys,
    records::{PaymentRecord, PaymentState, WalletRecord},
    store::{Source, Tx, expect, put},
};

const PAYMENT: Name = Name::constant("payment");
const SETTLED: Name = Name::constant("payment.settled");
const RELEASED: Name = Name::constant("payment.released");

/// A mandate that can never be settled, as the chain shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unspent {
    /// The mandate.
    pub mandate: MandateId,
    /// The confirmed block in which its nonce is unspent.
    pub block: u64,
    /// That block's time.
    pub time: UnixTime,
}

impl Issuer {
    /// Takes a processor's word on what became of a payment, if it is the processor's. Gives whether it
    /// was news.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when somebody else signed; [`Code::Conflict`] when it says that a mandate
    /// expired whose deadline has not passed; [`Code::NotFound`] when the payment was not issued here; when
    /// the store fails.
    pub async fn take_outcome(&self, signed: SignedOutcome) -> Result<bool, IssuerError> {
        let outcome = signed.message;
        let (payment, wallet) = self.payment_of(outcome.mandate_id)?;
        let domain = wallet.venue().typed_data_domain();
        signed.verify(&domain, wallet.processor.0).map_err(|error| {
            Refusal::new(Code::Unauthorized, format!("the processor did not sign it: {error}"))
        })?;
        let ceiling = payment.mandate.mandate.amount.amount();
        if outcome.settled > ceiling {
            let message = "the outcome is above what the mandate allows";
            return Err(Refusal::new(Code::Malformed, message).into());
        }
        let deadline = payment.mandate.mandate.deadline;
        let early = outcome.at <= deadline || self.now() <= deadline;
        if outcome.status == OutcomeStatus::Expired && early {
            let message =
                "the outcome says that the mandate expired, and its deadline has not passed";
            return Err(Refusal::new(Code::Conflict, message).into());
        }
        let settled = (outcome.status == OutcomeStatus::Settled).then_some(outcome.settled);
        let how = json!({ "by": "outcome", "status": outcome.status.number(), "batch": outcome.batch_id });
        self.end(payment.id, settled, how).await
    }

    /// Takes the chain's word that a payment can never be made. Gives whether it was news.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the block is not past the deadline; [`Code::NotFound`]; when the store
    /// fails.
    pub async fn take_unspent(&self, unspent: Unspent) -> Result<bool, IssuerError> {
        let (payment, _) = self.payment_of(unspent.mandate.to_bytes())?;
        if unspent.time <= payment.mandate.mandate.deadline {
            let message = "the block is not past the mandate's deadline";
            return Err(Refusal::new(Code::Conflict, message).into());
        }
        self.end(payment.id, None, json!({ "by": "chain", "block": unspent.block })).await
    }

    /// Takes a receipt, so that a later mandate may follow this one. Whoever brings it, it is checked.
    ///
    /// # Errors
    /// [`Code::Unauthorized`] when it is not the processor's promise for this payment;
    /// [`Code::NotFound`]; when the store cannot be read.
    pub fn take_receipt(&self, signed: &SignedReceipt) -> Result<(), IssuerError> {
        let (payment, wallet) = self.payment_of(signed.message.mandate_id.to_bytes())?;
        let skew_s = self.config().skew_s;
        let times = IssueTimes { from: payment.at, now: self.now(), skew_s };
        let mandate = &payment.mandate;
        receipt::check(signed, mandate, payment.id, &wallet.venue().into(), &times)
            .map_err(|error| Refusal::new(Code::Unauthorized, error.to_string()))?;
        self.signing().accepted(wallet.id, payment.id, mandate);
        Ok(())
    }

    fn payment_of(&self, id: B256) -> Result<(PaymentRecord, WalletRecord), IssuerError> {
        let view = self.snapshot();
        let payment: Option<PaymentRecord> = view.record(id.as_slice())?;
        let payment = payment.ok_or_else(|| {
            Refusal::new(Code::NotFound, format!("no payment {id} was issued here"))
        })?;
        let key = keys::wallet(payment.owner, payment.wallet);
        let wallet = expect(&view, &key, "a payment's")?;
        Ok((payment, wallet))
    }

    /// Ends a payment that is outstanding: what was not settled is free again, in the periods in which it
    /// was counted.
    async fn end(
        &self,
        id: MandateId,
        settled: Option<Amount>,
        how: serde_json::Value,
    ) -> Result<bool, IssuerError> {
        let now = self.now();
        self.write(move |tx| end(tx, id, settled, how, now)).await
    }
}

fn end(
    tx: &mut Tx<'_>,
    id: MandateId,
    settled: Option<Amount>,
    how: serde_json::Value,
    now: UnixTime,
) -> Result<bool, IssuerError> {
    let key = id.to_bytes().to_vec();
    let mut payment: PaymentRecord = expect(tx, &key, "the payment's")?;
    if payment.state != PaymentState::Outstanding {
        return Ok(false);
    }
    let terms = &payment.mandate.mandate;
    counter::release(tx, &payment.charges, terms.amount.amount(), settled)?;
    tx.delete(Family::Outstanding, keys::outstanding(terms.deadline.get(), id.to_bytes()));
    payment.state = settled.map_or(PaymentState::Released, PaymentState::Settled);
    put(tx, key, &payment)?;
    let action = if settled.is_some() { SETTLED } else { RELEASED };
    let details = json!({ "amount": settled, "how": how });
    let subject = (PAYMENT, &*id.to_bytes().to_string());
    audit::note(tx, now, &Actor::Service, action, subject, details)?;
    Ok(true)
}
