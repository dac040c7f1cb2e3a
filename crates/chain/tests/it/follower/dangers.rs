//! One danger at a time.

use std::time::Duration;

use aep2_chain::{
    BlockRef,
    backoff::BackoffConfig,
    follower::{Follower, FollowerConfig, FollowerError, Update},
};
use alloy::{
    primitives::{Address, B256, keccak256},
    rpc::types::Log,
};

use super::{
    Applied, config, drive, follower,
    model::{CHAIN_ID, Chain, Habits, OTHER, WALLET},
    next_within,
};
use crate::scripted::{Scripted, run};

fn applied() -> Applied {
    Applied { start_block: 1, ..Applied::default() }
}

fn node(habits: Habits, blocks: u64) -> Scripted<Chain> {
    let mut chain = Chain::new(7, habits);
    chain.mine(blocks);
    chain.sync();
    Scripted::new(chain)
}

/// Whether the applied has the events of the chain from its start up to a block.
fn same(applied: &Applied, node: &Scripted<Chain>, tip: u64) {
    let place = |log: &Log| (log.block_number, log.log_index);
    let (had, truth) = (&applied.logs, node.model().truth(1, tip));
    let differs = had.iter().zip(&truth).position(|(had, truth)| had != truth);
    assert!(
        had.len() == truth.len() && differs.is_none(),
        "{} events instead of {}, different from {:?} on",
        had.len(),
        truth.len(),
        differs.map(|at| place(&truth[at]))
    );
}

#[test]
fn a_block_without_its_confirmations_is_not_delivered() {
    run(async {
        let node = node(Habits::default(), 10);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        drive(&mut follower, &mut applied, 7).await;
        assert_eq!(next_within(&mut follower, Duration::from_secs(3_600)).await, None);
        {
            let mut chain = node.model();
            chain.mine(1);
            chain.sync();
        }
        drive(&mut follower, &mut applied, 8).await;
        same(&applied, &node, 8);
    });
}

#[test]
fn without_confirmations_the_head_itself_is_delivered() {
    run(async {
        let node = node(Habits::default(), 10);
        let mut applied = applied();
        let config = FollowerConfig { confirmations: 0, ..config() };
        drive(&mut follower(&node, &config, &applied), &mut applied, 10).await;
        same(&applied, &node, 10);
    });
}

#[test]
fn a_reorganisation_below_the_confirmations_is_reported_with_the_blocks_reorged_out() {
    run(async {
        let node = node(Habits::default(), 20);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        drive(&mut follower, &mut applied, 17).await;
        let before: Vec<BlockRef> = (15..=17).map(|number| node.model().block(number)).collect();

        {
            let mut chain = node.model();
            chain.reorganise(6);
            chain.sync();
        }
        let update = follower.next().await.unwrap();
        let Update::Reorganised { from_block, reorged_out, cursor } = &update else {
            panic!("not noticed: {update:?}");
        };
        assert_eq!(*from_block, 15);
        assert_eq!(*reorged_out, before);
        assert_eq!(cursor.tip(), Some(node.model().block(14)));
        applied.apply(update);
        drive(&mut follower, &mut applied, 18).await;
        same(&applied, &node, 18);
    });
}

#[test]
fn a_reorganisation_while_nobody_looked_is_reported_after_the_restart() {
    run(async {
        let node = node(Habits::default(), 20);
        let mut applied = applied();
        drive(&mut follower(&node, &config(), &applied), &mut applied, 17).await;
        {
            let mut chain = node.model();
            chain.reorganise(5);
            chain.mine(200);
            chain.sync();
        }
        let mut follower = follower(&node, &config(), &applied);
        let update = follower.next().await.unwrap();
        assert!(matches!(update, Update::Reorganised { from_block: 16, .. }), "{update:?}");
        applied.apply(update);
        drive(&mut follower, &mut applied, 218).await;
        same(&applied, &node, 218);
    });
}

#[test]
fn the_deepest_reorganisation_is_undone_and_a_deeper_one_is_an_error() {
    run(async {
        let config = config();
        // Delivered blocks that fall away are what counts: those above were not delivered.
        let deepest = (config.depth_max + config.confirmations) as usize;
        for (depth, undone) in [(deepest, true), (deepest + 1, false)] {
            let node = node(Habits::default(), 100);
            let mut applied = applied();
            let mut follower = follower(&node, &config, &applied);
            drive(&mut follower, &mut applied, 97).await;
            // Its window is one of single blocks only after more than it holds.
            node.model().mine(20);
            node.model().sync();
            drive(&mut follower, &mut applied, 117).await;
            let oldest = node.model().block(117 - config.depth_max);
            node.model().reorganise(depth);
            node.model().sync();
            let update = follower.next().await;
            if undone {
                assert!(matches!(update, Ok(Update::Reorganised { from_block: 110, .. })));
            } else {
                let found = node.model().block(oldest.number).hash;
                assert_eq!(update, Err(FollowerError::ReorganisedTooDeep { oldest, found }));
                // And it stays one, also after a restart.
                assert_eq!(
                    follower.next().await,
                    Err(FollowerError::ReorganisedTooDeep { oldest, found })
                );
            }
        }
    });
}

#[test]
fn a_chain_that_is_shorter_is_believed_when_nothing_else_is_seen() {
    run(async {
        let node = node(Habits::default(), 30);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        drive(&mut follower, &mut applied, 27).await;
        // Shorter, but no other chain: a node that lags.
        node.model().shorten(5);
        node.model().sync();
        assert_eq!(next_within(&mut follower, Duration::from_secs(3_600)).await, None);
        assert_eq!(follower.view().borrow().head.map(|head| head.number), Some(25));
        // Another chain, and still shorter.
        node.model().shorten(5);
        node.model().mine(3);
        node.model().sync();
        let update = follower.next().await.unwrap();
        assert!(matches!(update, Update::Reorganised { from_block: 21, .. }), "{update:?}");
        applied.apply(update);
        node.model().mine(20);
        node.model().sync();
        drive(&mut follower, &mut applied, 40).await;
        same(&applied, &node, 40);
    });
}

#[test]
fn a_reorganisation_of_everything_goes_back_to_the_start() {
    run(async {
        let node = node(Habits::default(), 9);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        drive(&mut follower, &mut applied, 6).await;
        {
            let mut chain = node.model();
            chain.reorganise(9);
            chain.sync();
        }
        let update = follower.next().await.unwrap();
        assert!(
            matches!(&update, Update::Reorganised { from_block: 1, reorged_out, cursor }
                if reorged_out.len() == 6 && cursor.tip().is_none()),
            "{update:?}"
        );
        applied.apply(update);
        drive(&mut follower, &mut applied, 7).await;
        same(&applied, &node, 7);
    });
}

#[test]
fn a_node_that_lags_is_waited_for_and_not_taken_for_a_reorganisation() {
    run(async {
        let habits = Habits { nodes: 2, synced: 0, ..Habits::default() };
        let node = node(habits, 10);
        {
            let mut chain = node.model();
            chain.mine(100);
            // Node 1 stays a hundred blocks behind.
            chain.sync_one(0);
        }
        let mut applied = applied();
        let config = FollowerConfig { backoff: fast(), ..config() };
        let mut follower = follower(&node, &config, &applied);
        drive(&mut follower, &mut applied, 107).await;
        assert_eq!(applied.reorganisations, 0);
        same(&applied, &node, 107);
        assert_eq!(next_within(&mut follower, Duration::from_secs(60)).await, None);
    });
}

#[test]
fn a_lagging_node_that_lists_nothing_hides_no_event() {
    for near_depth in [0, u64::MAX] {
        run(async {
            let habits = Habits { nodes: 2, synced: 0, lists_nothing: true, ..Habits::default() };
            let node = node(habits, 10);
            {
                let mut chain = node.model();
                for _ in 0..200 {
                    chain.mine_with(2);
                }
                chain.sync_one(0);
            }
            let mut applied = applied();
            let config = FollowerConfig { backoff: fast(), near_depth, ..config() };
            let mut follower = follower(&node, &config, &applied);
            drive(&mut follower, &mut applied, 207).await;
            same(&applied, &node, 207);
        });
    }
}

/// Two nodes, of which the second is stuck at block 100 of a chain that parted from the others' at
/// block 92.
fn parted(habits: Habits) -> Scripted<Chain> {
    let mut chain = Chain::new(11, Habits { nodes: 2, synced: 0, ..habits });
    chain.mine(100);
    chain.sync();
    chain.reorganise(8);
    chain.mine(100);
    chain.sync_one(0);
    Scripted::new(chain)
}

#[test]
fn two_chains_are_not_stitched_together() {
    let mut seen = 0;
    for (near_depth, range_max) in [(0, 3), (0, 50), (u64::MAX, 50)] {
        for attempt in 0..10 {
            run(async {
                let node = parted(Habits::default());
                // Other nodes answer each time.
                node.model().shuffle(attempt);
                let mut applied = applied();
                let config = FollowerConfig { backoff: fast(), near_depth, range_max, ..config() };
                let mut follower = follower(&node, &config, &applied);
                for _ in 0..200 {
                    let update = next_within(&mut follower, Duration::from_secs(5)).await;
                    if let Some(update) = update {
                        applied.apply(update.unwrap());
                    }
                }
                seen += applied.reorganisations;
                node.model().sync();
                let tip = node.model().head() - config.confirmations;
                drive(&mut follower, &mut applied, tip).await;
                same(&applied, &node, tip);
            });
        }
    }
    assert!(seen > 10, "the test needs the other chain to be delivered at times");
}

#[test]
fn events_of_another_chain_than_the_headers_are_not_delivered() {
    run(async {
        let node = parted(Habits { logs_from: Some(1), ..Habits::default() });
        node.model().habits.nodes = 1;
        let mut applied = applied();
        let config = FollowerConfig { range_max: 20, backoff: fast(), ..config() };
        let mut follower = follower(&node, &config, &applied);
        while let Some(update) = next_within(&mut follower, Duration::from_secs(60)).await {
            applied.apply(update.unwrap());
        }
        // Up to where the chains part, and a little further where neither has events.
        let stopped = applied.tip().unwrap();
        assert!((80..100).contains(&stopped), "stopped at {stopped}");
        same(&applied, &node, stopped);
        node.model().habits.logs_from = None;
        drive(&mut follower, &mut applied, 198).await;
        same(&applied, &node, 198);
    });
}

#[test]
fn a_provider_that_takes_no_batches_hides_no_event() {
    run(async {
        let node = node(Habits { batches: false, ..Habits::default() }, 200);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        drive(&mut follower, &mut applied, 197).await;
        same(&applied, &node, 197);
        assert_eq!(follower.view().borrow().failures, 0);
    });
}

#[test]
fn an_answer_cut_short_is_not_taken_for_the_whole() {
    run(async {
        let node = node(Habits { logs_cut_at: 5, ..Habits::default() }, 0);
        for _ in 0..100 {
            node.model().mine_with(4);
        }
        node.model().sync();
        let mut applied = applied();
        let config = FollowerConfig { logs_max: 5, ..config() };
        drive(&mut follower(&node, &config, &applied), &mut applied, 97).await;
        same(&applied, &node, 97);
    });
}

#[test]
fn a_chain_without_bloom_filters_hides_no_event() {
    run(async {
        let node = node(Habits { blooms: false, ..Habits::default() }, 60);
        let mut applied = applied();
        drive(&mut follower(&node, &config(), &applied), &mut applied, 57).await;
        assert!(!applied.logs.is_empty());
        same(&applied, &node, 57);
    });
}

#[test]
fn only_the_events_asked_for_are_delivered() {
    run(async {
        let node = node(Habits::default(), 60);
        let mut applied = applied();
        let topic = keccak256([1]);
        let config = FollowerConfig { events: vec![topic], ..config() };
        drive(&mut follower(&node, &config, &applied), &mut applied, 57).await;
        let mut truth = node.model().truth(1, 57);
        assert!(truth.iter().any(|log| log.topic0() != Some(&topic)), "the test needs others");
        truth.retain(|log| log.topic0() == Some(&topic));
        assert!(!truth.is_empty());
        assert_eq!(applied.logs, truth);
    });
}

/// A chain of that many blocks without events.
fn quiet(habits: Habits, blocks: u64) -> Scripted<Chain> {
    let node = node(habits, 0);
    let mut chain = node.model();
    for _ in 0..blocks {
        chain.mine_with(0);
    }
    chain.sync();
    drop(chain);
    node
}

#[test]
fn catching_up_takes_a_message_for_a_range_and_not_for_a_block() {
    run(async {
        let node = quiet(Habits::default(), 100_000);
        let mut applied = applied();
        let config = FollowerConfig { range_max: 2_000, ..config() };
        let mut follower = follower(&node, &config, &applied);
        while applied.tip() < Some(99_000) {
            applied.apply(follower.next().await.unwrap());
        }
        // Each update: the newest block, the last one delivered, and the range.
        let messages = node.model().messages;
        assert!(messages <= 3 * 50 + 10, "{messages} messages");
    });
}

#[test]
fn a_range_that_is_too_large_is_halved_and_grows_again() {
    run(async {
        let node = quiet(Habits { range_max: 100, ..Habits::default() }, 40_000);
        let mut applied = applied();
        let config = FollowerConfig { range_max: 4_000, ..config() };
        let mut follower = follower(&node, &config, &applied);
        while applied.tip() < Some(10_000) {
            applied.apply(follower.next().await.unwrap());
        }
        // Down to what is taken, and not far below: with ranges of 50 it would be 200 updates.
        let narrow = node.model().requests["eth_getLogs"];
        assert!(narrow < 200, "{narrow} requests for 10,000 blocks in ranges of 100");
        node.model().habits.range_max = u64::MAX;
        while applied.tip() < Some(39_000) {
            applied.apply(follower.next().await.unwrap());
        }
        let wide = node.model().requests["eth_getLogs"] - narrow;
        assert!(wide < 40, "{wide} requests for 29,000 blocks in ranges of up to 4,000");
    });
}

#[test]
fn a_node_that_fails_for_an_hour_is_outlasted_and_the_view_tells() {
    run(async {
        let node = node(Habits { failed: 100, ..Habits::default() }, 30);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        let view = follower.view();
        assert_eq!(next_within(&mut follower, Duration::from_secs(3_600)).await, None);
        let messages = node.model().messages;
        assert!((100..400).contains(&messages), "{messages} messages in an hour of failures");
        assert!(view.borrow().failures > 50);
        assert_eq!(view.borrow().caught_up_at, None);

        node.model().habits.failed = 0;
        drive(&mut follower, &mut applied, 27).await;
        same(&applied, &node, 27);
        assert_eq!(view.borrow().failures, 0);
        assert_eq!(view.borrow().since_caught_up(), Some(Duration::ZERO));
    });
}

#[test]
fn a_node_that_never_answers_does_not_hang_the_follower() {
    run(async {
        let node = node(Habits { silent: 50, ..Habits::default() }, 60);
        let mut applied = applied();
        drive(&mut follower(&node, &config(), &applied), &mut applied, 57).await;
        same(&applied, &node, 57);
    });
}

#[test]
fn a_view_grows_old_when_blocks_stop_and_when_answers_stop() {
    run(async {
        let node = node(Habits::default(), 30);
        let mut applied = applied();
        let mut follower = follower(&node, &config(), &applied);
        let view = follower.view();
        assert_eq!(view.borrow().lag(), None);
        drive(&mut follower, &mut applied, 27).await;
        let as_of = view.borrow().as_of.unwrap();
        assert_eq!(view.borrow().lag(), Some(3));
        assert_eq!(view.borrow().head.map(|head| head.number), Some(30));
        assert_eq!(view.borrow().head_time, Some(as_of + 3));

        // No new blocks: the view is current, of a chain that stands still.
        next_within(&mut follower, Duration::from_secs(600)).await;
        assert!(view.borrow().since_caught_up().unwrap() <= config().poll_interval * 2);
        assert_eq!(view.borrow().as_of, Some(as_of));
        // No answers: it is not.
        node.model().habits.silent = 100;
        next_within(&mut follower, Duration::from_secs(600)).await;
        assert!(view.borrow().since_caught_up().unwrap() >= Duration::from_secs(590));
    });
}

#[test]
fn a_cursor_of_another_chain_or_of_other_addresses_is_refused() {
    run(async {
        let node = node(Habits::default(), 30);
        let mut applied = applied();
        drive(&mut follower(&node, &config(), &applied), &mut applied, 27).await;
        let cursor = applied.cursor.clone();
        let start_block = 1;
        for other in [
            FollowerConfig { addresses: vec![WALLET, OTHER], ..config() },
            FollowerConfig { addresses: vec![Address::ZERO], ..config() },
            FollowerConfig { events: vec![B256::ZERO], ..config() },
            FollowerConfig { start_block: 0, ..config() },
        ] {
            let error = Follower::new(node.provider(), other, cursor.clone()).unwrap_err();
            assert_eq!(error, FollowerError::OtherCursor { start_block });
        }

        let mut json = serde_json::to_value(&cursor).unwrap();
        json["chain_id"] = 5.into();
        let cursor = serde_json::from_value(json).unwrap();
        let mut follower = Follower::new(node.provider(), config(), cursor).unwrap();
        let error = follower.next().await.unwrap_err();
        assert_eq!(error, FollowerError::WrongChain { cursor: 5, node: CHAIN_ID });
    });
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let node = node(Habits::default(), 0);
    let cases = [
        ("addresses", FollowerConfig { addresses: vec![], ..config() }),
        ("range_max", FollowerConfig { range_max: 0, ..config() }),
        ("depth_max", FollowerConfig { depth_max: 0, ..config() }),
        ("logs_max", FollowerConfig { logs_max: 0, ..config() }),
        ("poll_interval", FollowerConfig { poll_interval: Duration::ZERO, ..config() }),
        ("request_timeout", FollowerConfig { request_timeout: Duration::ZERO, ..config() }),
    ];
    for (expected, config) in cases {
        match Follower::new(node.provider(), config, None) {
            Err(FollowerError::Config { setting, .. }) => assert_eq!(setting, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

/// A node that is asked about blocks near its head, and leaves out events so many times.
fn hiding(hides: u64, hides_from: usize, habits: Habits) -> Scripted<Chain> {
    let node = node(habits, 0);
    for _ in 0..30 {
        node.model().mine_with(3);
    }
    node.model().sync();
    node.model().habits.hides = hides;
    node.model().habits.hides_from = hides_from;
    node
}

/// It used to be believed at the second time: a deposit never seen, or a withdrawal, for good.
#[test]
fn a_node_that_hides_events_costs_time_and_no_event() {
    for hides_from in [0, 1] {
        for hides in [1, 2, 10, 100] {
            for block_receipts in [true, false] {
                run(async {
                    let habits = Habits { block_receipts, ..Habits::default() };
                    let node = hiding(0, hides_from, habits);
                    let mut applied = applied();
                    let config = FollowerConfig {
                        near_depth: u64::MAX,
                        backoff: fast(),
                        confirmations: 0,
                        ..config()
                    };
                    let mut follower = follower(&node, &config, &applied);
                    drive(&mut follower, &mut applied, 30).await;
                    // It is known by now that roots can be rebuilt here.
                    {
                        let mut chain = node.model();
                        chain.mine_with(3);
                        chain.sync();
                        chain.habits.hides = hides;
                    }
                    drive(&mut follower, &mut applied, 31).await;
                    assert_eq!(node.model().habits.hides, 0, "the test needs the node to hide");
                    same(&applied, &node, 31);
                });
            }
        }
    }
}

/// Where receipts are of kinds that cannot be hashed here, the bloom filter tells.
#[test]
fn an_empty_answer_is_not_believed_where_roots_cannot_be_rebuilt() {
    for hides in [1, 2, 10] {
        run(async {
            let node = hiding(hides, 0, Habits { kind: 126, ..Habits::default() });
            let mut applied = applied();
            let config = FollowerConfig { near_depth: u64::MAX, backoff: fast(), ..config() };
            drive(&mut follower(&node, &config, &applied), &mut applied, 27).await;
            assert_eq!(node.model().habits.hides, 0, "the test needs the node to hide");
            same(&applied, &node, 27);
        });
    }
}

fn fast() -> BackoffConfig {
    BackoffConfig { first: Duration::from_millis(10), longest: Duration::from_millis(100) }
}
