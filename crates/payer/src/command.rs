//! What is asked of whoever signs, and how it is told what became of it.
//!
//! Both ends of an answer may go away at any moment. So what is handed over tells by itself when it is
//! dropped: a mandate that nobody took is withheld, a payment that nobody sends waits again.

use aep2_mandate::{
    mandate::{MandateId, SignedMandate},
    typed_data::receipt::SignedReceipt,
    units::{Amount, UnixTime},
};
use aep2_x402::{Requirements, purchase::Purchase};
use alloy_primitives::{Address, B256};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::PayError,
    journal::Requested,
    unanswered::{Waiting, Which},
};

/// What is to be signed.
#[derive(Clone, Debug)]
pub(crate) struct SignRequest {
    pub(crate) purchase: Purchase,
    pub(crate) order: Option<B256>,
    pub(crate) host: String,
    pub(crate) deadline: UnixTime,
    /// The payee's terms, for an issuer that reads them itself.
    pub(crate) terms: Requirements,
    /// What was asked for, so that the same request finds the payment again.
    pub(crate) request: Option<Box<Requested>>,
}

/// Where a mandate goes that was asked for.
pub(crate) type Reply = oneshot::Sender<Result<Issued, PayError>>;

/// What is asked of the thread.
#[derive(Debug)]
pub(crate) enum Command {
    /// Sign, and write it down.
    Sign {
        request: Box<SignRequest>,
        /// Tells how the mandate fared.
        teller: mpsc::UnboundedSender<Command>,
        reply: Reply,
    },
    /// How a mandate fared.
    Outcome { id: MandateId, outcome: Outcome },
    /// Something that came to be known later.
    Captured { id: MandateId, amount: Amount },
    /// Its request has its answer, to the end.
    Answered { id: MandateId },
    /// Nobody waits for its answer any more.
    LetGo { id: MandateId },
    /// A payment that has no final answer. It is the asker's until it says how it ended.
    Unanswered {
        which: Which,
        /// Tells how it ended.
        teller: mpsc::UnboundedSender<Command>,
        reply: oneshot::Sender<Result<Option<Found>, PayError>>,
    },
    /// What was spent in 24 hours.
    Spent { token: Address, host: Option<String>, reply: oneshot::Sender<Result<Amount, PayError>> },
    /// Answer when all that was asked before is done.
    Flush { reply: oneshot::Sender<()> },
}

/// How a mandate fared.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Its receipt was verified.
    Accepted(Box<SignedReceipt>),
    /// The payee said no.
    Refused(String),
    /// Nobody knows.
    Unclear,
    /// It did not leave.
    Withheld,
}

/// A mandate on its way from whoever signed it to whoever asked for it. Both ends may go away meanwhile:
/// dropped anywhere, it is withheld.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) mandate: SignedMandate,
    pub(crate) fate: Fate,
}

/// A payment without a final answer, on its way to the task that asked for it. Dropped anywhere, it waits again.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) payment: Waiting,
    pub(crate) delivery: Delivery,
}

/// Whether the answer to a paid request came to its end. Dropped before it is [complete](Self::complete),
/// the same request sends the same payment again.
#[derive(Debug)]
pub struct Delivery {
    id: MandateId,
    commands: mpsc::UnboundedSender<Command>,
    complete: bool,
    told: bool,
}

impl Delivery {
    pub(crate) fn new(id: MandateId, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { id, commands, complete: false, told: false }
    }

    /// Its payment, of which nothing has to be told any more.
    pub(crate) fn disarm(mut self) -> MandateId {
        self.told = true;
        self.id
    }

    /// It did: the same request is a new purchase from here on.
    pub fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.told {
            return;
        }
        let id = self.id;
        let end = if self.complete { Command::Answered { id } } else { Command::LetGo { id } };
        // A thread that is gone keeps nothing waiting either.
        let _ = self.commands.send(end);
    }
}

/// Tells the signing thread how a mandate fared, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Fate {
    id: MandateId,
    commands: mpsc::UnboundedSender<Command>,
    pub(crate) sent: bool,
    concluded: bool,
}

impl Fate {
    /// Of a mandate that did not leave yet.
    pub(crate) fn new(id: MandateId, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { id, commands, sent: false, concluded: false }
    }

    pub(crate) fn id(&self) -> MandateId {
        self.id
    }

    /// Its mandate, of which nothing has to be told any more.
    pub(crate) fn disarm(mut self) -> MandateId {
        self.concluded = true;
        self.id
    }

    /// The processor stated what was captured.
    pub(crate) fn captured(&self, amount: Amount) {
        // A thread that is gone keeps no limits either.
        let _ = self.commands.send(Command::Captured { id: self.id, amount });
    }

    pub(crate) fn conclude(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.concluded, true) {
            // A thread that is gone signs nothing that could follow.
            let _ = self.commands.send(Command::Outcome { id: self.id, outcome });
        }
    }
}

impl Drop for Fate {
    fn drop(&mut self) {
        let outcome = if self.sent { Outcome::Unclear } else { Outcome::Withheld };
        self.conclude(outcome);
    }
}
