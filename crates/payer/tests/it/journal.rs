//! The journal: crashes, damage, restarts, and many that write.

use std::{fs::OpenOptions, io::Write, path::Path, process::Stdio};

use aep2_mandate::units::Nonce;
use aep2_payer::{
    PayError, Payer,
    journal::{self, FILE_NAME, JournalError, Record},
};
use aep2_x402::{
    Aep2Scheme, CaptureMode, Extra, Requirements,
    purchase::{Purchase, Venue},
    terms,
};
use alloy_primitives::{Address, address};

use crate::support::{CHAIN, TOKEN, WALLET, amount, payer_config, secret};

const VENUE: Venue = Venue {
    chain: CHAIN,
    wallet: WALLET,
    processor: address!("1111111111111111111111111111111111111111"),
};

pub(crate) fn open(directory: &Path) -> Payer {
    Payer::open(payer_config(1, VENUE, directory), secret(1)).unwrap()
}

pub(crate) fn terms_over(units: u128) -> Requirements {
    Requirements {
        scheme: Aep2Scheme,
        network: terms::network(CHAIN),
        amount: crate::support::ceiling(units),
        pay_to: Address::repeat_byte(4).into(),
        max_timeout_seconds: 60,
        asset: TOKEN.into(),
        extra: Extra {
            wallet: WALLET.into(),
            processor: VENUE.processor.into(),
            settle_within_seconds: 600,
            name: terms::WALLET_NAME.to_owned(),
            version: terms::WALLET_VERSION.to_owned(),
            capture: CaptureMode::Full,
            method: None,
            order: None,
            disputes: None,
        },
    }
}

pub(crate) async fn sign(payer: &Payer, units: u128) -> Result<aep2_payer::Authorised, PayError> {
    let terms = terms_over(units);
    let purchase: Purchase = payer.check(&terms, "GET", "http://shop.example/", "shop.example")?;
    payer.authorise(purchase, None, &terms, "shop.example").await
}

fn nonces(directory: &Path) -> Vec<u64> {
    let records = journal::read(directory).unwrap();
    let nonces = records.into_iter().filter_map(|record| match record {
        Record::Signed { mandate, .. } => Some(mandate.mandate.nonce.get()),
        _ => None,
    });
    nonces.collect()
}

fn first_nonce(directory: &Path) -> u64 {
    match &journal::read(directory).unwrap()[0] {
        Record::Opened { first_nonce, .. } => first_nonce.get(),
        other => panic!("{other:?}"),
    }
}

fn assert_dense(directory: &Path, count: u64) {
    let first = first_nonce(directory);
    assert_eq!(Nonce::new(first).bit(), 0, "begins a word");
    let mut nonces = nonces(directory);
    nonces.sort_unstable();
    assert_eq!(nonces, (first..first + count).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_mandate_is_on_disk_before_anybody_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let payer = open(directory.path());
    let sent = sign(&payer, 5).await.unwrap().send();
    let records = journal::read(directory.path()).unwrap();
    match &records[1] {
        Record::Signed { id, mandate, host, .. } => {
            assert_eq!((*id, &**mandate), (sent.id, &sent.mandate));
            assert_eq!(host, "shop.example");
        }
        other => panic!("{other:?}"),
    }
    let domain = VENUE.mandate_domain(TOKEN);
    assert_eq!(sent.mandate.verify(&domain).unwrap(), sent.id);
}

#[tokio::test]
async fn nonces_go_on_over_restarts_and_a_line_cut_short_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3u64 {
        let payer = open(directory.path());
        for _ in 0..3 {
            drop(sign(&payer, 1).await.unwrap().send());
        }
        payer.flush().await;
        assert_dense(directory.path(), 3 * (round + 1));
        // The process dies in the middle of a write.
        let file = directory.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(file).unwrap();
        file.write_all(b"{\"kind\":\"signed\",\"at\":17").unwrap();
        drop(payer);
    }
    drop(sign(&open(directory.path()), 1).await.unwrap().send());
    assert_dense(directory.path(), 10);
}

#[tokio::test]
async fn a_damaged_journal_signs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let payer = open(directory.path());
    drop(sign(&payer, 1).await.unwrap().send());
    payer.flush().await;
    drop(payer);
    let file = directory.path().join(FILE_NAME);
    let whole = std::fs::read_to_string(&file).unwrap();
    for damaged in [
        whole.replacen("signed", "sigmed", 1),
        whole.replacen("\"version\":1", "\"version\":2", 1),
        whole.lines().skip(1).map(|line| format!("{line}\n")).collect(),
        format!("\n{whole}"),
    ] {
        std::fs::write(&file, damaged).unwrap();
        let opened = Payer::open(payer_config(1, VENUE, directory.path()), secret(1));
        assert!(matches!(opened, Err(JournalError::Damaged { .. })), "{opened:?}");
    }
    std::fs::write(&file, &whole).unwrap();
    let other = Payer::open(payer_config(2, VENUE, directory.path()), secret(2));
    assert!(matches!(other, Err(JournalError::OtherAccount { .. })), "{other:?}");
}

#[tokio::test]
async fn a_journal_that_others_damage_meanwhile_stops_the_signing() {
    let directory = tempfile::tempdir().unwrap();
    let payer = open(directory.path());
    drop(sign(&payer, 1).await.unwrap().send());
    payer.flush().await;
    let file = directory.path().join(FILE_NAME);
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"nonsense\n").unwrap();
    let failed = sign(&payer, 1).await.unwrap_err();
    assert!(matches!(failed, PayError::Journal(JournalError::Damaged { .. })), "{failed}");
    let failed = sign(&payer, 1).await.unwrap_err();
    assert!(matches!(failed, PayError::Journal(JournalError::Failed(_))), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_and_two_payers_in_one_directory_share_nonces_and_the_days_limit() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = payer_config(1, VENUE, directory.path());
    let allowance = config.limits.tokens.get_mut(&TOKEN).unwrap();
    allowance.per_day = amount(100);
    let payers =
        [Payer::open(config.clone(), secret(1)).unwrap(), Payer::open(config, secret(1)).unwrap()];
    let mut tasks = Vec::new();
    for n in 0..120 {
        let payer = payers[n % 2].clone();
        tasks.push(tokio::spawn(async move {
            match sign(&payer, 1).await {
                Ok(authorised) => {
                    drop(authorised.send());
                    true
                }
                Err(PayError::Limit(_)) => false,
                Err(error) => panic!("{error}"),
            }
        }));
    }
    let mut signed = 0;
    for task in tasks {
        signed += u64::from(task.await.unwrap());
    }
    assert_eq!(signed, 100, "exactly the day's limit");
    assert_dense(directory.path(), 100);
    assert_eq!(payers[0].spent(TOKEN, None).await.unwrap(), amount(100));
}

/// Run by the test below, in processes of its own.
#[tokio::test]
#[ignore = "a child process of another test"]
async fn child_that_pays() {
    let Ok(directory) = std::env::var("AEP2_CLIENT_TEST_DIRECTORY") else { return };
    let payer = open(Path::new(&directory));
    for _ in 0..25 {
        drop(sign(&payer, 1).await.unwrap().send());
    }
}

#[test]
fn several_processes_pay_from_one_account_and_one_is_killed_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let start = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["journal::child_that_pays", "--exact", "--ignored"])
            .env("AEP2_CLIENT_TEST_DIRECTORY", directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut children = [start(), start(), start()];
    let mut victim = start();
    while journal::read(directory.path()).map_or(0, |records| records.len()) < 10 {
        std::thread::yield_now();
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let count = nonces(directory.path()).len() as u64;
    assert!((75..=100).contains(&count), "{count}");
    assert_dense(directory.path(), count);
}
