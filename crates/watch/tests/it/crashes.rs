//! Watchers that are killed, nodes that are away, chains that reorganise: nothing is demanded or claimed
//! twice, and nothing is lost.

use std::{fs, path::Path};

use aep2_watch::{Event, WatchConfig, Watcher};

use crate::support::{GRACE, PROMISE, RESPONSE, Stage, actions, payee, rounds};

/// One round: what was sent.
async fn round(watcher: &mut Watcher) -> Vec<String> {
    let mut told = Vec::new();
    watcher.round(&mut |event| told.push(event)).await.unwrap();
    actions(&told)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_is_killed_after_each_step_takes_each_step_once() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    stage.paid(700, 1).await;
    round(&mut stage.watcher().await).await;
    stage.travel(PROMISE + GRACE + 10);
    let mut sent = Vec::new();
    for _ in 0..6 {
        // Each round is another process.
        sent.extend(round(&mut stage.watcher().await).await);
    }
    stage.travel(RESPONSE + 10);
    for _ in 0..6 {
        sent.extend(round(&mut stage.watcher().await).await);
    }
    assert_eq!(sent, ["Demand 2", "Claim 2", "CollectEther 0"]);
    assert_eq!((stage.sent().await, stage.holds(payee().address()).await), (3, 1_700));
}

/// The state is written before a transaction is, so that a crash in between finds the older of the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_the_state_does_not_know_of_is_not_sent_again() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    let config = WatchConfig { confirmations: 2, ..stage.config() };
    let mut watcher = stage.watcher_with(config.clone(), Some(payee())).await;
    round(&mut watcher).await;
    stage.travel(PROMISE + GRACE + 10);
    let before = stage.folder.path().join("before");
    copy(&stage.state(), &before);
    assert_eq!(round(&mut watcher).await, ["Demand 1"]);
    drop(watcher);
    // The journal of transactions is synced before anything is sent; the state may be an old one.
    fs::copy(before.join("watch.json"), stage.state().join("watch.json")).unwrap();
    let mut watcher = stage.watcher_with(config.clone(), Some(payee())).await;
    assert_eq!(round(&mut watcher).await, [""; 0], "it is not final yet");
    // A reorganisation undoes it: it is sent again, the same one.
    stage.chain.reorganise(1).unwrap();
    for _ in 0..4 {
        assert_eq!(round(&mut watcher).await, [""; 0]);
        stage.chain.mine().unwrap();
    }
    assert_eq!(stage.sent().await, 1);
    stage.travel(RESPONSE + 10);
    let mut sent = Vec::new();
    for _ in 0..12 {
        sent.extend(round(&mut watcher).await);
        stage.chain.mine().unwrap();
    }
    assert_eq!(sent, ["Claim 1", "CollectEther 0"]);
    assert_eq!(stage.holds(payee().address()).await, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_receipts_only_those_that_changed_are_written_down() {
    let stage = Stage::new().await;
    for nonce in 0..20 {
        stage.paid(1, nonce).await;
    }
    rounds(&mut stage.watcher().await).await;
    let path = stage.state().join("receipts.jsonl");
    let before = fs::read_to_string(&path).unwrap();
    assert_eq!(before.lines().count(), 20);
    // A crash cut a line short.
    fs::write(&path, format!("{before}{}", &before[..300])).unwrap();
    let (_, receipt) = stage.paid(1, 20).await;
    let mut watcher = stage.watcher().await;
    assert_eq!(rounds(&mut watcher).await.1.open, 21);
    rounds(&mut watcher).await;
    let after = fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(&before) && after.lines().count() == 21);
    // The payee lets it go.
    stage.keeper.keep(stage.captured(&receipt, 0).await.0).unwrap();
    rounds(&mut watcher).await;
    drop(watcher);
    assert_eq!(rounds(&mut stage.watcher().await).await.1.open, 20);
}

/// Without its state a watcher reads everything once more; what was demanded and claimed is on the chain.
#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_lost_its_state_goes_on_by_the_chain() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut stage.watcher().await).await.0), ["Demand 1"]);
    fs::remove_dir_all(stage.state()).unwrap();
    assert_eq!(actions(&rounds(&mut stage.watcher().await).await.0), [""; 0]);
    stage.travel(RESPONSE + 10);
    fs::remove_dir_all(stage.state()).unwrap();
    let (told, _) = rounds(&mut stage.watcher().await).await;
    assert_eq!(actions(&told), ["Claim 1", "CollectEther 0"]);
    fs::remove_dir_all(stage.state()).unwrap();
    let (told, summary) = rounds(&mut stage.watcher().await).await;
    assert_eq!((actions(&told).len(), summary.open), (0, 0), "{told:?}");
    // Long afterwards nothing comes of it, and nothing is said.
    stage.travel(10_000);
    fs::remove_dir_all(stage.state()).unwrap();
    let (told, summary) = rounds(&mut stage.watcher().await).await;
    assert_eq!((told, summary.open), (vec![], 0));
    assert_eq!(stage.holds(payee().address()).await, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_demanded_or_claimed_is_not_done_again() {
    use aep2_chain::wallet::guarantee::Promise;
    use alloy::primitives::U256;

    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (_, first) = stage.paid(1_000, 0).await;
    stage.paid(700, 1).await;
    stage.travel(PROMISE + GRACE + 10);
    let promise = [Promise { receipt: first, capture: None }];
    let deposit = stage.guarantee().deposit_for(1).await.unwrap() * U256::from(2);
    let stranger = crate::support::dev_key(8);
    let id = stage.id().guarantee();
    stage.send(&stranger, &id.demand(&promise, deposit)).await;
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"], "the other one");
    stage.travel(RESPONSE + 10);
    stage.send(&stranger, &id.claim(&[first.message])).await;
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Claim 1", "CollectEther 0"]);
    let claimed = |event: &&Event| matches!(event, Event::Claimed { .. });
    assert_eq!((told.iter().filter(claimed).count(), summary.open), (2, 0));
    assert_eq!(stage.holds(payee().address()).await, 1_700);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_files_are_removed_when_nothing_in_them_is_open() {
    let stage = Stage::new().await;
    let (mandate, receipt) = stage.paid(1_000, 0).await;
    let other = stage.keeper.folder().join("receipts-1.jsonl");
    fs::write(&other, serde_json::to_string(&receipt).unwrap() + "\n").unwrap();
    let remove_after = Some(std::time::Duration::ZERO);
    let config = WatchConfig { remove_after, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    rounds(&mut watcher).await;
    assert!(other.exists(), "its receipt is open");
    stage.settle(&mandate, 1_000).await;
    rounds(&mut watcher).await;
    assert!(!other.exists() && stage.keeper.file().exists(), "the other one is written into");
}
