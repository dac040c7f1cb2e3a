//! The thread that signs: one for each [`Payer`](crate::Payer), and the only one that writes its
//! journal.
//!
//! It takes all requests that wait, locks the journal once for them, and for each: limits, nonce,
//! chain, signature, record. Then one sync for all, and only then the answers.
//!
//! **Chains.** A mandate follows one whose receipt came back, and never another: what was refused,
//! what was not answered and what was withheld is not built upon. Mandates that are on their way
//! at the same time follow different ones, so that each keeps its chain whole: the last accepted
//! mandates wait in a list, a signature takes one out, and its own mandate takes that one's place
//! when it is accepted. A refused mandate gives back what it would have followed; one without an
//! answer gives back nothing. Restarts begin new chains.

use std::{cell::RefCell, collections::HashMap};

use aep2_mandate::{
    clock::Clock,
    mandate::{MandateId, SignedMandate},
    signer::{MandateTerms, Released, Signer},
    units::{AccountId, Amount, Nonce},
};
use aep2_x402::purchase::PaymentContext;
use alloy_primitives::Address;
use tokio::sync::mpsc;

use super::{
    PayError,
    command::{Command, Delivery, Fate, Found, Issued, Outcome, Reply, SignRequest},
    journal::{Journal, JournalError, Owner, Record},
    limits::{Limits, Spent},
    unanswered::{Waiting, WaitingPayments, Which},
};

/// How many chains are kept going in one token: as many mandates as may be on their way at once
/// without cutting one.
const CHAINS_MAX: usize = 64;
/// How many requests share a sync.
const TOGETHER_MAX: usize = 64;

/// Somebody who waits for a mandate.
struct Asker {
    request: Box<SignRequest>,
    teller: mpsc::UnboundedSender<Command>,
    reply: Reply,
}

/// A mandate of which nothing was heard yet.
#[derive(Debug)]
struct OnItsWay {
    mandate: SignedMandate,
    followed: Option<Released>,
}

/// What the journal says.
#[derive(Debug)]
struct Known {
    next_nonce: Option<Nonce>,
    spent: Spent,
    waiting: WaitingPayments,
}

impl Known {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Opened { first_nonce, .. } => self.next_nonce = Some(first_nonce),
            Record::Signed { at, host, id, mandate: signed, request } => {
                let mandate = &signed.mandate;
                self.next_nonce = mandate.nonce.get().checked_add(1).map(Nonce::new);
                self.spent.add(id, at, mandate.token, &host, mandate.amount.amount());
                if let Some(requested) = request {
                    self.waiting.add(Waiting { id, mandate: *signed, requested: *requested, at });
                }
            }
            Record::Withheld { id } => {
                self.spent.captured(id, Amount::ZERO);
                self.waiting.remove(id);
            }
            Record::Captured { id, amount, .. } => self.spent.captured(id, amount),
            Record::Refused { id, .. } | Record::Answered { id, .. } => self.waiting.remove(id),
            Record::Accepted { .. } => {}
        }
    }
}

/// The thread's own.
#[derive(Debug)]
pub(super) struct Signing {
    signer: Signer,
    account: AccountId,
    limits: Limits,
    clock: Clock,
    journal: Journal,
    known: Known,
    chains: HashMap<Address, Vec<Released>>,
    on_their_way: HashMap<MandateId, OnItsWay>,
    failed: Option<String>,
}

impl Signing {
    pub(super) fn open(
        signer: Signer,
        owner: Owner,
        limits: Limits,
        clock: Clock,
        directory: &std::path::Path,
    ) -> Result<Self, JournalError> {
        let mut known = Known {
            next_nonce: None,
            spent: Spent::default(),
            waiting: WaitingPayments::default(),
        };
        let journal = Journal::open(directory, owner, |record| known.apply(record))?;
        Ok(Self {
            signer,
            account: owner.account,
            limits,
            clock,
            journal,
            known,
            chains: HashMap::new(),
            on_their_way: HashMap::new(),
            failed: None,
        })
    }

    /// Does what is asked until nobody is left to ask.
    pub(super) fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let mut waiting = vec![first];
            while waiting.len() < TOGETHER_MAX {
                let Ok(next) = commands.try_recv() else { break };
                waiting.push(next);
            }
            self.serve(waiting);
        }
    }

    fn serve(&mut self, commands: Vec<Command>) {
        let mut requests = Vec::new();
        let mut notes = Vec::new();
        let mut questions = Vec::new();
        for command in commands {
            match command {
                Command::Sign { request, teller, reply } => {
                    requests.push(Asker { request, teller, reply });
                }
                Command::Outcome { id, outcome } => notes.extend(self.conclude(id, outcome)),
                Command::Captured { id, amount } => {
                    notes.push(Record::Captured { at: self.clock.now(), id, amount });
                }
                Command::Answered { id } => {
                    notes.push(Record::Answered { at: self.clock.now(), id });
                }
                Command::LetGo { id } => self.known.waiting.let_go(id),
                question => questions.push(question),
            }
        }
        // Those who do not wait any more are not served: nothing is signed for nobody.
        requests.retain(|asker| !asker.reply.is_closed());
        self.write(requests, notes);
        for question in questions {
            self.answer(question);
        }
    }

    /// Notes what is to be noted, signs what is asked, syncs once, answers.
    fn write(&mut self, requests: Vec<Asker>, notes: Vec<Record>) {
        if let Some(failure) = &self.failed {
            for asker in requests {
                // Whoever does not wait any more need not know.
                let _ = asker.reply.send(Err(JournalError::Failed(failure.clone()).into()));
            }
            return;
        }
        let Self { signer, account, limits, clock, journal, known, chains, on_their_way, .. } =
            self;
        // Both closures below use it, one after the other.
        let known = RefCell::new(known);
        let (mut requests, mut answers) = (requests, Vec::new());
        let written = journal.locked(
            |record| known.borrow_mut().apply(record),
            |journal| {
                let mut known = known.borrow_mut();
                let now = clock.now();
                let mut records = notes;
                for note in &records {
                    known.apply(note.clone());
                }
                known.spent.forget_before(now);
                for Asker { request, teller, reply } in requests.drain(..) {
                    let (host, requested) = (request.host.clone(), request.request.clone());
                    match sign(signer, *account, limits, &known, chains, *request) {
                        Ok((id, signed)) => {
                            let record = Record::Signed {
                                at: now,
                                host,
                                id,
                                mandate: Box::new(signed.mandate.clone()),
                                request: requested,
                            };
                            known.apply(record.clone());
                            known.waiting.take(id);
                            records.push(record);
                            let (mandate, fate) = (signed.mandate.clone(), Fate::new(id, teller));
                            answers.push((reply, Ok(Issued { mandate, fate })));
                            on_their_way.insert(id, signed);
                        }
                        Err(error) => answers.push((reply, Err(error))),
                    }
                }
                let signs = records.iter().any(|record| matches!(record, Record::Signed { .. }));
                journal.append(&records, signs)
            },
        );
        if let Err(error) = written {
            let answered = answers.into_iter().map(|(reply, _)| reply);
            self.fail(error, answered.chain(requests.into_iter().map(|asker| asker.reply)));
            return;
        }
        let mut withheld = Vec::new();
        for (reply, answer) in answers {
            if let Err(Ok(unwanted)) = reply.send(answer) {
                withheld.push(unwanted.fate.disarm());
            }
        }
        let records: Vec<_> =
            withheld.into_iter().filter_map(|id| self.conclude(id, Outcome::Withheld)).collect();
        if !records.is_empty() {
            self.write(Vec::new(), records);
        }
    }

    /// Nothing leaves: what is on disk is not certain, and neither are nonces and sums.
    fn fail(&mut self, error: JournalError, waiting: impl Iterator<Item = Reply>) {
        let words = error.to_string();
        tracing::error!(error = %words, "the journal of payments failed; nothing more is signed");
        let mut error = Some(error);
        for reply in waiting {
            let error = error.take().unwrap_or_else(|| JournalError::Failed(words.clone()));
            let _ = reply.send(Err(error.into()));
        }
        self.failed = Some(words);
    }

    /// Takes note of how a mandate fared: what may be followed now, and what is written down.
    fn conclude(&mut self, id: MandateId, outcome: Outcome) -> Option<Record> {
        let at = self.clock.now();
        let record = match &outcome {
            Outcome::Accepted(receipt) => {
                Some(Record::Accepted { at, id, receipt: receipt.clone() })
            }
            Outcome::Refused(reason) => Some(Record::Refused { at, id, reason: reason.clone() }),
            Outcome::Withheld => Some(Record::Withheld { id }),
            Outcome::Unclear => None,
        };
        // One that was given up before, and is heard of after all, is in no chain any more.
        if let Some(OnItsWay { mandate, followed }) = self.on_their_way.remove(&id) {
            let token = mandate.mandate.token;
            let follow = match outcome {
                Outcome::Accepted(_) => Some(mandate.released_to_payee()),
                Outcome::Refused(_) | Outcome::Withheld => followed,
                Outcome::Unclear => None,
            };
            let chains = self.chains.entry(token).or_default();
            if chains.len() < CHAINS_MAX {
                chains.extend(follow);
            }
        }
        record
    }

    fn answer(&mut self, question: Command) {
        match question {
            Command::Spent { token, host, reply } => {
                let known = &mut self.known;
                let read = self.journal.locked(|record| known.apply(record), |_| Ok(()));
                self.known.spent.forget_before(self.clock.now());
                let spent = self.known.spent.total(token, host.as_deref());
                let _ = reply.send(read.map(|()| spent).map_err(PayError::from));
            }
            Command::Unanswered { which, teller, reply } => {
                let found = self.unanswered(which).map(|found| {
                    found.map(|payment| {
                        let delivery = Delivery::new(payment.id, teller);
                        Found { payment, delivery }
                    })
                });
                if let Err(Ok(Some(unwanted))) = reply.send(found) {
                    self.known.waiting.let_go(unwanted.delivery.disarm());
                }
            }
            Command::Flush { reply } => {
                let _ = reply.send(());
            }
            // These ask nothing.
            Command::Sign { .. }
            | Command::Outcome { .. }
            | Command::Captured { .. }
            | Command::Answered { .. }
            | Command::LetGo { .. } => {}
        }
    }

    /// A payment that waits for its answer, by all that is in the journal now.
    fn unanswered(&mut self, which: Which) -> Result<Option<Waiting>, PayError> {
        if let Some(failure) = &self.failed {
            return Err(JournalError::Failed(failure.clone()).into());
        }
        let known = &mut self.known;
        self.journal.locked(|record| known.apply(record), |_| Ok(()))?;
        Ok(self.known.waiting.find(which, self.clock.now()))
    }
}

/// One mandate: limits, nonce, what it follows, signature.
fn sign(
    signer: &Signer,
    account: AccountId,
    limits: &Limits,
    known: &Known,
    chains: &mut HashMap<Address, Vec<Released>>,
    request: SignRequest,
) -> Result<(MandateId, OnItsWay), PayError> {
    let SignRequest { purchase, order, host, deadline, .. } = request;
    let (token, payee) = (purchase.token, purchase.payee);
    limits.check(&known.spent, token, payee, &host, purchase.amount.amount())?;
    let nonce = known.next_nonce.ok_or(JournalError::NoncesSpent(Nonce::MAX))?;
    let context = match order {
        Some(order) => PaymentContext::Order(order),
        None => PaymentContext::Intent { account, nonce },
    };
    let terms = MandateTerms {
        account,
        token,
        payee,
        amount: purchase.amount,
        nonce,
        deadline,
        reference: purchase.reference(context),
    };
    let followed = chains.get_mut(&token).and_then(Vec::pop);
    let mandate = signer.sign(terms, followed.as_ref());
    let id = mandate.mandate.id(&signer.domain(token));
    Ok((id, OnItsWay { mandate, followed }))
}
