//! Lines that somebody put into the folder.

use std::{fs::OpenOptions, io::Write};

use aep2_mandate::{typed_data::receipt::Receipt, units::UnixTime};
use aep2_watch::{Event, Refused};

use crate::support::{DEMAND, GRACE, PROMISE, RESPONSE, Stage, actions, dev_key, payee, rounds};

fn refused(told: &[Event]) -> Vec<&Refused> {
    let of = told.iter().filter_map(|event| match event {
        Event::LineRefused { reason, .. } => Some(reason),
        _ => None,
    });
    of.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_demanded_by_what_nobody_promised() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let honest = stage.promise(&stage.mandate(1_000, 0).await).await;
    let later = |time: UnixTime, seconds| time.checked_add(seconds).unwrap();
    let processor = dev_key(1);
    for (receipt, key) in [
        // Somebody else signed it; it is somebody else's; he promises it himself.
        (honest, dev_key(7)),
        (Receipt { payee: dev_key(7).address(), ..honest }, dev_key(1)),
        (Receipt { processor: dev_key(7).address(), ..honest }, dev_key(7)),
        // The guarantee takes none of these times.
        (Receipt { settle_by: later(honest.deadline, 1), ..honest }, processor.clone()),
        (Receipt { issued_at: later(honest.settle_by, 1), ..honest }, processor.clone()),
        (Receipt { issued_at: later(honest.issued_at, 400), ..honest }, processor.clone()),
    ] {
        stage.keeper.keep(stage.sign(receipt, &key)).unwrap();
    }
    let path = stage.keeper.folder().join("others.jsonl");
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let whole = serde_json::to_string(&stage.sign(honest, &processor)).unwrap();
    // Cut short by a crash; the next line is whole; the last one was cut short, too.
    write!(file, "{}\n{whole}\n{}", &whole[..200], &whole[..300]).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    let refused = refused(&told);
    assert!(
        matches!(
            refused[..],
            [
                Refused::Signature,
                Refused::OtherPayee { .. },
                Refused::OtherProcessor { .. },
                Refused::Times,
                Refused::Times,
                Refused::Future { .. },
                Refused::NotAStatement { .. },
            ] | [
                Refused::NotAStatement { .. },
                Refused::Signature,
                Refused::OtherPayee { .. },
                Refused::OtherProcessor { .. },
                Refused::Times,
                Refused::Times,
                Refused::Future { .. },
            ]
        ),
        "{refused:?}"
    );
    assert_eq!(summary.open, 1, "the honest one");
    stage.travel(PROMISE + GRACE + 10);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_speaks_for_its_processor_from_its_naming_until_it_is_cut_off() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (processor, signer) = (dev_key(1), dev_key(6));
    let id = stage.id().guarantee();
    let promise = stage.promise(&stage.mandate(1_000, 0).await).await;
    stage.keeper.keep(stage.sign(promise, &signer)).unwrap();
    let (told, _) = rounds(&mut watcher).await;
    assert_eq!(refused(&told), [&Refused::Signature]);

    stage.send(&processor, &id.name_signer(signer.address())).await;
    let before = stage.promise(&stage.mandate(1_000, 1).await).await;
    stage.keeper.keep(stage.sign(before, &signer)).unwrap();
    // The first one, too: the node lagged, or its processor was late.
    assert_eq!(rounds(&mut watcher).await.1.open, 2);
    stage.send(&processor, &id.cut_signer(signer.address(), false)).await;
    stage.travel(20);
    let after = stage.promise(&stage.mandate(1_000, 2).await).await;
    stage.keeper.keep(stage.sign(after, &signer)).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(refused(&told), [&Refused::SignerCut { signer: signer.address() }]);
    assert_eq!(summary.open, 2);
    stage.travel(PROMISE + GRACE);
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_by_a_clock_that_is_ahead_counts_once_its_time_has_come() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let later = |time: UnixTime, seconds| time.checked_add(seconds).unwrap();
    let promise = stage.promise(&stage.mandate(1_000, 0).await).await;
    let ahead = Receipt { issued_at: later(promise.issued_at, 200), ..promise };
    stage.keeper.keep(stage.sign(ahead, &dev_key(1))).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    assert!(matches!(refused(&told)[..], [Refused::Future { .. }]) && summary.open == 0);
    assert_eq!(rounds(&mut watcher).await.0, [], "said once");
    drop(watcher);
    stage.travel(120);
    assert_eq!(rounds(&mut stage.watcher().await).await.1.open, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_stolen_key_s_receipts_only_what_the_payee_s_own_bond_holds_is_demanded() {
    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (processor, signer) = (dev_key(1), dev_key(6));
    let id = stage.id().guarantee();
    stage.send(&processor, &id.name_signer(signer.address())).await;
    for nonce in 0..2 {
        let promise = stage.promise(&stage.mandate(1_000, nonce).await).await;
        stage.keeper.keep(stage.sign(promise, &signer)).unwrap();
    }
    rounds(&mut watcher).await;
    stage.send(&processor, &id.cut_signer(signer.address(), true)).await;
    stage.travel(PROMISE + GRACE + 10);
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!(
        (actions(&told).len(), summary.unhandled),
        (0, 2),
        "the shared bond is not for them"
    );
    stage.bond(Some(payee().address()), 1_000).await;
    assert_eq!(actions(&rounds(&mut watcher).await.0), ["Demand 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_its_payee_did_not_sign_lowers_nothing() {
    use aep2_mandate::typed_data::capture::{Capture, SignedCapture};

    let stage = Stage::new().await;
    let mut watcher = stage.watcher().await;
    let (_, receipt) = stage.paid(1_000, 0).await;
    let (own, _) = stage.captured(&receipt, 0).await;
    let Capture { mandate_id, amount } = own.message;
    let domain = stage.id().eip712_domain();
    let forged = SignedCapture::sign(Capture { mandate_id, amount }, &dev_key(7), &domain).unwrap();
    stage.keeper.keep(forged).unwrap();
    let (told, summary) = rounds(&mut watcher).await;
    assert_eq!((refused(&told), summary.open), (vec![&Refused::Signature], 1));
    stage.travel(PROMISE + GRACE + 10);
    rounds(&mut watcher).await;
    stage.travel(RESPONSE.max(DEMAND) + 10);
    rounds(&mut watcher).await;
    assert_eq!(stage.holds(payee().address()).await, 1_000);
}
