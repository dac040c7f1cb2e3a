//! Any chain, any nodes, killed at any time: in the end the caller has the chain's events, each
//! once.

use std::time::Duration;

use aep2_chain::follower::FollowerConfig;
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Applied, config, drive, follower,
    model::{Chain, Habits},
    next_within,
};
use crate::scripted::{Scripted, run};

#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    habits: Habits,
    config: FollowerConfig,
    history: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let chain = (0..60_u32, 0..20_u32, 1..8_usize, 1..4_usize, 5..=100_u32);
    let faults = (0..20_u32, 0..3_u32, any::<bool>(), any::<bool>(), any::<bool>());
    let limits = (
        prop_oneof![Just(u64::MAX), 1..30_u64],
        prop_oneof![Just(usize::MAX), 2..12_usize],
        prop_oneof![Just(usize::MAX), 4..12_usize],
    );
    let follower = (0..5_u64, 1..60_u64, any::<bool>());
    (any::<u64>(), chain, faults, limits, follower, 0..300_u64).prop_map(
        |(seed, chain, faults, limits, follower, history)| {
            let (mined, reorganised, depth_max, nodes, synced) = chain;
            let (failed, silent, lists_nothing, batches, blooms) = faults;
            let (range_max, logs_refused_from, logs_cut_at) = limits;
            let (confirmations, range, never_far) = follower;
            // What the follower's module says cannot be told apart otherwise.
            let batches = batches || nodes > 1;
            let habits = Habits {
                mined,
                reorganised,
                depth_max,
                failed,
                silent,
                nodes,
                synced,
                lists_nothing,
                range_max,
                logs_refused_from,
                logs_cut_at,
                logs_from: None,
                batches,
                blooms,
                block_receipts: seed.is_multiple_of(2),
                // Where neither a bloom filter nor a root that was ever rebuilt tells, nothing does.
                hides: if blooms { seed % 7 } else { 0 },
                hides_from: 0,
                kind: 2,
            };
            let config = FollowerConfig {
                confirmations,
                depth_max: 8,
                range_max: range,
                logs_max: logs_cut_at.min(10_000),
                near_depth: if never_far { u64::MAX } else { 0 },
                ..config()
            };
            Case { seed, habits, config, history }
        },
    )
}

async fn follow(case: Case) -> Result<(), TestCaseError> {
    let mut rng = StdRng::seed_from_u64(case.seed ^ 1);
    let mut chain = Chain::new(case.seed, case.habits.clone());
    chain.mine(case.history);
    chain.sync();
    let node = Scripted::new(chain);
    let mut applied = Applied { start_block: 1, ..Applied::default() };

    let mut following = follower(&node, &case.config, &applied);
    for _ in 0..60 {
        // Killed while it waits, at any point.
        let time = Duration::from_millis(rng.gen_range(0..3_000));
        let update = next_within(&mut following, time).await;
        let killed = match update {
            Some(update) => {
                let update = update.map_err(|error| TestCaseError::fail(error.to_string()))?;
                // Killed before the update is stored.
                let lost = rng.gen_range(0..10) == 0;
                if !lost {
                    applied.apply(update);
                }
                lost
            }
            None => false,
        };
        if killed || rng.gen_range(0..20) == 0 {
            following = follower(&node, &case.config, &applied);
        }
    }

    // The chain comes to rest, and the nodes agree.
    let tip = {
        let mut chain = node.model();
        let limits = chain.habits.clone();
        chain.habits = Habits {
            range_max: limits.range_max,
            logs_refused_from: limits.logs_refused_from,
            logs_cut_at: limits.logs_cut_at,
            blooms: limits.blooms,
            ..Habits::default()
        };
        chain.mine(case.config.confirmations + 1);
        chain.sync();
        chain.head() - case.config.confirmations
    };
    // Not by `drive` alone: the tip's number may be right and its block not.
    for round in 0.. {
        prop_assert!(round < 10, "never comes to rest");
        drive(&mut following, &mut applied, tip).await;
        if next_within(&mut following, Duration::from_secs(60)).await.is_none() {
            break;
        }
        // Whatever came was not stored: the next follower says it again.
        following = follower(&node, &case.config, &applied);
        let update = following.next().await.map_err(|e| TestCaseError::fail(e.to_string()))?;
        applied.apply(update);
    }
    let truth = node.model().truth(1, tip);
    prop_assert_eq!(&applied.logs, &truth);
    prop_assert_eq!(applied.cursor.and_then(|cursor| cursor.tip()), Some(node.model().block(tip)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_event_is_lost_or_doubled_whatever_chain_and_nodes_do(case in cases()) {
        run(follow(case))?;
    }
}
