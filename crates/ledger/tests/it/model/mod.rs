//! The ledger against a plain model of it, driven by the same random operations: they agree on every
//! answer and on everything that can be read, at every step, over restarts; and the auditor finds
//! what the model says is wrong, and nothing else.
//!
//! The model keeps lists and adds up. It knows no indexes, no sums carried along, no disk. A failure
//! prints its operations, shrunk, and a seed that replays it.

mod operations;
mod plain;

use std::collections::BTreeSet;

use aep2_ledger::{
    AcceptError, BatchError, BatchNumber, Capture, CaptureError, ChainError, Disposition,
    FailureReason, Hold, HoldError, HoldKind, MandateHash, Refusal, Seal, Sequence, SettlementPath,
    Status, Step, UnconfirmedKind, UnconfirmedRequest, audit::Finding,
};
use alloy_primitives::B256;
use proptest::prelude::*;

use self::{
    operations::{Fact, Op, operations},
    plain::{Answer, Batch, Chain, Model, batch_id},
};
use crate::support::{
    TOKEN, Terms, TestLedger, account, amount, at, balance, block, deposited, opened,
};

fn of_accept(answer: Result<aep2_ledger::Accepted, AcceptError>) -> Answer {
    match answer {
        Ok(accepted) if accepted.again => Ok(format!("again {}", accepted.sequence)),
        Ok(accepted) => Ok(format!("accepted {}", accepted.sequence)),
        Err(AcceptError::Refused(refusal)) => Err(match refusal {
            Refusal::UnknownAccount { .. } => "unknown account".into(),
            Refusal::NonceSpent => "spent".into(),
            Refusal::NonceConflict { .. } => "conflict".into(),
            Refusal::DeadlineTooNear { .. } => "deadline".into(),
            Refusal::ChangePending { .. } => "change".into(),
            Refusal::NotBeforeTooLate { .. } => "not before".into(),
            Refusal::InsufficientFunds { .. } => "funds".into(),
            other => other.to_string(),
        }),
        Err(error) => Err(error.to_string()),
    }
}

/// Both sides.
struct Both {
    test: Option<TestLedger>,
    model: Model,
}

impl Both {
    fn new() -> Self {
        let test = TestLedger::empty();
        let mut model = Model::default();
        test.apply(block(1_000, vec![opened(1), opened(2), deposited(1, 500), deposited(2, 300)]));
        model.chain.number = 1_000;
        model.chain.balance = [(1, 500), (2, 300)].into();
        // The opening itself is not undone.
        model.horizon = 1_000;
        Self { test: Some(test), model }
    }

    fn ledger(&self) -> &aep2_ledger::Ledger {
        &self.test.as_ref().expect("open").ledger
    }

    /// Does it on both sides, and compares the answers.
    fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let mandate = |both: &Self, mandate: &usize| both.pick(*mandate);
        let batch = |both: &Self, batch: &usize| both.pick_batch(*batch);
        let answers = match op {
            Op::Accept { account, nonce, amount, deadline, not_before } => {
                let now = self.model.chain.seconds;
                let terms = Terms {
                    deadline: at(now + deadline),
                    settle_by: at(now + 600),
                    not_before: not_before.map(|seconds| at(now + seconds)),
                    ..Terms::new(*account, *nonce, *amount)
                };
                Some(self.accept(terms))
            }
            Op::Again { mandate: of } => mandate(self, of).map(|mandate| self.again(mandate)),
            Op::Capture { mandate: of, amount } => {
                mandate(self, of).map(|mandate| self.capture(mandate, *amount))
            }
            Op::Block { seconds, facts } => Some(self.block(*seconds, facts)),
            Op::Rewind { blocks } => Some(self.rewind(*blocks)),
            Op::Unconfirmed { account, withdrawing, change } => {
                Some(self.unconfirmed(*account, *withdrawing, *change))
            }
            Op::Seal { first, count } => Some((self.seal(*first, *count), Ok("sealed".into()))),
            Op::Prove { batch: of } => batch(self, of).map(|batch| self.prove(batch)),
            Op::Submit { batch: of } => batch(self, of).map(|batch| self.submit(batch)),
            Op::Abort { batch: of, how } => batch(self, of).map(|batch| self.abort(batch, how)),
            Op::Dispose { mandate: of, how } => {
                mandate(self, of).map(|mandate| self.dispose(mandate, *how))
            }
            Op::Hold { mandate: of, kind, seconds } => {
                mandate(self, of).map(|mandate| self.hold(mandate, HoldKind::ALL[*kind], *seconds))
            }
            Op::Release { mandate: of, kind } => {
                mandate(self, of).map(|mandate| self.release(mandate, HoldKind::ALL[*kind]))
            }
            Op::ReleaseOver { limit } => Some(self.release_over(*limit)),
            Op::Expire => Some(self.expire()),
            Op::Restart => {
                let test = self.test.take().expect("open");
                self.test = Some(test.reopen());
                self.audit()?;
                Some((Ok(String::new()), Ok(String::new())))
            }
        };
        // There may be no mandate or batch to do it with.
        let Some((found, expected)) = answers else { return Ok(()) };
        prop_assert_eq!(found, expected, "{:?}", op);
        self.compare(op)
    }

    fn accept(&mut self, terms: Terms) -> (Answer, Answer) {
        let found = self.ledger().accept(terms.request(), at(self.model.chain.seconds)).wait();
        (of_accept(found.map(|found| found.into_inner())), self.model.accept(terms))
    }

    fn hold(&mut self, mandate: usize, kind: HoldKind, seconds: i64) -> (Answer, Answer) {
        let now = self.model.chain.seconds;
        let (hash, until) = (self.model.mandates[mandate].terms.hash(), at(now + seconds));
        let asked = Hold { mandate: hash, kind, until, by: "somebody".into() };
        let found = self.ledger().hold(asked, at(now)).wait();
        let found = found.map(|held| format!("held until {}", held.until)).map_err(of_hold);
        (found, self.model.hold(mandate, kind, until))
    }

    fn release(&mut self, mandate: usize, kind: HoldKind) -> (Answer, Answer) {
        let hash = self.model.mandates[mandate].terms.hash();
        let found = self.ledger().release(hash, kind, at(self.model.chain.seconds)).wait();
        let found = found.map(|_| "released".into()).map_err(of_hold);
        (found, self.model.release(mandate, kind))
    }

    fn release_over(&mut self, limit: usize) -> (Answer, Answer) {
        let now = at(self.model.chain.seconds);
        let over = self.ledger().no_longer_held(now, limit);
        let found = self.ledger().release_over(over, now).wait();
        let found = found.map(|found| format!("{:?}", found.into_inner()));
        let expected = self.model.release_over(limit).into_iter();
        let expected: Vec<MandateHash> =
            expected.map(|place| self.model.mandates[place].terms.hash()).collect();
        (found.map_err(|error| error.to_string()), Ok(format!("{expected:?}")))
    }

    fn again(&mut self, mandate: usize) -> (Answer, Answer) {
        let terms = self.model.mandates[mandate].terms;
        let found = self.ledger().accept(terms.request(), at(self.model.chain.seconds));
        let found = of_accept(found.wait().map(|found| found.into_inner()));
        (found, self.model.accept(terms))
    }

    fn capture(&mut self, mandate: usize, base_units: u128) -> (Answer, Answer) {
        let request = Capture {
            mandate: self.model.mandates[mandate].terms.hash(),
            amount: amount(base_units),
            statement: vec![7],
        };
        let found = match self.ledger().capture(request, at(0)).wait() {
            Ok(captured) if captured.again => Ok("again".into()),
            Ok(_) => Ok("captured".into()),
            Err(CaptureError::Conflict { .. }) => Err("conflict".into()),
            Err(CaptureError::AboveCeiling { .. }) => Err("ceiling".into()),
            Err(CaptureError::TooLate { .. }) => Err("too late".into()),
            Err(error) => Err(error.to_string()),
        };
        (found, self.model.capture(mandate, base_units))
    }

    fn block(&mut self, seconds: u64, facts: &[Fact]) -> (Answer, Answer) {
        let facts = self.model.block(seconds, facts);
        let Chain { number, seconds, .. } = self.model.chain;
        let next = aep2_ledger::ChainBlock { time: at(seconds), ..block(number, facts) };
        let found = self.ledger().apply_block(next).wait();
        let found = found.map(|_| "applied".into()).map_err(|error| error.to_string());
        (found, Ok("applied".into()))
    }

    fn rewind(&mut self, blocks: u64) -> (Answer, Answer) {
        let to = self.model.chain.number - blocks;
        let to = if to < 1_000 { 1_000 } else { to };
        let found = match self.ledger().rewind(to, vec![]).wait() {
            Ok(rewound) => Ok(format!("{} undone", rewound.blocks)),
            Err(ChainError::TooDeep { .. }) => Err("too deep".into()),
            Err(error) => Err(error.to_string()),
        };
        (found, self.model.rewind(to))
    }

    fn unconfirmed(
        &mut self,
        number: u32,
        withdrawing: Option<u128>,
        change: Option<i64>,
    ) -> (Answer, Answer) {
        let ahead = self.model.chain.number + 2;
        let change = change.map(|seconds| self.model.chain.seconds + seconds);
        let kinds = [
            withdrawing.map(|amount| UnconfirmedKind::Withdrawal {
                token: TOKEN,
                amount: balance(amount),
            }),
            change.map(|change| UnconfirmedKind::Change { in_force_from: at(change) }),
        ];
        let seen = kinds.into_iter().flatten().map(|kind| UnconfirmedRequest {
            block: ahead,
            account: account(number),
            kind,
        });
        let found = self.ledger().set_unconfirmed(seen.collect()).wait();
        self.model.unconfirmed = vec![(ahead, number, withdrawing, change)];
        (found.map(|_| String::new()).map_err(|error| error.to_string()), Ok(String::new()))
    }

    fn prove(&mut self, batch: usize) -> (Answer, Answer) {
        let number = BatchNumber::new(batch as u64 + 1);
        let found = self.ledger().proved(number, batch_id(batch), vec![1]).wait();
        let record = &mut self.model.batches[batch];
        let expected = if record.step == Step::Sealed {
            record.step = Step::Proved;
            record.committed = true;
            Ok("done".into())
        } else {
            Err("wrong step".into())
        };
        (of_step(found.map(drop)), expected)
    }

    fn submit(&mut self, batch: usize) -> (Answer, Answer) {
        let number = BatchNumber::new(batch as u64 + 1);
        let found = self.ledger().submitted(number, vec![2]).wait();
        let record = &mut self.model.batches[batch];
        let expected = match record.step {
            Step::Proved | Step::Submitted { .. } => {
                record.step = Step::Submitted { reference: vec![2] };
                Ok("done".into())
            }
            _ => Err("wrong step".into()),
        };
        (of_step(found.map(drop)), expected)
    }

    fn dispose(&mut self, mandate: usize, how: u8) -> (Answer, Answer) {
        let hash = self.model.mandates[mandate].terms.hash();
        let found = self.ledger().dispose(vec![(hash, disposition(how))]).wait();
        let status = self.model.mandates[mandate].status.clone();
        let expected = match status {
            Status::Queued | Status::Quarantined { .. } => self.model.dispose(mandate, how),
            _ => Err("wrong status".into()),
        };
        let expected = expected.map(|status| {
            self.model.move_to(vec![(mandate, status)]);
            "done".into()
        });
        (of_step(found.map(drop)), expected)
    }

    fn expire(&mut self) -> (Answer, Answer) {
        let found = self.ledger().expire(usize::MAX).wait();
        let now = at(self.model.chain.seconds);
        let mut expired = BTreeSet::new();
        let mut ended = Vec::new();
        for (place, mandate) in self.model.mandates.iter_mut().enumerate() {
            let waits = matches!(mandate.status, Status::Queued | Status::Quarantined { .. });
            if waits && mandate.terms.deadline < now {
                let reason = FailureReason::Expired;
                let before = std::mem::replace(&mut mandate.status, Status::Failed { reason });
                ended.push((place, before));
                expired.insert(mandate.terms.hash());
            }
        }
        self.model.end_with_tip(ended);
        let found = found.map(|found| found.iter().copied().collect::<BTreeSet<_>>());
        let found = found.map(|found| format!("{found:?}"));
        (found.map_err(|error| error.to_string()), Ok(format!("{expired:?}")))
    }

    fn pick(&self, mandate: usize) -> Option<usize> {
        let count = self.model.mandates.len();
        (count > 0).then(|| mandate % count)
    }

    fn pick_batch(&self, batch: usize) -> Option<usize> {
        let count = self.model.batches.len();
        (count > 0).then(|| batch % count)
    }

    fn seal(&mut self, first: usize, count: usize) -> Answer {
        let queued = self.model.queued();
        let members: Vec<usize> = queued.into_iter().skip(first).take(count).collect();
        let valid_until = members.iter().map(|place| self.model.mandates[*place].terms.deadline);
        let Some(valid_until) = valid_until.min() else { return Ok("sealed".into()) };
        let members = members.into_iter().map(|place| (place, self.model.mandates[place].due()));
        let members: Vec<(usize, u128)> = members.collect();
        let hashes = members
            .iter()
            .map(|(place, due)| (self.model.mandates[*place].terms.hash(), amount(*due)));
        let seal = Seal {
            path: SettlementPath::Proved,
            token: TOKEN,
            valid_until,
            shape: 1,
            verifier_set: B256::ZERO,
            blinding: B256::ZERO,
            members: hashes.collect(),
        };
        let number = self.ledger().seal(seal).wait().map_err(|error| error.to_string())?;
        self.model.batches.push(Batch {
            members: members.clone(),
            valid_until,
            committed: false,
            step: Step::Sealed,
        });
        for (place, _) in members {
            let mandate = &mut self.model.mandates[place];
            mandate.status = Status::InBatch { batch: number.into_inner() };
            mandate.was_sealed = true;
        }
        Ok("sealed".into())
    }

    fn abort(&mut self, batch: usize, how: &[u8; 3]) -> (Answer, Answer) {
        let number = BatchNumber::new(batch as u64 + 1);
        let held = self.model.held(batch);
        let said: Vec<(usize, u8)> =
            held.into_iter().enumerate().map(|(at, place)| (place, how[at % 3])).collect();
        let dispositions = said
            .iter()
            .map(|(place, how)| (self.model.mandates[*place].terms.hash(), disposition(*how)));
        let dispositions: Vec<(MandateHash, Disposition)> = dispositions.collect();
        let found = self.ledger().abort(number, "aborted".into(), dispositions).wait();
        let expected = if self.model.batches[batch].step.is_open() {
            let moves: Result<Vec<_>, String> = said
                .iter()
                .map(|(place, how)| Ok((*place, self.model.dispose(*place, *how)?)))
                .collect();
            moves.map(|moves| {
                self.model.move_to(moves);
                self.model.batches[batch].step = Step::Aborted { reason: "aborted".into() };
                "done".into()
            })
        } else {
            Err("wrong step".into())
        };
        (of_step(found.map(drop)), expected)
    }

    /// Everything that can be read.
    fn compare(&self, op: &Op) -> Result<(), TestCaseError> {
        let (ledger, model) = (self.ledger(), &self.model);
        for number in 1..3 {
            let view = ledger.account(account(number)).expect("opened");
            let purse = view.purses.iter().find(|(token, _)| *token == TOKEN);
            // One in which there is nothing need not be listed.
            let found = purse.map_or([0; 5], |(_, purse)| {
                [
                    purse.record.balance.get(),
                    purse.record.withdrawing().get(),
                    purse.unconfirmed_withdrawal.get(),
                    purse.reserved.get(),
                    purse.free.get(),
                ]
            });
            let expected = [
                model.balance(number),
                model.withdrawing(number),
                model.unconfirmed_withdrawal(number),
                model.reserved(number),
                model.free(number),
            ];
            prop_assert_eq!(found, expected, "account {} after {:?}", number, op);
        }
        for mandate in &model.mandates {
            let view = ledger.mandate(mandate.terms.hash()).expect("reads").expect("known");
            prop_assert_eq!(&view.state.status, &mandate.status, "after {:?}", op);
            prop_assert_eq!(view.state.captured.map(|captured| captured.get()), mandate.captured);
            let holds = view.state.holds.iter().map(|hold| (hold.kind, hold.until)).collect();
            prop_assert_eq!(&mandate.holds, &holds, "after {:?}", op);
        }
        let queue = ledger.queue(SettlementPath::Proved, TOKEN, Sequence::new(0), usize::MAX);
        let queue: Vec<_> =
            queue.expect("reads").iter().map(|queued| queued.sequence.get() as usize).collect();
        prop_assert_eq!(&queue, &model.queued(), "after {:?}", op);
        let window =
            ledger.window(SettlementPath::Proved, TOKEN, Sequence::new(0), 3).expect("reads");
        let window: Vec<_> = window.iter().map(|entry| (entry.hash, entry.due().get())).collect();
        let expected = queue.iter().take(3).map(|place| &model.mandates[*place]);
        let expected: Vec<_> =
            expected.map(|mandate| (mandate.terms.hash(), mandate.due())).collect();
        prop_assert_eq!(window, expected);
        let metrics = ledger.metrics();
        prop_assert_eq!(metrics.queued.values().sum::<u64>(), queue.len() as u64);
        prop_assert_eq!(metrics.held, model.held_back() as u64, "after {:?}", op);
        let reserved = model.reserved(1) + model.reserved(2);
        prop_assert_eq!(metrics.reserved.values().sum::<u128>(), reserved);
        let mut unfinished = Vec::new();
        for (index, batch) in model.batches.iter().enumerate() {
            let number = BatchNumber::new(index as u64 + 1);
            let record = ledger.batch(number).expect("reads").expect("known");
            prop_assert_eq!(&record.step, &batch.step, "batch {} after {:?}", index, op);
            if !matches!(batch.step, Step::Final { .. } | Step::Aborted { .. }) {
                unfinished.push(number);
            }
        }
        let found = ledger.unfinished_batches().expect("reads");
        let found: Vec<_> = found.into_iter().map(|(number, _)| number).collect();
        prop_assert_eq!(found, unfinished);
        let alarms: Vec<_> = ledger.alarms().iter().map(|alarm| alarm.account.get()).collect();
        let expected: Vec<_> =
            (1..3).filter(|number| model.reserved(*number) > model.balance(*number)).collect();
        prop_assert_eq!(alarms, expected);
        Ok(())
    }

    fn audit(&self) -> Result<(), TestCaseError> {
        let report = self.ledger().audit().expect("audits");
        let mut found = Vec::new();
        for finding in report.findings {
            match finding {
                Finding::OverReserved { account, .. } => found.push((account.get(), true)),
                Finding::AcceptedAgainstWithdrawal { account, .. } => {
                    found.push((account.get(), false));
                }
                other => prop_assert!(false, "{}", other),
            }
        }
        prop_assert_eq!(found, self.model.shortfalls());
        Ok(())
    }
}

fn disposition(how: u8) -> Disposition {
    match how {
        0 => Disposition::Requeue,
        1 => Disposition::Quarantined { reason: "quarantined".into() },
        2 => Disposition::GiveUp { reason: "given up".into() },
        _ => Disposition::Expire,
    }
}

fn of_hold(error: HoldError) -> String {
    match error {
        HoldError::NotQueued { .. } => "not queued".into(),
        HoldError::NotHeld { .. } => "not held".into(),
        HoldError::TooLate { .. } => "too late".into(),
        other => other.to_string(),
    }
}

fn of_step(found: Result<(), BatchError>) -> Answer {
    match found {
        Ok(()) => Ok("done".into()),
        Err(BatchError::WrongStep { .. }) => Err("wrong step".into()),
        Err(BatchError::WrongStatus { .. }) => Err("wrong status".into()),
        Err(BatchError::NotExpired { .. }) => Err("not expired".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// Cases of the suite; `PROPTEST_CASES` asks for more.
fn suite() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(48),
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(suite())]

    #[test]
    fn the_ledger_and_a_plain_model_agree(ops in prop::collection::vec(operations(), 1..80)) {
        let mut both = Both::new();
        for op in &ops {
            both.run(op)?;
        }
        both.run(&Op::Restart)?;
    }
}
