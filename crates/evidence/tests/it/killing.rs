//! SIGKILL at a few moments: a piece is there whole or not at all, and what was told of is there.

use std::{collections::BTreeMap, io::Read, thread, time::Duration};

use aep2_evidence::{Disputed, EvidenceLimits, EvidenceStore, KeyFrom, Usage};
use aep2_mandate::{clock::Clock, units::UnixTime};
use aep2_testkit::{child, tell};
use alloy_primitives::{B256, keccak256};

use crate::support::named;

const LIMITS: EvidenceLimits = EvidenceLimits {
    piece_bytes_max: 10_000,
    dispute_pieces_max: 4,
    bytes_max: 1 << 30,
    share_bytes_max: 1 << 30,
    dispute_bytes_min: 0,
    kept_s_min: 0,
};

fn dispute(number: u32) -> B256 {
    keccak256(number.to_be_bytes())
}

fn bytes_of(number: u32) -> Vec<u8> {
    keccak256([dispute(number).0, [1; 32]].concat()).repeat(1 + number as usize % 100)
}

fn open(directory: &std::path::Path) -> EvidenceStore {
    EvidenceStore::open(directory, KeyFrom::BesideTheStore, LIMITS, Clock::system()).expect("opens")
}

/// Takes pieces as fast as it can, destroys every tenth dispute's, and tells of what is durable.
#[tokio::main(flavor = "current_thread")]
async fn take(directory: &std::path::Path) {
    let store = open(directory);
    let begin = u32::try_from(store.usage().expect("reads").pieces).expect("few") * 2;
    for number in begin.. {
        let bytes = bytes_of(number);
        if number % 10 != 0 {
            store.keep_until(dispute(number), UnixTime::MAX).await.expect("kept");
        }
        let id = dispute(number);
        let disputed = Disputed { id, shares: vec![id], open_until: UnixTime::MAX };
        store.put(disputed, named(&bytes), bytes).await.expect("taken");
        tell!("put {number}");
        if number % 40 == 0 {
            let store = store.clone();
            tokio::task::spawn_blocking(move || store.forget()).await.expect("ends").expect("done");
            tell!("forgot {number}");
        }
    }
}

#[test]
#[ignore = "run by `killed_it_has_every_piece_whole_or_not_at_all`, in a process of its own"]
fn child_process() {
    let Some(directory) = child::directory() else { return };
    take(&directory);
}

#[test]
fn killed_it_has_every_piece_whole_or_not_at_all() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut told: BTreeMap<u32, bool> = BTreeMap::new();
    let mut forgot = 0;
    for milliseconds in [150, 250, 400, 600] {
        let mut process =
            child::command("killing::child_process", directory.path(), "").spawn().expect("starts");
        let mut stdout = process.stdout.take().expect("piped");
        let reader = thread::spawn(move || {
            let mut output = Vec::new();
            stdout.read_to_end(&mut output).map(|_| output)
        });
        thread::sleep(Duration::from_millis(milliseconds));
        process.kill().expect("killed");
        process.wait().expect("gone");
        let output = reader.join().expect("reads").expect("reads");
        for line in child::said(&output) {
            let (what, number) = line.split_once(' ').expect("two words");
            let number: u32 = number.parse().expect("a number");
            match what {
                "put" => drop(told.insert(number, true)),
                _ => {
                    forgot += 1;
                    told.range_mut(..=number)
                        .filter(|(number, _)| **number % 10 == 0)
                        .for_each(|(_, is_there)| *is_there = false);
                }
            }
        }

        let store = open(directory.path());
        let mut usage = Usage::default();
        for number in 0..=told.keys().last().map_or(0, |last| last + 10) {
            let hash = keccak256(bytes_of(number));
            let got = store.get(dispute(number), hash).map(|(_, bytes)| bytes);
            let pieces = store.list(dispute(number)).expect("reads");
            match (told.get(&number), got) {
                (_, Ok(bytes)) => {
                    assert_eq!(bytes, bytes_of(number), "whole");
                    assert_eq!(pieces.len(), 1);
                    usage.pieces += 1;
                    usage.bytes += bytes.len() as u64;
                }
                // A dispute's that are due may be destroyed before that is told.
                (Some(true), Err(error)) if number % 10 != 0 => panic!("{number}: {error}"),
                (_, Err(_)) => assert_eq!(pieces, []),
            }
            if told.get(&number) == Some(&false) {
                assert!(store.get(dispute(number), hash).is_err(), "{number} came back");
            }
        }
        assert_eq!(store.usage().expect("reads"), usage, "the sum is that of what is there");
    }
    assert!(told.len() > 30 && forgot > 0, "{} pieces, {forgot}: it shows nothing", told.len());
}
