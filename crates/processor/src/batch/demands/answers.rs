//! Sending answers: several demands by one transaction, and few transactions at once, since settlements
//! are sent with the same key, in the same order of nonces, and from the same purse.

use std::{collections::BTreeMap, sync::Arc};

use aep2_chain::{
    call::Call,
    sender::{Broadcast, Outcome, Pending, SenderError, SubmissionId},
    wallet::guarantee::{CaptureAnswer, ShownMandate},
};
use aep2_ledger::BatchNumber;
use alloy::primitives::{B256, keccak256};

use super::{
    book::Book,
    node::Node,
    standing::{Needed, Shown},
};
use crate::batch::sending::NotSent;

/// How many transactions are on their way at once, and how many demands one answers.
const ON_THEIR_WAY_MAX: usize = 4;
const CAPTURES_MAX: usize = 32;
const LEAVES_MAX: usize = 24;

/// Answers to be sent, and those on their way.
pub(super) struct Answers {
    node: Node,
    captures: Vec<(B256, CaptureAnswer)>,
    batches: BTreeMap<BatchNumber, OfBatch>,
    on_their_way: Vec<Sent>,
}

/// A batch, and what of it is to be shown.
type OfBatch = (Arc<Shown>, Vec<(B256, ShownMandate)>);

/// A transaction that answers.
struct Sent {
    id: SubmissionId,
    digests: Vec<B256>,
}

impl Answers {
    pub(super) fn new(node: Node) -> Self {
        let (captures, batches, on_their_way) = Default::default();
        Self { node, captures, batches, on_their_way }
    }

    /// Adds what answers a demand. Where both can be said, what the payee took comes first: what is shown
    /// then covers what is due, and who demanded it all the same pays for the answer.
    pub(super) fn add(&mut self, digest: B256, needed: Needed) {
        let Needed { capture, shown, fault } = needed;
        if let Some(fault) = fault {
            tracing::warn!(%digest, error = %fault, "a demand is answered in part alone");
        }
        if let Some(capture) = capture {
            self.captures.push((digest, capture));
        } else if let Some((batch, shown)) = shown {
            let of_batch = self.batches.entry(batch.number);
            of_batch.or_insert_with(|| (batch, Vec::new())).1.push((digest, shown));
        }
    }

    /// Looks what became of the transactions that were sent.
    pub(super) async fn follow_up(&mut self, book: &mut Book) {
        let mut still = Vec::new();
        for sent in std::mem::take(&mut self.on_their_way) {
            let outcome = self.node.context.sending.outcome(sent.id).await;
            match outcome {
                Ok(
                    Outcome::Succeeded { .. } | Outcome::Pending(Pending::Mined { succeeded: true, .. }),
                )
                // The journal forgot it: it ended long ago.
                | Err(SenderError::NoSuchSubmission { .. }) => book.mined(&sent.digests, true),
                Ok(
                    Outcome::Reverted { .. }
                    | Outcome::Replaced { .. }
                    | Outcome::Pending(Pending::Mined { succeeded: false, .. }),
                ) => book.mined(&sent.digests, false),
                Ok(Outcome::Pending(Pending::Stuck(reached))) => {
                    let problem = reached.to_string();
                    sent.digests.iter().for_each(|digest| book.put_off(*digest, &problem));
                    // They are not sent again meanwhile.
                    book.sent(&sent.digests);
                    still.push(sent);
                }
                Ok(Outcome::Pending(_) | Outcome::Dropped { .. }) | Err(_) => still.push(sent),
            }
        }
        self.on_their_way = still;
    }

    /// Sends what was added, as much as may be on its way. The rest is looked at again.
    pub(super) async fn send(&mut self, book: &mut Book) {
        let id = self.node.guarantee.id();
        let mut groups: Vec<(Vec<B256>, Call)> = Vec::new();
        for part in split(std::mem::take(&mut self.captures), CAPTURES_MAX, book) {
            let (digests, answers): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            groups.push((digests, id.answer_by_capture(&answers)));
        }
        for (shown, leaves) in std::mem::take(&mut self.batches).into_values() {
            for part in split(leaves, LEAVES_MAX, book) {
                let (digests, leaves): (Vec<_>, Vec<_>) = part.into_iter().unzip();
                groups.push((digests, id.answer(&shown.batch, &leaves)));
            }
        }
        for (digests, call) in groups {
            if self.on_their_way.len() >= ON_THEIR_WAY_MAX {
                break;
            }
            self.send_one(digests, call, book).await;
        }
    }

    async fn send_one(&mut self, digests: Vec<B256>, call: Call, book: &mut Book) {
        let failed = digests.iter().map(|digest| book.history(digest).0).max().unwrap_or(0);
        let id = self.node.submission(&[
            b"answer",
            &failed.to_be_bytes(),
            keccak256(&call.data).as_slice(),
        ]);
        let problem = match self.node.context.sending.submit(id, call).await {
            Ok(ticket) => {
                if ticket.broadcast != Broadcast::Earlier {
                    let (count, transaction) = (digests.len(), ticket.hash);
                    tracing::info!(count, %transaction, "answering demands");
                }
                book.sent(&digests);
                self.on_their_way.push(Sent { id, digests });
                return;
            }
            // One of them may be why.
            Err(NotSent::Refused(_)) if digests.len() > 1 => return book.part(&digests),
            Err(NotSent::Refused(error)) => format!("the answer is refused: {error}"),
            Err(NotSent::NotSimulated(message) | NotSent::Wait(_, message)) => message,
        };
        digests.iter().for_each(|digest| book.put_off(*digest, &problem));
    }
}

/// In parts of at most so many; those that were refused with others each by itself.
fn split<T>(all: Vec<(B256, T)>, most: usize, book: &Book) -> Vec<Vec<(B256, T)>> {
    let (alone, together): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(digest, _)| book.history(digest).1);
    let mut parts: Vec<Vec<(B256, T)>> = alone.into_iter().map(|one| vec![one]).collect();
    let mut together = together.into_iter().peekable();
    while together.peek().is_some() {
        parts.push(together.by_ref().take(most).collect());
    }
    parts
}
