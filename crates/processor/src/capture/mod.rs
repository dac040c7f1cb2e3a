//! Captures: a payee takes less than the ceiling, once, before its mandate is in a batch.
//!
//! `docs/processor.md` lists the order of the checks. The payee signs with plain ECDSA, in the wallet's
//! domain: a payee that is a contract signs nothing, and is paid the whole amount.
//!
//! The answer is signed before it is noted, and kept with the capture in one synced write: what leaves
//! is on disk, and asking again gives the same bytes. Mandates of both paths can be captured: the
//! wallet settles those of the direct path for less, too.

mod error;

use std::sync::Arc;

use aep2_ledger::{
    self as ledger, Captured, Durable, IssuedReceipt, MandateHash, MandateView,
    records::CaptureRecord,
};
pub use aep2_mandate::typed_data::capture::{
    Capture, CaptureReceipt, SignedCapture, SignedCaptureReceipt,
};
use aep2_mandate::units::UnixTime;
use alloy::primitives::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::error::CaptureError;
use crate::{
    event::Event,
    intake::{Incoming, Reply, RequestContext},
};

/// A capture that is noted: its receipt is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaptureAcceptance {
    /// What the payee is given.
    pub receipt: SignedCaptureReceipt,
    /// Whether it had been captured before, and this is the receipt of then.
    #[serde(skip)]
    pub again: bool,
}

/// What is kept of a capture: the payee's word and the processor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    capture: SignedCapture,
    receipt: SignedCaptureReceipt,
}

/// The receipt that was given for a capture.
///
/// # Errors
/// When what was kept is not what this software keeps.
pub(crate) fn receipt_of(
    record: &CaptureRecord,
) -> Result<SignedCaptureReceipt, serde_json::Error> {
    serde_json::from_slice::<Statement>(&record.statement).map(|statement| statement.receipt)
}

/// What the payee signed that it takes.
///
/// # Errors
/// When what was kept is not what this software keeps.
pub(crate) fn signed_of(record: &CaptureRecord) -> Result<SignedCapture, serde_json::Error> {
    serde_json::from_slice::<Statement>(&record.statement).map(|statement| statement.capture)
}

type Answer = Result<CaptureAcceptance, CaptureError>;
type Noting = ledger::Pending<Captured, ledger::CaptureError>;

/// Serves captures that waited together.
pub(crate) fn serve(context: &Arc<RequestContext>, received: Vec<Incoming<SignedCapture, Answer>>) {
    let now = context.clock.now();
    let mut committing = Vec::new();
    for Incoming { input, reply } in received {
        match commit(context, &input, now) {
            Ok(Found::Before(acceptance)) => reply.send(Ok(acceptance)),
            Ok(Found::New(noting)) => committing.push((noting, input.message, reply)),
            Err(error) => reply.send(Err(error)),
        }
    }
    if !committing.is_empty() {
        context.spawn(answer_all(Arc::clone(context), committing));
    }
}

enum Found {
    /// It was captured before, the same amount.
    Before(CaptureAcceptance),
    /// It is being noted.
    New(Noting),
}

/// Checks a capture, signs its receipt, and hands both to the ledger.
fn commit(
    context: &RequestContext,
    signed: &SignedCapture,
    now: UnixTime,
) -> Result<Found, CaptureError> {
    let capture = signed.message;
    let mandate = MandateHash::from_bytes(capture.mandate_id);
    let view = context.ledger.mandate(mandate)?;
    let view = view.ok_or(CaptureError::UnknownMandate { mandate })?;
    let payee = view.mandate.promise.payee();
    signed
        .verify(&context.signer.domain, payee)
        .map_err(|reason| CaptureError::BadSignature { reason })?;
    if let Some(before) = before(&view, &capture)? {
        return Ok(Found::Before(before));
    }

    let Capture { mandate_id, amount } = capture;
    let signer = &context.signer;
    let receipt = CaptureReceipt {
        mandate_id,
        processor: signer.address(),
        // The one whom the receipt names: no other's ruling lowers what either of them says.
        arbiter: arbiter_of(&view),
        amount,
        issued_at: now,
    };
    let receipt = SignedCaptureReceipt::sign(receipt, &signer.key, &signer.domain);
    let receipt = receipt.map_err(|error| CaptureError::Internal(error.to_string()))?;
    let statement = serde_json::to_vec(&Statement { capture: *signed, receipt });
    let statement = statement.map_err(|error| CaptureError::Internal(error.to_string()))?;
    let noted = ledger::Capture { mandate, amount, statement };
    Ok(Found::New(context.ledger.capture(noted, now)))
}

/// Whose ruling lowers what the receipt of a mandate promises.
fn arbiter_of(view: &MandateView) -> Address {
    match &view.receipt {
        IssuedReceipt::Proved { receipt } => receipt.message.arbiter,
        // These name nobody.
        IssuedReceipt::Direct { .. } => Address::ZERO,
    }
}

/// What the ledger says before anything is signed: what was captured before, or why it is refused. It
/// says so once more when the capture is noted.
fn before(view: &MandateView, asked: &Capture) -> Result<Option<CaptureAcceptance>, CaptureError> {
    if let Some(record) = &view.capture {
        if record.amount != asked.amount {
            return Err(CaptureError::Conflict { captured: record.amount });
        }
        return acceptance(record, true).map(Some);
    }
    let ceiling = view.mandate.promise.amount();
    if asked.amount > ceiling.amount() {
        return Err(CaptureError::AboveCeiling { asked: asked.amount, ceiling });
    }
    if !view.state.status.is_live() || view.state.was_sealed {
        return Err(CaptureError::TooLate { status: view.state.status.clone() });
    }
    Ok(None)
}

fn acceptance(record: &CaptureRecord, again: bool) -> Answer {
    let receipt = receipt_of(record).map_err(|error| CaptureError::Internal(error.to_string()))?;
    Ok(CaptureAcceptance { receipt, again })
}

/// Waits for the disk, and answers.
async fn answer_all(
    context: Arc<RequestContext>,
    committing: Vec<(Noting, Capture, Reply<Answer>)>,
) {
    for (noting, capture, reply) in committing {
        let answer = match noting.await.map(Durable::into_inner) {
            Ok(Captured { record, again }) => {
                if !again {
                    let mandate = MandateHash::from_bytes(capture.mandate_id);
                    context.events.emit(Event::Captured { mandate, amount: record.amount });
                }
                acceptance(&record, again)
            }
            Err(error) => Err(error.into()),
        };
        reply.send(answer);
    }
}
