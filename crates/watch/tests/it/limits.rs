//! What a watcher spends, and what it says of bonds that are too small.

use aep2_watch::{Event, NotDemanded, Summary, WatchConfig, Watcher};
use alloy::primitives::U256;

use crate::{
    node::Stumbling,
    support::{GRACE, PROMISE, RESPONSE, Stage, actions, dev_key, payee, round, rounds},
};

fn why_not(told: &[Event]) -> Vec<&NotDemanded> {
    let of = told.iter().filter_map(|event| match event {
        Event::NotDemanded { why, .. } => Some(why),
        _ => None,
    });
    of.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_demanded_beyond_the_limit_and_that_is_said_once() {
    let stage = Stage::new().await;
    let config = WatchConfig { ether_max_wei: U256::from(1_000), ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    stage.paid(1_000, 0).await;
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    let left_wei = U256::from(1_000);
    assert_eq!(why_not(&told), [&NotDemanded::Limit { left_wei }]);
    assert_eq!((summary.unhandled, stage.sent().await), (1, 0));
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((told, summary.unhandled), (vec![], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_the_limit_is_demanded_and_what_does_not_waits_a_day() {
    let stage = Stage::new().await;
    for nonce in 0..3 {
        stage.paid(1_000 + u128::from(nonce), nonce).await;
    }
    stage.travel(PROMISE + GRACE + 10);
    // A deposit is twice 160,000 gas at the base fee. Twice that is sent, and the gas of one demand at twice
    // the base fee: 900,000. Two would take 1,720,000.
    let base_fee = stage.guarantee().deposit_for(1).await.unwrap() / U256::from(320_000);
    let ether_max_wei = base_fee * U256::from(1_000_000);
    let config = WatchConfig { ether_max_wei, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Demand 1"], "{told:?}");
    assert_eq!((why_not(&told).len(), summary.unhandled), (2, 2));
    let largest = stage.guarantee().demand(summary_digest(&told)).await.unwrap().unwrap();
    assert_eq!(largest.due.get(), 1_002, "the largest comes first");
}

fn summary_digest(told: &[Event]) -> alloy::primitives::B256 {
    let sent = told.iter().find_map(|event| match event {
        Event::Sent { receipts, .. } => receipts.first(),
        _ => None,
    });
    *sent.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gas_costs_more_than_is_not_demanded() {
    let stage = Stage::new().await;
    let config = WatchConfig { tokens_per_ether: 1_000_000, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    stage.paid(1, 0).await;
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert!(matches!(why_not(&told)[..], [NotDemanded::NotWorth { .. }]), "{told:?}");
    assert_eq!((summary.unhandled, stage.sent().await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_the_limit_cuts_off_are_made_in_parts_and_what_stops_them_is_said() {
    let stage = Stage::new().await;
    for nonce in 0..3 {
        stage.paid(1_000, nonce).await;
    }
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut stage.watcher().await).await.0), ["Demand 3"]);
    stage.travel(RESPONSE + 10);
    // Without its state it does not know what it spent. At twice the base fee a claim must have 940,000 gas, two
    // 1,200,000 and three 1,460,000: 300,000 of it are to be left for the payment. Of several the half is kept.
    let base_fee = stage.base_fee().await;
    let limited =
        |gas: u64| WatchConfig { ether_max_wei: base_fee * U256::from(gas), ..stage.config() };
    std::fs::remove_dir_all(stage.state()).unwrap();
    let mut watcher = stage.watcher_with(limited(930_000), Some(payee())).await;
    let (told, summary) = rounds(&mut watcher).await;
    let stopped =
        |event: &&Event| matches!(event, Event::CannotSend { reason } if reason.contains("limit"));
    assert_eq!((told.iter().filter(stopped).count(), summary.unhandled), (1, 3), "{told:?}");
    assert_eq!(rounds(&mut watcher).await.0.iter().filter(stopped).count(), 0, "said once");
    drop(watcher);
    let mut watcher = stage.watcher_with(limited(2_500_000), Some(payee())).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told)[..2], ["Claim 2", "Claim 1"], "{told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (3_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gas_became_too_dear_for_is_said_and_goes_on_when_more_may_be_spent() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    let node = Stumbling::taking_none(&stage);
    let stage = &stage;
    let limited = async |gas: u64| {
        let base_fee = stage.base_fee().await;
        WatchConfig { ether_max_wei: base_fee * U256::from(gas), ..stage.config() }
    };
    let open = async |config| {
        stage.watcher_by(node.provider(), config, Some(payee())).await.expect("it opens")
    };
    stage.travel(PROMISE + GRACE + 10);
    // One demand may take 900,000 gas at the base fee, its deposit included: that leaves little to raise its fees.
    let mut watcher = open(limited(1_000_000).await).await;
    let (told, summary) = round(&mut watcher).await;
    assert_eq!((actions(&told), summary.in_flight), (vec!["Demand 1".to_owned()], true));
    // Another one waits behind it.
    stage.paid(900, 1).await;
    stage.travel(PROMISE + GRACE + 10);
    let passing = async |watcher: &mut Watcher| {
        let (mut told, mut last) = (Vec::new(), Summary::default());
        for _ in 0..12 {
            stage.chain.mine().unwrap();
            let (more, summary) = round(watcher).await;
            told.extend(more);
            last = summary;
        }
        (told, last)
    };
    let is_stuck =
        |event: &&Event| matches!(event, Event::CannotSend { reason } if reason.contains("mined"));
    let (told, summary) = passing(&mut watcher).await;
    assert_eq!(told.iter().filter(is_stuck).count(), 1, "{told:?}");
    assert_eq!((summary.in_flight, summary.unhandled), (true, 2), "{told:?}");
    drop(watcher);
    let mut watcher = open(limited(100_000_000).await).await;
    let (told, summary) = passing(&mut watcher).await;
    assert_eq!(told.iter().filter(is_stuck).count(), 0, "{told:?}");
    assert_eq!((summary.in_flight, summary.unhandled), (true, 0), "{told:?}");
    node.recover();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((actions(&told), summary.unhandled), (vec!["Demand 1".to_owned()], 0), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_pay_for_all_demands_what_it_can() {
    let stage = Stage::new().await;
    for nonce in 0..3 {
        stage.paid(1_000 + u128::from(nonce), nonce).await;
    }
    stage.travel(PROMISE + GRACE + 10);
    let mut watcher = stage.watcher().await;
    // One demand may take 900,000 gas at the base fee, its deposit included.
    let has = stage.base_fee().await * U256::from(1_000_000);
    stage.chain.set_balance(payee().address(), has).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Demand 1"], "{told:?}");
    let poor = |why: &&&NotDemanded| matches!(why, NotDemanded::Balance { .. });
    assert_eq!(why_not(&told).iter().filter(poor).count(), 2, "{told:?}");
    assert_eq!(summary.unhandled, 2);
    stage.chain.set_balance(payee().address(), has * U256::from(100)).unwrap();
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_only_pays_for_gas_leaves_what_a_bond_holds_in_part() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher_with(stage.config(), Some(dev_key(5))).await;
    stage.paid(9_000, 0).await;
    stage.paid(2_000, 1).await;
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 2"]);
    stage.travel(RESPONSE + 10);
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 1"], "{told:?}");
    let unbacked = |event: &Event| matches!(event, Event::Unbacked { .. });
    assert!(told.iter().any(unbacked), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_demanded_than_bonds_hold() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    stage.paid(9_000, 0).await;
    stage.paid(900, 1).await;
    stage.paid(500, 2).await;
    stage.paid(400, 3).await;
    let (told, _) = rounds(&mut watcher).await;
    let short = |event: &Event| {
        matches!(event, Event::BondShort { owed, own, shared, .. }
            if (owed.get(), own.get(), shared.get()) == (10_800, 0, 10_000))
    };
    assert!(told.iter().any(short), "{told:?}");
    stage.travel(PROMISE + GRACE + 10);
    let (told, _) = rounds(&mut watcher).await;
    // 9,000, 900, and what is left for the third.
    assert_eq!(actions(&told), ["Demand 3"]);
    assert_eq!(why_not(&told), [&NotDemanded::NoBond]);
    stage.travel(RESPONSE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(stage.holds(payee().address()).await, 10_000, "{told:?}");
    let unbacked =
        |event: &Event| matches!(event, Event::Unbacked { owed, .. } if owed.get() == 400);
    assert!(told.iter().any(unbacked), "{told:?}");
    assert_eq!(summary.open, 1, "the one that the bond had not enough for");
    stage.bond(None, 1_000).await;
    rounds(&mut watcher).await;
    assert_eq!(stage.holds(payee().address()).await, 10_400, "the bond grew");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_due_to_leave_does_not_count() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let id = stage.id().guarantee();
    let asking =
        id.request_unbond(None, stage.token(), aep2_chain::wallet::units::BaseUnits::new(9_500));
    stage.send(&dev_key(1), &asking).await;
    stage.paid(1_000, 0).await;
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(told, [], "it leaves after this one could be claimed");
    stage.travel(7_200 - 1_000);
    stage.paid(1_000, 1).await;
    let (told, _) = rounds(&mut watcher).await;
    let short =
        |event: &Event| matches!(event, Event::BondShort { leaving, .. } if leaving.get() == 9_500);
    assert!(told.iter().any(short), "{told:?}");
    stage.bond(Some(payee().address()), 5_000).await;
    let (told, _) = rounds(&mut watcher).await;
    assert!(told.iter().any(|event| matches!(event, Event::BondEnough { .. })), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_it_out_sends_and_remembers_nothing() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    stage.travel(PROMISE + GRACE + 10);
    for _ in 0..2 {
        let mut watcher = stage.watcher_with(stage.config(), None).await;
        let (told, _) = rounds(&mut watcher).await;
        let would = |event: &Event| matches!(event, Event::Sent { transaction: None, .. });
        assert!(told.iter().any(would), "{told:?}");
    }
    assert!(!stage.state().join("watch.json").exists());
    assert_eq!(actions(&rounds(&mut stage.watcher().await).await.0), ["Demand 1"]);
}
