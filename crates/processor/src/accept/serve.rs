//! Where mandates of either path are accepted, many at a time.

use std::sync::Arc;

use aep2_ledger::{
    self as ledger, Accepted, Durable, MandateHash, MandateView, Precheck, Received,
    SettlementPath, records::NonceKey,
};
use aep2_mandate::units::{AccountId, Ceiling, UnixTime};
use alloy::primitives::U256;

use super::{context::AcceptContext, error::AcceptError, payable::Payable};
use crate::{
    event::Event,
    intake::{Reply, Task},
    policy::{Request, Taken},
};

/// One whose signature is to be checked, with where the answer goes.
struct Candidate<T: Payable> {
    proposal: Received<T>,
    standing: Precheck,
    settle_by: UnixTime,
    reply: Reply<Result<T::Acceptance, AcceptError>>,
}

/// A mandate that passed everything but its signature.
struct Glanced<T> {
    proposal: Received<T>,
    standing: Precheck,
    settle_by: UnixTime,
    /// Whether this very one, signature included, was accepted before.
    same: bool,
}

/// One that is handed to the ledger.
struct Handed<T: Payable> {
    accepting: ledger::Pending<Accepted, ledger::AcceptError>,
    request: Request,
    settle_by: UnixTime,
    taken: Taken,
    reply: Reply<Result<T::Acceptance, AcceptError>>,
}

impl AcceptContext {
    /// Serves mandates that were taken together.
    pub(crate) fn accept<T: Payable>(
        self: &Arc<Self>,
        tasks: Vec<Task<T, Result<T::Acceptance, AcceptError>>>,
    ) {
        if tasks.is_empty() {
            return;
        }
        let now = self.requests.clock.now();
        let mut candidates = Vec::with_capacity(tasks.len());
        for Task { input, reply } in tasks {
            match self.glance(input, now) {
                Ok(Glanced { standing: Precheck::Accepted(accepted), same: true, .. }) => {
                    self.answer::<T>(*accepted, reply);
                }
                Ok(Glanced { proposal, standing, settle_by, .. }) => {
                    candidates.push(Candidate::<T> { proposal, standing, settle_by, reply });
                }
                Err(error) => reply.send(Err(error)),
            }
        }

        let proposals: Vec<_> = candidates.iter().map(|candidate| &candidate.proposal).collect();
        let verdicts = T::verify(&proposals);
        let mut handed = Vec::with_capacity(candidates.len());
        for (candidate, verdict) in candidates.into_iter().zip(verdicts) {
            let Candidate { proposal, standing, settle_by, reply } = candidate;
            if let Some(reason) = verdict {
                reply.send(Err(AcceptError::BadSignature { reason }));
                continue;
            }
            match standing {
                Precheck::Accepted(accepted) => self.answer::<T>(*accepted, reply),
                Precheck::Acceptable { account, amount } => {
                    let request = request(&proposal, account, amount, now);
                    match self.hand_over(proposal, request.clone(), settle_by, now) {
                        Ok((accepting, taken)) => {
                            handed.push(Handed { accepting, request, settle_by, taken, reply });
                        }
                        Err(error) => reply.send(Err(error)),
                    }
                }
            }
        }
        if !handed.is_empty() {
            // They share a sync or two: one after the other keeps nobody waiting.
            self.requests.spawn(Arc::clone(self).answer_all::<T>(handed));
        }
    }

    /// Everything that [`accept`](Self::accept) looks at, without a promise.
    pub(crate) fn check<T: Payable>(&self, mandate: &T) -> Result<(), AcceptError> {
        let now = self.requests.clock.now();
        let Glanced { proposal, standing, same, .. } = self.glance(mandate.clone(), now)?;
        if same {
            return Ok(());
        }
        if let Some(reason) = T::verify(&[&proposal]).into_iter().flatten().next() {
            return Err(AcceptError::BadSignature { reason });
        }
        match standing {
            Precheck::Accepted(_) => Ok(()),
            Precheck::Acceptable { account, amount } => {
                let request = request(&proposal, account, amount, now);
                Ok(self.policies.allow(&request)?)
            }
        }
    }

    /// Looks at everything but the signature and the policies.
    fn glance<T: Payable>(&self, mandate: T, now: UnixTime) -> Result<Glanced<T>, AcceptError> {
        let at_the_end = || AcceptError::Internal("the clock is at its end".to_owned());
        let settle_by = self.settle_by(&mandate, now).ok_or_else(at_the_end)?;
        let terms = self.check_terms(&mandate, settle_by, now);
        let token = mandate.token();
        let proposal = mandate.propose(&self.domain(token), &self.requests.signer);
        let standing = self.requests.ledger.precheck(&proposal, settle_by, now);
        if let Ok(standing @ Precheck::Accepted(_)) = standing {
            let accepted = self.requests.ledger.mandate(proposal.hash())?;
            let is_same = |view: MandateView| proposal.signed().is(&view.mandate.promise);
            let same = accepted.is_some_and(is_same);
            return Ok(Glanced { proposal, standing, settle_by, same });
        }
        terms?;
        Ok(Glanced { proposal, standing: standing?, settle_by, same: false })
    }

    /// What is seen in the mandate itself.
    fn check_terms<T: Payable>(
        &self,
        mandate: &T,
        settle_by: UnixTime,
        now: UnixTime,
    ) -> Result<(), AcceptError> {
        let (token, amount, deadline) = (mandate.token(), mandate.amount(), mandate.deadline());
        let Some(least) = self.least(token) else {
            return Err(AcceptError::UnsupportedToken { token });
        };
        if amount < U256::from(least.get()) {
            return Err(AcceptError::AmountTooSmall { amount, least });
        }
        if deadline < U256::from(now.get()) {
            return Err(AcceptError::Expired { deadline, now });
        }
        if deadline < U256::from(settle_by.get()) {
            return Err(AcceptError::DeadlineTooNear { deadline, settle_by });
        }
        Ok(())
    }

    /// Asks the policies, signs the receipt, and hands both to the ledger.
    fn hand_over<T: Payable>(
        &self,
        proposal: Received<T>,
        request: Request,
        settle_by: UnixTime,
        now: UnixTime,
    ) -> Result<(ledger::Pending<Accepted, ledger::AcceptError>, Taken), AcceptError> {
        let taken = self.policies.take(request)?;
        let offer = T::offer(&proposal.verified_by_caller(), settle_by, &self.requests.signer)?;
        Ok((self.requests.ledger.accept(offer, now), taken))
    }

    /// Waits for the disk, and answers.
    async fn answer_all<T: Payable>(self: Arc<Self>, handed: Vec<Handed<T>>) {
        for Handed { accepting, request, settle_by, taken, reply } in handed {
            match accepting.await.map(Durable::into_inner) {
                Ok(accepted) => {
                    if accepted.again {
                        drop(taken);
                    } else {
                        taken.keep();
                        self.requests.events.emit(accepted_event(&request, settle_by));
                    }
                    self.answer::<T>(accepted, reply);
                }
                Err(error) => {
                    drop(taken);
                    reply.send(Err(error.into()));
                }
            }
        }
    }

    fn answer<T: Payable>(
        &self,
        accepted: Accepted,
        reply: Reply<Result<T::Acceptance, AcceptError>>,
    ) {
        let again = accepted.again;
        let answer = T::acceptance(accepted, &self.requests.signer);
        if answer.is_ok() {
            self.metrics.accepted(again, reply.waited());
        }
        reply.send(answer);
    }
}

fn request<T: Payable>(
    proposal: &Received<T>,
    account: AccountId,
    amount: Ceiling,
    at: UnixTime,
) -> Request {
    let mandate: &T = proposal.signed();
    let hash: MandateHash = proposal.hash();
    Request {
        mandate: hash,
        account,
        nonce: mandate.nonce(),
        token: mandate.token(),
        payee: mandate.payee(),
        amount,
        reference: mandate.reference(),
        at,
    }
}

fn accepted_event(request: &Request, settle_by: UnixTime) -> Event {
    Event::Accepted {
        mandate: request.mandate,
        path: match request.nonce {
            NonceKey::Proved { .. } => SettlementPath::Proved,
            NonceKey::Direct { .. } => SettlementPath::Direct,
        },
        account: request.account,
        token: request.token,
        payee: request.payee,
        amount: request.amount.amount(),
        settle_by,
    }
}
