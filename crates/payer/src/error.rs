//! Why nothing was paid, or what was paid is not certain.

use aep2_mandate::mandate::MandateId;
use aep2_x402::{headers::HeaderError, terms::TermsError};
use alloy_primitives::Address;
use thiserror::Error;

use crate::{
    card::IssuerError,
    disputes::{HandInError, Held, TooWeak},
    journal::JournalError,
    limits::LimitError,
};

/// Why nothing was paid, or what was paid is not certain.
#[derive(Debug, Error)]
pub enum PayError {
    /// The payer's own limits.
    #[error("over a limit: {0}")]
    Limit(#[from] LimitError),
    /// The journal cannot be written, so nothing is signed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The payee's terms cannot be used.
    #[error("the payee's terms cannot be used: {0}")]
    Terms(#[from] TermsError),
    /// The terms are for another place, or another request.
    #[error("the payee asks for {field} {offered}, and here it is {expected}")]
    Mismatch {
        /// What differs.
        field: &'static str,
        /// What the payee says.
        offered: String,
        /// What would be right.
        expected: String,
    },
    /// The terms let somebody decide about disputes whom this payer does not accept. Nothing was signed.
    #[error(
        "the payee's terms let {arbiter} decide about disputes, which is none of the arbiters that this \
         payer accepts: if you trust it, name it in `arbiters` of wallet.toml"
    )]
    Disputes {
        /// The dispute processor.
        arbiter: Address,
    },
    /// The payee's terms are not those that were agreed to before. Nothing more was signed.
    #[error("the payee changed its {field} from {before} to {after}")]
    TermsChanged {
        /// What changed.
        field: &'static str,
        /// What it was.
        before: String,
        /// What it is now.
        after: String,
    },
    /// The payee wants to be paid, but offers nothing that a mandate can pay.
    #[error("the payee offers nothing that a mandate can pay: {0}")]
    NoOffer(String),
    /// A header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The payee refused the payment.
    #[error("the payee refused the payment (status {status}): {reason}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Its code.
        reason: String,
        /// Its message.
        message: String,
    },
    /// The processor refused the mandate, before its payee had it. Nothing is paid.
    #[error("the processor refused the payment: {code}: {message}")]
    RefusedByProcessor {
        /// Its code.
        code: String,
        /// Its message.
        message: String,
    },
    /// The payee refused a payment that the processor holds: it settles, unless it is disputed. The same
    /// request sends it again.
    #[error(
        "the payee refused the payment {} ({reason}), and the processor holds it: it will be paid. Ask again, or \
         dispute it until {} (aep2 dispute open)",
        held.id, held.dispute_until
    )]
    RefusedAndHeld {
        /// What the processor has.
        held: Held,
        /// What the payee said.
        reason: String,
    },
    /// The terms say too little of disputes to be worth anything. Nothing was signed.
    #[error("the payee's terms are not signed: {0}")]
    DisputesTooWeak(TooWeak),
    /// The mandate can be disputed, and the processor did not promise so: the payee does not get it. The same
    /// request tries again.
    #[error(
        "the payment {id} was not sent to its payee, for the processor must know first that it can be disputed: {why}"
    )]
    NotHandedIn {
        /// The mandate's id.
        id: MandateId,
        /// Why not.
        #[source]
        why: HandInError,
    },
    /// The request cannot be sent twice: its body is a stream.
    #[error("the request's body is a stream and cannot be sent again with a payment")]
    NotRepeatable,
    /// The answer came from elsewhere.
    #[error("asked for {requested}, answered by {answered}: redirections are not followed")]
    Redirected {
        /// What was asked for.
        requested: String,
        /// Where it was answered.
        answered: String,
    },
    /// The request failed, and nothing was signed.
    #[error("the request failed: {0}")]
    Http(#[source] reqwest::Error),
    /// A mandate was sent, and no final answer came. It may have been accepted: it counts as spent. The
    /// same request, asked for again, sends the same payment.
    #[error("the payment {id} was sent and not answered: {why}")]
    Unanswered {
        /// The mandate's id.
        id: MandateId,
        /// What came instead, the last time.
        #[source]
        why: NoAnswer,
    },
    /// There is no such payment that waits for its answer, or it is being sent.
    #[error(
        "no payment {0} waits for an answer: it has one, its deadline has passed, or it is on its way"
    )]
    NotWaiting(MandateId),
    /// Something has no JSON, which all that is paid with has.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The issuer of the payer's card issued nothing.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The payer pays with a card: what was spent, its issuer counts.
    #[error("what was spent with a card is counted by its issuer")]
    CountedByTheIssuer,
    /// The payer is shutting down.
    #[error("the payer is closed")]
    Closed,
}

/// What came instead of an answer to a paid request.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// Nothing.
    #[error("{0}")]
    Failed(#[source] reqwest::Error),
    /// Somebody on the way, or a payee that is busy: nothing is said about the payment.
    #[error("the answer was {status}, and says nothing about the payment: {words}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        words: String,
    },
    /// An answer that broke off.
    #[error("the answer broke off: {0}")]
    Cut(#[source] reqwest::Error),
}
