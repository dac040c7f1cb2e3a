//! Records that are altered, personal, or destroyed too early.

use std::time::Duration;

use aep2_audit_log::{Start, verify};
use aep2_compliance::{
    ComplianceError,
    export::{Format, blocked_csv},
    subject::Subject,
};
use aep2_mandate::units::UnixTime;

use crate::support::{OWNER, PAYEE, World, until_holds};

const ALL: (UnixTime, UnixTime) = (UnixTime::MIN, UnixTime::MAX);
const SECRET: &str = "Jane Roe, 12 Elm Street";

#[tokio::test]
async fn the_log_has_every_answer_and_decision_and_one_altered_byte_is_found() {
    let world = World::of_list();
    world.list.deny(Subject::Payer(OWNER));
    let running = world.run();
    assert!(running.compliance.admit(&world.payment(1)).is_err());
    let payer = Subject::Payer(OWNER);
    until_holds("screened", || running.compliance.standing(&payer).unwrap().is_some()).await;
    let case = running.compliance.open_case(payer, "ada".into()).await.unwrap();
    running.compliance.note(case.number, SECRET, "ada".into()).await.unwrap();

    let lines = running.compliance.records(ALL, Format::Jsonl).unwrap();
    for action in ["subject.screened", "payment.blocked", "case.opened", "case.noted"] {
        assert!(lines.contains(action), "{action}: {lines}");
    }
    assert!(!lines.contains("Jane"), "nothing personal: {lines}");
    verify(lines.as_bytes(), Start::Beginning, &[]).unwrap();
    let altered = lines.replacen("sanctioned", "compliant_", 1);
    assert_ne!(altered, lines);
    assert!(verify(altered.as_bytes(), Start::Beginning, &[]).is_err());

    let table = running.compliance.records(ALL, Format::Csv).unwrap();
    assert_eq!(table.lines().count(), lines.lines().count() + 1, "{table}");
    assert!(running.compliance.verify_log().unwrap().is_some());
    let none = (UnixTime::MIN, UnixTime::new(1).unwrap());
    assert_eq!(running.compliance.records(none, Format::Jsonl).unwrap(), "");
}

#[tokio::test]
async fn refused_payments_are_registered_each_once_and_a_flood_of_them_is_bounded() {
    let mut world = World::of_list();
    world.config.blocked_per_day_max = 5;
    world.list.deny(Subject::Payee(PAYEE));
    let running = world.run();
    for number in 0..50 {
        assert!(running.compliance.admit(&world.payment(number)).is_err());
    }
    let blocked = || running.compliance.blocked(ALL, 100).unwrap();
    until_holds("five are there", || blocked().len() == 5).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(blocked().len(), 5);
    let first = &blocked()[0];
    assert_eq!((first.subject, first.payee), (Subject::Payee(PAYEE), PAYEE));
    let table = blocked_csv(&blocked());
    assert!(table.contains("\"sanctioned\"") && table.lines().count() == 6, "{table}");
}

#[tokio::test]
async fn evidence_is_sealed_on_disk_and_destroyed_only_when_it_may_be() {
    let world = World::of_list();
    let running = world.run();
    let payer = Subject::Payer(OWNER);
    let case = running.compliance.open_case(payer, "ada".into()).await.unwrap();
    let case = running.compliance.note(case.number, SECRET, "ada".into()).await.unwrap();
    let hash = case.notes[0].text;

    let early = running.compliance.destroy_evidence(hash, "ada".into()).await;
    assert!(matches!(early, Err(ComplianceError::Kept(_))), "{early:?}");
    world.clock.advance(i64::try_from(world.config.kept_s_min).unwrap() + 1);
    running.compliance.set_legal_hold(hash, true, "ada".into()).await.unwrap();
    let held = running.compliance.destroy_evidence(hash, "ada".into()).await;
    assert!(matches!(held, Err(ComplianceError::Kept(_))), "{held:?}");
    running.compliance.set_legal_hold(hash, false, "ada".into()).await.unwrap();
    let meta = running.compliance.destroy_evidence(hash, "ada".into()).await.unwrap();
    assert!(meta.destroyed_at.is_some());
    assert!(running.compliance.evidence(hash).is_err(), "it does not open any more");
    // The log still names the commitment, and is whole.
    let lines = running.compliance.records(ALL, Format::Jsonl).unwrap();
    assert!(lines.contains(&hash.to_string()));
    verify(lines.as_bytes(), Start::Beginning, &[]).unwrap();
    running.end().await;
    for entry in std::fs::read_dir(world.path().join("rocksdb")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!contains(&bytes, b"Jane Roe"), "in the clear on the disk");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
