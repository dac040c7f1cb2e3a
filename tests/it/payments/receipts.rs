//! Receipts are worth money: whoever sells keeps them before anything is served for them.

use std::{collections::HashMap, path::Path};

use aep2_payee::{
    Paid, Quote,
    settings::{KeepReceipts, PayeeSettings},
};
use aep2_receipts::{FolderReader, Keeper, Progress, Statement};
use aep2_tests::stand_in::{World, amount, ceiling};
use axum::{Extension, Router, routing::get};

/// What stands in a folder.
fn kept(folder: &Path) -> Vec<Statement> {
    let found = FolderReader::new(folder).read(&mut Progress::default(), 1_000).unwrap();
    found.into_iter().map(|own| own.statement.unwrap()).collect()
}

#[tokio::test]
async fn a_receipt_is_kept_before_the_handler_is_asked_and_so_is_what_was_captured() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::open(folder.path()).unwrap();
    let path = folder.path().to_owned();
    let shop = world
        .payee_with(
            world.processor(),
            |config| config.receipts = Some(keeper),
            |payee| {
                let serve = move |Extension(paid): Extension<Paid>| async move {
                    paid.charge(amount(70)).unwrap();
                    let own = paid.receipt.message.mandate_id.to_bytes();
                    let is_own = |own_kept: &&Statement| own_kept.mandate_id() == own;
                    kept(&path).iter().filter(is_own).count().to_string()
                };
                let price = Quote::metered(ceiling(100));
                Router::new().route("/", get(serve).layer(payee.charge(price)))
            },
        )
        .await;
    let client = world.client(1);
    for _ in 0..3 {
        let answer = client.get(shop.url.clone()).await.unwrap();
        assert_eq!(answer.payment.unwrap().captured, Some(amount(70)));
        assert_eq!(answer.response.text().await.unwrap(), "1", "before it is served");
    }
    let mut by_kind: HashMap<&str, usize> = HashMap::new();
    for statement in kept(folder.path()) {
        let kind = match statement {
            Statement::Receipt(receipt) => {
                let signed =
                    receipt.verify(&world.venue.typed_data_domain(), world.venue.processor);
                signed.unwrap();
                "receipt"
            }
            Statement::Capture(own) if own.message.amount == amount(70) => "capture",
            Statement::CaptureReceipt(own) if own.message.amount == amount(70) => "statement",
            other => panic!("{other:?}"),
        };
        *by_kind.entry(kind).or_default() += 1;
    }
    assert_eq!(by_kind, HashMap::from([("receipt", 3), ("capture", 3), ("statement", 3)]));
}

/// A payee's own word is there though the processor never hears of it.
#[tokio::test]
async fn what_a_payee_let_go_is_kept_though_nobody_hears_of_it() {
    use std::sync::atomic::Ordering::SeqCst;

    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::open(folder.path()).unwrap();
    let shop = world
        .payee_with(
            world.processor(),
            |config| {
                config.receipts = Some(keeper);
                config.capture_wait = std::time::Duration::from_millis(50);
            },
            |payee| {
                let fails = || async { http::StatusCode::BAD_GATEWAY };
                let price = payee.charge(Quote::fixed(ceiling(9)));
                Router::new().route("/", get(fails).layer(price))
            },
        )
        .await;
    world.ledger.faults.captures_down.store(1_000, SeqCst);
    let answer = world.client(1).get(shop.url.clone()).await.unwrap();
    assert_eq!(answer.response.status().as_u16(), 502);
    let kept = kept(folder.path());
    let zero =
        |own: &Statement| matches!(own, Statement::Capture(own) if own.message.amount == amount(0));
    assert!(matches!(kept[0], Statement::Receipt(_)) && zero(&kept[1]), "{kept:?}");
    assert_eq!(kept.len(), 2);
}

#[test]
fn programs_keep_receipts_beside_their_settings_unless_they_are_told_otherwise() {
    let of = |text: &str| {
        let mut settings: PayeeSettings = aep2_payee::settings::parse(text).unwrap();
        settings.keep_receipts_in(Path::new("/etc/shop"));
        settings.receipts
    };
    let folder = |name: &str| Some(KeepReceipts::Folder(name.into()));
    assert_eq!(PayeeSettings::default().receipts, None, "a library is told where");
    assert_eq!(of(""), folder("/etc/shop/receipts"));
    assert_eq!(of("receipts = true"), folder("/etc/shop/receipts"));
    assert_eq!(of("receipts = \"kept\""), folder("/etc/shop/kept"));
    assert_eq!(of("receipts = \"/var/lib/shop\""), folder("/var/lib/shop"));
    assert_eq!(of("receipts = false"), Some(KeepReceipts::Switch(false)));
}
