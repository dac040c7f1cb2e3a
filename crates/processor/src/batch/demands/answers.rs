//! Sending answers: several demands by one transaction, and few transactions at once, since settlements
//! are sent with the same key, in the same order of nonces, and from the same purse.

use std::{collections::BTreeMap, sync::Arc};

use aep2_chain::{
    call::Call,
    sender::{Broadcast, Outcome, Pending, SenderError, SubmissionId},
    wallet::guarantee::{CaptureAnswer, RulingAnswer, ShownMandate},
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
/// How large its calldata may be: nodes take transactions of 128 KiB.
const BYTES_MAX: usize = 100 << 10;

/// Answers to be sent, and those on their way.
pub(super) struct Answers {
    node: Node,
    rulings: Vec<(B256, RulingAnswer)>,
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
        let (rulings, captures, batches, on_their_way) = Default::default();
        Self { node, rulings, captures, batches, on_their_way }
    }

    /// Adds what answers a demand. Where more can be said, what was ruled comes first, then what the payee took: what is shown
    /// then covers what is due, and who demanded it all the same pays for the answer.
    pub(super) fn add(&mut self, digest: B256, needed: Needed, book: &Book) {
        let Needed { ruling, capture, shown, fault } = needed;
        if let Some(fault) = fault {
            tracing::debug!(%digest, error = %fault, "a demand is answered in part alone");
        }
        let useless = shown.is_some() && book.terms(&digest).capture_refused;
        if let Some(ruling) = ruling {
            self.rulings.push((digest, ruling));
        } else if let Some(capture) = capture.filter(|_| !useless) {
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
                    book.stalled(&sent.digests, &reached.to_string());
                    still.push(sent);
                }
                Ok(Outcome::Dropped { refusal: Some((_, message)), .. }) => {
                    book.stalled(&sent.digests, &message);
                    still.push(sent);
                }
                Err(error) => {
                    book.stalled(&sent.digests, &error.to_string());
                    still.push(sent);
                }
                Ok(Outcome::Pending(_) | Outcome::Dropped { .. }) => {
                    book.sent(&sent.digests);
                    still.push(sent);
                }
            }
        }
        self.on_their_way = still;
    }

    /// How many more transactions may be on their way.
    pub(super) fn free(&self) -> usize {
        ON_THEIR_WAY_MAX.saturating_sub(self.on_their_way.len())
    }

    /// Sends what was added, as much as may be on its way: first what can be claimed first. The rest is
    /// looked at again.
    pub(super) async fn send(&mut self, book: &mut Book) {
        let id = self.node.guarantee.id();
        let mut groups = Vec::new();
        let rulings = std::mem::take(&mut self.rulings);
        group(rulings, Kind::Ruling, book, &mut groups, &|part| {
            let answers: Vec<_> = part.iter().map(|(_, answer)| *answer).collect();
            id.answer_by_ruling(&answers)
        });
        let captures = std::mem::take(&mut self.captures);
        group(captures, Kind::Capture, book, &mut groups, &|part| {
            let answers: Vec<_> = part.iter().map(|(_, answer)| *answer).collect();
            id.answer_by_capture(&answers)
        });
        for (shown, leaves) in std::mem::take(&mut self.batches).into_values() {
            group(leaves, Kind::Batch, book, &mut groups, &|part| {
                let leaves: Vec<_> = part.iter().map(|(_, leaf)| leaf.clone()).collect();
                id.answer(&shown.batch, &leaves)
            });
        }
        groups.sort_by_key(|group| group.until);
        for group in groups {
            if self.free() == 0 {
                book.wait_for_a_turn(&group.digests);
            } else {
                self.send_one(group, book).await;
            }
        }
    }

    async fn send_one(&mut self, group: Group, book: &mut Book) {
        let Group { digests, call, kind, .. } = group;
        let failed = digests.iter().map(|digest| book.terms(digest).failed).max().unwrap_or(0);
        let data = keccak256(&call.data);
        let id = self.node.submission(&[b"answer", &failed.to_be_bytes(), data.as_slice()]);
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
            Err(NotSent::Refused(_) | NotSent::NotSimulated(_)) if digests.len() > 1 => {
                return book.part(&digests);
            }
            Err(NotSent::Refused(error)) => {
                if kind == Kind::Capture {
                    digests.iter().for_each(|digest| book.capture_refused(*digest));
                }
                format!("the answer is refused: {error}")
            }
            Err(NotSent::NotSimulated(message) | NotSent::Wait(_, message)) => message,
        };
        digests.iter().for_each(|digest| book.put_off(*digest, &problem));
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ruling,
    Capture,
    Batch,
}

impl Kind {
    /// How many demands one answers at most.
    fn most(self) -> usize {
        match self {
            Self::Ruling | Self::Capture => CAPTURES_MAX,
            Self::Batch => LEAVES_MAX,
        }
    }
}

/// Demands that one transaction answers.
struct Group {
    /// When the first of them can be claimed, unix seconds.
    until: u64,
    digests: Vec<B256>,
    call: Call,
    kind: Kind,
}

/// Makes groups of at most so many, those together that can be claimed at about the same time, none of them
/// too large for a transaction.
fn group<T>(
    mut all: Vec<(B256, T)>,
    kind: Kind,
    book: &Book,
    groups: &mut Vec<Group>,
    call: &impl Fn(&[(B256, T)]) -> Call,
) {
    all.sort_by_key(|(digest, _)| book.terms(digest).until);
    let mut rest = &all[..];
    while !rest.is_empty() {
        let (mut count, mut most) = (0, kind.most());
        while count < rest.len() && count < most {
            most = most.min(book.terms(&rest[count].0).group_max.max(count + 1));
            count += 1;
        }
        let made = loop {
            let made = call(&rest[..count]);
            if made.data.len() <= BYTES_MAX || count == 1 {
                break made;
            }
            count = count.div_ceil(2);
        };
        let (part, others) = rest.split_at(count);
        let digests: Vec<B256> = part.iter().map(|(digest, _)| *digest).collect();
        let until = book.terms(&digests[0]).until;
        groups.push(Group { until, digests, call: made, kind });
        rest = others;
    }
}

#[cfg(test)]
mod tests {
    use aep2_ledger::MandateHash;
    use aep2_mandate::units::UnixTime;
    use alloy::primitives::Address;

    use super::*;
    use crate::batch::demands::standing::Demand;

    fn digest(number: u8) -> B256 {
        B256::repeat_byte(number)
    }

    fn book(until: &[u64]) -> Book {
        let mut book = Book::new(600);
        for (number, until) in (1..).zip(until) {
            let answer_until = UnixTime::new(*until).expect("a time");
            let mandate = MandateHash::from_bytes(B256::ZERO);
            book.add(digest(number), Demand { mandate, answer_until, transaction: B256::ZERO });
        }
        book
    }

    /// Groups of the demands 1 to n, each of which takes so many bytes.
    fn groups(book: &Book, count: u8, bytes: usize) -> Vec<(u64, Vec<B256>)> {
        let all = (1..=count).map(|number| (digest(number), ())).collect();
        let mut groups = Vec::new();
        group(all, Kind::Batch, book, &mut groups, &|part| {
            let data = vec![0; part.len() * bytes].into();
            Call::with_data(Address::ZERO, data)
        });
        groups.into_iter().map(|group| (group.until, group.digests)).collect()
    }

    #[test]
    fn what_can_be_claimed_first_is_in_the_first_group() {
        let until: Vec<u64> = (0..30).map(|number| 900 - number).collect();
        let groups = groups(&book(&until), 30, 1);
        assert_eq!((groups[0].0, groups[0].1.len()), (871, LEAVES_MAX));
        assert_eq!((groups[1].0, groups[1].1.len()), (895, 30 - LEAVES_MAX));
        assert_eq!(groups[0].1[0], digest(30));
    }

    #[test]
    fn groups_that_were_refused_are_parted_until_each_is_by_itself() {
        let mut book = book(&[700, 701, 702, 703]);
        let sizes = |book: &Book| -> Vec<usize> {
            groups(book, 4, 1).iter().map(|(_, digests)| digests.len()).collect()
        };
        assert_eq!(sizes(&book), [4]);
        book.part(&[1, 2, 3, 4].map(digest));
        assert_eq!(sizes(&book), [2, 2]);
        book.part(&[1, 2].map(digest));
        assert_eq!(sizes(&book), [1, 1, 2]);
        // What was taken is tried together again.
        book.sent(&[1, 2, 3, 4].map(digest));
        assert_eq!(sizes(&book), [4]);
    }

    #[test]
    fn a_group_fits_a_transaction() {
        let book = book(&[700, 701, 702, 703]);
        let sizes: Vec<usize> =
            groups(&book, 4, 30 << 10).iter().map(|(_, digests)| digests.len()).collect();
        assert_eq!(sizes, [2, 2]);
    }
}
