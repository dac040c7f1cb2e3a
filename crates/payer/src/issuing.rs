//! What a payer with a card does where one with a key signs: it asks the issuer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    units::{AccountId, UnixTime},
    wire::Strict,
};
use aep2_x402::purchase::{PaymentContext, Purchase};
use alloy_primitives::B256;
use rand::{RngCore, rngs::OsRng};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    card::{Asked, Issuer, IssuerError, Kept},
    command::{Command, Delivery, Fate, Found, Issued, Outcome, SignRequest},
    error::PayError,
    unanswered::{Waiting, WaitingPayments},
};

/// What a payer with a card does with each command. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Issuing {
    issuer: Arc<Issuer>,
    account: AccountId,
    /// What has no final answer: as a wallet has it in its journal.
    waiting: Arc<Mutex<WaitingPayments>>,
    kept: Kept,
}

impl Issuing {
    /// One whose payments `waiting` have no final answer from an earlier run.
    pub(crate) fn new(
        issuer: Issuer,
        account: AccountId,
        kept: Kept,
        waiting: Vec<Waiting>,
    ) -> Self {
        let mut all = WaitingPayments::default();
        for payment in waiting {
            all.add(payment);
        }
        Self { issuer: Arc::new(issuer), account, waiting: Arc::new(Mutex::new(all)), kept }
    }

    /// Does what is asked until nobody is left to ask, and what was begun is done.
    pub(crate) async fn serve(self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut at_work = JoinSet::new();
        while let Some(command) = commands.recv().await {
            // What is done leaves.
            while at_work.try_join_next().is_some() {}
            match command {
                Command::Sign { request, teller, reply } => {
                    let own = self.clone();
                    at_work.spawn(async move {
                        let signed = own.sign(*request).await;
                        let issued = signed
                            .map(|(id, mandate)| Issued { mandate, fate: Fate::new(id, teller) });
                        // Whoever does not wait any more has no use for it. It is not sent.
                        if let Err(Ok(unwanted)) = reply.send(issued) {
                            own.end(unwanted.fate.disarm());
                        }
                    });
                }
                Command::Outcome { outcome: Outcome::Accepted(receipt), .. } => {
                    let issuer = Arc::clone(&self.issuer);
                    at_work.spawn(async move {
                        if let Err(error) = issuer.receipt(&receipt).await {
                            // The issuer hears of it from the processor.
                            tracing::debug!(%error, "the issuer did not take a receipt");
                        }
                    });
                }
                Command::Outcome { id, outcome: Outcome::Refused(_) | Outcome::Withheld }
                | Command::Answered { id } => self.end(id),
                Command::LetGo { id } => self.waiting().let_go(id),
                Command::Unanswered { which, teller, reply } => {
                    let found = self.waiting().find(which, self.issuer.clock().now());
                    let found = found.map(|payment| {
                        let delivery = Delivery::new(payment.id, teller);
                        Found { payment, delivery }
                    });
                    if let Err(Ok(Some(unwanted))) = reply.send(Ok(found)) {
                        self.waiting().let_go(unwanted.delivery.disarm());
                    }
                }
                // The issuer hears of it from the processor, whose word it needs anyway.
                Command::Outcome { outcome: Outcome::Unclear, .. } | Command::Captured { .. } => {}
                Command::Spent { reply, .. } => {
                    let _ = reply.send(Err(PayError::CountedByTheIssuer));
                }
                Command::Flush { reply } => {
                    while at_work.join_next().await.is_some() {}
                    let _ = reply.send(());
                }
            }
        }
        while at_work.join_next().await.is_some() {}
    }

    /// Has a payment issued. One that is for a request is written down before it may leave.
    async fn sign(&self, request: SignRequest) -> Result<(MandateId, SignedMandate), PayError> {
        let (id, mandate) = issue(&self.issuer, self.account, &request).await?;
        if let Some(requested) = request.request {
            let at = self.issuer.clock().now();
            let payment = Waiting { id, mandate: mandate.clone(), requested: *requested, at };
            self.kept.write(&payment)?;
            let mut waiting = self.waiting();
            waiting.add(payment);
            waiting.take(id);
        }
        Ok((id, mandate))
    }

    /// It has its final answer, or never leaves.
    fn end(&self, id: MandateId) {
        self.waiting().remove(id);
        self.kept.forget(id);
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingPayments> {
        // Nothing panics while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn issue(
    issuer: &Issuer,
    account: AccountId,
    request: &SignRequest,
) -> Result<(MandateId, SignedMandate), PayError> {
    let SignRequest { purchase, order, .. } = request;
    // Of this purchase alone. An attempt that is not answered is repeated with the same one.
    let mut request_key = B256::ZERO;
    OsRng.fill_bytes(&mut request_key.0);
    let mut terms = request.terms.clone();
    terms.extra.order = order.map(Strict);
    let asked = Asked {
        request_key,
        method: &purchase.method,
        resource: &purchase.resource,
        terms: &terms,
    };
    let issued = issuer.issue(&asked).await?;
    let mandate = &issued.payment.payload;
    let settles = terms.extra.settle_within_seconds;
    let least = issuer.clock().now().checked_add(settles).unwrap_or(UnixTime::MAX);
    let id = is_for(mandate, purchase, *order, account, least).map_err(|wrong| {
        IssuerError::Answer(format!("it issued a mandate with another {wrong}"))
    })?;
    if issued.id() != Some(id) {
        return Err(IssuerError::Answer("it calls the mandate by another id".to_owned()).into());
    }
    Ok((id, issued.payment.payload))
}

/// The id of a mandate that pays for this purchase and nothing else. An issuer that errs must not
/// make an agent hand out a mandate for something else.
fn is_for(
    signed: &SignedMandate,
    purchase: &Purchase,
    order: Option<B256>,
    account: AccountId,
    deadline_min: UnixTime,
) -> Result<MandateId, &'static str> {
    let mandate = &signed.mandate;
    let context = match order {
        Some(order) => PaymentContext::Order(order),
        None => PaymentContext::Intent { account, nonce: mandate.nonce },
    };
    let conditions = [
        (mandate.account == account, "account"),
        (mandate.token == purchase.token, "token"),
        (mandate.payee == purchase.payee, "payee"),
        (mandate.amount == purchase.amount, "amount"),
        (mandate.reference == purchase.reference(context), "reference"),
        (mandate.deadline > deadline_min, "deadline"),
    ];
    if let Some((_, wrong)) = conditions.into_iter().find(|(holds, _)| !holds) {
        return Err(wrong);
    }
    let domain = purchase.venue.mandate_domain(purchase.token);
    signed.verify(&domain).map_err(|_| "signature")
}
