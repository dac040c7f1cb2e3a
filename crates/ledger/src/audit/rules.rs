//! The rules, one function each.

use std::collections::{BTreeMap, BTreeSet};

use aep2_mandate::{
    mandate::Domain,
    typed_data::{self, TypedData},
    units::AccountId,
};
use alloy_primitives::{Address, U256};

use super::{finding::Finding, raw::Raw};
use crate::{
    hold::freeze_end,
    records::{
        BatchRecord, DirectSummary, FailureReason, HoldKind, MandateRecord, NonceKey, Promise,
        SettlementPath, Standing, Status, Step,
    },
    schema::Family,
    units::{Balance, BatchNumber, MandateHash, Sequence},
};

/// Checks all of them.
pub(super) fn check(raw: &Raw, findings: &mut Vec<Finding>) {
    mandates_are_complete(raw, findings);
    content_has_its_id(raw, findings);
    receipts_fit(raw, findings);
    nonces_are_promised_once(raw, findings);
    order_is_that_of_acceptance(raw, findings);
    every_mandate_is_in_one_place(raw, findings);
    holds_end_in_time(raw, findings);
    captures_fit(raw, findings);
    disputes_fit(raw, findings);
    reservations_are_covered(raw, findings);
    batches_add_up(raw, findings);
    what_was_settled_was_moved(raw, findings);
    nonces_are_spent_as_they_should_be(raw, findings);
    what_is_to_be_read_is_listed(raw, findings);
    the_direct_summary_adds_up(raw, findings);
}

/// A mandate has its state and its receipt, and these have their mandate.
fn mandates_are_complete(raw: &Raw, findings: &mut Vec<Finding>) {
    let families: [(Family, BTreeSet<&MandateHash>); 3] = [
        (Family::Mandates, raw.mandates.keys().collect()),
        (Family::States, raw.states.keys().collect()),
        (Family::Receipts, raw.receipts.keys().collect()),
    ];
    for (has, there) in &families {
        for (lacks, others) in &families {
            let missing = there.difference(others);
            findings.extend(missing.map(|mandate| Finding::Incomplete {
                mandate: **mandate,
                has: *has,
                lacks: *lacks,
            }));
        }
    }
    for mandate in raw.captures.keys().filter(|hash| !raw.mandates.contains_key(hash)) {
        let (has, lacks) = (Family::Captures, Family::Mandates);
        findings.push(Finding::Incomplete { mandate: *mandate, has, lacks });
    }
}

/// The id that a mandate is kept under is the hash of its content.
fn content_has_its_id(raw: &Raw, findings: &mut Vec<Finding>) {
    let Some(identity) = raw.identity else { return };
    let typed = typed_data::domain(identity.chain_id, identity.wallet);
    let mut domains: BTreeMap<Address, Domain> = BTreeMap::new();
    for (hash, record) in &raw.mandates {
        let actual = match &record.promise {
            Promise::Proved { signed } => {
                let token = signed.mandate.token;
                let domain = domains
                    .entry(token)
                    .or_insert_with(|| Domain::new(identity.chain_id, identity.wallet, token));
                MandateHash::from(signed.mandate.id(domain))
            }
            Promise::Direct { signed } => {
                MandateHash::from_bytes(signed.signed.message.digest(&typed))
            }
        };
        if actual != *hash {
            findings.push(Finding::OtherContent { mandate: *hash, actual });
        }
        if record.settle_by > record.promise.deadline() {
            findings.push(Finding::PromisedTooLate { mandate: *hash });
        }
    }
}

/// A receipt says what its mandate says.
fn receipts_fit(raw: &Raw, findings: &mut Vec<Finding>) {
    for (hash, receipt) in &raw.receipts {
        let Some(record) = raw.mandates.get(hash) else { continue };
        let differs = receipt.check(*hash, &record.promise).err().map(|error| error.field);
        let settle_by = (receipt.settle_by() != record.settle_by).then_some("settleBy");
        let other = raw.identity.is_some_and(|own| !receipt.is_of(own.processor));
        let field = differs.or(settle_by).or(other.then_some("processor"));
        findings.extend(field.map(|field| Finding::ReceiptDiffers { mandate: *hash, field }));
    }
}

/// A nonce has one mandate, and the index says which.
fn nonces_are_promised_once(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut holders: BTreeMap<NonceKey, MandateHash> = BTreeMap::new();
    for (hash, record) in &raw.mandates {
        let nonce = record.promise.nonce();
        if let Some(other) = holders.insert(nonce, *hash) {
            findings.push(Finding::NonceShared { nonce, mandate: *hash, other });
        }
    }
    let nonces: BTreeSet<&NonceKey> = holders.keys().chain(raw.nonces.keys()).collect();
    for nonce in nonces {
        let (indexed, expected) = (raw.nonces.get(nonce), holders.get(nonce));
        if indexed != expected {
            findings.push(Finding::NonceIndex {
                nonce: *nonce,
                indexed: indexed.copied(),
                expected: expected.copied(),
            });
        }
    }
}

/// Places in the order are given out one after another, each to the mandate that says so.
fn order_is_that_of_acceptance(raw: &Raw, findings: &mut Vec<Finding>) {
    let says: BTreeMap<Sequence, MandateHash> =
        raw.mandates.iter().map(|(hash, record)| (record.sequence, *hash)).collect();
    let end = says.keys().chain(raw.acceptances.keys()).max().map_or(0, |last| last.get() + 1);
    for number in 0..end {
        let sequence = Sequence::new(number);
        let (found, expected) = (raw.acceptances.get(&sequence), says.get(&sequence));
        if found.is_none() || found != expected {
            findings.push(Finding::Order {
                sequence,
                found: found.copied(),
                expected: expected.copied(),
            });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Queue,
    Held,
    Quarantined,
    Batch(BatchNumber),
}

/// A live mandate is in one place, which is where its status says; an ended one is in none.
fn every_mandate_is_in_one_place(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut found: BTreeMap<MandateHash, Vec<Place>> = BTreeMap::new();
    for (((path, token), sequence), queued) in &raw.queue {
        let fits = raw.mandates.get(&queued.mandate).is_some_and(|record| {
            let promise = &record.promise;
            (record.sequence, promise.path(), promise.token()) == (*sequence, *path, *token)
                && (promise.account(), promise.deadline()) == (queued.account, queued.deadline)
                && record.settle_by == queued.settle_by
        });
        if !fits {
            misplaced(findings, queued.mandate, "queued", "the queue, as another mandate");
        }
        found.entry(queued.mandate).or_default().push(Place::Queue);
    }
    for ((until, sequence), hash) in &raw.held {
        let state = raw.states.get(hash);
        let fits = raw.mandates.get(hash).is_some_and(|record| record.sequence == *sequence)
            && state.is_some_and(|state| state.held_until() == Some(*until));
        if !fits {
            misplaced(findings, *hash, "held", "held, as another mandate or until another time");
        }
        found.entry(*hash).or_default().push(Place::Held);
    }
    for (sequence, hash) in &raw.quarantined {
        if raw.mandates.get(hash).is_none_or(|record| record.sequence != *sequence) {
            misplaced(findings, *hash, "quarantined", "quarantined, as another mandate");
        }
        found.entry(*hash).or_default().push(Place::Quarantined);
    }
    let open =
        |batch: &BatchNumber| raw.batches.get(batch).is_some_and(|record| record.step.is_open());
    for (batch, members) in raw.members.iter().filter(|(batch, _)| open(batch)) {
        for member in members {
            // What the chain ended, or another open batch has, is still on the list of this one.
            let state = raw.states.get(&member.mandate);
            if state.is_none_or(|state| state.status == Status::InBatch { batch: *batch }) {
                found.entry(member.mandate).or_default().push(Place::Batch(*batch));
            }
        }
    }
    for (hash, state) in &raw.states {
        let places = found.remove(hash).unwrap_or_default();
        let expected = match &state.status {
            Status::Queued if state.holds.is_empty() => vec![Place::Queue],
            Status::Queued => vec![Place::Held],
            Status::InBatch { batch } => vec![Place::Batch(*batch)],
            Status::Quarantined { .. } => vec![Place::Quarantined],
            Status::Settled { .. } | Status::Failed { .. } => vec![],
        };
        if places != expected {
            misplaced(findings, *hash, state.status.name(), format!("{places:?}"));
        }
    }
    for (hash, places) in found {
        misplaced(findings, hash, "not known", format!("{places:?}"));
    }
}

fn misplaced(
    findings: &mut Vec<Finding>,
    mandate: MandateHash,
    status: &'static str,
    places: impl Into<String>,
) {
    findings.push(Finding::Misplaced { mandate, status, places: places.into() });
}

/// No hold but a freeze outlasts the promise, and there is one of a kind.
fn holds_end_in_time(raw: &Raw, findings: &mut Vec<Finding>) {
    for (hash, state) in &raw.states {
        let too_long = raw.mandates.get(hash).is_some_and(|record| {
            state.holds.iter().any(|hold| match hold.kind {
                HoldKind::Freeze => hold.until != freeze_end(record.promise.deadline()),
                _ => hold.until > record.settle_by,
            })
        });
        let kinds_ascend = state.holds.is_sorted_by(|one, next| one.kind < next.kind);
        if too_long || !kinds_ascend {
            findings.push(Finding::HoldsWrong { mandate: *hash });
        }
    }
}

/// What a state says was captured is what a capture says, and within the amount.
fn captures_fit(raw: &Raw, findings: &mut Vec<Finding>) {
    for (hash, state) in &raw.states {
        let capture = raw.captures.get(hash).map(|capture| capture.amount);
        let ceiling = raw.mandates.get(hash).map(|record| record.promise.amount().amount());
        let exceeds = capture.zip(ceiling).is_some_and(|(captured, ceiling)| captured > ceiling);
        if capture != state.captured || exceeds {
            findings.push(Finding::CaptureDiffers { mandate: *hash });
        }
    }
}

/// What a state says was ruled is what a dispute says; each dispute has its mandate and its number.
fn disputes_fit(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut found = BTreeSet::new();
    for (hash, dispute) in &raw.disputes {
        if raw.dispute_numbers.get(&dispute.number) != Some(hash) {
            found.insert(*hash);
        }
    }
    for ((_, number), hash) in &raw.dispute_parties {
        if raw.dispute_numbers.get(number) != Some(hash) {
            found.insert(*hash);
        }
    }
    for (number, hash) in &raw.dispute_numbers {
        if raw.disputes.get(hash).is_none_or(|dispute| dispute.number != *number) {
            found.insert(*hash);
        }
    }
    let ruled = |hash| raw.disputes.get(hash).and_then(|own| own.ruling.as_ref());
    for hash in raw.disputes.keys().chain(raw.states.keys()) {
        let state = raw.states.get(hash);
        if state.is_none_or(|state| state.ruled != ruled(hash).map(|ruling| ruling.captured)) {
            found.insert(*hash);
        }
    }
    findings.extend(found.into_iter().map(|mandate| Finding::DisputeDiffers { mandate }));
}

/// What live mandates pay is there.
fn reservations_are_covered(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut reserved: BTreeMap<(AccountId, Address), (u128, (Sequence, MandateHash))> =
        BTreeMap::new();
    for (hash, record) in &raw.mandates {
        let Some(state) = raw.states.get(hash).filter(|state| state.status.is_live()) else {
            continue;
        };
        let promise = &record.promise;
        let captured = state.captured.unwrap_or(promise.amount().amount());
        let due = state.ruled.map_or(captured, |ruled| captured.min(ruled)).get();
        let this = (record.sequence, *hash);
        let (sum, latest) =
            reserved.entry((promise.account(), promise.token())).or_insert((0, this));
        *sum = sum.saturating_add(due);
        *latest = this.max(*latest);
    }
    for ((account, token), (sum, (latest, mandate))) in reserved {
        // What is there of an account that left, or is to be read, is not known.
        if raw.accounts.get(&account).is_some_and(|own| own.standing != Standing::Followed) {
            continue;
        }
        let purse = raw.purses.get(&(account, token)).cloned().unwrap_or_default();
        let (balance, reserved) = (purse.balance, Balance::new(sum).unwrap_or(Balance::MAX));
        if reserved > balance {
            findings.push(Finding::OverReserved { account, token, reserved, balance });
            continue;
        }
        let remaining = balance.saturating_sub(purse.withdrawing());
        let after_request =
            purse.pending_withdrawal.is_some_and(|withdrawal| latest >= withdrawal.requested_at);
        if after_request && reserved > remaining {
            findings.push(Finding::AcceptedAgainstWithdrawal {
                account,
                token,
                reserved,
                remaining,
                mandate,
            });
        }
    }
}

/// A batch has the members, the sum and the proof that it says.
fn batches_add_up(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut report = |batch: BatchNumber, defect| {
        findings.push(Finding::BatchDiffers { batch, defect });
    };
    for (number, batch) in &raw.batches {
        let members = raw.members.get(number).map_or(&[][..], Vec::as_slice);
        let total = members.iter().map(|member| member.captured.get()).sum::<u128>();
        if members.len() != batch.count as usize || total != batch.total.get() {
            report(*number, "its members are not as many, or pay another sum, than it says");
        }
        let distinct: BTreeSet<_> = members.iter().map(|member| member.mandate).collect();
        if distinct.len() != members.len() {
            report(*number, "it has a member twice");
        }
        for record in distinct.iter().map(|mandate| raw.mandates.get(mandate)) {
            let fits = |record: &MandateRecord| {
                record.promise.path() == batch.path
                    && record.promise.token() == batch.token
                    && record.promise.deadline() >= batch.valid_until
            };
            if !record.is_some_and(fits) {
                report(*number, "a member is unknown, or not of its path, token and time");
            }
        }
        let ended = matches!(batch.step, Step::Final { .. } | Step::Aborted { .. });
        if raw.unfinished.contains(number) == ended {
            report(*number, "the list of unfinished batches is wrong about it");
        }
        let proved = batch.batch_id.is_some();
        let indexed = batch.batch_id.is_none_or(|id| raw.batch_ids.get(&id) == Some(number));
        if proved != raw.proofs.contains(number) || !indexed {
            report(*number, "its proof is missing, or not indexed by its name on chain");
        }
        if raw.segments.contains(number) && batch.step != Step::Sealed {
            report(*number, "proofs of single segments are kept without need");
        }
        let needs_proof = batch.path == SettlementPath::Proved
            && !matches!(batch.step, Step::Sealed | Step::Aborted { .. });
        if needs_proof && !proved {
            report(*number, "it went on without a proof");
        }
        let settled = matches!(batch.step, Step::Confirmed { .. } | Step::Final { .. });
        if settled != raw.movements.contains_key(number) {
            report(*number, "what the chain moved for it is missing, or kept without need");
        }
    }
    let known = |batch: &&BatchNumber| !raw.batches.contains_key(batch);
    let named = raw.members.keys().chain(&raw.unfinished).chain(&raw.proofs).chain(&raw.segments);
    for batch in named.filter(known) {
        report(*batch, "it is not known, but other records name it");
    }
}

/// What settled batches took is what their members paid, account by account and nonce by nonce;
/// and no mandate says that it was settled otherwise.
fn what_was_settled_was_moved(raw: &Raw, findings: &mut Vec<Finding>) {
    let settled =
        |batch: &BatchRecord| matches!(batch.step, Step::Confirmed { .. } | Step::Final { .. });
    for (number, batch) in raw.batches.iter().filter(|(_, batch)| settled(batch)) {
        match batch.path {
            SettlementPath::Proved => proved_batch_was_moved(raw, *number, findings),
            SettlementPath::Direct => direct_batch_was_moved(raw, *number, findings),
        }
    }
    for (hash, state) in &raw.states {
        if let Status::Settled { batch: Some(batch), amount, .. } = &state.status {
            let members = raw.members.get(batch).map_or(&[][..], Vec::as_slice);
            let member =
                members.iter().any(|member| member.mandate == *hash && member.captured == *amount);
            if !member || !raw.batches.get(batch).is_some_and(settled) {
                findings.push(Finding::NotSettledBy { mandate: *hash, batch: *batch });
            }
        }
    }
}

fn proved_batch_was_moved(raw: &Raw, batch: BatchNumber, findings: &mut Vec<Finding>) {
    let mut expected: BTreeMap<(AccountId, u64), (u128, u128)> = BTreeMap::new();
    for member in raw.members.get(&batch).into_iter().flatten() {
        let state = raw.states.get(&member.mandate).map(|state| &state.status);
        if !matches!(state, Some(Status::Settled { batch: Some(by), .. }) if *by == batch) {
            findings.push(Finding::NotSettledBy { mandate: member.mandate, batch });
        }
        let Some(record) = raw.mandates.get(&member.mandate) else { continue };
        if let NonceKey::Proved { account, nonce, .. } = record.promise.nonce() {
            let (mask, amount) = expected.entry((account, nonce.word())).or_default();
            *mask |= 1 << nonce.bit();
            *amount += member.captured.get();
        }
    }
    let mut moved: BTreeMap<(AccountId, u64), (u128, u128)> = BTreeMap::new();
    let movement = raw.movements.get(&batch);
    for debit in movement.into_iter().flat_map(|movement| &movement.debits) {
        let (mask, amount) = moved.entry((debit.account, debit.word)).or_default();
        *mask |= debit.mask;
        *amount += debit.amount.get();
    }
    let words: BTreeSet<_> = expected.keys().chain(moved.keys()).collect();
    for (account, word) in words {
        let [expected, moved] = [&expected, &moved].map(|map| map.get(&(*account, *word)).copied());
        if expected != moved {
            let (account, word) = (*account, *word);
            findings.push(Finding::MovedDiffers { batch, account, word, expected, moved });
        }
    }
}

fn direct_batch_was_moved(raw: &Raw, batch: BatchNumber, findings: &mut Vec<Finding>) {
    let mut moved: BTreeMap<MandateHash, Balance> = BTreeMap::new();
    let movement = raw.movements.get(&batch);
    moved.extend(movement.into_iter().flat_map(|movement| movement.direct.iter().copied()));
    for member in raw.members.get(&batch).into_iter().flatten() {
        let state = raw.states.get(&member.mandate).map(|state| &state.status);
        let expected = match state {
            Some(Status::Settled { batch: Some(by), amount, .. }) if *by == batch => Some(*amount),
            _ => None,
        };
        let moved = moved.remove(&member.mandate);
        if expected.map(Balance::from) != moved {
            findings.push(Finding::SettledDiffers { mandate: member.mandate, expected, moved });
        }
    }
    findings.extend(moved.into_iter().map(|(mandate, moved)| Finding::SettledDiffers {
        mandate,
        expected: None,
        moved: Some(moved),
    }));
}

/// The chain has spent the nonce of what was settled, and not that of what is live.
fn nonces_are_spent_as_they_should_be(raw: &Raw, findings: &mut Vec<Finding>) {
    for (hash, state) in &raw.states {
        let Some(NonceKey::Proved { account, token, nonce }) =
            raw.mandates.get(hash).map(|record| record.promise.nonce())
        else {
            continue;
        };
        let slot = raw.spent.get(&((account, token), nonce.get() >> 8));
        let known = raw
            .accounts
            .get(&account)
            .is_none_or(|own| own.standing == Standing::Followed && (own.whole || slot.is_some()));
        if !known {
            continue;
        }
        let spent = slot.is_some_and(|slot: &U256| slot.bit((nonce.get() & 255) as usize));
        let expected = match &state.status {
            Status::Queued | Status::InBatch { .. } | Status::Quarantined { .. } => Some(false),
            Status::Settled { .. } => Some(true),
            Status::Failed { reason } => match reason {
                FailureReason::GuaranteeClaimed { .. } | FailureReason::SpentElsewhere { .. } => {
                    Some(true)
                }
                // Somebody may be paid from the bond for it, later.
                FailureReason::Expired | FailureReason::GivenUp { .. } => None,
            },
        };
        if expected.is_some_and(|expected| expected != spent) {
            findings.push(Finding::NonceBit { mandate: *hash, status: state.status.name(), spent });
        }
    }
}

/// The list of accounts that are to be read has those whose standing says so.
fn what_is_to_be_read_is_listed(raw: &Raw, findings: &mut Vec<Finding>) {
    let says: BTreeSet<AccountId> = raw
        .accounts
        .iter()
        .filter(|(_, record)| record.standing.is_to_be_read())
        .map(|(account, _)| *account)
        .collect();
    let differ = says.symmetric_difference(&raw.unread);
    findings.extend(differ.map(|account| Finding::ToBeRead { account: *account }));
}

/// The direct path's summary says what its mandates come to.
fn the_direct_summary_adds_up(raw: &Raw, findings: &mut Vec<Finding>) {
    let mut signed: Vec<(Sequence, MandateHash)> = raw
        .mandates
        .iter()
        .filter(|(_, record)| record.promise.path() == SettlementPath::Direct)
        .map(|(hash, record)| (record.sequence, *hash))
        .collect();
    signed.sort_unstable();
    let is = |hash: &MandateHash, which: fn(&Status) -> bool| {
        raw.states.get(hash).is_some_and(|state| which(&state.status))
    };
    let count = |which: fn(&Status) -> bool| {
        signed.iter().filter(|(_, hash)| is(hash, which)).count() as u64
    };
    let named = &raw.direct.last;
    let expected = &signed[signed.len().saturating_sub(DirectSummary::LAST_MAX)..];
    let last_fit = named.len() == expected.len()
        && named.iter().zip(expected).all(|(recent, (_, hash))| {
            let is_settled = is(hash, |status| matches!(status, Status::Settled { .. }));
            recent.mandate == *hash && recent.settled_at.is_some() == is_settled
        });
    for (field, fits) in [
        ("live", raw.direct.live == count(Status::is_live)),
        ("settled", raw.direct.settled == count(|own| matches!(own, Status::Settled { .. }))),
        ("failed", raw.direct.failed == count(|own| matches!(own, Status::Failed { .. }))),
        ("last", last_fit),
    ] {
        if !fits {
            return findings.push(Finding::DirectSummary { field });
        }
    }
}
