//! That evidence is swapped, read by a thief, kept for ever, or fills the disk.

use std::fs;

use aep2_arbiter::ArbiterError;
use aep2_mandate::typed_data::dispute::{Evidence, Reason};

use crate::support::{Payment, World, count, decided, later};

const SECRET: &[u8] = b"what the service answered to somebody, word by word";

fn with(piece: Evidence) -> Payment {
    Payment { evidence: vec![piece], ..Payment::default() }
}

/// All bytes of all files below a folder.
fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => bytes.extend(bytes_below(&path)),
            false => bytes.extend(fs::read(&path).expect("a file")),
        }
    }
    bytes
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn evidence_is_the_bytes_that_were_signed_for() {
    let world = World::begin().await;
    let arbiter = world.open();
    let piece = world.piece(SECRET);
    let hash = piece.hash;
    world.dispute(&with(piece));
    world
        .stand_in
        .script()
        .evidence
        .insert(hash, b"something else of that length, or of any other".to_vec());
    world.turned(&arbiter).await;
    assert!(matches!(arbiter.evidence(1, hash), Err(ArbiterError::UnknownEvidence { .. })));
    assert_eq!(count(&arbiter, "evidence.kept"), 0);
    world.stand_in.script().evidence.insert(hash, SECRET.to_vec());
    world.turned(&arbiter).await;
    assert_eq!(arbiter.evidence(1, hash).expect("evidence").bytes, SECRET);
    assert_eq!(count(&arbiter, "evidence.kept"), 1);
}

#[tokio::test]
async fn evidence_that_comes_raises_the_version_that_judges_decide_on() {
    let world = World::begin().await;
    let arbiter = world.open();
    let piece = world.piece(SECRET);
    let bytes = world.stand_in.script().evidence.remove(&piece.hash).expect("bytes");
    world.dispute(&with(piece.clone()));
    world.stand_in.script().disputes[0].evidence.clear();
    let before = world.first_case(&arbiter).await;
    {
        let mut script = world.stand_in.script();
        script.evidence.insert(piece.hash, bytes);
        script.disputes[0].evidence.push(aep2_mandate::wire::Strict(piece.hash));
    }
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").version > before.version);
}

#[tokio::test]
async fn a_stolen_store_tells_neither_evidence_nor_what_was_said() {
    let world = World::begin().await;
    let arbiter = world.open();
    let piece = world.piece(SECRET);
    world.dispute(&with(piece));
    world.turned(&arbiter).await;
    let payee = arbiter.case(1).expect("a case").payee.to_string().to_lowercase();
    drop(arbiter);
    let stored = bytes_below(world.directory.path());
    assert!(has(&stored, payee.as_bytes()), "the search finds what is there");
    assert!(!has(&stored, SECRET) && !has(&stored, b"it never came"));
    assert!(!has(&stored, b"api.example.com"), "nor what was bought");
}

#[tokio::test]
async fn what_was_kept_long_enough_is_destroyed_and_what_is_open_is_not() {
    let mut world = World::begin().await;
    world.config.kept_days = 1;
    let arbiter = world.open();
    let piece = world.piece(SECRET);
    let hash = piece.hash;
    world.dispute(&with(piece.clone()));
    world.dispute(&Payment { nonce: 2, ..with(piece) });
    world.turned(&arbiter).await;
    world.answer(1, 0, Vec::new());
    world.answer(2, 1_000, Vec::new());
    world.turned(&arbiter).await;
    assert!(arbiter.file(1).is_ok() && arbiter.evidence(1, hash).is_ok());
    world.stand_in.script().is_down = true;
    let ended = world.clock.now();
    world.wait_until(later(ended, 86_300));
    assert_eq!(arbiter.sweep(&[world.venue()]).await.expect("swept"), 0);
    world.wait_until(later(ended, 86_500));
    assert_eq!(arbiter.sweep(&[world.venue()]).await.expect("swept"), 1);
    assert!(matches!(arbiter.file(1), Err(ArbiterError::Destroyed(1))));
    assert!(arbiter.evidence(1, hash).is_err());
    assert!(arbiter.file(2).is_ok() && arbiter.evidence(2, hash).is_ok());
    assert_eq!(count(&arbiter, "case.destroyed"), 1);
    // The case itself stays: the same dispute is not taken anew.
    world.stand_in.script().is_down = false;
    assert!(arbiter.case(1).is_ok());
    assert_eq!(arbiter.sweep(&[world.venue()]).await.expect("swept"), 0);
}

#[tokio::test]
async fn evidence_fills_no_more_than_its_share_of_the_disk() {
    let mut world = World::begin().await;
    world.config.evidence_mib_max = 1;
    let arbiter = world.open();
    let large = world.piece(&vec![1; 700 << 10]);
    let other = world.piece(&vec![2; 700 << 10]);
    world.dispute(&with(large.clone()));
    world.dispute(&Payment { nonce: 2, ..with(other.clone()) });
    world.turned(&arbiter).await;
    let kept = [arbiter.evidence(1, large.hash), arbiter.evidence(2, other.hash)];
    assert_eq!(kept.iter().filter(|kept| kept.is_ok()).count(), 1);
    assert!(arbiter.metrics().text().contains("evidence_left_total 1"));
    // Nothing of what was not kept can speak for the payee: its silence counts.
    let answer_by = arbiter.case(2).expect("a case").answer_by;
    world.wait_until(later(answer_by, 1));
    world.turned(&arbiter).await;
    assert_eq!(arbiter.open_cases().expect("cases"), []);
}

#[tokio::test]
async fn what_may_speak_for_a_payee_and_has_no_room_keeps_rules_from_deciding() {
    let mut world = World::begin().await;
    world.config.evidence_mib_max = 1;
    let arbiter = world.open();
    // The room is full, but for what the payer of a duplicate shows.
    let earlier = Payment { nonce: 9, order: Some(5), ..Payment::default() };
    let (_, shown) = world.earlier(&earlier);
    let (reason, size) = (Reason::DuplicatePayment, shown.size as usize);
    let evidence = vec![shown];
    world.dispute(&Payment { nonce: 1, reason, evidence, ..earlier });
    world.turned(&arbiter).await;
    let other = world.piece(&vec![1; (1 << 20) - size - 10]);
    world.dispute(&Payment { nonce: 2, ..with(other) });
    world.turned(&arbiter).await;
    let word = world.piece(b"it was given back");
    world.answer(1, 1_000, vec![word.clone()]);
    world.wait_until(later(arbiter.case(1).expect("a case").answer_by, -1));
    world.turned(&arbiter).await;
    world.wait_until(later(arbiter.case(1).expect("a case").answer_by, 1));
    // The payee of the other one answers, so that its case stays open.
    world.answer(2, 1_000, Vec::new());
    world.turned(&arbiter).await;
    assert!(arbiter.case(1).expect("a case").is_open(), "a judge decides");
    assert!(arbiter.evidence(1, word.hash).is_err());
    // The other one ends: there is room, and what was shown is read.
    world.stand_in.script().disputes[1].answer = None;
    world.succeed(2, |_| ());
    world.answer(2, 0, Vec::new());
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    assert!(arbiter.evidence(1, word.hash).is_ok());
    assert_eq!(decided(&arbiter.case(1).expect("a case")).0, "duplicate_payment");
}

#[tokio::test]
async fn nothing_is_destroyed_in_vain_nor_fetched_for_what_has_no_room() {
    let mut world = World::begin().await;
    world.config.evidence_mib_max = 1;
    let arbiter = world.open();
    let (old, open) = (world.piece(&vec![1; 300 << 10]), world.piece(&vec![2; 600 << 10]));
    let new = world.piece(&vec![3; 700 << 10]);
    world.dispute(&with(old.clone()));
    world.turned(&arbiter).await;
    world.answer(1, 0, Vec::new());
    world.turned(&arbiter).await;
    world.dispute(&Payment { nonce: 2, ..with(open) });
    world.turned(&arbiter).await;
    world.dispute(&Payment { nonce: 3, ..with(new.clone()) });
    world.stand_in.script().evidence.remove(&new.hash);
    world.turned(&arbiter).await;
    assert!(arbiter.evidence(1, old.hash).is_ok(), "without it there is no room either");
    assert_eq!(count(&arbiter, "evidence.gave_way"), 0);
    assert!(arbiter.metrics().text().contains("evidence_left_total 1"), "it was not asked for");
}

#[tokio::test]
async fn what_has_ended_gives_way_to_what_is_open_and_no_processor_takes_anothers_room() {
    let mut world = World::begin().await;
    world.config.evidence_mib_max = 1;
    let arbiter = world.open();
    let old = world.piece(&vec![1; 700 << 10]);
    let new = world.piece(&vec![2; 700 << 10]);
    world.dispute(&with(old.clone()));
    world.turned(&arbiter).await;
    world.dispute(&Payment { nonce: 2, ..with(new.clone()) });
    world.turned(&arbiter).await;
    assert!(arbiter.evidence(1, old.hash).is_ok(), "the first case is open");
    assert!(arbiter.evidence(2, new.hash).is_err(), "there is no room");
    world.answer(1, 0, Vec::new());
    world.turned(&arbiter).await;
    world.turned(&arbiter).await;
    assert!(arbiter.evidence(1, old.hash).is_err() && arbiter.evidence(2, new.hash).is_ok());
    assert!(arbiter.file(1).is_ok(), "what was said is kept");
    assert_eq!(count(&arbiter, "evidence.gave_way"), 1);

    // Another processor's parties have room of their own.
    let other = World::begin_with(&world.key).await;
    let piece = other.piece(&vec![3; 700 << 10]);
    other.dispute(&with(piece.clone()));
    other.turned(&arbiter).await;
    assert!(arbiter.evidence(3, piece.hash).is_ok() && arbiter.evidence(2, new.hash).is_ok());
}

#[tokio::test]
async fn cases_of_a_processor_that_nobody_asks_any_more_end_and_are_destroyed() {
    let mut world = World::begin().await;
    world.config.kept_days = 1;
    let arbiter = world.open();
    let piece = world.piece(SECRET);
    let view = world.dispute(&with(piece.clone()));
    world.dispute(&Payment { nonce: 2, ..Payment::default() });
    world.turned(&arbiter).await;
    // One is decided, and its ruling does not arrive.
    world.answer(2, 0, Vec::new());
    world.stand_in.script().refuses = Some((axum::http::StatusCode::BAD_GATEWAY, "lost"));
    world.turned(&arbiter).await;
    world.wait_until(later(view.decide_by, 91));
    arbiter.sweep(&[world.venue()]).await.expect("swept");
    assert_eq!(arbiter.open_cases().expect("cases").len(), 2, "its worker ends them");
    arbiter.sweep(&[]).await.expect("swept");
    assert_eq!(arbiter.open_cases().expect("cases"), []);
    assert_eq!(count(&arbiter, "ruling.not_delivered"), 1);
    world.wait_until(later(view.decide_by, 87_000));
    assert_eq!(arbiter.sweep(&[]).await.expect("swept"), 2);
    assert!(arbiter.file(1).is_err() && arbiter.evidence(1, piece.hash).is_err());
}
