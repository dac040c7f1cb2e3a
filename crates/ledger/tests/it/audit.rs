//! The auditor: for every rule a ledger that breaks it behind the ledger's back, and the finding.

use std::path::Path;

use aep2_ledger::{
    BatchNumber, Capture, ChainFact, Disposition, FailureReason, Hold, HoldKind, IssuedReceipt,
    Ledger, MandateHash, Refund, Sequence, Status, Step,
    audit::{Finding, audit},
    codec::Record,
    records::{
        BatchRecord, CaptureRecord, DirectSummary, MandateRecord, MemberRecord, Movement, NonceKey,
        PurseRecord, QueueRecord, RefundDeposit, RefundRecord, StateRecord,
    },
    schema::{self, Family},
};
use aep2_mandate::units::{Ceiling, Nonce, UnixTime};
use alloy_primitives::{B256, U256};
use tempfile::TempDir;

use crate::{
    batches::{seal_of, settled},
    support::{
        Change, PAYEE, TOKEN, Terms, TestLedger, account, amount, at, balance, block, config, raw,
        tamper, withdrawal,
    },
};

const SETTLED: BatchNumber = BatchNumber::new(1);
const OPEN: BatchNumber = BatchNumber::new(2);

/// Of mandate 0, of 4, and paid.
const REFUND: B256 = B256::repeat_byte(0x61);
const REFUND_NONCE: B256 = B256::repeat_byte(0x62);

/// Until when mandate 6 is held, in seconds from now.
const HELD_UNTIL: i64 = 60;

fn terms(nonce: u64) -> Terms {
    Terms::new(1, nonce, 10)
}

fn key(nonce: u64) -> Vec<u8> {
    schema::mandate(terms(nonce).hash())
}

/// A sound ledger with something of everything: 0 and 1 settled by batch 1, 2 in batch 2, 3 queued
/// and captured, 4 quarantined, 5 failed, 6 queued and held; a withdrawal requested after 6 of them; 0
/// refunded in part.
fn test() -> TempDir {
    let test = TestLedger::funded();
    for nonce in 0..6 {
        test.accept(&terms(nonce));
    }
    let batch = test.ledger.seal(seal_of(&[(terms(0), 10), (terms(1), 10)])).wait();
    let batch = batch.expect("sealed").into_inner();
    test.ledger.proved(batch, B256::repeat_byte(1), vec![1]).wait().expect("proved");
    test.ledger.submitted(batch, vec![2]).wait().expect("submitted");
    let debits = vec![terms(0).debit(10), terms(1).debit(10)];
    test.apply(block(1_001, vec![settled(B256::repeat_byte(1), debits), withdrawal(1, 500)]));
    test.ledger.seal(seal_of(&[(terms(2), 10)])).wait().expect("sealed");
    let capture = Capture { mandate: terms(3).hash(), amount: amount(4), statement: vec![3] };
    test.ledger.capture(capture, at(1)).wait().expect("captured");
    let dispositions = vec![
        (terms(4).hash(), Disposition::Quarantined { reason: "odd".into() }),
        (terms(5).hash(), Disposition::GiveUp { reason: "lost".into() }),
    ];
    test.ledger.dispose(dispositions).wait().expect("disposed");
    test.accept(&terms(6));
    let (kind, until) = (HoldKind::Operator, at(HELD_UNTIL));
    let hold = Hold { mandate: terms(6).hash(), kind, until, by: "operator".into() };
    test.ledger.hold(hold, at(1)).wait().expect("held");
    let refund = Refund {
        mandate: terms(0).hash(),
        id: REFUND,
        amount: Ceiling::new(4).expect("an amount"),
        nonce: REFUND_NONCE,
        statement: vec![4],
    };
    test.ledger.refund(refund, at(2)).wait().expect("announced");
    let paid = ChainFact::DepositAuthorized {
        account: account(1),
        token: TOKEN,
        from: PAYEE,
        amount: balance(4),
        nonce: REFUND_NONCE,
        transaction: B256::repeat_byte(0x71),
    };
    test.apply(block(1_002, vec![paid]));
    test.assert_sound();
    test.close()
}

/// Reads a record of the sound ledger.
fn read<R: Record>(directory: &Path, family: Family, key: &[u8]) -> R {
    let bytes = raw(directory, &[family]).remove(&(family, key.to_vec())).expect("there");
    R::from_bytes(&bytes).expect("a record")
}

/// A change of one record.
fn alter<R: Record>(
    directory: &Path,
    family: Family,
    key: Vec<u8>,
    change: impl FnOnce(&mut R),
) -> Vec<Change> {
    let mut record: R = read(directory, family, &key);
    change(&mut record);
    vec![(family, key, Some(record.to_bytes()))]
}

fn remove(family: Family, key: Vec<u8>) -> Vec<Change> {
    vec![(family, key, None)]
}

fn status(directory: &Path, nonce: u64, status: Status) -> Vec<Change> {
    alter(directory, Family::States, key(nonce), |state: &mut StateRecord| state.status = status)
}

fn held_until(directory: &Path, until: UnixTime) -> Vec<Change> {
    alter(directory, Family::States, key(6), |state: &mut StateRecord| state.holds[0].until = until)
}

/// What breaks a rule, and what should be found.
type Case = (&'static str, fn(&Path) -> Vec<Change>, fn(&Finding) -> bool);

fn of(nonce: u64) -> MandateHash {
    terms(nonce).hash()
}

const CASES: &[Case] = &[
    (
        "a record that cannot be read",
        |_| vec![(Family::Undo, schema::block(1_001), Some(vec![1, 2]))],
        |finding| matches!(finding, Finding::Unreadable { family: Family::Undo, .. }),
    ),
    (
        "a key that cannot be read",
        |_| vec![(Family::Transactions, vec![1], Some(vec![]))],
        |finding| matches!(finding, Finding::Unreadable { family: Family::Transactions, .. }),
    ),
    (
        "more reserved than there is",
        |directory| {
            let key = schema::purse(account(1), TOKEN);
            alter(directory, Family::Purses, key, |purse: &mut PurseRecord| {
                purse.balance = balance(33);
            })
        },
        |finding| match finding {
            Finding::OverReserved { reserved, .. } => reserved.get() == 34,
            _ => false,
        },
    ),
    (
        "accepted against a pending withdrawal",
        |directory| {
            let key = schema::purse(account(1), TOKEN);
            alter(directory, Family::Purses, key, |purse: &mut PurseRecord| {
                let withdrawal = purse.pending_withdrawal.as_mut();
                withdrawal.expect("requested").amount = balance(947);
            })
        },
        |finding| match finding {
            Finding::AcceptedAgainstWithdrawal { mandate, remaining, .. } => {
                *mandate == of(6) && remaining.get() == 33
            }
            _ => false,
        },
    ),
    (
        "a mandate without a receipt",
        |_| remove(Family::Receipts, key(3)),
        |finding| {
            matches!(
                finding,
                Finding::Incomplete { has: Family::Mandates, lacks: Family::Receipts, .. }
            )
        },
    ),
    (
        "a receipt without a mandate",
        |_| remove(Family::Mandates, key(3)),
        |finding| {
            matches!(
                finding,
                Finding::Incomplete { has: Family::Receipts, lacks: Family::Mandates, .. }
            )
        },
    ),
    (
        "a mandate without a state",
        |_| remove(Family::States, key(3)),
        |finding| {
            matches!(
                finding,
                Finding::Incomplete { has: Family::Mandates, lacks: Family::States, .. }
            )
        },
    ),
    (
        "a capture without a mandate",
        |_| {
            let record = CaptureRecord { amount: amount(1), at: at(0), statement: vec![] };
            vec![(Family::Captures, vec![0; 32], Some(record.to_bytes()))]
        },
        |finding| {
            matches!(
                finding,
                Finding::Incomplete { has: Family::Captures, lacks: Family::Mandates, .. }
            )
        },
    ),
    (
        "another mandate's receipt",
        |directory| {
            let other = raw(directory, &[Family::Receipts]);
            let other = other.get(&(Family::Receipts, key(2))).expect("there").clone();
            vec![(Family::Receipts, key(3), Some(other))]
        },
        |finding| matches!(finding, Finding::ReceiptDiffers { field: "mandateId", .. }),
    ),
    (
        "a receipt with another time",
        |directory| {
            alter(directory, Family::Mandates, key(3), |record: &mut MandateRecord| {
                record.settle_by = at(601);
            })
        },
        |finding| matches!(finding, Finding::ReceiptDiffers { field: "settleBy", .. }),
    ),
    (
        "another processor's receipt",
        |directory| {
            alter(directory, Family::Receipts, key(3), |issued: &mut IssuedReceipt| {
                if let IssuedReceipt::Proved { receipt } = issued {
                    receipt.message.processor = TOKEN;
                }
            })
        },
        |finding| matches!(finding, Finding::ReceiptDiffers { field: "processor", .. }),
    ),
    (
        "a receipt with another deadline",
        |directory| {
            alter(directory, Family::Receipts, key(3), |issued: &mut IssuedReceipt| {
                if let IssuedReceipt::Proved { receipt } = issued {
                    receipt.message.deadline = at(1_000_000);
                }
            })
        },
        |finding| matches!(finding, Finding::ReceiptDiffers { field: "deadline", .. }),
    ),
    (
        "a receipt issued after its promise",
        |directory| {
            alter(directory, Family::Receipts, key(3), |issued: &mut IssuedReceipt| {
                if let IssuedReceipt::Proved { receipt } = issued {
                    receipt.message.issued_at = at(601);
                }
            })
        },
        |finding| matches!(finding, Finding::ReceiptDiffers { field: "issuedAt", .. }),
    ),
    (
        "a promise beyond the deadline",
        |directory| {
            alter(directory, Family::Mandates, key(3), |record: &mut MandateRecord| {
                record.settle_by = at(1_000_000);
            })
        },
        |finding| matches!(finding, Finding::PromisedTooLate { mandate } if *mandate == of(3)),
    ),
    (
        "other content under an id",
        |directory| {
            let other: MandateRecord = read(directory, Family::Mandates, &key(2));
            alter(directory, Family::Mandates, key(3), |record: &mut MandateRecord| {
                record.promise = other.promise;
            })
        },
        |finding| match finding {
            Finding::OtherContent { mandate, actual } => (*mandate, *actual) == (of(3), of(2)),
            _ => false,
        },
    ),
    (
        "one nonce for two",
        |directory| {
            let other: MandateRecord = read(directory, Family::Mandates, &key(2));
            alter(directory, Family::Mandates, key(3), |record: &mut MandateRecord| {
                record.promise = other.promise;
            })
        },
        |finding| matches!(finding, Finding::NonceShared { .. }),
    ),
    (
        "a nonce that is not indexed",
        |_| {
            let (account, nonce) = (account(1), Nonce::new(3));
            let nonce = NonceKey::Proved { account, token: TOKEN, nonce };
            remove(Family::Nonces, schema::nonce(&nonce))
        },
        |finding| matches!(finding, Finding::NonceIndex { indexed: None, expected: Some(_), .. }),
    ),
    (
        "a nonce indexed for nothing",
        |_| {
            let (account, nonce) = (account(1), Nonce::new(99));
            let nonce = NonceKey::Proved { account, token: TOKEN, nonce };
            vec![(Family::Nonces, schema::nonce(&nonce), Some(key(3)))]
        },
        |finding| matches!(finding, Finding::NonceIndex { indexed: Some(_), expected: None, .. }),
    ),
    (
        "a gap in the order",
        |_| remove(Family::Acceptances, schema::sequence(Sequence::new(3))),
        |finding| matches!(finding, Finding::Order { found: None, .. }),
    ),
    (
        "two in the other's place",
        |_| {
            let place = |sequence| schema::sequence(Sequence::new(sequence));
            vec![
                (Family::Acceptances, place(3), Some(key(4))),
                (Family::Acceptances, place(4), Some(key(3))),
            ]
        },
        |finding| matches!(finding, Finding::Order { found: Some(_), expected: Some(_), .. }),
    ),
    (
        "queued, but not in the queue",
        |_| {
            let path = aep2_ledger::SettlementPath::Proved;
            remove(Family::Queue, schema::queue(path, TOKEN, Sequence::new(3)))
        },
        |finding| matches!(finding, Finding::Misplaced { status: "queued", .. }),
    ),
    (
        "in the queue for another deadline",
        |directory| {
            let key = schema::queue(aep2_ledger::SettlementPath::Proved, TOKEN, Sequence::new(3));
            alter(directory, Family::Queue, key, |queued: &mut QueueRecord| {
                queued.deadline = at(0);
            })
        },
        |finding| matches!(finding, Finding::Misplaced { mandate, .. } if *mandate == of(3)),
    ),
    (
        "in two places",
        |_| {
            let place = schema::sequence(Sequence::new(3));
            vec![(Family::Quarantined, place, Some(key(3)))]
        },
        |finding| matches!(finding, Finding::Misplaced { mandate, .. } if *mandate == of(3)),
    ),
    (
        "ended, but in the queue",
        |directory| {
            let reason = FailureReason::GivenUp { reason: String::new() };
            status(directory, 3, Status::Failed { reason })
        },
        |finding| matches!(finding, Finding::Misplaced { status: "failed", .. }),
    ),
    (
        "in a batch that does not have it",
        |directory| status(directory, 4, Status::InBatch { batch: OPEN }),
        |finding| matches!(finding, Finding::Misplaced { status: "in a batch", .. }),
    ),
    (
        "held, but not among the held",
        |_| remove(Family::Held, schema::held(at(HELD_UNTIL), Sequence::new(6))),
        |finding| matches!(finding, Finding::Misplaced { status: "queued", .. }),
    ),
    (
        "held until another time than its place says",
        |directory| held_until(directory, at(HELD_UNTIL + 1)),
        |finding| matches!(finding, Finding::Misplaced { status: "held", .. }),
    ),
    (
        "held past its promise",
        |directory| {
            let until = at(crate::support::SETTLE_WITHIN as i64 + 1);
            let mut changes = held_until(directory, until);
            let place = |until| schema::held(until, Sequence::new(6));
            changes.push((Family::Held, place(at(HELD_UNTIL)), None));
            changes.push((Family::Held, place(until), Some(key(6))));
            changes
        },
        |finding| matches!(finding, Finding::HoldsWrong { mandate } if *mandate == of(6)),
    ),
    (
        "held twice in one way",
        |directory| {
            alter(directory, Family::States, key(6), |state: &mut StateRecord| {
                state.holds.push(state.holds[0].clone());
            })
        },
        |finding| matches!(finding, Finding::HoldsWrong { mandate } if *mandate == of(6)),
    ),
    (
        "captured otherwise",
        |directory| {
            alter(directory, Family::States, key(3), |state: &mut StateRecord| {
                state.captured = Some(amount(5));
            })
        },
        |finding| matches!(finding, Finding::CaptureDiffers { mandate } if *mandate == of(3)),
    ),
    (
        "captured above the ceiling",
        |directory| {
            let mut changes =
                alter(directory, Family::States, key(3), |state: &mut StateRecord| {
                    state.captured = Some(amount(11));
                });
            changes.extend(alter(
                directory,
                Family::Captures,
                key(3),
                |capture: &mut CaptureRecord| {
                    capture.amount = amount(11);
                },
            ));
            changes
        },
        |finding| matches!(finding, Finding::CaptureDiffers { mandate } if *mandate == of(3)),
    ),
    (
        "more refunded than was paid",
        |directory| {
            let key = schema::refund(of(0), REFUND);
            let mut changes = alter(directory, Family::Refunds, key, |own: &mut RefundRecord| {
                own.amount = Ceiling::new(11).expect("an amount");
            });
            let key = schema::refund(of(0), REFUND);
            changes.extend(alter(
                directory,
                Family::RefundsPaid,
                key,
                |own: &mut RefundDeposit| {
                    own.amount = balance(11);
                },
            ));
            changes
        },
        |finding| {
            matches!(finding, Finding::OverRefunded { mandate, refunded: 11, most: 10 }
                if *mandate == of(0))
        },
    ),
    (
        "a refund that the chain paid less than",
        |directory| {
            let key = schema::refund(of(0), REFUND);
            alter(directory, Family::RefundsPaid, key, |own: &mut RefundDeposit| {
                own.amount = balance(3);
            })
        },
        |finding| matches!(finding, Finding::RefundDiffers { refund: REFUND, .. }),
    ),
    (
        "a refund that is not found by its nonce",
        |_| {
            let key = schema::refund_nonce(account(1), TOKEN, PAYEE, REFUND_NONCE);
            remove(Family::RefundNonces, key)
        },
        |finding| matches!(finding, Finding::RefundDiffers { refund: REFUND, .. }),
    ),
    (
        "a paid refund that was never announced",
        |_| {
            let key = schema::refund_nonce(account(1), TOKEN, PAYEE, REFUND_NONCE);
            let mut changes = remove(Family::RefundNonces, key);
            changes.extend(remove(Family::Refunds, schema::refund(of(0), REFUND)));
            changes
        },
        |finding| matches!(finding, Finding::RefundDiffers { refund: REFUND, .. }),
    ),
    (
        "a batch with another sum",
        |directory| {
            alter(directory, Family::Batches, schema::batch(OPEN), |batch: &mut BatchRecord| {
                batch.total = balance(11);
            })
        },
        |finding| matches!(finding, Finding::BatchDiffers { batch: OPEN, .. }),
    ),
    (
        "a batch that went on without a proof",
        |directory| {
            alter(directory, Family::Batches, schema::batch(OPEN), |batch: &mut BatchRecord| {
                batch.step = Step::Submitted { reference: vec![] };
            })
        },
        |finding| matches!(finding, Finding::BatchDiffers { batch: OPEN, .. }),
    ),
    (
        "a batch that recovery would not find",
        |_| remove(Family::Unfinished, schema::batch(OPEN)),
        |finding| matches!(finding, Finding::BatchDiffers { batch: OPEN, .. }),
    ),
    (
        "a batch whose proof is gone",
        |_| remove(Family::Proofs, schema::batch(SETTLED)),
        |finding| matches!(finding, Finding::BatchDiffers { batch: SETTLED, .. }),
    ),
    (
        "a settled batch of which nothing moved",
        |_| remove(Family::Movements, schema::batch(SETTLED)),
        |finding| matches!(finding, Finding::BatchDiffers { batch: SETTLED, .. }),
    ),
    (
        "members of a batch that is not there",
        |_| {
            let member = MemberRecord { mandate: of(3), captured: amount(1) };
            let key = schema::member(BatchNumber::new(9), 0);
            vec![(Family::Members, key, Some(member.to_bytes()))]
        },
        |finding| matches!(finding, Finding::BatchDiffers { batch, .. } if batch.get() == 9),
    ),
    (
        "more moved than was captured",
        |directory| {
            alter(directory, Family::Movements, schema::batch(SETTLED), |moved: &mut Movement| {
                moved.debits[0].amount = balance(11);
            })
        },
        |finding| matches!(finding, Finding::MovedDiffers { batch: SETTLED, word: 0, .. }),
    ),
    (
        "another nonce moved",
        |directory| {
            alter(directory, Family::Movements, schema::batch(SETTLED), |moved: &mut Movement| {
                moved.debits[0].mask = 1 << 9;
            })
        },
        |finding| matches!(finding, Finding::MovedDiffers { batch: SETTLED, .. }),
    ),
    (
        "a member of a settled batch that has failed",
        |directory| {
            let reason = FailureReason::GivenUp { reason: String::new() };
            status(directory, 0, Status::Failed { reason })
        },
        |finding| matches!(finding, Finding::NotSettledBy { mandate, .. } if *mandate == of(0)),
    ),
    (
        "settled by a batch that is open",
        |directory| {
            let batch = Some(OPEN);
            status(directory, 2, Status::Settled { batch, amount: amount(10), block: 1_001 })
        },
        |finding| matches!(finding, Finding::NotSettledBy { mandate, .. } if *mandate == of(2)),
    ),
    (
        "settled for another amount",
        |directory| {
            let batch = Some(SETTLED);
            status(directory, 0, Status::Settled { batch, amount: amount(9), block: 1_001 })
        },
        |finding| matches!(finding, Finding::NotSettledBy { mandate, .. } if *mandate == of(0)),
    ),
    (
        "settled, but unspent",
        |_| {
            let bits = U256::from(0b10u8).to_be_bytes::<32>().to_vec();
            vec![(Family::Spent, schema::spent_slot(account(1), TOKEN, 0), Some(bits))]
        },
        |finding| match finding {
            Finding::NonceBit { mandate, spent, .. } => *mandate == of(0) && !spent,
            _ => false,
        },
    ),
    (
        "live, but spent",
        |_| {
            let bits = U256::from(0b1011u8).to_be_bytes::<32>().to_vec();
            vec![(Family::Spent, schema::spent_slot(account(1), TOKEN, 0), Some(bits))]
        },
        |finding| match finding {
            Finding::NonceBit { mandate, spent, .. } => *mandate == of(3) && *spent,
            _ => false,
        },
    ),
    (
        "settled in the direct path, where nothing was",
        |_| {
            let summary = DirectSummary { settled: 1, ..Default::default() };
            vec![(Family::Meta, schema::meta::DIRECT.to_vec(), Some(summary.to_bytes()))]
        },
        |finding| matches!(finding, Finding::DirectSummary { field: "settled" }),
    ),
];

#[test]
fn every_broken_rule_is_found() {
    let sound = test();
    for (name, changes, expected) in CASES {
        let scratch = tempfile::tempdir().expect("a directory");
        crate::damage::copy(sound.path(), scratch.path());
        tamper(scratch.path(), &changes(sound.path()));
        let report = audit(scratch.path()).expect("audits");
        assert!(report.findings.iter().any(expected), "{name}: {:#?}", report.findings);
        assert!(!report.findings[0].to_string().is_empty());
    }
    let report = audit(sound.path()).expect("audits");
    assert_eq!(report.findings, [], "the one that they were copied from is sound");
    assert_eq!((report.mandates, report.live, report.batches, report.purses), (7, 4, 2, 1));
}

#[test]
fn an_audit_of_an_open_ledger_disturbs_nobody() {
    let directory = test();
    let ledger = Ledger::open(directory.path(), config()).expect("opens");
    for nonce in 100..140 {
        let pending = ledger.accept(terms(nonce).request(), at(1));
        let report = audit(directory.path()).expect("audits");
        assert_eq!(report.findings, []);
        pending.wait().expect("accepted");
    }
}
