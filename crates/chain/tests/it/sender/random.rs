//! Any chain, any node, killed at any time: each submission is mined at most once, none is lost, and
//! what is said to have ended has.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aep2_chain::sender::{MemoryJournal, Outcome, Sender, SenderConfig, SenderError, SubmitError};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Fragile, NextWrite, call, config, id, open,
    world::{Habits, Kind, World, calldata, revert_data},
};
use crate::scripted::{Scripted, run};

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    habits: Habits,
    config: SenderConfig,
    /// The chance that a step is cut off, in percent.
    killed: u32,
    /// The chance that a write fails, in percent of steps.
    write_fails: u32,
}

fn cases() -> impl Strategy<Value = Case> {
    let chain = (5..40_u32, 0..60_u32, 0..5_u32, 0..4_u64, 0..5_u32, 0..5_u32);
    let node = (0..10_u32, 0..10_u32, 0..2_u32, 0..40_u32, any::<bool>());
    (any::<u64>(), chain, node, 0..20_u32, 0..10_u32).prop_map(
        |(seed, chain, node, killed, write_fails)| {
            let (mined, passed_over, reorganised, confirmations, evicted, base_fee_moves) = chain;
            let (failed, answer_lost, foreign, stale, refuses_cheap) = node;
            let habits = Habits {
                mined,
                passed_over,
                reorganised,
                depth_max: confirmations as usize,
                evicted,
                base_fee_moves,
                failed,
                answer_lost,
                foreign,
                stale,
                stale_for_good: false,
                receipts_stale: false,
                refuses_cheap,
                no_receipts: false,
                no_transactions: false,
            };
            let config = SenderConfig { confirmations, ..config() };
            Case { seed, habits, config, killed, write_fails }
        },
    )
}

/// What the test knows of a submission.
#[derive(Clone, Debug)]
struct Known {
    kind: Kind,
    ended: Option<Outcome>,
}

struct Auditor {
    node: Scripted<World>,
    confirmations: u64,
    known: BTreeMap<u64, Known>,
}

impl Auditor {
    /// Whether what is said of a submission is so.
    fn hear(&mut self, tag: u64, outcome: Outcome) {
        let known = self.known.get_mut(&tag).expect("submitted");
        if let Some(ended) = &known.ended {
            assert_eq!(*ended, outcome, "an outcome that was final changed");
            return;
        }
        let world = self.node.model();
        let deep = |number: u64| world.height() >= number + self.confirmations;
        let data = calldata(known.kind, tag);
        let mined = world.mined();
        let on_chain = mined.iter().find(|(_, tx)| tx.data == data);
        match &outcome {
            Outcome::Succeeded { receipt } | Outcome::Reverted { receipt, .. } => {
                let (number, tx) = on_chain.expect("said to be mined, but not on the chain");
                assert_eq!(receipt.transaction_hash, tx.hash);
                assert_eq!(receipt.block_number, Some(*number));
                assert_eq!(receipt.block_hash, Some(world.canonical[*number as usize]));
                assert!(deep(*number), "said to be final, but not deep");
                assert_eq!(matches!(outcome, Outcome::Succeeded { .. }), tx.succeeds());
                if let Outcome::Reverted { reason, .. } = &outcome {
                    let expected = (known.kind == Kind::RevertsLater).then(|| revert_data(&data));
                    assert_eq!(*reason, expected);
                }
            }
            Outcome::Replaced { by, block } => {
                assert!(on_chain.is_none(), "said to be replaced, but mined");
                let by = by.expect("by a transaction");
                let (number, tx) = mined.iter().find(|(_, tx)| tx.hash == by).expect("mined");
                assert!(tx.foreign && deep(*number));
                assert_eq!(
                    (block.number, block.hash),
                    (*number, world.canonical[*number as usize])
                );
            }
            Outcome::Pending(_) | Outcome::Dropped { .. } => return,
        }
        known.ended = Some(outcome);
    }
}

#[derive(Debug)]
enum Heard {
    Outcome(u64, Outcome),
    Nothing,
    /// The sender closed itself.
    Closed,
}

/// One thing that a caller does.
async fn step(sender: &Sender, step: u32, tag: u64, kind: Kind) -> Heard {
    let closed = |error: SenderError| match error {
        SenderError::Rpc(_) | SenderError::NoSuchSubmission { .. } => Heard::Nothing,
        SenderError::Journal(_) | SenderError::Closed => Heard::Closed,
        error => panic!("{error}"),
    };
    match step {
        0 => match sender.submit(id(tag), call(kind, tag)).await {
            Ok(ticket) => {
                assert_eq!(ticket.id, id(tag));
                assert_ne!(kind, Kind::Reverts, "a call that reverts was sent");
                Heard::Nothing
            }
            Err(SubmitError::WouldRevert { data }) => {
                assert_eq!(kind, Kind::Reverts);
                assert_eq!(data, revert_data(&calldata(kind, tag)));
                Heard::Nothing
            }
            Err(SubmitError::Sender(error)) => closed(error),
            Err(error) => panic!("{error}"),
        },
        1 => match sender.outcome(id(tag)).await {
            Ok(outcome) => Heard::Outcome(tag, outcome),
            Err(error) => closed(error),
        },
        _ => sender.advance().await.map_or_else(closed, |_| Heard::Nothing),
    }
}

fn any_kind(rng: &mut StdRng) -> Kind {
    match rng.gen_range(0..10) {
        0 => Kind::Reverts,
        1 => Kind::RevertsLater,
        2 => Kind::RevertsForNoReason,
        _ => Kind::Succeeds,
    }
}

async fn live(case: Case) -> Result<(), TestCaseError> {
    let mut rng = StdRng::seed_from_u64(case.seed ^ 1);
    let node = Scripted::new(World::new(case.seed, Habits::default()));
    let journal = Arc::new(Fragile::new(MemoryJournal::new()));
    let mut sender = open(&node, &case.config, journal.clone()).await;
    node.model().habits = case.habits.clone();
    let mut auditor = Auditor {
        node: node.clone(),
        confirmations: case.config.confirmations,
        known: BTreeMap::new(),
    };

    for _ in 0..80 {
        let tag = rng.gen_range(0..8);
        let kind = auditor
            .known
            .entry(tag)
            .or_insert_with(|| Known { kind: any_kind(&mut rng), ended: None })
            .kind;
        if rng.gen_range(0..100) < case.killed {
            node.model().silent_in = Some(rng.gen_range(0..8));
        }
        if rng.gen_range(0..100) < case.write_fails {
            let next = [NextWrite::Fails, NextWrite::SucceedsUnheard][rng.gen_range(0..2)];
            journal.fail_next(next);
        }
        // A node that has fallen silent leaves the step hanging: it is dropped there, as if the
        // process were killed.
        let heard = step(&sender, rng.gen_range(0..4), tag, kind);
        let heard = tokio::time::timeout(Duration::from_secs(5), heard).await;
        node.model().silent_in = None;
        match heard {
            Ok(Heard::Outcome(tag, outcome)) => auditor.hear(tag, outcome),
            Ok(Heard::Nothing) => prop_assert!(!journal.has_failed(), "a failed write was ignored"),
            Ok(Heard::Closed) | Err(_) => {
                journal.has_failed();
                node.model().habits = Habits::default();
                sender = open(&node, &case.config, journal.clone()).await;
                node.model().habits = case.habits.clone();
            }
        }
    }

    *journal.next.lock().unwrap() = None;
    {
        let mut world = node.model();
        world.habits = Habits::default();
        world.base_wei = 10;
    }
    let sender = open(&node, &case.config, journal).await;
    conclude(&sender, auditor).await
}

/// The chain has come to rest, and the caller asks for all of it once more.
async fn conclude(sender: &Sender, mut auditor: Auditor) -> Result<(), TestCaseError> {
    let node = auditor.node.clone();
    for (tag, known) in auditor.known.clone() {
        step(sender, 0, tag, known.kind).await;
    }
    let mut rounds = 0;
    while sender.advance().await.map_err(|e| TestCaseError::fail(e.to_string()))? > 0 {
        node.model().mine();
        rounds += 1;
        prop_assert!(rounds < 300, "stuck: {:?}", node.model().pooled());
    }
    for (tag, known) in auditor.known.clone() {
        if known.kind != Kind::Reverts {
            let outcome = sender.outcome(id(tag)).await.expect("known");
            prop_assert!(outcome.is_final());
            auditor.hear(tag, outcome);
        }
    }
    // Every nonce is used, by what it was written down for or by someone else.
    let world = node.model();
    prop_assert_eq!(world.mined().len() as u64, world.count());
    prop_assert!(world.pooled().iter().all(|tx| tx.foreign || tx.nonce < world.count()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_submission_is_mined_once_whatever_chain_node_and_process_do(case in cases()) {
        run(live(case))?;
    }
}
