//! Many receipts and several processors: what one of them causes stops no other.

use std::sync::Arc;

use aep2_mandate::{typed_data::receipt::Receipt, units::UnixTime};
use aep2_watch::{Event, Identity, ProcessorAt, Refused, WatchConfig, WatchError};
use alloy::primitives::B256;

use crate::{
    node::Stumbling,
    support::{GRACE, PROMISE, RESPONSE, Stage, Word, actions, dev_key, payee, round, rounds},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_nobody_can_read_stops_no_other_receipt() {
    let stage = Stage::new().await;
    let (settled, _) = stage.paid(500, 1).await;
    stage.settle(&settled, 500).await;
    let (mandate, _) = stage.paid(1_000, 0).await;
    stage.paid(700, 2).await;
    // Its processor names a transaction that the node answers with an error, each time.
    stage.word.lie(&stage, stage.id_of(&mandate), stage.id_of(&settled));
    stage.word.point_nowhere(stage.id_of(&mandate));
    let node = Stumbling::over(&stage, B256::repeat_byte(0xaa));
    let mut watcher =
        stage.watcher_by(node.provider(), stage.config(), Some(payee())).await.unwrap();
    assert_eq!(rounds(&mut watcher).await.1.open, 2, "the settled one is over");
    assert!(node.asked() > 0);
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 2"]);
    stage.travel(RESPONSE + 10);
    rounds(&mut watcher).await;
    assert_eq!(stage.holds(payee().address()).await, 500 + 1_000 + 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_which_the_node_says_nothing_is_left_out_and_taken_up_later() {
    let stage = Stage::new().await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    stage.paid(700, 1).await;
    let node = Stumbling::over(&stage, stage.digest(&receipt));
    let mut watcher =
        stage.watcher_by(node.provider(), stage.config(), Some(payee())).await.unwrap();
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(actions(&told), ["Demand 1"], "{told:?}");
    assert_eq!((summary.left_out, summary.unhandled), (1, 0));
    node.recover();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((actions(&told), summary.left_out), (vec!["Demand 1".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_about_receipts_with_which_a_transaction_is_on_its_way() {
    let stage = Stage::new().await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    let node = Stumbling::counting(&stage, stage.digest(&receipt));
    let config = WatchConfig { confirmations: 3, ..stage.config() };
    let mut watcher = stage.watcher_by(node.provider(), config, Some(payee())).await.unwrap();
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&round(&mut watcher).await.0), ["Demand 1"]);
    assert!(node.asked() > 0);
    let (_, summary) = round(&mut watcher).await;
    assert_eq!((summary.in_flight, node.asked()), (true, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_handled_is_not_forgotten_while_something_is_on_its_way() {
    let stage = Stage::new().await;
    // The bond has nothing for the second.
    stage.paid(10_000, 0).await;
    stage.paid(500, 1).await;
    let config = WatchConfig { confirmations: 3, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    stage.travel(PROMISE + GRACE + 10);
    let (_, summary) = round(&mut watcher).await;
    assert_eq!((summary.in_flight, summary.unhandled), (true, 1));
    let (_, summary) = round(&mut watcher).await;
    assert_eq!((summary.in_flight, summary.unhandled), (true, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_receipts_on_one_payment_one_is_demanded() {
    let stage = Stage::new().await;
    let promise = stage.promise(&stage.mandate(1_000, 0).await).await;
    let later = |time: UnixTime, seconds| time.checked_add(seconds).unwrap();
    let second = Receipt { settle_by: later(promise.settle_by, 1), ..promise };
    for receipt in [promise, second] {
        stage.keeper.keep(stage.sign(receipt, &dev_key(1))).unwrap();
    }
    let mut watcher = stage.watcher().await;
    assert_eq!(rounds(&mut watcher).await.1.open, 2);
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((actions(&told), summary.unhandled), (vec!["Demand 1".to_owned()], 0), "{told:?}");
    stage.travel(RESPONSE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert!(!told.iter().any(|event| matches!(event, Event::TooLate { .. })), "{told:?}");
    assert_eq!((stage.holds(payee().address()).await, summary.open), (1_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_stopped_is_not_taken_for_calm() {
    let stage = Stage::new().await;
    let config = WatchConfig { age_max_s: 0, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let (told, summary) = round(&mut watcher).await;
    assert!(matches!(told[..], [Event::NodeBehind { .. }]) && summary.is_stale, "{told:?}");
    assert_eq!(round(&mut watcher).await.0, [], "said once");
    stage.travel(60);
    assert_eq!(round(&mut watcher).await.0, [Event::NodeBack]);
}

// --- Processors -------------------------------------------------------------------------------------

fn named(name: &str, word: Arc<Word>) -> ProcessorAt {
    ProcessorAt { name: name.to_owned(), address: None, word: Some(word) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_that_says_that_it_is_another_one_is_refused() {
    let stage = Stage::new().await;
    let wallet = stage.id();
    let processor = dev_key(1).address();
    let identity = Identity { chain_id: wallet.chain_id, wallet: wallet.address, processor };
    let (own, impostor) =
        (named("one", stage.word.clone()), named("impostor", Arc::new(Word::new(identity))));
    stage.paid(1_000, 0).await;
    let processors = vec![own.clone(), impostor.clone()];
    let config = WatchConfig { processors, ..stage.config() };
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    let (told, summary) = rounds(&mut watcher).await;
    let refused = |event: &Event| {
        matches!(event, Event::ProcessorAway { processor, reason }
            if processor == "impostor" && reason.contains("which one is already"))
    };
    assert!(told.iter().any(refused), "{told:?}");
    assert_eq!((summary.open, summary.unhandled), (1, 1), "the other's receipts are watched");
    drop(watcher);

    // Whom the operator names is who it is, whoever came first.
    std::fs::remove_dir_all(stage.state()).unwrap();
    let processors = vec![impostor.clone()];
    let config = WatchConfig { processors, ..stage.config() };
    rounds(&mut stage.watcher_with(config, Some(payee())).await).await;
    let own = ProcessorAt { address: Some(processor), ..own };
    let processors = vec![impostor, own.clone()];
    let config = WatchConfig { processors, ..stage.config() };
    let (told, _) = rounds(&mut stage.watcher_with(config, Some(payee())).await).await;
    assert!(told.iter().any(refused), "{told:?}");

    let again = ProcessorAt { name: "again".to_owned(), ..own.clone() };
    let config = WatchConfig { processors: vec![own, again], ..stage.config() };
    let provider = alloy::providers::Provider::erased(stage.chain.provider());
    let opened = stage.watcher_by(provider, config, None).await;
    assert!(matches!(opened, Err(WatchError::SameProcessor { .. })), "{opened:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_its_processor_was_named_is_read_again() {
    let stage = Stage::new().await;
    stage.paid(1_000, 0).await;
    let other = dev_key(7);
    let promise = stage.promise(&stage.mandate(700, 1).await).await;
    let promise = Receipt { processor: other.address(), ..promise };
    let receipt = stage.sign(promise, &other);
    stage.keeper.keep(receipt).unwrap();
    stage.keeper.keep(stage.captured(&receipt, 600).await.0).unwrap();
    let mut watcher = stage.watcher().await;
    let (told, summary) = rounds(&mut watcher).await;
    let refused = |event: &Event| {
        matches!(event, Event::LineRefused { reason: Refused::OtherProcessor { .. }, .. })
    };
    assert_eq!((told.iter().filter(|own| refused(own)).count(), summary.open), (1, 1));
    drop(watcher);
    let mut config = stage.config();
    config.processors.push(ProcessorAt {
        name: "the other".to_owned(),
        address: Some(other.address()),
        word: None,
    });
    let mut watcher = stage.watcher_with(config, Some(payee())).await;
    let (_, summary) = rounds(&mut watcher).await;
    assert_eq!(summary.open, 2);
    let dues: Vec<u128> = watcher.watched().map(|own| own.due().get()).collect();
    assert!(dues.contains(&600), "with what was captured of it: {dues:?}");
}
