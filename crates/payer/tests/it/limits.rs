//! What a payer may spend.

use aep2_mandate::clock::Clock;
use aep2_payer::{
    Authorised, PayError, Payer,
    limits::{Allowance, DAY_S, LimitError, Limits},
};
use aep2_x402::disputes::{Disputes, Reason};
use alloy_primitives::Address;

use crate::{
    journal::{sign, terms_over},
    support::{TOKEN, amount, payer_config, secret},
};

fn payer(limits: Limits, clock: &Clock, directory: &std::path::Path) -> Payer {
    let venue = aep2_x402::purchase::Venue {
        chain: crate::support::CHAIN,
        wallet: crate::support::WALLET,
        processor: Address::repeat_byte(0x11),
    };
    let mut config = payer_config(1, venue, directory);
    config.limits = limits;
    config.clock = clock.clone();
    Payer::open(config, secret(1)).unwrap()
}

fn limits() -> Limits {
    let allowance = Allowance { per_call: amount(10), per_host: amount(25), per_day: amount(40) };
    Limits { tokens: [(TOKEN, allowance)].into(), ..Limits::default() }
}

async fn at(payer: &Payer, host: &str, units: u128) -> Result<Authorised, PayError> {
    let terms = terms_over(units);
    let purchase = payer.check(&terms, "GET", &format!("http://{host}/"), host)?;
    payer.authorise(purchase, None, &terms, host).await
}

fn refused(signed: Result<Authorised, PayError>) -> LimitError {
    match signed {
        Err(PayError::Limit(limit)) => limit,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn per_call_per_host_and_per_day() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let payer = payer(limits(), &clock, directory.path());
    assert!(matches!(refused(at(&payer, "a", 11).await), LimitError::PerCall { .. }));
    for _ in 0..2 {
        drop(at(&payer, "a", 10).await.unwrap().send());
    }
    let PayError::Limit(LimitError::PerHost { spent, limit, .. }) =
        at(&payer, "a", 6).await.unwrap_err()
    else {
        panic!("not the host's limit");
    };
    assert_eq!((spent, limit), (amount(20), amount(25)));
    drop(at(&payer, "a", 5).await.unwrap().send());
    drop(at(&payer, "b", 10).await.unwrap().send());
    assert!(matches!(refused(at(&payer, "c", 6).await), LimitError::PerDay { .. }));
    drop(at(&payer, "c", 5).await.unwrap().send());
    assert!(matches!(refused(at(&payer, "c", 1).await), LimitError::PerDay { .. }));

    clock.advance(i64::try_from(DAY_S).unwrap() - 60);
    assert!(matches!(refused(at(&payer, "c", 1).await), LimitError::PerDay { .. }));
    clock.advance(120);
    assert!(at(&payer, "c", 10).await.is_ok(), "a day later");
}

#[tokio::test]
async fn what_was_spent_is_known_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    {
        let payer = payer(limits(), &clock, directory.path());
        for host in ["a", "b", "c", "d"] {
            drop(at(&payer, host, 10).await.unwrap().send());
        }
        payer.flush().await;
    }
    let payer = payer(limits(), &clock, directory.path());
    assert!(matches!(refused(at(&payer, "e", 1).await), LimitError::PerDay { .. }));
    assert_eq!(payer.spent(TOKEN, Some("b")).await.unwrap(), amount(10));
}

#[tokio::test]
async fn a_mandate_that_is_not_sent_counts_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let payer = payer(limits(), &Clock::system(), directory.path());
    drop(at(&payer, "a", 10).await.unwrap());
    payer.flush().await;
    assert_eq!(payer.spent(TOKEN, None).await.unwrap(), amount(0));
    // Nor one whose caller went away before it was signed or while it was.
    for _ in 0..20 {
        let signing = at(&payer, "a", 10);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(50), signing).await;
    }
    payer.flush().await;
    assert_eq!(payer.spent(TOKEN, None).await.unwrap(), amount(0));
    // Nor one that was signed, and that its caller never took.
    let mut signing = Box::pin(at(&payer, "a", 10));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(signing.as_mut().poll(&mut context).is_pending());
    payer.flush().await;
    assert_eq!(payer.spent(TOKEN, None).await.unwrap(), amount(10));
    drop(signing);
    payer.flush().await;
    assert_eq!(payer.spent(TOKEN, None).await.unwrap(), amount(0));
}

#[tokio::test]
async fn tokens_payees_and_hosts_that_are_not_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let nothing = payer(Limits::default(), &clock, directory.path());
    assert!(matches!(refused(sign(&nothing, 1).await), LimitError::Token { .. }));
    let payees = Limits { payees: Some([Address::ZERO].into()), ..limits() };
    let payees = payer(payees, &clock, directory.path());
    assert!(matches!(refused(sign(&payees, 1).await), LimitError::Payee { .. }));
    let hosts = Limits { hosts: Some(["a".to_owned()].into()), ..limits() };
    let hosts = payer(hosts, &clock, directory.path());
    assert!(matches!(refused(at(&hosts, "b", 1).await), LimitError::Host { .. }));
    assert!(at(&hosts, "a", 1).await.is_ok());
}

/// Processors hold nothing back for disputes yet.
#[tokio::test]
async fn terms_that_name_a_dispute_processor_are_not_signed() {
    let directory = tempfile::tempdir().unwrap();
    let payer = payer(limits(), &Clock::system(), directory.path());
    let mut terms = terms_over(1);
    let arbiter = Address::repeat_byte(5);
    let disputes = Disputes::new(arbiter, 60, 120, vec![Reason::Other], false).unwrap();
    terms.extra.disputes = Some(disputes);
    let refused = payer.check(&terms, "GET", "http://a/", "a");
    assert!(matches!(refused, Err(PayError::Disputes { arbiter: found }) if found == arbiter));
}
