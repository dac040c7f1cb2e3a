//! Accepting mandates of either path, many at a time: received, prechecked, verified, committing,
//! accepted.

use std::sync::Arc;

use aep2_ledger::{
    self as ledger, Accepted, Durable, MandateView, Precheck, Received, SettlementPath,
    records::NonceKey,
};
use aep2_mandate::{
    payee::LostPayee,
    units::{AccountId, Ceiling, UnixTime},
};
use aep2_x402::preimage::Preimage;
use alloy::primitives::U256;

use super::{context::AcceptContext, error::AcceptError, payable::Payable};
use crate::{
    event::Event,
    intake::{Incoming, Reply},
    policy::{Request, Reservation, parties},
};

/// Where a mandate's answer goes.
type Answer<T> = Reply<Result<<T as Payable>::Acceptance, AcceptError>>;

/// A mandate that passed everything but its signature.
struct Prechecked<T> {
    proposal: Received<T>,
    standing: Precheck,
    settle_by: UnixTime,
    /// Whether this very one, signature included, was accepted before.
    same: bool,
}

/// A mandate whose signature holds, on its way to the disk.
struct Committing<T: Payable> {
    pending: ledger::Pending<Accepted, ledger::AcceptError>,
    request: Request,
    settle_by: UnixTime,
    reservation: Reservation,
    reply: Answer<T>,
}

impl AcceptContext {
    /// Accepts mandates that waited together: their signatures are checked together, and they share a
    /// sync of the disk.
    pub(crate) fn accept<T: Payable>(
        self: &Arc<Self>,
        received: Vec<Incoming<T, Result<T::Acceptance, AcceptError>>>,
    ) {
        if received.is_empty() {
            return;
        }
        let now = self.requests.clock.now();
        let prechecked = self.precheck_all(received, now);
        let committing = self.verify_all(prechecked, now);
        if !committing.is_empty() {
            // They share a sync or two: one after the other keeps nobody waiting.
            self.requests.spawn(Arc::clone(self).answer_all::<T>(committing));
        }
    }

    /// Those that are worth a signature's check. The others are answered.
    fn precheck_all<T: Payable>(
        &self,
        received: Vec<Incoming<T, Result<T::Acceptance, AcceptError>>>,
        now: UnixTime,
    ) -> Vec<(Prechecked<T>, Answer<T>)> {
        let mut passed = Vec::with_capacity(received.len());
        for Incoming { input, reply } in received {
            match self.precheck(input, now) {
                Ok(Prechecked { standing: Precheck::Accepted(accepted), same: true, .. }) => {
                    self.answer::<T>(*accepted, reply);
                }
                Ok(prechecked) => passed.push((prechecked, reply)),
                Err(error) => reply.send(Err(error)),
            }
        }
        passed
    }

    /// Checks signatures, and has those that hold committed. The others are answered.
    fn verify_all<T: Payable>(
        &self,
        prechecked: Vec<(Prechecked<T>, Answer<T>)>,
        now: UnixTime,
    ) -> Vec<Committing<T>> {
        let proposals: Vec<_> = prechecked.iter().map(|(own, _)| &own.proposal).collect();
        let verdicts = T::verify(&proposals);
        let mut committing = Vec::with_capacity(prechecked.len());
        for ((verified, reply), verdict) in prechecked.into_iter().zip(verdicts) {
            let Prechecked { proposal, standing, settle_by, .. } = verified;
            if let Some(reason) = verdict {
                reply.send(Err(AcceptError::BadSignature { reason }));
                continue;
            }
            match standing {
                Precheck::Accepted(accepted) => self.answer::<T>(*accepted, reply),
                Precheck::Acceptable { account, unread: Some(unread), .. } => {
                    self.wanted.want(unread);
                    reply.send(Err(AcceptError::BeingRead { account }));
                }
                Precheck::Acceptable { account, amount, unread: None, ahead } => {
                    ahead.into_iter().for_each(|ahead| self.wanted.want(ahead));
                    let request = self.request(&proposal, account, amount, now);
                    match self.commit(proposal, request.clone(), settle_by, now) {
                        Ok((pending, reservation)) => committing.push(Committing {
                            pending,
                            request,
                            settle_by,
                            reservation,
                            reply,
                        }),
                        Err(error) => reply.send(Err(error)),
                    }
                }
            }
        }
        committing
    }

    /// Everything that [`accept`](Self::accept) checks, without a promise.
    pub(crate) fn check<T: Payable>(&self, mandate: &T) -> Result<(), AcceptError> {
        match self.considered(mandate)? {
            None => Ok(()),
            Some(request) => Ok(self.policies.allow(&request)?),
        }
    }

    /// What the policies are asked about a mandate that everything else lets pass; nothing for one that was
    /// accepted before.
    pub(crate) fn considered<T: Payable>(
        &self,
        mandate: &T,
    ) -> Result<Option<Request>, AcceptError> {
        let now = self.requests.clock.now();
        let Prechecked { proposal, standing, same, .. } = self.precheck(mandate.clone(), now)?;
        if same {
            return Ok(None);
        }
        if let Some(reason) = T::verify(&[&proposal]).into_iter().flatten().next() {
            return Err(AcceptError::BadSignature { reason });
        }
        match standing {
            Precheck::Accepted(_) => Ok(None),
            Precheck::Acceptable { account, unread: Some(unread), .. } => {
                self.wanted.want(unread);
                Err(AcceptError::BeingRead { account })
            }
            Precheck::Acceptable { account, amount, unread: None, .. } => {
                Ok(Some(self.request(&proposal, account, amount, now)))
            }
        }
    }

    /// Checks everything but the signature and the policies.
    fn precheck<T: Payable>(
        &self,
        mandate: T,
        now: UnixTime,
    ) -> Result<Prechecked<T>, AcceptError> {
        let at_the_end = || AcceptError::Internal("the clock is at its end".to_owned());
        let settle_by = self.settle_by(&mandate, now).ok_or_else(at_the_end)?;
        let terms = self.check_terms(&mandate, settle_by, now);
        let (token, not_before) = (mandate.token(), mandate.not_before(now));
        let proposal = mandate.propose(&self.domain(token), &self.requests.signer);
        let standing = self.requests.ledger.precheck(&proposal, settle_by, not_before, now);
        if let Ok(standing @ Precheck::Accepted(_)) = standing {
            let accepted = self.requests.ledger.mandate(proposal.hash())?;
            let is_same = |view: MandateView| proposal.signed().is(&view.mandate.promise);
            let same = accepted.is_some_and(is_same);
            return Ok(Prechecked { proposal, standing, settle_by, same });
        }
        terms?;
        if let Some(ahead_s) = self.chain.is_ahead(now) {
            return Err(AcceptError::ClocksDiffer { ahead_s });
        }
        let standing = standing?;
        if let Some(capacity) = &self.capacity {
            capacity.check(settle_by, now)?;
        }
        Ok(Prechecked { proposal, standing, settle_by, same: false })
    }

    /// What the mandate itself shows.
    fn check_terms<T: Payable>(
        &self,
        mandate: &T,
        settle_by: UnixTime,
        now: UnixTime,
    ) -> Result<(), AcceptError> {
        let (token, amount, deadline) = (mandate.token(), mandate.amount(), mandate.deadline());
        if let Some(preimage) = mandate.preimage() {
            self.check_preimage(mandate, preimage)?;
        }
        let Some(least) = self.least(token) else {
            return Err(AcceptError::UnsupportedToken { token });
        };
        LostPayee::check(mandate.payee(), self.wallet.address, token)?;
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

    /// What the mandate's `ref` was made of, as far as it was said.
    fn check_preimage<T: Payable>(
        &self,
        mandate: &T,
        preimage: &Preimage,
    ) -> Result<(), AcceptError> {
        if mandate.described(&self.venue()) != Some(mandate.reference()) {
            return Err(AcceptError::OtherTerms);
        }
        let Some(disputes) = &preimage.disputes else { return Ok(()) };
        let (asked_s, seconds_max) = (
            disputes.window_seconds().saturating_add(disputes.ruling_seconds()),
            self.disputes.seconds_max,
        );
        match asked_s <= seconds_max {
            true => Ok(()),
            false => Err(AcceptError::DisputesTooLong { asked_s, seconds_max }),
        }
    }

    /// What the policies are asked.
    fn request<T: Payable>(
        &self,
        proposal: &Received<T>,
        account: AccountId,
        amount: Ceiling,
        at: UnixTime,
    ) -> Request {
        let (mandate, nonce) = (proposal.signed(), proposal.signed().nonce());
        let (owner, key_hash) = parties(&self.requests.ledger, account, nonce);
        Request {
            mandate: proposal.hash(),
            account,
            owner,
            key_hash,
            nonce,
            token: mandate.token(),
            payee: mandate.payee(),
            amount,
            reference: mandate.reference(),
            is_disputable: mandate.preimage().is_some_and(|own| own.disputes.is_some()),
            at,
        }
    }

    /// Asks the policies, signs the receipt, and hands both to the ledger.
    fn commit<T: Payable>(
        &self,
        proposal: Received<T>,
        request: Request,
        settle_by: UnixTime,
        now: UnixTime,
    ) -> Result<(ledger::Pending<Accepted, ledger::AcceptError>, Reservation), AcceptError> {
        if let Some(capacity) = &self.capacity {
            // Others that were checked with this one have been admitted since.
            capacity.check(settle_by, now)?;
        }
        let reservation = self.policies.reserve(request)?;
        let verified = proposal.verified_by_caller();
        let offer = T::offer(&verified, now, settle_by, &self.requests.signer)?;
        if let Some(capacity) = &self.capacity {
            capacity.admit();
        }
        Ok((self.requests.ledger.accept(offer, now), reservation))
    }

    /// Waits for the disk, and answers.
    async fn answer_all<T: Payable>(self: Arc<Self>, committing: Vec<Committing<T>>) {
        for Committing { pending, request, settle_by, reservation, reply } in committing {
            let committed = pending.await.map(Durable::into_inner);
            if let Some(capacity) = &self.capacity {
                capacity.answered();
            }
            match committed {
                Ok(accepted) => {
                    if accepted.again {
                        drop(reservation);
                    } else {
                        reservation.keep();
                        self.requests.events.emit(accepted_event(&request, settle_by));
                    }
                    self.answer::<T>(accepted, reply);
                }
                Err(error) => {
                    drop(reservation);
                    reply.send(Err(error.into()));
                }
            }
        }
    }

    fn answer<T: Payable>(&self, accepted: Accepted, reply: Answer<T>) {
        let again = accepted.again;
        let answer = T::acceptance(accepted, &self.requests.signer);
        if answer.is_ok() {
            self.metrics.accepted(again, reply.waited());
        }
        reply.send(answer);
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
