//! Refunds: a payee gives back some of what it was paid for a mandate, as often as it likes.
//!
//! `docs/refunds.md` has the whole of it. The payee signs with plain ECDSA, in the wallet's domain. What it
//! signs is its word, and is kept and shown as **announced**. It is **paid** only when the chain shows the
//! deposit into the payer's account whose nonce is this refund's; then the ledger says so
//! ([`crate::follow`]), never the payee.

mod error;
mod status;

use std::sync::Arc;

use aep2_chain::wallet::signing::deposit_nonce;
use aep2_ledger::{self as ledger, Durable, MandateHash, MandateView, Refunded, check_refund};
pub use aep2_mandate::typed_data::refund::{Refund, SignedRefund};
use aep2_mandate::units::UnixTime;

pub use self::{
    error::RefundError,
    status::{RefundState, RefundStatus},
};
use crate::{
    event::Event,
    intake::{Incoming, Reply, RequestContext},
};

type Answer = Result<RefundStatus, RefundError>;
type Noting = ledger::Pending<Refunded, ledger::RefundError>;

/// Serves refunds that waited together.
pub(crate) fn serve(context: &Arc<RequestContext>, received: Vec<Incoming<SignedRefund, Answer>>) {
    let now = context.clock.now();
    let mut committing = Vec::new();
    for Incoming { input, reply } in received {
        match commit(context, &input, now) {
            Ok(noting) => committing.push((noting, input.message, reply)),
            Err(error) => reply.send(Err(error)),
        }
    }
    if !committing.is_empty() {
        context.spawn(answer_all(Arc::clone(context), committing));
    }
}

/// Checks a refund, and hands it to the ledger.
fn commit(
    context: &RequestContext,
    signed: &SignedRefund,
    now: UnixTime,
) -> Result<Noting, RefundError> {
    let Refund { mandate_id, token, amount, refund_id, .. } = signed.message;
    let mandate = MandateHash::from_bytes(mandate_id);
    let view = context.ledger.mandate(mandate)?;
    let view = view.ok_or(RefundError::UnknownMandate { mandate })?;
    check(context, signed, &view)?;
    if token != view.mandate.promise.token() {
        return Err(RefundError::OtherToken { token: view.mandate.promise.token() });
    }
    // Said before anything is written. The ledger says it once more when it is noted.
    let before = context.ledger.refunds(mandate)?;
    check_refund(&view.state.status, &before, (refund_id, amount))?;

    let nonce = deposit_nonce(view.mandate.promise.account(), signed.message.deposit_salt());
    let statement = serde_json::to_vec(signed);
    let statement = statement.map_err(|error| RefundError::Internal(error.to_string()))?;
    let refund = ledger::Refund { mandate, id: refund_id, amount, nonce, statement };
    Ok(context.ledger.refund(refund, now))
}

fn check(
    context: &RequestContext,
    signed: &SignedRefund,
    view: &MandateView,
) -> Result<(), RefundError> {
    signed
        .verify(&context.signer.domain, view.mandate.promise.payee())
        .map_err(|reason| RefundError::BadSignature { reason })
}

/// Waits for the disk, and answers.
async fn answer_all(
    context: Arc<RequestContext>,
    committing: Vec<(Noting, Refund, Reply<Answer>)>,
) {
    for (noting, refund, reply) in committing {
        let answer = match noting.await.map(Durable::into_inner) {
            Ok(Refunded { refund: noted, again }) => {
                if !again {
                    let mandate = MandateHash::from_bytes(refund.mandate_id);
                    let (refund_id, amount) = (noted.id, noted.record.amount.amount());
                    context.events.emit(Event::RefundAnnounced { mandate, refund_id, amount });
                }
                RefundStatus::of(&noted).map_err(|error| RefundError::Internal(error.to_string()))
            }
            Err(error) => Err(error.into()),
        };
        reply.send(answer);
    }
}
